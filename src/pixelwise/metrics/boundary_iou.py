"""Boundary IoU: the IoU of the bands along the insides of the boundaries of truth and prediction.

Source: Cheng, Girshick, Dollar, Berg, Kirillov, "Boundary IoU: Improving Object-Centric Image Segmentation
Evaluation", CVPR 2021, and its code. The paper takes the masks of single objects; this is the semantic version, with
one mask for all pixels of a class, summed over the images before it is divided.
"""

import math
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Int64, Integer, UInt

from pixelwise.errors import UserError
from pixelwise.metrics.confusion import counted_pixels
from pixelwise.metrics.division import PerClass, divide

SHARE = 0.02  # of the diagonal


class Overlap(NamedTuple):
    """Pixels per class in the bands of both truth and prediction, and in that of either. `total` adds several."""

    intersection: Int64[np.ndarray, " k"]
    union: Int64[np.ndarray, " k"]


def boundary_distance(height: int, width: int) -> int:
    """How wide the band is, in pixels: 2 % of the diagonal, as in the paper, and at least 1.

    >>> boundary_distance(1024, 2048), boundary_distance(10, 10)
    (46, 1)
    """
    return max(1, round(SHARE * math.hypot(height, width)))


def boundary_overlap(
    label: Integer[np.ndarray, "h w"],
    predicted: Integer[np.ndarray, "_ _"],
    classes: int,
    *,
    ignore: int = 255,
    distance: int | None = None,
) -> Overlap:
    """Counts the pixels of every class's bands.

    The band of a class: its pixels with one of another class, or a place outside the image, at most ``distance`` rows
    and columns away. Ignored pixels count nowhere, whatever was predicted there, and make no boundary in either; the
    paper's code, which knows no ignored pixels, would see the class end there.
    distance: in pixels, at least 1; None = `boundary_distance`.
    Raises UserError as `confusion` does, and for a distance below 1.

    >>> label = np.array([[0, 0, 0, 0, 1, 1, 1, 1]] * 8)
    >>> predicted = np.array([[0, 0, 0, 0, 0, 1, 1, 1]] * 8)
    >>> boundary_overlap(label, predicted, 2, distance=1)
    Overlap(intersection=array([14, 12]), union=array([28, 26]))
    """
    if distance is not None and distance < 1:
        raise UserError(f"distance is {distance}; the band must be at least 1 pixel wide")
    valid = counted_pixels(label, predicted, classes, ignore=ignore)
    wide = boundary_distance(*label.shape) if distance is None else distance
    kind = np.uint8 if classes <= 256 else np.uint16
    truth, found = (np.where(valid, values, 0).astype(kind) for values in (label, predicted))
    near_truth, near_found = _band(truth, valid, wide), _band(found, valid, wide)
    both = truth[near_truth & near_found & (truth == found)]
    shared, true, called = (np.bincount(of, minlength=classes) for of in (both, truth[near_truth], found[near_found]))
    return Overlap(shared, true + called - shared)


def _band(label: UInt[np.ndarray, "h w"], valid: Bool[np.ndarray, "h w"], distance: int) -> Bool[np.ndarray, "h w"]:
    """Which pixels are in the band of their class, for all classes at once.

    Eroding a mask ``distance`` times by 3x3 is eroding it once by the whole box, and what that removes are the pixels
    whose box holds another class: where the lowest and the highest class of the box differ. Ignored pixels are 0 for
    the highest and the largest number for the lowest, so that they are neither.
    """
    box = np.ones((2 * distance + 1, 2 * distance + 1), np.uint8)
    lowest = cv2.erode(np.where(valid, label, np.iinfo(label.dtype).max), box)
    band = np.asarray(lowest != cv2.dilate(np.where(valid, label, 0), box))
    for edge in (band[:distance], band[-distance:], band[:, :distance], band[:, -distance:]):
        edge[:] = True
    return np.asarray(band & valid)


def boundary_iou(overlap: Overlap) -> PerClass:
    """Boundary IoU per class, in [0, 1]; NaN where the class occurs in neither truth nor prediction.

    Small where the boundary is off by much of the band's width, however large the object. Equal to the IoU for what is
    so small that the band is all of it.

    >>> boundary_iou(Overlap(np.array([14, 0]), np.array([28, 0])))
    array([0.5, nan])
    """
    return divide(overlap.intersection, overlap.union)
