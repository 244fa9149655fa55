"""Resizing inside the graph, as products of matrices: the pixels that `to_working_size` gives, in every runtime.

Each pixel of the result is the mean of the box of the image that it covers. Where the image grows, the box is as wide
as one pixel, which is bilinear interpolation. Boxes and what they share with pixels are whole numbers, so that no
runtime rounds them otherwise.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

FINE = 2.0**14  # steps of a grey level to which means are rounded first, so that a tie is one in every runtime
GROWN = 2.0**8  # steps of the weights where OpenCV interpolates


class Sides(NamedTuple):
    """Height and width of an image in the graph: whole numbers, each by itself. As one tensor OpenVINO loses them."""

    height: Tensor
    width: Tensor


def working_sides(sides: Sides, size: tuple[int, int]) -> Sides:
    """What `working_size` gives for the height and width of an image.

    >>> working_sides(Sides(torch.tensor(4000), torch.tensor(6000)), (180, 240))
    Sides(height=tensor(170), width=tensor(255))
    """
    scale = (float(size[0] * size[1]) / (sides.height.double() * sides.width.double())).sqrt()
    return Sides(*((side * scale).round().clamp(min=1).long() for side in sides))


def rounds_up(before: Sides, after: Sides) -> Tensor:
    """Whether OpenCV rounds ties up where it resizes: where it interpolates, or halves both sides; else to even."""
    halves = (2 * after.height == before.height) & (2 * after.width == before.width)
    return halves | (after.height > before.height) | (after.width > before.width)


def shares(at: Int64[Tensor, " of_result"], before: Tensor, after: Tensor) -> Float[Tensor, "of_result of_image"]:
    """How much each pixel of the image is to pixels ``at`` of a side that goes from ``before`` to ``after`` pixels.

    >>> shares(torch.arange(2), torch.tensor(3), torch.tensor(2))  # 1.5 pixels each
    tensor([[0.6667, 0.3333, 0.0000],
            [0.0000, 0.3333, 0.6667]])
    """
    pixel = 2 * after  # all in units of 1 / (2 after) pixels of the image
    shrinks = before > after
    between = ((2 * at + 1) * before - after).clamp(min=0).minimum((before - 1) * pixel)
    starts = torch.where(shrinks, 2 * before * at, between)[:, None]
    wide = torch.where(shrinks, 2 * before, pixel)
    left = torch.arange(before.item()) * pixel
    shared = ((left + pixel).minimum(starts + wide) - left.maximum(starts)).clamp(min=0).float() / wide
    return torch.where(shrinks, shared, (shared * GROWN).round() / GROWN)


def resize(image: UInt8[Tensor, "n h w c"], rows: Tensor, columns: Tensor, *, up: Tensor) -> Float[Tensor, "n c H W"]:
    """The image at its working size, whole numbers in [0, 255]. rows, columns: `shares`. up: `rounds_up`."""
    n, _, width, channels = image.shape
    seen = (rows @ image.float().flatten(2)).reshape(n, -1, width, channels)  # the rows first, for they are whole
    seen = seen.permute(0, 3, 1, 2) @ columns.T
    return torch.where(up, (seen + 0.5).floor(), ((seen * FINE).round() / FINE).round())
