"""Scores from a confusion matrix: rows = truth, columns = prediction, whole pixels.

The matrix is (k, k), or (k, k + 1) where the last column is of predictions of no class: misses of the true class.
A class that occurs in neither is NaN and left out of every mean. Sources: Everingham et al., "Pascal VOC", IJCV 2010
(IoU); Dice 1945; Long, Shelhamer, Darrell, "FCN", CVPR 2015 (accuracies, frequency weighting).
"""

import numpy as np
from jaxtyping import Int64

from pixelwise.metrics.confusion import Counts
from pixelwise.metrics.division import PerClass, divide, mean_over_present


def called(counts: Counts) -> Int64[np.ndarray, " k"]:
    """How many pixels each class was predicted for, rightly or not.

    >>> called(np.array([[3, 1, 2], [0, 0, 0]]))
    array([3, 1])
    """
    return np.asarray(counts.sum(0)[: len(counts)])


def iou(counts: Counts) -> PerClass:
    """Intersection over union per class, in [0, 1]; NaN where the class occurs in neither truth nor prediction.

    >>> iou(np.array([[3, 1], [0, 0]]))
    array([0.75, 0.  ])
    """
    hit = np.diag(counts)
    return divide(hit, called(counts) + counts.sum(1) - hit)


def dice(counts: Counts) -> PerClass:
    """Dice coefficient (F1) per class, in [0, 1]; NaN where the class occurs in neither.

    >>> dice(np.array([[3, 1], [0, 0]])).round(3)
    array([0.857, 0.   ])
    """
    return divide(2 * np.diag(counts), called(counts) + counts.sum(1))


def precision(counts: Counts) -> PerClass:
    """Share of the pixels called a class that are of it; NaN where none was called so.

    >>> precision(np.array([[3, 1], [0, 0]]))
    array([1., 0.])
    """
    return divide(np.diag(counts), called(counts))


def recall(counts: Counts) -> PerClass:
    """Share of a class's pixels that were found; NaN where the class never occurs in the truth.

    >>> recall(np.array([[3, 1], [0, 0]]))
    array([0.75,  nan])
    """
    return divide(np.diag(counts), counts.sum(1))


def specificity(counts: Counts) -> PerClass:
    """Share of the pixels of other classes that were not called this one: TN / (TN + FP); NaN where there are none.

    Near 1 for every rare class, however badly it is found. Source: Yerushalmy 1947; Taha and Hanbury, "Metrics for
    evaluating 3D medical image segmentation", BMC Medical Imaging 2015.

    >>> specificity(np.array([[3, 1], [0, 4]]))
    array([1.  , 0.75])
    """
    others = counts.sum() - counts.sum(1)
    false_positives = called(counts) - np.diag(counts)
    return divide(others - false_positives, others)


def mean_iou(counts: Counts) -> float:
    """Mean over the classes that occur; NaN where nothing was counted.

    >>> mean_iou(np.array([[3, 1, 0], [0, 0, 0], [0, 0, 0]]))
    0.375
    """
    return mean_over_present(iou(counts))


def mean_dice(counts: Counts) -> float:
    """Mean Dice over the classes that occur.

    >>> mean_dice(np.array([[2, 0], [0, 5]]))
    1.0
    """
    return mean_over_present(dice(counts))


def pixel_accuracy(counts: Counts) -> float:
    """Share of the counted pixels that are right.

    >>> pixel_accuracy(np.array([[3, 1], [0, 0]]))
    0.75
    """
    return float(divide(np.trace(counts), counts.sum()))


def mean_class_accuracy(counts: Counts) -> float:
    """Mean recall over the classes that occur in the truth.

    >>> mean_class_accuracy(np.array([[3, 1], [0, 0]]))
    0.75
    """
    return mean_over_present(recall(counts))


def frequency_weighted_iou(counts: Counts) -> float:
    """IoU of each class weighted by its share of the true pixels.

    >>> frequency_weighted_iou(np.array([[3, 1], [0, 4]])).__round__(3)
    0.775
    """
    share = divide(counts.sum(1), counts.sum())
    return float(np.nansum(share * iou(counts))) if counts.sum() else float("nan")


def cohen_kappa(counts: Counts) -> float:
    """How far the agreement exceeds what chance would give, in [-1, 1]: 0 = chance, 1 = all right.

    (p - e) / (1 - e), p = the pixel accuracy, e = that of drawing at random with the same shares of the classes. NaN
    where truth and prediction are one and the same class everywhere, or nothing was counted.
    Source: Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 1960.

    >>> cohen_kappa(np.array([[20, 5], [10, 15]])).__round__(3)  # p = 0.7, e = 0.5 x 0.6 + 0.5 x 0.4
    0.4
    """
    pixels = counts.sum()
    by_chance = divide(counts.sum(1), pixels) @ divide(called(counts), pixels)
    return float(divide(divide(np.trace(counts), pixels) - by_chance, 1 - by_chance))


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
