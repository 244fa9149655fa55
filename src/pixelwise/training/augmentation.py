"""Augmentation: one resampling and one colour matrix per image on the model's device, then what spoils and mixes them.

Flip, zoom, rotation, translation, crop and elastic shifts are one map; brightness, contrast, saturation and hue
are one 3x4 matrix. What happens to an image follows from (seed, epoch, index) alone, and what is pasted into it from
its neighbour in the batch.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64, Shaped, UInt8
from torch import Tensor
from torch.nn import functional as F

from pixelwise.training.cache import TrainingImages
from pixelwise.training.degrading import degrade, draw_degrading
from pixelwise.training.mixing import cut_out, draw_box, draw_classes, paste
from pixelwise.training.own_augmentation import own_augmented
from pixelwise.training.recipe import Recipe
from pixelwise.training.resampling import OUTSIDE, recolor, resample

Vector = Float[np.ndarray, " 2"]
Matrix = Float[np.ndarray, "rows columns"]

LUMA = np.array([0.299, 0.587, 0.114])  # of ITU-R BT.601: the axis around which saturation and hue turn
STRENGTHS = np.array([1, 0.5, 1])  # of exposure, contrast and saturation, each times `Recipe.color`
NODES = 3  # of the elastic grid, in each direction
# Each draws by dice of its own, so that turning one on changes no other; their order must stay as it is.
INGREDIENTS = ("rare", "augment", "elastic", "blur", "noise", "jpeg", "cutout", "classmix")


@dataclass(frozen=True)
class Drawn:
    """An image that a step is to see.

    index: of the image. chance: what its generator is seeded with, (seed, epoch, number). rare: the class that its crop
    is laid over, if any.
    """

    index: int
    chance: tuple[int, int, int]
    rare: int | None = None

    def dice(self, ingredient: str) -> np.random.Generator:
        """What one of INGREDIENTS draws by."""
        return np.random.default_rng([*self.chance, 1 + INGREDIENTS.index(ingredient)])

    def happens(self, ingredient: str, probability: float) -> np.random.Generator | None:
        """What one of INGREDIENTS draws by, or None where it does not happen to this image."""
        random = self.dice(ingredient) if probability else None
        return random if random and random.random() < probability else None


def augmented(
    recipe: Recipe, batch: Sequence[Drawn], cache: TrainingImages, ignore: int, *, places: range | None = None
) -> tuple[Tensor, Tensor]:
    """The images and labels of a batch as the network sees them; all chance follows from `Drawn`.

    places: of the batch, whose images and labels are wanted; None = all. What a place shows depends on the whole batch,
    never on places, so that several processes can share one. Raises UserError where the user's callable fails.
    """
    wanted = range(len(batch)) if places is None else places
    mixed = {place: random for place in wanted if (random := batch[place].happens("classmix", recipe.classmix))}
    partner = {place: (place + 1) % len(batch) for place in mixed}
    needed = list(dict.fromkeys([*wanted, *partner.values()]))  # those that are wanted come first
    images, labels = _each(recipe, [batch[place] for place in needed], cache, ignore)
    if mixed:
        others, other_labels = images.clone(), labels.clone()
    for place, random in mixed.items():
        here, there = needed.index(place), needed.index(partner[place])
        classes = draw_classes(random, other_labels[there], ignore=ignore)
        paste(images[here], labels[here], others[there], other_labels[there], classes)
    return images[: len(wanted)], labels[: len(wanted)]


def _each(recipe: Recipe, batch: Sequence[Drawn], cache: TrainingImages, ignore: int) -> tuple[Tensor, Tensor]:
    """The images and labels of a batch, each augmented by itself."""
    images, labels, extents = cache.batch([drawn.index for drawn in batch])
    if recipe.augment:
        dice = [drawn.dice("augment") for drawn in batch]
        images, labels, extents = own_augmented(recipe.augment, (images, labels, extents), dice, ignore=ignore)
    affines, colors = [], []
    for drawn, label, (width, height) in zip(batch, labels, extents.int().tolist(), strict=True):
        random = generator(*drawn.chance)
        affine = draw_affine(recipe, random, height, width)
        if drawn.rare is not None:
            there = label[:height, :width] == drawn.rare
            affine = lay_over(affine, there, recipe.window, random=drawn.dice("rare"))
        affines.append(affine)
        colors.append(draw_color(recipe, random))
    seen, found = augment(
        images,
        labels,
        extents.new_tensor(np.array(affines)),
        extents.new_tensor(np.array(colors)),
        extents=extents,
        crop=recipe.window,
        ignore=ignore,
        shifts=_shifts(recipe, batch, extents) if recipe.elastic else None,
    )
    degrade(seen, [draw_degrading(recipe, drawn.happens) for drawn in batch])
    for image, label, drawn in zip(seen, found, batch, strict=True):
        if cut := drawn.happens("cutout", recipe.cutout):
            cut_out(image, label, draw_box(cut, *recipe.window), ignore=ignore)
    return seen, found


def draw_affine(recipe: Recipe, random: np.random.Generator, height: int, width: int) -> Matrix:
    """(2, 3): from crop coordinates to image coordinates, both in pixels from their centres.

    height, width: of the image. Zoom is log-uniform; the crop lies anywhere inside the zoomed image,
    or around it where the image has become smaller than the crop.
    """
    zoom = math.exp(random.uniform(math.log(recipe.zoom[0]), math.log(recipe.zoom[1])))
    angle = math.radians(random.uniform(-recipe.rotation, recipe.rotation))
    mirror = -1.0 if random.random() < recipe.flip else 1.0
    play = _play(recipe.window, zoom, height, width)
    shift = random.uniform(-play, play)
    return affine_of(zoom, angle, mirror, shift)


def affine_of(zoom: float, angle: float, mirror: float, shift: Vector) -> Matrix:
    """(2, 3): from crop to image, both in pixels from their centres.

    angle: in radians. mirror: 1, or -1 where left becomes right. shift: (x, y) of the crop's middle in the image.
    """
    cos, sin = math.cos(angle) / zoom, math.sin(angle) / zoom
    return np.array([[mirror * cos, -sin, shift[0]], [mirror * sin, cos, shift[1]]])


def _play(crop: tuple[int, int], zoom: float, height: int, width: int) -> Vector:
    """How far (x, y) the middle of a crop may lie from that of its image."""
    return np.asarray(np.abs(np.array([width - crop[1] / zoom, height - crop[0] / zoom])) / 2)


def lay_over(
    affine: Matrix, there: Bool[Tensor, "h w"], crop: tuple[int, int], *, random: np.random.Generator
) -> Matrix:
    """The affine map, shifted so that the crop covers one of these pixels of the image, drawn among all of them.

    The pixel comes to lie anywhere in the crop. affine: of `draw_affine`; it stays as it is where no pixel is there.
    """
    found = there.flatten().nonzero()
    if not len(found):
        return affine
    height, width = there.shape
    row, column = divmod(int(found[random.integers(len(found))]), width)
    spot = np.array([column - (width - 1) / 2, row - (height - 1) / 2])
    turn, edge = affine[:, :2], (np.array(crop[::-1]) - 1) / 2
    play = _play(crop, abs(np.linalg.det(turn)) ** -0.5, height, width)
    shift = np.clip(spot - turn @ random.uniform(-edge, edge), -play, play)
    seen_at = np.clip(np.linalg.solve(turn, spot - shift), -edge, edge)  # a turned crop may miss an image's corner
    return np.column_stack([turn, spot - turn @ seen_at])


def _shifts(recipe: Recipe, batch: Sequence[Drawn], like: Tensor) -> Float[Tensor, "n 2 crop_h crop_w"]:
    """By how many pixels (x, y) every pixel of the crops is shifted before the affine map: smooth between few nodes.

    Source: Ronneberger et al. 2015, section 3.1. like: a tensor on the device that is wanted.
    """
    nodes = [drawn.dice("elastic").normal(0, recipe.elastic, (2, NODES, NODES)) for drawn in batch]
    down, across = (_cubic(side).to(like.device) for side in recipe.window)
    return down @ like.new_tensor(np.array(nodes)) @ across.T


def _cubic(side: int) -> Float[Tensor, "side nodes"]:
    """What each node, the outermost on the first and the last pixel, weighs in each pixel: cubic interpolation."""
    return F.interpolate(torch.eye(NODES)[None, None], (side, NODES), mode="bicubic", align_corners=True)[0, 0]


def draw_color(recipe: Recipe, random: np.random.Generator) -> Matrix:
    """(3, 4): what an RGB value in [0, 255] is multiplied with, and the offset added."""
    exposure, contrast, saturation = np.exp(random.uniform(-1, 1, 3) * recipe.color * STRENGTHS)
    hue = math.radians(random.uniform(-recipe.hue, recipe.hue))
    return color_of(exposure, contrast, saturation, hue)


def color_of(exposure: float, contrast: float, saturation: float, hue: float) -> Matrix:
    """(3, 4): what an RGB value in [0, 255] is multiplied with, and the offset added.

    The first three are factors, 1 = as it is; contrast is stretched around middle grey. hue: in radians.
    """
    grey = np.tile(LUMA, (3, 1))
    matrix = exposure * contrast * (grey + saturation * (turn_hue(hue) - grey))
    offset = OUTSIDE * (1 - contrast)
    return np.column_stack([matrix, np.full(3, offset)])


def turn_hue(angle: float) -> Matrix:
    """(3, 3): rotation of RGB by ``angle`` radians around the grey axis (Rodrigues' formula); grey stays grey.

    >>> np.rint(turn_hue(2 * math.pi / 3)).astype(int).tolist()  # a third of a turn: red becomes green
    [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    """
    axis = 1 / math.sqrt(3)
    cross = axis * np.array([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    turned = math.cos(angle) * np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) / 3
    return np.asarray(turned)


def generator(seed: int, epoch: int, index: int) -> np.random.Generator:
    """The source of everything random that happens to image ``index`` in ``epoch``."""
    return np.random.default_rng([seed, epoch, index])


def augment(
    images: UInt8[Tensor, "n c h w"],
    labels: Shaped[Tensor, "n h w"],
    affines: Float[Tensor, "n 2 3"],
    colors: Float[Tensor, "n 3 4"],
    *,
    extents: Float[Tensor, "n 2"],
    crop: tuple[int, int],
    ignore: int = 255,
    shifts: Float[Tensor, "n 2 crop_h crop_w"] | None = None,
) -> tuple[Float[Tensor, "n c crop_h crop_w"], Int64[Tensor, "n crop_h crop_w"]]:
    """One bilinear resampling of the images (nearest for the labels) and one colour matrix.

    images: as cached; those smaller than the cache fill its upper left. extents: (width, height) of each
    in pixels. affines: of `draw_affine`. colors: of `draw_color`; images of other than 3 channels change in
    brightness and contrast alone, all channels as grey would. What lies outside an image is middle grey and ignored.
    shifts: elastic ones, (x, y) in pixels of the crop, before the affine map.
    """
    seen, label = resample(images, labels, affines, extents=extents, crop=crop, ignore=ignore, shifts=shifts)
    if images.shape[1] == 3:
        seen = recolor(seen, colors)
    else:
        gain, offset = colors[:, 0, :3].sum(1), colors[:, 0, 3]
        seen = (seen * gain[:, None, None, None] + offset[:, None, None, None]).clamp_(0, 255)
    return seen, label
