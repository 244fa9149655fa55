"""Image -> Segmentation: what is seen, and pictures of it."""

from pixelwise.prediction.labelling import WHOLE, View, label_images
from pixelwise.prediction.predict import paint, predict
from pixelwise.prediction.segmentation import Segmentation
from pixelwise.prediction.tiles import Tiles

__all__ = ["WHOLE", "Segmentation", "Tiles", "View", "label_images", "paint", "predict"]
