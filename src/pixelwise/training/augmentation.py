"""Augmentation as one resampling and one colour matrix per image, on the model's device.

Flip, zoom, rotation, translation and crop are one affine map; brightness, contrast, saturation and hue
are one 3x4 matrix. What happens to an image follows from (seed, epoch, index) alone.
"""

import math

import numpy as np
from jaxtyping import Float, Int64, Shaped, UInt8
from torch import Tensor

from pixelwise.training.recipe import Recipe
from pixelwise.training.resampling import OUTSIDE, recolor, resample

Matrix = Float[np.ndarray, "rows columns"]

# Luma weights of ITU-R BT.601: the axis around which saturation and hue turn.
LUMA = np.array([0.299, 0.587, 0.114])


def draw_affine(recipe: Recipe, random: np.random.Generator, height: int, width: int) -> Matrix:
    """(2, 3): from crop coordinates to image coordinates, both in pixels from their centres.

    height, width: of the image. Zoom is log-uniform; the crop lies anywhere inside the zoomed image,
    or around it where the image has become smaller than the crop.
    """
    crop_height, crop_width = recipe.size
    zoom = math.exp(random.uniform(math.log(recipe.zoom[0]), math.log(recipe.zoom[1])))
    angle = math.radians(random.uniform(-recipe.rotation, recipe.rotation))
    mirror = -1.0 if random.random() < recipe.flip else 1.0
    play = np.abs(np.array([width - crop_width / zoom, height - crop_height / zoom])) / 2
    shift = random.uniform(-play, play)
    cos, sin = math.cos(angle) / zoom, math.sin(angle) / zoom
    return np.array([[mirror * cos, -sin, shift[0]], [mirror * sin, cos, shift[1]]])


def draw_color(recipe: Recipe, random: np.random.Generator) -> Matrix:
    """(3, 4): what an RGB value in [0, 255] is multiplied with, and the offset added."""
    exposure, contrast, saturation = np.exp(random.uniform(-1, 1, 3) * recipe.color * np.array([1, 0.5, 1]))
    hue = math.radians(random.uniform(-recipe.hue, recipe.hue))
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
) -> tuple[Float[Tensor, "n c crop_h crop_w"], Int64[Tensor, "n crop_h crop_w"]]:
    """One bilinear resampling of the images (nearest for the labels) and one colour matrix.

    images: as cached; those smaller than the cache fill its upper left. extents: (width, height) of each
    in pixels. affines: of `draw_affine`. colors: of `draw_color`; images of other than 3 channels change in
    brightness and contrast alone, all channels as grey would. What lies outside an image is middle grey and ignored.
    """
    seen, label = resample(images, labels, affines, extents=extents, crop=crop, ignore=ignore)
    if images.shape[1] == 3:
        seen = recolor(seen, colors)
    else:
        gain, offset = colors[:, 0, :3].sum(1), colors[:, 0, 3]
        seen = (seen * gain[:, None, None, None] + offset[:, None, None, None]).clamp_(0, 255)
    return seen, label
