"""Image -> Segmentation: what is seen, and pictures of it."""

from pixelwise.prediction.labelling import label_images
from pixelwise.prediction.predict import paint, predict
from pixelwise.prediction.segmentation import Segmentation

__all__ = ["Segmentation", "label_images", "paint", "predict"]
