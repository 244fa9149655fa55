"""Outlines with fewer corners, which still fit together: neighbours share the line between them."""

from itertools import pairwise

import cv2
import numpy as np
from jaxtyping import Bool, Int

Corners = Int[np.ndarray, "_ 2"]  # as many as a line has


def simplify_ring(points: Int[np.ndarray, "n 2"], junction: Bool[np.ndarray, " n"], tolerance: int | float) -> Corners:
    """A ring without corners that lie at most ``tolerance`` pixels off the line that is left.

    junction: which points must stay. Between two of them the line is simplified on its own (Douglas and Peucker,
    "Algorithms for the reduction of the number of points", Cartographica 1973) and always from the same end, so that
    the ring on its other side gets the same line. May leave two points or even one, and very rarely lines that cross.

    >>> steps = np.array([[0, 0], [4, 0], [4, 1], [8, 1], [8, 8], [0, 8]])
    >>> simplify_ring(steps, np.zeros(6, np.bool_), 1.0).tolist()
    [[0, 0], [8, 1], [8, 8], [0, 8]]
    """
    fixed = np.flatnonzero(junction)
    start = int(fixed[0]) if len(fixed) else int(np.lexsort((points[:, 1], points[:, 0]))[0])
    closed = np.concatenate([points[start:], points[: start + 1]])
    ends = [0, *(fixed[1:] - start).tolist(), len(points)]
    lines = [_line(closed[first : last + 1], tolerance)[:-1] for first, last in pairwise(ends)]
    return np.concatenate(lines)


def _line(points: Corners, tolerance: int | float) -> Corners:
    """A line between two fixed ends, or a loop, which is parted at its point farthest from its ends."""
    first, last = points[0].tolist(), points[-1].tolist()
    if first == last:
        far = ((points - points[0]) ** 2).sum(axis=1)
        middle = int(np.lexsort((points[:, 1], points[:, 0], -far))[0])
        there, back = _line(points[: middle + 1], tolerance), _line(points[middle:], tolerance)
        return np.concatenate([there, back[1:]])
    if first > last:
        return _line(points[::-1], tolerance)[::-1]
    left = cv2.approxPolyDP(points.astype(np.int32)[:, None], float(tolerance), closed=False)
    return np.asarray(left[:, 0], np.int64)
