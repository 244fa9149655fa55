"""Calibration: is what a model calls 80 % sure right in 80 % of the cases?

Sources: Naeini, Cooper, Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian Binning", AAAI 2015; Guo,
Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017, equations 3 and 5.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

from pixelwise.errors import UserError
from pixelwise.metrics.division import divide


class Reliability(NamedTuple):
    """Per bin of confidence: pixels, the sum of their confidences, and how many are right. `total` adds several."""

    pixels: Int64[np.ndarray, " bins"]
    confidence: Float64[np.ndarray, " bins"]
    right: Int64[np.ndarray, " bins"]


def reliability(
    confidence: Float[np.ndarray, "*pixels"], right: Bool[np.ndarray, "..."], bins: int = 15
) -> Reliability:
    """Sorts pixels by confidence into bins of equal width, above (i - 1) / bins up to and with i / bins.

    confidence: the probability of the predicted class, in [0, 1]. right: whether it is the true one. Leave ignored
    pixels out: `reliability(confidence[valid], (predicted == label)[valid])`.
    Raises UserError where the shapes differ, or a confidence is not in [0, 1].

    >>> reliability(np.array([0.25, 0.5, 0.75, 1.0]), np.array([False, True, True, True]), 2)
    Reliability(pixels=array([2, 2]), confidence=array([0.75, 1.75]), right=array([1, 2]))
    """
    if confidence.shape != right.shape:
        raise UserError(f"confidence is {confidence.shape} pixels but right {right.shape}; they must be equal")
    if confidence.size and not 0 <= confidence.min() <= confidence.max() <= 1:
        raise UserError(
            f"confidences go from {confidence.min():g} to {confidence.max():g}; give probabilities, not logits"
        )
    flat = confidence.ravel()
    place = np.maximum(np.ceil(flat * bins).astype(np.intp) - 1, 0)  # 0 itself belongs to the first bin
    by_outcome = np.bincount(place + bins * right.ravel(), minlength=2 * bins).reshape(2, bins)
    return Reliability(by_outcome.sum(0), np.bincount(place, flat, bins), by_outcome[1])


def expected_calibration_error(reliability: Reliability) -> float:
    """How far confidence and accuracy differ in a bin, in [0, 1]: the mean over the pixels. NaN without pixels.

    >>> expected_calibration_error(Reliability(np.array([3, 1]), np.array([1.5, 1.0]), np.array([3, 1])))  # 1.5 / 4
    0.375
    """
    gaps = np.abs(reliability.right - reliability.confidence)
    return float(divide(gaps.sum(), reliability.pixels.sum()))


def maximum_calibration_error(reliability: Reliability) -> float:
    """The largest difference between confidence and accuracy of any bin that has pixels, in [0, 1]. NaN without pixels.

    A bin with a handful of pixels counts as much as any: read it beside their numbers.

    >>> maximum_calibration_error(Reliability(np.array([3, 1]), np.array([1.5, 1.0]), np.array([3, 1])))
    0.5
    """
    held = reliability.pixels > 0
    if not held.any():
        return float("nan")
    return float((np.abs(reliability.right - reliability.confidence)[held] / reliability.pixels[held]).max())
