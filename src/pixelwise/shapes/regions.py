"""The regions of one class, measured."""

from dataclasses import asdict, dataclass
from math import hypot, nan

import cv2
import numpy as np
from jaxtyping import Float64, Int32

from pixelwise.data.dataset import Image
from pixelwise.errors import UserError
from pixelwise.shapes.splitting import split_touching
from pixelwise.shapes.tracing import LabelArray

Numbered = Int32[np.ndarray, "h w"]
Sums = Float64[np.ndarray, " n"]
Size = tuple[int | float, int | float]  # height and width of a pixel


@dataclass(frozen=True)
class Region:
    """One region, in pixels and square pixels, or in the units of the pixel size where that is given.

    number: from 1, in the order of the rows and columns in which regions begin.
    perimeter: by Crofton's formula with lines in four directions; within 4 % of that of a disc ten pixels in radius.
    x, y: the centroid; left, top, width, height: the box; all in pixels, the first of which reaches from 0 to 1.
    major_axis, minor_axis: lengths of the ellipse with the same second moments, each pixel taken as a rectangle.
    orientation: of the major axis in degrees, in (-90, 90], counter-clockwise from the x axis.
    eccentricity: of that ellipse, in [0, 1).
    mean_intensity: of the grey image, in [0, 255]; NaN without one.
    touches_border: whether it reaches the photo's edge, so that a part of it may be missing.
    """

    number: int
    area: float
    perimeter: float
    x: float
    y: float
    left: int
    top: int
    width: int
    height: int
    major_axis: float
    minor_axis: float
    orientation: float
    eccentricity: float
    mean_intensity: float
    touches_border: bool

    def row(self) -> dict[str, int | float | bool]:
        """All of it by name, the same names for every region, for a table."""
        return asdict(self)


def regions(
    label: LabelArray,
    class_index: int,
    *,
    image: Image | None = None,
    pixel_size: int | float | Size = 1.0,
    connectivity: int = 8,
    least: int = 1,
    split: bool = False,
) -> list[Region]:
    """The connected regions of a class with what can be measured of them.

    label: (h, w) class indices. image: (h, w, c) uint8 for the intensity. pixel_size: the side of a pixel, or its
    (height, width), in any unit. connectivity: 8, pixels may touch at corners, or 4, at sides only. least: pixels below
    which a region is left out. split: whether regions that touch are parted first, by `split_touching`.
    Raises UserError where the image has another size, or a number makes no sense.

    >>> [one.area for one in regions(np.array([[1, 1, 0, 1]], np.uint8), 1, pixel_size=2.0)]
    [8.0, 4.0]
    """
    numbered = number_regions(label, class_index, connectivity=connectivity, least=least, split=split)
    return measure_regions(numbered, image=image, pixel_size=pixel_size)


def number_regions(
    label: LabelArray, class_index: int, *, connectivity: int = 8, least: int = 1, split: bool = False
) -> Numbered:
    """(h, w): in the pixels of each region its number from 1, elsewhere 0. Takes and raises what `regions` does.

    >>> number_regions(np.array([[1, 1, 0, 1]], np.uint8), 1).tolist()
    [[1, 1, 0, 2]]
    """
    if connectivity not in {4, 8}:
        raise UserError(f"pixels have 4 or 8 neighbours, not {connectivity}")
    mask = label == class_index
    return _kept(split_touching(mask) if split else _connected(mask, connectivity), least)


def measure_regions(
    numbered: Numbered, *, image: Image | None = None, pixel_size: int | float | Size = 1.0
) -> list[Region]:
    """The measures of regions that `number_regions` found. Takes and raises what `regions` does."""
    size = pixel_size if isinstance(pixel_size, tuple) else (pixel_size, pixel_size)
    if not all(0 < side < np.inf for side in size):
        raise UserError(f"a pixel cannot be {size[0]} x {size[1]} large; give lengths above 0")
    if image is not None and image.shape[:2] != numbered.shape:
        raise UserError(f"the image is {image.shape[:2]}, but the label {numbered.shape}; give both at one size")
    return _measured(numbered, size, None if image is None else _grey(image))


def _connected(mask: np.ndarray[tuple[int, int], np.dtype[np.bool_]], connectivity: int) -> Numbered:
    _, numbered = cv2.connectedComponents(mask.view(np.uint8), connectivity=connectivity)
    return np.asarray(numbered, np.int32)


def _kept(numbered: Numbered, least: int) -> Numbered:
    """The regions that are large enough, numbered anew from 1 in the order of their first pixels; 0 elsewhere."""
    places = np.flatnonzero(numbered)
    which = numbered.ravel()[places]
    counts = np.bincount(which, minlength=1)
    first = np.zeros(len(counts), np.int64)
    first[which[::-1]] = places[::-1]  # of several that are written to one place, the last stays
    kept = np.flatnonzero((counts > 0) & (counts >= least))
    table = np.zeros(len(counts), np.int32)
    table[kept[np.argsort(first[kept])]] = np.arange(1, len(kept) + 1)
    return np.asarray(table[numbered], np.int32)


