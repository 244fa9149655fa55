"""Model + data, or predictions + data -> counts -> Evaluation."""

from pixelwise.evaluation.evaluate import check_classes, evaluate, evaluate_exported
from pixelwise.evaluation.evaluation import Conditions, Evaluation
from pixelwise.evaluation.image_result import ImageResult, measure
from pixelwise.evaluation.predictions import evaluate_predictions
from pixelwise.evaluation.protocols import PROTOCOLS, Protocol
from pixelwise.evaluation.suspicious import Region

__all__ = [
    "PROTOCOLS",
    "Conditions",
    "Evaluation",
    "ImageResult",
    "Protocol",
    "Region",
    "check_classes",
    "evaluate",
    "evaluate_exported",
    "evaluate_predictions",
    "measure",
]
