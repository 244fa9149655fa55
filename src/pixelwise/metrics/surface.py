"""How far the surfaces of two shapes are apart, in 2-D or 3-D, in millimetres or any other unit.

Sources: Heimann et al., "Comparison and Evaluation of Methods for Liver Segmentation from CT Datasets", IEEE TMI 2009
(average symmetric surface distance); Huttenlocher, Klanderman, Rucklidge, "Comparing Images Using the Hausdorff
Distance", PAMI 1993, and Taha and Hanbury, "Metrics for evaluating 3D medical image segmentation", BMC Medical Imaging
2015 (the quantile instead of the maximum).
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float64, Int

from pixelwise.errors import UserError

KD_TREE: dict[str, bool | int | float | str] = {
    "algorithm": 4,
    "leaf_max_size": 10,
}  # FLANN_INDEX_KDTREE_SINGLE, the one that is exact


class SurfaceDistances(NamedTuple):
    """From every surface pixel of one shape to the nearest of the other's surface, in the unit of the spacing.

    Where only one shape is there its distances are infinite, and the other array is empty.
    """

    from_truth: Float64[np.ndarray, " m"]
    from_predicted: Float64[np.ndarray, " n"]


def surface_distances(
    truth: Bool[np.ndarray, "*size"],
    predicted: Bool[np.ndarray, "..."],
    spacing: Sequence[int | float] | None = None,
) -> SurfaceDistances:
    """Measures two masks of one class, (height, width) or (depth, height, width).

    The surface of a mask: its pixels that have a place outside of it, or of the image, above, below or beside them.
    spacing: from one pixel to the next along each axis, in any unit; None = 1, distances in pixels. Exact but for the
    rounding of float32, 1e-7 of the size of the image. Leave ignored pixels out of both masks.
    Raises UserError where the shapes differ, or spacing has not one positive number for every axis.

    >>> truth, predicted = np.zeros((2, 5, 5), bool)
    >>> truth[1:4, 1:3], predicted[1:4, 1:4] = True, True
    >>> surface_distances(truth, predicted, (1, 0.5)).from_predicted
    array([0. , 0. , 0.5, 0. , 0.5, 0. , 0. , 0.5])
    """
    if truth.shape != predicted.shape:
        raise UserError(
            f"the true mask is {truth.shape} pixels but the predicted {predicted.shape}; they must be equal"
        )
    steps = (1,) * truth.ndim if spacing is None else tuple(spacing)
    if len(steps) != truth.ndim or min(steps) <= 0:
        raise UserError(f"spacing is {steps}; give {truth.ndim} positive numbers, one for each axis of the masks")
    true, found = (_surface(mask) * np.array(steps, np.float64) for mask in (truth, predicted))
    return SurfaceDistances(_nearest(true, found), _nearest(found, true))


def _surface(mask: Bool[np.ndarray, "*size"]) -> Int[np.ndarray, "points axes"]:
    """The places of the mask's pixels that have a face neighbour outside."""
    padded = np.pad(mask, 1)
    within = (slice(1, -1),) * mask.ndim
    inside = mask.copy()
    for axis in range(mask.ndim):
        for step in (-1, 1):
            inside &= np.roll(padded, step, axis)[within]
    return np.argwhere(mask & ~inside)


def _nearest(points: Float64[np.ndarray, "m axes"], others: Float64[np.ndarray, "n axes"]) -> Float64[np.ndarray, " m"]:
    """How far the nearest of the others is from each point; infinite where there are none."""
    if not len(points) or not len(others):
        return np.full(len(points), np.inf)
    tree = cv2.flann.Index(others.astype(np.float32), KD_TREE)
    place, _ = tree.knnSearch(points.astype(np.float32), 1, params={"checks": -1})
    return np.asarray(np.linalg.norm(points - others[place[:, 0]], axis=1))


def hausdorff95(distances: SurfaceDistances) -> float:
    """The distance that 95 % of the surfaces' pixels stay below: the larger of the two directions' percentiles.

    Between two distances it is interpolated (NumPy's percentile). MONAI and DeepMind's surface-distance take the larger
    direction too; MedPy takes one percentile of both directions together, which is mostly smaller. NaN where both masks
    are empty, infinite where only one is.

    >>> hausdorff95(SurfaceDistances(np.array([0.0, 1.0]), np.array([0.0, 2.0])))
    1.9
    """
    if not all(len(of) for of in distances):
        return _of_a_missing_shape(distances)
    return float(max(np.percentile(of, 95) for of in distances))


def average_surface_distance(distances: SurfaceDistances) -> float:
    """The mean over the pixels of both surfaces together (ASSD): symmetric, so truth and prediction may change places.

    MedPy takes the mean of the two directions' means, which differs where the surfaces differ in size. NaN where both
    masks are empty, infinite where only one is.

    >>> average_surface_distance(SurfaceDistances(np.array([0.0, 1.0]), np.array([0.0, 2.0])))
    0.75
    """
    if not all(len(of) for of in distances):
        return _of_a_missing_shape(distances)
    return float(np.concatenate(distances).mean())


def _of_a_missing_shape(distances: SurfaceDistances) -> float:
    return float("inf") if any(len(of) for of in distances) else float("nan")
