"""Pure functions on whole-pixel counts."""

from pixelwise.metrics.confusion import Counts, confusion
from pixelwise.metrics.scores import (
    dice,
    frequency_weighted_iou,
    iou,
    mean_class_accuracy,
    mean_dice,
    mean_iou,
    pixel_accuracy,
    precision,
    recall,
)

__all__ = [
    "Counts",
    "confusion",
    "dice",
    "frequency_weighted_iou",
    "iou",
    "mean_class_accuracy",
    "mean_dice",
    "mean_iou",
    "pixel_accuracy",
    "precision",
    "recall",
]
