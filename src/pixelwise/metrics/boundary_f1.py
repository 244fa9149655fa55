"""Boundary F1 (BF): how much of the true and of the predicted boundaries lies close to the other.

Sources: Csurka, Larlus, Perronnin, "What is a good evaluation measure for semantic segmentation?", BMVC 2013; the
tolerance and the mean over images: Badrinarayanan, Kendall, Cipolla, "SegNet", PAMI 2017. As in Csurka et al. several
boundary pixels may lie close to one of the other; the script of SegNet pairs them one to one, which scores lower.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Int, Int64, Integer

from pixelwise.metrics.boundary import near_boundary
from pixelwise.metrics.confusion import counted_pixels
from pixelwise.metrics.division import PerClass, divide, mean_over_present

SHARE = 0.0075  # of the diagonal
PixelsPerClass = Int64[np.ndarray, " k"]


class BoundaryMatch(NamedTuple):
    """Boundary pixels per class. `total` adds several.

    true, found: of the truth, of the prediction; true_near, found_near: those of them that are close to the other's.
    """

    true_near: PixelsPerClass
    true: PixelsPerClass
    found_near: PixelsPerClass
    found: PixelsPerClass


def boundary_tolerance(height: int, width: int) -> float:
    """How far is still close, in pixels: 0.75 % of the diagonal, as SegNet has it.

    >>> boundary_tolerance(360, 480)
    4.5
    """
    return SHARE * math.hypot(height, width)


def boundary_match(
    label: Integer[np.ndarray, "h w"],
    predicted: Integer[np.ndarray, "_ _"],
    classes: int,
    *,
    ignore: int = 255,
    tolerance: int | float | None = None,
) -> BoundaryMatch:
    """Counts the boundary pixels of every class, and those with one of the other boundary within the tolerance.

    A boundary pixel of a class is one of it with another class above, below, left or right. The image border and
    ignored pixels make no boundary, neither in the truth nor in what was predicted there.
    tolerance: in pixels, from centre to centre; None = `boundary_tolerance`. Raises UserError as `confusion` does.

    >>> label = np.array([[0, 0, 0, 1, 1, 1, 1, 1]])
    >>> boundary_match(label, np.array([[0, 0, 0, 0, 0, 1, 1, 0]]), 2, tolerance=2)
    BoundaryMatch(true_near=array([1, 1]), true=array([1, 1]), found_near=array([1, 1]), found=array([2, 2]))
    """
    valid = counted_pixels(label, predicted, classes, ignore=ignore)
    near = boundary_tolerance(*label.shape) if tolerance is None else tolerance
    truth, found = _boundaries(label, valid), _boundaries(predicted, valid)
    counts = np.array([_match(truth == index, found == index, near) for index in range(classes)], np.int64)
    return BoundaryMatch(*counts.T)


def _boundaries(label: Integer[np.ndarray, "h w"], valid: Bool[np.ndarray, "h w"]) -> Int[np.ndarray, "h w"]:
    """The class of the boundary pixels, -1 for all others."""
    classes = np.where(valid, label.astype(np.int32), -1)
    return np.where(near_boundary(classes, 1, ignore=-1), classes, -1)


def _match(
    true: Bool[np.ndarray, "h w"], found: Bool[np.ndarray, "h w"], tolerance: int | float
) -> tuple[int, int, int, int]:
    """The four counts of one class. Distances are only measured in the rectangle that holds all its boundaries."""
    left, top, width, height = cv2.boundingRect((true | found).astype(np.uint8))
    true, found = (of[top : top + height, left : left + width] for of in (true, found))
    if not (true.any() and found.any()):
        return 0, int(true.sum()), 0, int(found.sum())
    true_near, found_near = true & _within(tolerance, found), found & _within(tolerance, true)
    return int(true_near.sum()), int(true.sum()), int(found_near.sum()), int(found.sum())


def _within(tolerance: int | float, of: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    distance = cv2.distanceTransform((~of).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance <= tolerance)


def boundary_precision(match: BoundaryMatch) -> PerClass:
    """Share of a class's predicted boundary that is close to the true one; NaN where none is predicted.

    >>> boundary_precision(BoundaryMatch(np.array([1]), np.array([1]), np.array([1]), np.array([2])))
    array([0.5])
    """
    return divide(match.found_near, match.found)


def boundary_recall(match: BoundaryMatch) -> PerClass:
    """Share of a class's true boundary that is close to the predicted one; NaN where there is none.

    >>> boundary_recall(BoundaryMatch(np.array([1]), np.array([1]), np.array([1]), np.array([2])))
    array([1.])
    """
    return divide(match.true_near, match.true)


def boundary_f1(match: BoundaryMatch) -> PerClass:
    """Harmonic mean of `boundary_precision` and `boundary_recall` per class, in [0, 1].

    0 where only one of the two has a boundary, NaN where neither has.

    >>> boundary_f1(BoundaryMatch(np.array([1, 0, 0]), np.array([1, 3, 0]), np.array([1, 0, 0]), np.array([2, 0, 0])))
    array([0.66666667, 0.        ,        nan])
    """
    precision, recall = np.nan_to_num(boundary_precision(match)), np.nan_to_num(boundary_recall(match))
    f1 = np.nan_to_num(divide(2 * precision * recall, precision + recall))
    return np.where(match.true + match.found > 0, f1, np.nan)


def mean_boundary_f1(matches: Sequence[BoundaryMatch]) -> float:
    """The mean over images of the mean over classes, as SegNet reports it.

    In every image those classes count that have a boundary in truth or prediction. An image without any is left out;
    the script of SegNet counts it 0. For the score of each class over all images take `boundary_f1(total(matches))`.
    matches: one for each image.

    >>> image = BoundaryMatch(np.array([1, 0]), np.array([1, 3]), np.array([1, 0]), np.array([2, 0]))
    >>> mean_boundary_f1([image]).__round__(3)  # the mean of 2/3 and 0
    0.333
    """
    return mean_over_present(np.array([mean_over_present(boundary_f1(match)) for match in matches]))
