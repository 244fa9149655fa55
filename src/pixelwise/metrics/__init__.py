"""Pure functions: scores from whole-pixel counts, near boundaries too, and the checkerboards of a picture."""

from pixelwise.metrics.boundary import BoundaryCounts, boundary_confusion, near_boundary
from pixelwise.metrics.checkerboard import (
    PERIODS,
    WINDOW,
    Spectrum,
    checkerboard_energy,
    checkerboard_ratio,
    power_spectrum,
)
from pixelwise.metrics.confusion import Counts, confusion
from pixelwise.metrics.scores import (
    class_accuracy_over_all,
    class_iou_over_all,
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
    "PERIODS",
    "WINDOW",
    "BoundaryCounts",
    "Counts",
    "Spectrum",
    "boundary_confusion",
    "checkerboard_energy",
    "checkerboard_ratio",
    "class_accuracy_over_all",
    "class_iou_over_all",
    "confusion",
    "dice",
    "frequency_weighted_iou",
    "iou",
    "mean_class_accuracy",
    "mean_dice",
    "mean_iou",
    "near_boundary",
    "pixel_accuracy",
    "power_spectrum",
    "precision",
    "recall",
]