def _grey(image: Image) -> Image:
    """(h, w): the luma of RGB (BT.601), else the first channel."""
    return (
        np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8) if image.shape[2] == 3 else image[..., 0].copy()
    )


def _measured(numbered: Numbered, size: Size, grey: Image | None) -> list[Region]:
    rows, columns = np.nonzero(numbered)
    which = numbered[rows, columns] - 1
    count = int(which.max(initial=-1)) + 1
    pixels = np.bincount(which, minlength=count)
    y, x = (_sums(which, one, count) / pixels for one in (rows, columns))
    boxes = _boxes(which, rows, columns, count)
    axes = _ellipses(which, (rows - y[which]) * size[0], (columns - x[which]) * size[1], size, pixels)
    lengths = _perimeters(numbered, pixels, size)
    greys = np.full(count, nan) if grey is None else _sums(which, grey[rows, columns], count) / pixels
    height, width = numbered.shape
    return [
        Region(
            number=number + 1,
            area=float(pixels[number] * size[0] * size[1]),
            perimeter=float(lengths[number]),
            x=float(x[number] + 0.5),
            y=float(y[number] + 0.5),
            left=left,
            top=top,
            width=right - left + 1,
            height=bottom - top + 1,
            major_axis=float(axes[number, 0]),
            minor_axis=float(axes[number, 1]),
            orientation=float(axes[number, 2]),
            eccentricity=float(axes[number, 3]),
            mean_intensity=float(greys[number]),
            touches_border=left == 0 or top == 0 or right == width - 1 or bottom == height - 1,
        )
        for number, (left, top, right, bottom) in enumerate(boxes)
    ]


def _sums(which: np.ndarray, values: np.ndarray, count: int) -> Sums:
    return np.bincount(which, values.astype(np.float64), count).astype(np.float64)  # whole numbers where it is empty


def _boxes(which: np.ndarray, rows: np.ndarray, columns: np.ndarray, count: int) -> list[list[int]]:
    """Left, top, right and bottom, all inclusive."""
    ends = []
    for values, end in ((columns, np.minimum), (rows, np.minimum), (columns, np.maximum), (rows, np.maximum)):
        found = np.full(count, np.iinfo(np.int64).max if end is np.minimum else -1)
        end.at(found, which, values)
        ends.append(found)
    return [[int(value) for value in box] for box in np.stack(ends, axis=1).tolist()]


def _ellipses(
    which: np.ndarray, down: np.ndarray, across: np.ndarray, size: Size, pixels: np.ndarray
) -> Float64[np.ndarray, "n 4"]:
    """Major and minor axis, orientation and eccentricity, from second moments about the centroid.

    A pixel is no point: its own second moment is a twelfth of its side squared.
    """
    yy, xx, xy = (_sums(which, one, len(pixels)) / pixels for one in (down * down, across * across, down * across))
    yy, xx = yy + size[0] ** 2 / 12, xx + size[1] ** 2 / 12
    mean, half = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    major, minor = mean + half, np.maximum(mean - half, 0)
    turned = np.degrees(np.arctan2(-2 * xy, xx - yy)) / 2  # y points down, so angles that grow upwards change sign
    orientation = np.where(turned <= -90, 90.0, turned)
    axes = [4 * np.sqrt(major), 4 * np.sqrt(minor), orientation, np.sqrt(1 - minor / major)]
    return np.stack(axes, axis=1)


def _perimeters(numbered: Numbered, pixels: np.ndarray, size: Size) -> Sums:
    """Lengths of outlines by Crofton's formula: half the integral, over directions, of crossings per line.

    Lines run along rows, columns and both diagonals; each stands for the angles nearest to it.
    Source: Legland, Kieu, Devaux, "Computation of Minkowski measures on 2D and 3D binary images", 2007.
    """
    high, wide = size
    angle, slant = np.arctan2(high, wide), high * wide / hypot(high, wide)
    weights = {
        (0, 1): high * angle,
        (1, 0): wide * (np.pi / 2 - angle),
        (1, 1): slant * np.pi / 4,
        (1, -1): slant * np.pi / 4,
    }
    crossings = {step: 2 * (pixels - _same(numbered, *step, len(pixels))) for step in weights}
    return np.asarray(sum(crossings[step] * weight for step, weight in weights.items()) / 2, np.float64)


def _same(numbered: Numbered, down: int, across: int, count: int) -> np.ndarray:
    """Of every region how many pixels have their neighbour in that direction in it, too."""
    here = numbered[: len(numbered) - down, max(0, -across) : numbered.shape[1] - max(0, across)]
    there = numbered[down:, max(0, across) : numbered.shape[1] - max(0, -across)]
    return np.bincount(here[here == there], minlength=count + 1)[1:]
