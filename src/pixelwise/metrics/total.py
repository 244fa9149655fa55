"""Adding up what was counted in several images."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from pixelwise.metrics.boundary import BoundaryCounts
from pixelwise.metrics.boundary_f1 import BoundaryMatch
from pixelwise.metrics.boundary_iou import Overlap
from pixelwise.metrics.calibration import Reliability
from pixelwise.metrics.instance_iou import InstanceOverlap

Sums = TypeVar("Sums", BoundaryCounts, BoundaryMatch, InstanceOverlap, Overlap, Reliability)


def total(parts: Sequence[Sums]) -> Sums:
    """Adds field by field.

    parts: at least one. Not Python's `+`, which puts two tuples end to end.

    >>> total([Overlap(np.array([1, 2]), np.array([3, 4])), Overlap(np.array([5, 0]), np.array([6, 0]))])
    Overlap(intersection=array([6, 2]), union=array([9, 4]))
    """
    return type(parts[0])(*(np.sum(field, axis=0) for field in zip(*parts, strict=True)))
