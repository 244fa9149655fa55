"""Model + data -> counts -> Evaluation."""

from pixelwise.evaluation.evaluate import check_classes, evaluate
from pixelwise.evaluation.evaluation import Conditions, Evaluation, ImageScore

__all__ = ["Conditions", "Evaluation", "ImageScore", "check_classes", "evaluate"]
