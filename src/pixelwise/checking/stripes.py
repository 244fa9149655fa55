"""A row or column of a label that is constant beside varied ones: a scanner's fault, or a border that a tool drew.

Labels with a stripe: CamVid 0 of 468, CARLA 0 of 6, drawn streets 0 of 160; LabelMe 1 of 3, whose polygons end two
columns before the edge; Cityscapes pairs 547 of 567, whose outermost rows and columns are blended and so ignored.
Found of 800 rows and columns drawn into CamVid labels inside: 98 % (of one of the classes), 100 % (of 255), 96 % (of
0); at the outer edge: 94 %, 100 %, 88 %. The others lie beside pixels of their own class.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pixelwise.labels import Label

CONSTANT = 0.9  # of a stripe's pixels have one value
DIFFERENT = 0.25  # of its pixels at least have another class beside them, on either side
WIDEST = 8  # rows or columns; a wider one is a thing of the scene

Axis = Literal["row", "column"]


@dataclass(frozen=True)
class Stripe:
    """Neighbouring rows or columns of one label which hold one value from end to end.

    index: of the first, from 0. width: how many. value: what they hold. size: how many rows or columns the label has.
    """

    axis: Axis
    index: int
    width: int
    value: int
    size: int


@dataclass(frozen=True)
class CommonStripe:
    """Neighbouring rows or columns that are stripes in many labels.

    index: of the first; those of the farther half count from the end, as -1, so that sizes may differ. width: how
    many. count: labels that have a stripe there (of a wide one: in its commonest line).
    """

    axis: Axis
    index: int
    width: int
    count: int


def find_stripes(label: Label, ignore: int = 255) -> list[Stripe]:
    """Rows and columns which hold one value while those beside them hold others: rows first, from the start on.

    label: (h, w) uint8 or uint16. ignore: the ignore index; a pixel beside a stripe that is ignored says nothing
    against it, yet a stripe may itself be ignored. At the outer edge only one side counts. Sky in the top rows is no
    stripe, for the rows below it are sky as well.

    >>> label = np.indices((6, 8), np.uint8).sum(axis=0, dtype=np.uint8)
    >>> label[3] = 5
    >>> find_stripes(label)
    [Stripe(axis='row', index=3, width=1, value=5, size=6)]
    """
    rows = [Stripe("row", *found) for found in _constant_rows(label, ignore)]
    return rows + [Stripe("column", *found) for found in _constant_rows(np.ascontiguousarray(label.T), ignore)]


def _constant_rows(label: npt.NDArray[Any], ignore: int) -> Iterator[tuple[int, int, int, int]]:
    """Index, width, value and the number of rows, for each stripe among the rows."""
    size, length = label.shape
    values = np.partition(label, length // 2, axis=1)[:, length // 2]  # what fills more than half is the median
    constant = (label == values[:, None]).mean(axis=1) >= CONSTANT
    for start, end in _runs(values, constant):
        beside = [label[row] for row in (start - 1, end) if 0 <= row < size]
        differ = [((row != values[start]) & (row != ignore)).mean() >= DIFFERENT for row in beside]
        if differ and all(differ) and end - start <= WIDEST:
            yield start, end - start, int(values[start]), size


def _runs(values: npt.NDArray[Any], chosen: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Start and end of each run of chosen places with equal values."""
    changes = np.flatnonzero((np.diff(values) != 0) | (np.diff(chosen) != 0)) + 1
    bounds = [0, *changes.tolist(), len(values)]
    return ((start, end) for start, end in pairwise(bounds) if chosen[start])


def common_stripes(found: Sequence[Sequence[Stripe]], least: float = 0.5) -> list[CommonStripe]:
    """Those that many labels have at the same place, as the border columns of a dataset: columns first.

    found: per label what `find_stripes` found. least: the share of the labels that must have it, in (0, 1].

    >>> left = Stripe("column", 0, 2, 255, 640)
    >>> common_stripes([[left], [left, Stripe("row", 7, 1, 0, 480)], [replace(left, width=1)]])
    [CommonStripe(axis='column', index=0, width=2, count=3)]
    """
    counts = Counter(line for stripes in found for line in {line for stripe in stripes for line in _lines(stripe)})
    common: list[CommonStripe] = []
    for (axis, place), count in sorted(counts.items()):
        if count < least * len(found):
            continue
        last = common[-1] if common else None
        if last and last.axis == axis and place == last.index + last.width != 0:
            common[-1] = replace(last, width=last.width + 1, count=max(last.count, count))
        else:
            common.append(CommonStripe(axis, place, 1, count))
    return common


def _lines(stripe: Stripe) -> Iterator[tuple[Axis, int]]:
    """Each row or column of a stripe by itself, counted from the nearer end."""
    for index in range(stripe.index, stripe.index + stripe.width):
        yield stripe.axis, index if 2 * index < stripe.size else index - stripe.size
