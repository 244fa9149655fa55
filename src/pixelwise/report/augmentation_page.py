"""A recipe's augmentation in pictures: a few training images as the network will see them; each ingredient alone."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from pixelwise.data.dataset import Sample
from pixelwise.labels import LabelMap
from pixelwise.report.pages import write_page
from pixelwise.report.thumbnails import Thumbnails, thumbnails_of
from pixelwise.training.augmentation import STRENGTHS, Drawn, affine_of, augment, augmented, color_of
from pixelwise.training.cache import Cache, shrunk, together
from pixelwise.training.degrading import BLUR, QUALITY, Step, blurred, compressed, degrade, noisy
from pixelwise.training.mixing import CUT, cut_out
from pixelwise.training.own_augmentation import find_augment
from pixelwise.training.recipe import MEANINGS, Recipe

DRAWS = 5  # of each image
# Every setting of augmentation as it is where it changes nothing, in the order in which they happen.
OFF: dict[str, Any] = {
    "augment": "",
    "zoom": (1.0, 1.0),
    "rotation": 0.0,
    "flip": 0.0,
    "rare_sampling": 0.0,
    "elastic": 0.0,
    "color": 0.0,
    "hue": 0.0,
    "blur": 0.0,
    "noise": 0.0,
    "jpeg": 0.0,
    "cutout": 0.0,
    "classmix": 0.0,
}
SAME_COLORS = color_of(1.0, 1.0, 1.0, 0.0)

STRENGTHS_IN_WORDS = (
    f"color: exposure and saturation are multiplied by exp(-color) to exp(color), contrast by exp(±{STRENGTHS[1]:g} "
    f"color). blur: a standard deviation of {BLUR[0]:g} to {BLUR[1]:g} pixels of the crop. noise: a standard deviation "
    f"of 0 to noise. jpeg: quality {QUALITY[0]} to {QUALITY[1]}. cutout: {CUT[0]:.0%} to {CUT[1]:.0%} of the height, "
    "and of the width. zoom, color and blur are drawn evenly in their logarithm, the shifts of elastic from a "
    "Gaussian, all else evenly."
)

Pair = tuple[Tensor, Tensor]  # (c, h, w) and its label, (h, w), or several of them


class Tile(NamedTuple):
    """A picture and the words below it."""

    words: str
    pictures: Thumbnails


class Ingredient(NamedTuple):
    """A setting that is on, and what it does alone."""

    setting: str
    value: str
    meaning: str
    tiles: list[Tile]


def write_augmentation_page(path: Path, recipe: Recipe, samples: Sequence[Sample], labels: LabelMap) -> None:
    """Writes one HTML file: each sample as it is and as five epochs show it; each ingredient at its strongest, alone.

    samples: a few training images, of which the first shows the ingredients. Classes are pasted from the next of these.
    Raises UserError where the file cannot be written, or the user's own callable fails.
    """
    if recipe.augment:
        find_augment(recipe.augment)
    cache = together([shrunk(sample, recipe.size) for sample in samples], torch.device("cpu"), labels.ignore)
    seen = [_epoch(recipe, cache, epoch) for epoch in range(DRAWS)]
    rows = [(sample.name, _row(cache, seen, index, labels)) for index, sample in enumerate(samples)]
    on = [setting for setting in OFF if is_on(recipe, setting)]
    write_page(
        path,
        "augmentation.html.j2",
        model=recipe.model,
        size=recipe.size,
        rows=rows,
        ingredients=[_ingredient(setting, recipe, cache, labels) for setting in on],
        on=on,
        strengths=STRENGTHS_IN_WORDS,
        settings={setting: (_text(getattr(recipe, setting)), MEANINGS[setting]) for setting in OFF},
        classes=list(zip(labels.names, labels.colors, strict=True)),
    )


def is_on(recipe: Recipe, setting: str) -> bool:
    """Whether a setting of augmentation changes anything.

    >>> is_on(Recipe(), "flip"), is_on(Recipe(), "blur")
    (True, False)
    """
    return bool(tuple(getattr(recipe, setting)) != OFF[setting] if setting == "zoom" else getattr(recipe, setting))


def _epoch(recipe: Recipe, cache: Cache, epoch: int) -> Pair:
    """All images as an epoch shows them, no crop laid over a rare class."""
    batch = [Drawn(index, (recipe.seed, epoch, index)) for index in range(len(cache))]
    return augmented(recipe, batch, cache, cache.ignore)


def _row(cache: Cache, seen: Sequence[Pair], index: int, labels: LabelMap) -> list[Tile]:
    """An image as it is, and in all epochs."""
    drawn = [
        _tile(f"epoch {epoch + 1}", images[index], found[index], labels) for epoch, (images, found) in enumerate(seen)
    ]
    return [_tile("as it is", *_stored(cache, index), labels), *drawn]


def _stored(cache: Cache, index: int) -> Pair:
    images, labels, _ = cache.batch([index])
    return images[0], labels[0]


def _ingredient(setting: str, recipe: Recipe, cache: Cache, labels: LabelMap) -> Ingredient:
    ways = {**_drawn_alone(recipe, cache), **_changed_alone(recipe, cache)}[setting]
    tiles = [_tile(words, *way(), labels) for words, way in ways.items()]
    return Ingredient(setting, _text(getattr(recipe, setting)), MEANINGS[setting], tiles)


Ways = Mapping[str, Mapping[str, Callable[[], Pair]]]  # setting -> words -> what shows it


def _drawn_alone(recipe: Recipe, cache: Cache) -> Ways:
    """The first image with one setting alone, by chance as in training."""
    still = replace(recipe, **OFF)

    def drawn(rare: int | None = None, **on: Any) -> Pair:  # noqa: ANN401 - any setting
        batch = [Drawn(index, (recipe.seed, 0, index), rare) for index in range(len(cache))]
        images, found = augmented(replace(still, **on), batch, cache, cache.ignore, places=range(1))
        return images[0], found[0]

    nearer = max(1.5, recipe.zoom[1])
    return {
        "augment": {"one draw": partial(drawn, augment=recipe.augment)},
        "rare_sampling": {"over its rarest class, nearer": partial(drawn, _rarest(cache), zoom=(nearer, nearer))},
        "zoom": {f"{zoom:g} times": partial(drawn, zoom=(zoom, zoom)) for zoom in recipe.zoom},
        "flip": {"mirrored": partial(drawn, flip=1.0)},
        "elastic": {"a draw of twice the deviation": partial(drawn, elastic=2 * recipe.elastic)},
        "classmix": {"half the classes of the next image": partial(drawn, classmix=1.0)},
    }


def _changed_alone(recipe: Recipe, cache: Cache) -> Ways:
    """The first image with one setting alone, as strong as it can be."""
    crop = recipe.window

    def changed(turn: float = 0.0, color: np.ndarray = SAME_COLORS, step: Step | None = None) -> Pair:
        images, labels, extents = cache.batch([0])
        affines = extents.new_tensor(affine_of(1.0, math.radians(turn), 1.0, np.zeros(2))[None])
        colors = extents.new_tensor(color[None])
        seen, found = augment(images, labels, affines, colors, extents=extents, crop=crop, ignore=cache.ignore)
        degrade(seen, [[step] if step else []])
        return seen[0], found[0]

    def cut() -> Pair:
        seen, found = changed()
        rows, columns = (slice(round(side * (1 - CUT[1]) / 2), round(side * (1 + CUT[1]) / 2)) for side in crop)
        cut_out(seen, found, (rows, columns), ignore=cache.ignore)
        return seen, found

    most, least = np.exp(recipe.color * STRENGTHS), np.exp(-recipe.color * STRENGTHS)
    return {
        "rotation": {f"{turn:+g}°": partial(changed, turn) for turn in (-recipe.rotation, recipe.rotation)},
        "color": {
            _colors(factors): partial(changed, color=color_of(factors[0], factors[1], factors[2], 0.0))
            for factors in (least, most)
        },
        "hue": {
            f"{turn:+g}°": partial(changed, color=color_of(1.0, 1.0, 1.0, math.radians(turn)))
            for turn in (-recipe.hue, recipe.hue)
        },
        "blur": {f"deviation of {BLUR[1]:g} pixels": partial(changed, step=partial(blurred, sigma=BLUR[1]))},
        "noise": {
            f"deviation of {recipe.noise:g} grey levels": partial(
                changed,
                step=partial(noisy, deviation=float(recipe.noise), random=np.random.default_rng(recipe.seed)),
            )
        },
        "jpeg": {f"quality {QUALITY[0]}": partial(changed, step=partial(compressed, quality=QUALITY[0]))},
        "cutout": {f"{CUT[1]:.0%} of height and width": cut},
    }


def _colors(factors: np.ndarray) -> str:
    """
    >>> _colors(np.array([1.35, 1.16, 1.35]))
    'exposure × 1.35, contrast × 1.16, saturation × 1.35'
    """
    names = ("exposure", "contrast", "saturation")
    return ", ".join(f"{name} × {factor:.2f}" for name, factor in zip(names, factors, strict=True))


def _rarest(cache: Cache) -> int:
    """The class with the fewest pixels in the first image; the ignored value where there is none."""
    _, label = _stored(cache, 0)
    found, counts = np.unique(label.numpy(), return_counts=True)
    known = [(count, value) for count, value in zip(counts, found, strict=True) if value != cache.ignore]
    return int(min(known, default=(0, cache.ignore))[1])


def _tile(words: str, image: Tensor, label: Tensor, labels: LabelMap) -> Tile:
    pixels = image.permute(1, 2, 0).float().round().numpy().astype(np.uint8)
    return Tile(words, thumbnails_of(Sample(pixels, label.numpy().astype(np.uint8), words), labels))


def _text(value: object) -> str:
    """A setting's value as one reads it.

    >>> _text((0.75, 1.75)), _text(5.0), _text("")
    ('0.75 to 1.75', '5', 'none')
    """
    if isinstance(value, tuple | list):
        return " to ".join(_text(part) for part in value)
    return f"{value:g}" if isinstance(value, int | float) else str(value) or "none"
