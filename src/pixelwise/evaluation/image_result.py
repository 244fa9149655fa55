"""What is counted in one image: whole numbers that add up over a split, and what is asked of a single image."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from pixelwise import metrics
from pixelwise.labels import LabelMap
from pixelwise.metrics import (
    Counts,
    InstanceOverlap,
    Overlap,
    Reliability,
    boundary_overlap,
    confusion,
    reliability,
)


@dataclass(frozen=True)
class ImageResult:
    """One image's counts.

    counts: (k, k) whole pixels, rows = truth, columns = prediction; (k, k + 1) where predictions may be of no class,
    which count in the last column. ignored: share of its pixels that are not counted.
    confidence: the mean probability of the predicted class over the counted pixels; NaN where it is not known.
    reliability: these pixels by confidence, where that is known. overlap: of the bands along the boundaries of every
    class, where they were counted. instances: pixels of Cityscapes' instances, where these were counted.

    >>> result = ImageResult("street", np.array([[3, 1], [0, 4]]))
    >>> result.pixel_accuracy, result.mean_iou
    (0.875, 0.775)
    """

    name: str
    counts: Counts
    ignored: float = 0.0
    confidence: float = math.nan
    reliability: Reliability | None = None
    overlap: Overlap | None = None
    instances: InstanceOverlap | None = None

    @property
    def mean_iou(self) -> float:
        """Mean IoU over the classes that occur in the image or in what is predicted there, in [0, 1] or NaN."""
        return metrics.mean_iou(self.counts)

    @property
    def pixel_accuracy(self) -> float:
        """Share of the counted pixels that are right, in [0, 1] or NaN."""
        return metrics.pixel_accuracy(self.counts)


def measure(
    name: str,
    label: Integer[np.ndarray, "h w"],
    predicted: Integer[np.ndarray, "_ _"],
    labels: LabelMap,
    *,
    confidence: Float[np.ndarray, "h w"] | None = None,
    no_class: bool = False,
    instances: InstanceOverlap | None = None,
) -> ImageResult:
    """Counts one image.

    confidence: the probability of each pixel's predicted class, if known. no_class: whether a prediction may be the
    ignore index too, of no class. instances: what was counted of them, if it was.

    Raises UserError where the shapes differ, or a value is no class.

    >>> labels = LabelMap(("road", "car"), ((128, 64, 128), (0, 0, 142)))
    >>> label, predicted = np.array([[0, 0, 1, 255]]), np.array([[0, 1, 1, 1]])
    >>> result = measure("street", label, predicted, labels)
    >>> result.counts.tolist(), result.ignored
    ([[1, 1], [0, 1]], 0.25)
    """
    classes = len(labels)
    counts = confusion(label, predicted, classes, ignore=labels.ignore, no_class=no_class)
    overlap = _boundaries(label, predicted, classes, ignore=labels.ignore, no_class=no_class)
    counted = label != labels.ignore
    ignored = 1 - float(counted.mean())
    if confidence is None or not counted.any():
        return ImageResult(name, counts, ignored, overlap=overlap, instances=instances)
    sure = confidence[counted]
    calibration = reliability(sure, predicted[counted] == label[counted])
    return ImageResult(name, counts, ignored, float(sure.mean()), calibration, overlap, instances)


def _boundaries(
    label: Integer[np.ndarray, "h w"],
    predicted: Integer[np.ndarray, "_ _"],
    classes: int,
    *,
    ignore: int,
    no_class: bool,
) -> Overlap:
    """Of the classes; what is predicted as no class is one more beside them, which no label has."""
    if not no_class:
        return boundary_overlap(label, predicted, classes, ignore=ignore)
    named = np.where(predicted == ignore, classes, predicted)
    overlap = boundary_overlap(label, named, classes + 1, ignore=ignore)
    return Overlap(overlap.intersection[:classes], overlap.union[:classes])
