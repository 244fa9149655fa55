"""Which classes a set of mask files has, and how they are decoded: from dataset.yaml, their colours or their values."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from pixelwise.data.dataset_yaml import EXAMPLE, NAME
from pixelwise.data.description import Description
from pixelwise.data.images import Pixels, read_mask
from pixelwise.data.masks import ColorMask, Decoder, IndexMask
from pixelwise.data.palettes import (
    CLEAN,
    EXACT,
    LEAST,
    NEAR,
    color_limit,
    distinct_colors,
    grid,
    match_published,
)
from pixelwise.data.sampling import even_sample
from pixelwise.errors import UserError
from pixelwise.labels import IGNORE, PUBLISHED, Color, LabelMap

MASKS_FOR_COLORS = 16  # colour masks looked at
MASKS_FOR_VALUES = 200  # index masks looked at
MOST_CLASSES = IGNORE


class Classes(NamedTuple):
    """What masks mean: the label map, the decoder, and one phrase saying where that is from."""

    labels: LabelMap
    decode: Decoder
    evidence: str


def find_classes(masks: Sequence[Path], description: Description) -> Classes:
    """The classes of these masks; whether they hold indices or colours is told by the first.

    masks: at least one file. description: what dataset.yaml says.
    Raises UserError where colours are unknown, or values cannot be class indices.
    """
    first = masks[0]
    if read_mask(first).ndim == 2:
        return _described_index(description.labels, description) if description.labels else _index(masks)
    pixels = grid([_color(path) for path in even_sample(masks, MASKS_FOR_COLORS)])
    limit = color_limit(masks, pixels)
    if description.labels:
        return Classes(description.labels, ColorMask(description.labels, limit), f"colour masks, classes from {NAME}")
    return _published(first.parent, pixels, limit)


def _color(path: Path) -> npt.NDArray[np.uint8]:
    mask = read_mask(path)
    if mask.ndim != 3:
        raise UserError(f"{path}: holds class indices, but the other masks are colour images; convert it")
    return mask.astype(np.uint8)


def _published(folder: Path, pixels: npt.NDArray[np.uint8], limit: int) -> Classes:
    """Classes from the colours alone; clean masks must have no others, lossy ones mostly."""
    match = match_published(pixels, NEAR if limit else EXACT)
    if match.share < (LEAST if limit else CLEAN):
        raise UserError(
            f"{folder}: the masks' colours ({_examples(pixels, match.labels)}) are of no published map (nearest: "
            f"{match.name}, {match.share:.0%} of pixels); name the classes in {NAME} beside the folders, like "
            f"`{EXAMPLE}` or `classes: {match.name}` (known: {', '.join(PUBLISHED)})"
        )
    return Classes(match.labels, ColorMask(match.labels, limit), f"colour masks, {match.share:.0%} in {match.name}")


def _examples(pixels: npt.NDArray[np.uint8], labels: LabelMap) -> str:
    """The most frequent colours that the map has not."""
    colors, counts = np.unique(pixels, axis=0, return_counts=True)
    ranked = [(int(r), int(g), int(b)) for r, g, b in colors[np.argsort(-counts, kind="stable")]]
    return ", ".join(str(color) for color in [one for one in ranked if one not in labels.colors][:3])


def _described_index(labels: LabelMap, description: Description) -> Classes:
    decode = IndexMask(len(labels), description.ignored, tuple(description.values.items()))
    return Classes(labels, decode, f"index masks, classes from {NAME}")


def _index(masks: Sequence[Path]) -> Classes:
    """One class for every value up to the largest found; their names nobody wrote down."""
    sampled = even_sample(masks, MASKS_FOR_VALUES)
    values = sorted({int(value) for path in sampled for value in np.unique(_indices(path))} - {IGNORE})
    _check_values(masks[0].parent, values)
    count = values[-1] + 1
    names = tuple(f"class {value}" for value in range(count))
    labels = LabelMap(names, _palette(masks[0], count) or distinct_colors(count))
    evidence = f"index masks, {len(values)} values up to {values[-1]} in {len(sampled)} looked at"
    return Classes(labels, IndexMask(count, (IGNORE,)), evidence)


def _indices(path: Path) -> Pixels:
    mask = read_mask(path)
    if mask.ndim != 2:
        raise UserError(f"{path}: is a colour image, but the other masks hold class indices; convert it")
    if path.suffix.lower() in {".jpg", ".jpeg"}:
        raise UserError(f"{path}: a grey JPEG cannot hold class indices, its values are smeared; save masks as PNG")
    return mask


def _check_values(folder: Path, values: list[int]) -> None:
    if len(values) < 2:
        held = f"only the value {values[0]}" if values else "no class at all"
        raise UserError(
            f"{folder}: the masks hold {held} (255 is ignored), so there is nothing to tell apart; "
            f"write class indices 0, 1, 2, ... into them, or name the classes in {NAME}"
        )
    if values[-1] >= MOST_CLASSES:
        raise UserError(
            f"{folder}: the masks hold the value {values[-1]}, but class indices go to {MOST_CLASSES - 1}; "
            f"renumber them, or list it under `ignore` in {NAME}"
        )


def _palette(path: Path, count: int) -> tuple[Color, ...]:
    """The first colours of a palette image, if they can be told apart; a palette may also be a mere grey ramp."""
    with Pillow.open(path) as picture:
        numbers = (picture.getpalette() or []) if picture.mode == "P" else []
    flat = numbers[: 3 * count]
    colors = tuple(zip(flat[::3], flat[1::3], flat[2::3], strict=False))
    ramp = all(color == (index,) * 3 for index, color in enumerate(colors))
    return colors if len(set(colors)) == count and not ramp else ()
