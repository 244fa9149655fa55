"""A label as polygons, and back.

Coordinates are x to the right and y down in pixels; the first pixel reaches from 0 to 1, so its centre is at 0.5.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float64, Int32, UInt8

from pixelwise.errors import UserError
from pixelwise.labels import IGNORE
from pixelwise.shapes.simplifying import simplify_ring
from pixelwise.shapes.tracing import LabelArray, junctions, trace

Points = Float64[np.ndarray, "_ 2"]  # as many as a ring has
FEWEST = 3  # points of a ring


@dataclass(frozen=True, eq=False)
class Polygon:
    """The outline of one region. outer: (n, 2), clockwise as one sees it. holes: the other way.

    The first point of a ring is not repeated at its end.

    >>> square = Polygon(0, np.array([[0.0, 0], [2, 0], [2, 2], [0, 2]]))
    >>> square.area, square.box
    (4.0, (0.0, 0.0, 2.0, 2.0))
    """

    class_index: int
    outer: Points
    holes: tuple[Points, ...] = ()

    @property
    def rings(self) -> tuple[Points, ...]:
        """The outer ring and the holes."""
        return (self.outer, *self.holes)

    @property
    def area(self) -> float:
        """In square pixels, without the holes."""
        return abs(signed_area(self.outer)) - sum(abs(signed_area(hole)) for hole in self.holes)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, width and height in pixels."""
        (left, top), (right, bottom) = self.outer.min(axis=0).tolist(), self.outer.max(axis=0).tolist()
        return left, top, right - left, bottom - top


def signed_area(ring: Points) -> float:
    """The area that a ring encloses, in square pixels; above zero where it runs clockwise as one sees it.

    >>> signed_area(np.array([[0.0, 0], [0, 2], [2, 2], [2, 0]]))
    -4.0
    """
    x, y = ring.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def polygons(label: LabelArray, *, simplify: int | float = 0.0, ignore: int = IGNORE) -> list[Polygon]:
    """Every region as a polygon along the edges of its pixels, by class; `rasterize` gives the label back exactly.

    label: (h, w) class indices. simplify: pixels that an outline may run off the pixels' edges; neighbours still share
    their lines, and what is smaller than that may vanish. ignore: the index of pixels that belong to no region.
    A region is what is joined at pixels' sides; all polygons are valid by OGC's rules, unless simplified.
    Raises UserError where ``simplify`` is below zero.

    >>> [(found.class_index, found.area) for found in polygons(np.array([[0, 0, 1], [0, 0, 1]], np.uint8))]
    [(0, 4.0), (1, 2.0)]
    """
    if not simplify >= 0:
        raise UserError(f"outlines cannot be simplified by {simplify} pixels; give 0 or more")
    outers: dict[int, list[_Ring]] = defaultdict(list)
    holes: dict[int, list[_Ring]] = defaultdict(list)
    for ring in _rings(label, simplify, ignore):
        kind = outers if ring.area > 0 else holes
        kind[int(label[ring.pixel])].append(ring)
    return [found for value in sorted(outers) for found in _of_class(label, value, outers[value], holes[value])]


class _Ring(NamedTuple):
    """A ring, simplified; with the area and a pixel that it had before."""

    points: Points
    area: float
    pixel: tuple[int, int]


def _rings(label: LabelArray, simplify: int | float, ignore: int) -> Iterator[_Ring]:
    fixed = junctions(label) if simplify else None
    for points, pixel in trace(label, ignore=ignore, every_neighbour=fixed is not None):
        area = signed_area(points.astype(np.float64))
        if fixed is not None:
            points = simplify_ring(points, fixed[points[:, 1], points[:, 0]], simplify)
        yield _Ring(points.astype(np.float64), area, pixel)


def _of_class(label: LabelArray, value: int, outers: list[_Ring], holes: list[_Ring]) -> Iterator[Polygon]:
    """The polygons of one class, each hole in the region that it lies in; rings that have become lines are left out."""
    regions = _regions(label, value) if holes else np.zeros_like(label, np.int32)
    inside: dict[int, list[Points]] = defaultdict(list)
    for hole in holes:
        if len(hole.points) >= FEWEST:
            inside[int(regions[hole.pixel])].append(hole.points)
    for outer in outers:
        if len(outer.points) >= FEWEST:
            yield Polygon(value, outer.points, tuple(inside[int(regions[outer.pixel])]))


def _regions(label: LabelArray, value: int) -> Int32[np.ndarray, "h w"]:
    """The regions of a class, numbered."""
    _, numbered = cv2.connectedComponents((label == value).view(np.uint8), connectivity=4)
    return np.asarray(numbered, np.int32)


def rasterize(found: Iterable[Polygon], shape: tuple[int, int], *, fill: int = IGNORE) -> UInt8[np.ndarray, "h w"]:
    """The label (h, w) whose pixels' centres lie in the polygons; of several, in the last. fill: the class elsewhere.

    >>> rasterize([Polygon(1, np.array([[1.0, 0], [3, 0], [3, 1], [1, 1]]))], (2, 4)).tolist()
    [[255, 1, 1, 255], [255, 255, 255, 255]]
    """
    label = np.full(shape, fill, np.uint8)
    for polygon in found:
        rows, columns, inside = filled(polygon, shape)
        label[rows, columns][inside] = polygon.class_index
    return label


def filled(polygon: Polygon, shape: tuple[int, int]) -> tuple[slice, slice, Bool[np.ndarray, "rows columns"]]:
    """Rows and columns of the box around a polygon, within (h, w), and which pixels' centres there lie inside.

    A centre lies inside where an odd number of edges crosses its row to the left of it.
    """
    left, top, wide, high = polygon.box
    first_row, first_column = max(0, int(top)), max(0, int(left))
    last_row, last_column = (
        min(shape[0], int(np.ceil(top + high))),
        min(shape[1], int(np.ceil(left + wide))),
    )
    size = max(0, last_row - first_row), max(0, last_column - first_column)
    rows, columns = slice(first_row, first_row + size[0]), slice(first_column, first_column + size[1])
    crossed = np.zeros((size[0], size[1] + 1), np.bool_)
    start, end = (np.concatenate(parts) for parts in zip(*[_edges(ring) for ring in polygon.rings], strict=True))
    y, x = _crossings(start, end)
    row, column = y - first_row, np.clip(np.ceil(x - 0.5).astype(np.int64) - first_column, 0, size[1])
    within = (row >= 0) & (row < size[0])
    np.logical_xor.at(crossed, (row[within], column[within]), True)
    return rows, columns, np.logical_xor.accumulate(crossed, axis=1)[:, :-1]


def _edges(ring: Points) -> tuple[Points, Points]:
    """Where each edge of a ring starts and where it ends."""
    return ring, np.roll(ring, -1, axis=0)


def _crossings(
    start: Points, end: Points
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], Float64[np.ndarray, " m"]]:
    """The rows whose centres edges cross, and x of where they do."""
    upper = np.where((start[:, 1] <= end[:, 1])[:, None], start, end)
    lower = np.where((start[:, 1] <= end[:, 1])[:, None], end, start)
    first, stop = (np.ceil(one[:, 1] - 0.5).astype(np.int64) for one in (upper, lower))
    lengths = stop - first
    edge = np.repeat(np.arange(len(lengths)), lengths)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(lengths) - lengths, lengths) + first[edge]
    slope = (lower - upper)[edge]
    along = (row + 0.5 - upper[edge, 1]) / slope[:, 1]
    return row, upper[edge, 0] + along * slope[:, 0]
