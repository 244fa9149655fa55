"""Near the boundaries between classes and away from them: the trimap protocol.

Kohli, Ladicky, Torr, "Robust Higher Order Potentials for Enforcing Label Consistency", IJCV 2009; Kraehenbuehl and
Koltun, "Efficient Inference in Fully Connected CRFs with Gaussian Edge Potentials", NIPS 2011: score only the pixels of
a narrow band around the true boundaries. The scores are those of any counts: `pixel_accuracy(near)`.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Integer

from pixelwise.metrics.confusion import Counts, confusion


class BoundaryCounts(NamedTuple):
    """Confusion matrices of the pixels near boundaries and of all others; they add up to that of the whole."""

    near: Counts
    away: Counts


def near_boundary(
    label: Integer[np.ndarray, "h w"], distance: int = 3, *, ignore: int = 255
) -> Bool[np.ndarray, "h w"]:
    """Which pixels have one of another true class within ``distance`` pixels, from centre to centre.

    Ignored pixels are near nothing and make no boundary, but do not part two classes that meet across them.

    >>> near_boundary(np.array([[0, 0, 0, 1, 1, 1]]), 2).astype(int)
    array([[0, 1, 1, 1, 1, 0]])
    >>> near_boundary(np.array([[0, 0, 255, 1, 1, 255]]), 2).astype(int)
    array([[0, 1, 0, 1, 0, 0]])
    """
    near = np.zeros(label.shape, bool)
    valid = label != ignore
    for down in range(distance + 1):
        for right in range(-distance, distance + 1):
            if down**2 + right**2 <= distance**2:
                here, there = _shifted(label.shape, down, right)
                differs = (label[here] != label[there]) & valid[here] & valid[there]
                near[here] |= differs
                near[there] |= differs
    return near


def _shifted(shape: tuple[int, ...], down: int, right: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Two views of one size, the second's pixels ``down`` rows below and ``right`` columns right of the first's."""
    height, width = (max(0, side - abs(by)) for side, by in zip(shape, (down, right), strict=True))
    left, top = max(0, -right), max(0, right)
    here = (slice(0, height), slice(left, left + width))
    return here, (slice(down, down + height), slice(top, top + width))


def boundary_confusion(
    label: Integer[np.ndarray, "h w"],
    predicted: Integer[np.ndarray, "_ _"],
    classes: int,
    *,
    distance: int = 3,
    ignore: int = 255,
) -> BoundaryCounts:
    """Counts pixels as `confusion` does, near the true boundaries and away from them apart.

    distance: in pixels, as in `near_boundary`. Raises UserError as `confusion` does.

    >>> near, away = boundary_confusion(np.array([[0, 0, 0, 1, 1, 1]]), np.array([[0, 0, 1, 1, 1, 0]]), 2, distance=1)
    >>> near.tolist(), away.tolist()
    ([[0, 1], [0, 1]], [[2, 0], [1, 1]])
    """
    whole = confusion(label, predicted, classes, ignore=ignore)
    inside = np.where(near_boundary(label, distance, ignore=ignore), label, ignore)
    near = confusion(inside, predicted, classes, ignore=ignore)
    return BoundaryCounts(near, whole - near)
