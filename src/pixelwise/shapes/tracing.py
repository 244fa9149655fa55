"""Where the regions of a label end: along the edges between pixels, not through their centres.

A region is a set of pixels of one class that are joined at their sides. Its outline runs clockwise as one sees it, with
the region on its right; the outlines of its holes run the other way.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int, UInt8, UInt16

from pixelwise.labels import IGNORE

LabelArray = UInt8[np.ndarray, "h w"] | UInt16[np.ndarray, "h w"]
TurnedArray = UInt8[np.ndarray, "rows columns"] | UInt16[np.ndarray, "rows columns"]
Numbers = Int[np.ndarray, " n"]

SIDES = 4  # top, right, bottom, left: the way an outline runs around a pixel
ENOUGH = 3  # lines that make the point where they meet a junction


class Ring(NamedTuple):
    """A closed outline. points: (n, 2), x and y of its corners. pixel: (row, column) of one inside, at the outline."""

    points: Int[np.ndarray, "n 2"]
    pixel: tuple[int, int]


class _Runs(NamedTuple):
    """Straight pieces of outlines. first: flat index of the pixel at which each begins. x, y: of its beginning.

    after_side, after_first: the side and the first pixel of the piece that comes next.
    """

    first: Numbers
    x: Numbers
    y: Numbers
    after_side: Numbers
    after_first: Numbers


def trace(label: LabelArray, *, ignore: int = IGNORE, every_neighbour: bool = False) -> Iterator[Ring]:
    """The outlines of all regions, no point of which is passed twice by one outline.

    label: (h, w) class indices. ignore: the index of pixels that belong to no region. every_neighbour: whether the
    points at which an outline gets another neighbour count as corners, too.

    >>> [ring.points.tolist() for ring in trace(np.array([[0, 0, 255]], np.uint8))]
    [[[0, 0], [2, 0], [2, 1], [0, 1]]]
    """
    sides = [_runs(label, side, ignore, every_neighbour) for side in range(SIDES)]
    first, x, y = (np.concatenate([getattr(runs, name) for runs in sides]) for name in ("first", "x", "y"))
    rows, columns = np.divmod(first, label.shape[1])
    for numbers in _loops(_next(sides), (y * (label.shape[1] + 1) + x).tolist()):
        points = np.stack([x[numbers], y[numbers]], axis=1)
        yield Ring(points, (int(rows[numbers[0]]), int(columns[numbers[0]])))


def _runs(label: LabelArray, side: int, ignore: int, every_neighbour: bool) -> _Runs:
    """The pieces of outlines along one side of pixels, which is the top one of the label turned so far."""
    turned = np.rot90(label, side)
    starts, ends = _starts_and_ends(turned, ignore, every_neighbour)
    return _Runs(
        np.ravel_multi_index(_turned_back(label, side, *starts), label.shape),
        *_corner(label, side, *starts),
        *_after(label, turned, side, *ends),
    )


def _starts_and_ends(
    turned: TurnedArray, ignore: int, every_neighbour: bool
) -> tuple[tuple[Numbers, Numbers], tuple[Numbers, Numbers]]:
    """(rows, columns) of the pixels at the left and at the right end of each top edge; both in the same order."""
    edge = turned != ignore
    edge[1:] &= turned[1:] != turned[:-1]
    goes_on = edge[:, 1:] & edge[:, :-1] & (turned[:, 1:] == turned[:, :-1])
    if every_neighbour:
        goes_on[1:] &= turned[:-1, 1:] == turned[:-1, :-1]
    start, end = edge.copy(), edge
    start[:, 1:] &= ~goes_on
    end[:, :-1] &= ~goes_on
    (start_rows, start_columns), (end_rows, end_columns) = np.nonzero(start), np.nonzero(end)
    return (start_rows, start_columns), (end_rows, end_columns)


def _turned_back(label: LabelArray, side: int, rows: Numbers, columns: Numbers) -> tuple[Numbers, Numbers]:
    """Rows and columns in the label of pixels in the turned one."""
    height, width = label.shape
    return [
        (rows, columns),
        (columns, width - 1 - rows),
        (height - 1 - rows, width - 1 - columns),
        (height - 1 - columns, rows),
    ][side]


def _corner(label: LabelArray, side: int, rows: Numbers, columns: Numbers) -> tuple[Numbers, Numbers]:
    """x and y in the label of the upper left corners of pixels in the turned one."""
    y, x = _turned_back(label, side, rows, columns)
    return x + (side in {1, 2}), y + (side in {2, 3})


def _after(
    label: LabelArray, turned: TurnedArray, side: int, rows: Numbers, columns: Numbers
) -> tuple[Numbers, Numbers]:
    """Side and first pixel of what follows the top edges that end at these pixels.

    An outline turns down where the pixel to the right is another's, up where that above it is ours, and else goes on.
    Pixels that touch at a corner only are kept apart by this.
    """
    right, above = np.minimum(columns + 1, turned.shape[1] - 1), np.maximum(rows - 1, 0)
    value = turned[rows, columns]
    down = (right == columns) | (turned[rows, right] != value)
    up = ~down & (above < rows) & (turned[above, right] == value)
    pixel = _turned_back(label, side, np.where(up, above, rows), np.where(down, columns, right))
    return (side + down - up) % SIDES, np.ravel_multi_index(pixel, label.shape)


def _next(sides: list[_Runs]) -> list[int]:
    """The number of the piece that follows each, numbered through all sides."""
    after = np.concatenate([runs.after_side for runs in sides])
    first = np.concatenate([runs.after_first for runs in sides])
    found = np.zeros(len(after), np.int64)
    begins = 0
    for side, runs in enumerate(sides):
        order = np.argsort(runs.first)
        here = after == side
        found[here] = begins + order[np.searchsorted(runs.first, first[here], sorter=order)]
        begins += len(order)
    return [int(number) for number in found.tolist()]


def _loops(after: list[int], corners: list[int]) -> Iterator[list[int]]:
    """The pieces of each ring in turn. corners: of each piece the number of the point where it begins."""
    seen = bytearray(len(after))
    for start in range(len(after)):
        loop, number = [], start
        while not seen[number]:
            seen[number] = True
            loop.append(number)
            number = after[number]
        if loop and len({corners[one] for one in loop}) == len(loop):
            yield loop
        elif loop:
            yield from _untied(loop, corners)


def _untied(loop: list[int], corners: list[int]) -> Iterator[list[int]]:
    """A ring that comes through points twice as several that do not: what it encloses there becomes a hole."""
    open_pieces: list[int] = []
    places: dict[int, int] = {}
    for number in loop:
        if (place := places.get(corners[number])) is not None:
            yield (closed := open_pieces[place:])
            for one in closed:
                del places[corners[one]]
            del open_pieces[place:]
        places[corners[number]] = len(open_pieces)
        open_pieces.append(number)
    yield open_pieces


def junctions(label: LabelArray) -> Bool[np.ndarray, "rows columns"]:
    """(h + 1, w + 1): at which corners of pixels three or more edges meet; true of the picture's four corners, too.

    >>> junctions(np.array([[0, 1], [0, 2]], np.uint8)).astype(int).tolist()
    [[1, 1, 1], [0, 1, 1], [1, 1, 1]]
    """
    padded = np.pad(label.astype(np.int32), 1, constant_values=-1)
    upright, level = padded[:, 1:] != padded[:, :-1], padded[1:] != padded[:-1]
    lines = sum(part.astype(np.uint8) for part in (upright[1:], upright[:-1], level[:, 1:], level[:, :-1]))
    found = np.asarray(lines >= ENOUGH)
    found[:: len(label), :: label.shape[1]] = True
    return found


def boundaries(label: LabelArray) -> Bool[np.ndarray, "h w"]:
    """Which pixels have a neighbour above, below, left or right that is of another class.

    >>> boundaries(np.array([[0, 0, 1, 1]], np.uint8)).tolist()
    [[False, True, True, False]]
    """
    found = np.zeros(label.shape, np.bool_)
    down, right = label[1:] != label[:-1], label[:, 1:] != label[:, :-1]
    found[1:] |= down
    found[:-1] |= down
    found[:, 1:] |= right
    found[:, :-1] |= right
    return found
