"""Scores from a confusion matrix: rows = truth, columns = prediction, whole pixels.

A class that occurs in neither is NaN and left out of every mean. Sources: Everingham et al., "Pascal VOC",
IJCV 2010 (IoU); Dice 1945; Long, Shelhamer, Darrell, "FCN", CVPR 2015 (accuracies, frequency weighting).
"""

import numpy as np
from jaxtyping import Float

from pixelwise.metrics.confusion import Counts

PerClass = Float[np.ndarray, " k"]


def iou(counts: Counts) -> PerClass:
    """Intersection over union per class, in [0, 1]; NaN where the class occurs in neither truth nor prediction.

    >>> iou(np.array([[3, 1], [0, 0]]))
    array([0.75, 0.  ])
    """
    hit = np.diag(counts)
    return _divide(hit, counts.sum(0) + counts.sum(1) - hit)


def dice(counts: Counts) -> PerClass:
    """Dice coefficient (F1) per class, in [0, 1]; NaN where the class occurs in neither.

    >>> dice(np.array([[3, 1], [0, 0]])).round(3)
    array([0.857, 0.   ])
    """
    return _divide(2 * np.diag(counts), counts.sum(0) + counts.sum(1))


def precision(counts: Counts) -> PerClass:
    """Share of the pixels called a class that are of it; NaN where none was called so.

    >>> precision(np.array([[3, 1], [0, 0]]))
    array([1., 0.])
    """
    return _divide(np.diag(counts), counts.sum(0))


def recall(counts: Counts) -> PerClass:
    """Share of a class's pixels that were found; NaN where the class never occurs in the truth.

    >>> recall(np.array([[3, 1], [0, 0]]))
    array([0.75,  nan])
    """
    return _divide(np.diag(counts), counts.sum(1))


def mean_iou(counts: Counts) -> float:
    """Mean over the classes that occur; NaN where nothing was counted.

    >>> mean_iou(np.array([[3, 1, 0], [0, 0, 0], [0, 0, 0]]))
    0.375
    """
    return _mean(iou(counts))


def mean_dice(counts: Counts) -> float:
    """Mean Dice over the classes that occur.

    >>> mean_dice(np.array([[2, 0], [0, 5]]))
    1.0
    """
    return _mean(dice(counts))


def pixel_accuracy(counts: Counts) -> float:
    """Share of the counted pixels that are right.

    >>> pixel_accuracy(np.array([[3, 1], [0, 0]]))
    0.75
    """
    return float(_divide(np.trace(counts), counts.sum()))


def mean_class_accuracy(counts: Counts) -> float:
    """Mean recall over the classes that occur in the truth.

    >>> mean_class_accuracy(np.array([[3, 1], [0, 0]]))
    0.75
    """
    return _mean(recall(counts))


def frequency_weighted_iou(counts: Counts) -> float:
    """IoU of each class weighted by its share of the true pixels.

    >>> frequency_weighted_iou(np.array([[3, 1], [0, 4]])).__round__(3)
    0.775
    """
    share = _divide(counts.sum(1), counts.sum())
    return float(np.nansum(share * iou(counts))) if counts.sum() else float("nan")


def class_accuracy_over_all(counts: Counts) -> float:
    """Mean recall over all classes, those that never occur counting 0, as the code of Pix2Pix has it.

    Source: Isola et al., "Pix2Pix", CVPR 2017; get_scores in scripts/eval_cityscapes/util.py of its code.

    >>> class_accuracy_over_all(np.array([[3, 1], [0, 0]]))
    0.375
    """
    return float(np.nan_to_num(recall(counts)).mean())


def class_iou_over_all(counts: Counts) -> float:
    """Mean IoU over all classes, those that never occur counting 0, as the code of Pix2Pix has it.

    >>> class_iou_over_all(np.array([[3, 1, 0], [0, 0, 0], [0, 0, 0]]))
    0.25
    """
    return float(np.nan_to_num(iou(counts)).mean())


def _divide(part: np.ndarray | np.integer, whole: np.ndarray | np.integer) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.true_divide(part, whole))


def _mean(values: PerClass) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")
