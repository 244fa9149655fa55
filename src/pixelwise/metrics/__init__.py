"""Pure functions: scores from whole numbers counted in images and summed, and the checkerboards of a picture."""

from pixelwise.metrics.boundary import BoundaryCounts, boundary_confusion, near_boundary
from pixelwise.metrics.boundary_f1 import (
    BoundaryMatch,
    boundary_f1,
    boundary_match,
    boundary_precision,
    boundary_recall,
    boundary_tolerance,
    mean_boundary_f1,
)
from pixelwise.metrics.boundary_iou import Overlap, boundary_distance, boundary_iou, boundary_overlap
from pixelwise.metrics.calibration import (
    Reliability,
    expected_calibration_error,
    maximum_calibration_error,
    reliability,
)
from pixelwise.metrics.categories import category_counts, category_iou
from pixelwise.metrics.checkerboard import (
    PERIODS,
    WINDOW,
    Spectrum,
    checkerboard_energy,
    checkerboard_ratio,
    power_spectrum,
)
from pixelwise.metrics.confusion import Counts, confusion
from pixelwise.metrics.division import mean_over_present
from pixelwise.metrics.instance_iou import (
    INSTANCE_CATEGORIES,
    INSTANCE_CLASSES,
    InstanceOverlap,
    instance_iou,
    instance_overlap,
)
from pixelwise.metrics.scores import (
    class_accuracy_over_all,
    class_iou_over_all,
    cohen_kappa,
    dice,
    frequency_weighted_iou,
    iou,
    mean_class_accuracy,
    mean_dice,
    mean_iou,
    pixel_accuracy,
    precision,
    recall,
    specificity,
)
from pixelwise.metrics.surface import SurfaceDistances, average_surface_distance, hausdorff95, surface_distances
from pixelwise.metrics.total import total

__all__ = [
    "INSTANCE_CATEGORIES",
    "INSTANCE_CLASSES",
    "PERIODS",
    "WINDOW",
    "BoundaryCounts",
    "BoundaryMatch",
    "Counts",
    "InstanceOverlap",
    "Overlap",
    "Reliability",
    "Spectrum",
    "SurfaceDistances",
    "average_surface_distance",
    "boundary_confusion",
    "boundary_distance",
    "boundary_f1",
    "boundary_iou",
    "boundary_match",
    "boundary_overlap",
    "boundary_precision",
    "boundary_recall",
    "boundary_tolerance",
    "category_counts",
    "category_iou",
    "checkerboard_energy",
    "checkerboard_ratio",
    "class_accuracy_over_all",
    "class_iou_over_all",
    "cohen_kappa",
    "confusion",
    "dice",
    "expected_calibration_error",
    "frequency_weighted_iou",
    "hausdorff95",
    "instance_iou",
    "instance_overlap",
    "iou",
    "maximum_calibration_error",
    "mean_boundary_f1",
    "mean_class_accuracy",
    "mean_dice",
    "mean_iou",
    "mean_over_present",
    "near_boundary",
    "pixel_accuracy",
    "power_spectrum",
    "precision",
    "recall",
    "reliability",
    "specificity",
    "surface_distances",
    "total",
]
