"""One photo in, a Segmentation out."""

from pathlib import Path

import numpy as np

from pixelwise.bundle import Bundle
from pixelwise.data.dataset import Image
from pixelwise.data.images import read_image
from pixelwise.errors import UserError
from pixelwise.prediction.labelling import label_images
from pixelwise.prediction.segmentation import Segmentation


def predict(bundle: Bundle, photo: str | Path | Image, name: str | None = None) -> Segmentation:
    """Labels a photo at its own size, whatever that is.

    photo: a file, or (h, w, 3) uint8 RGB. name: of the photo; else that of the file.
    Raises UserError where the file cannot be read, or the array is no such image.
    """
    if isinstance(photo, str | Path):
        name = name or Path(photo).stem
        photo = read_image(Path(photo))
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8 or not photo.size:
        raise UserError(
            f"an image is (height, width, 3) uint8 RGB, but this is {photo.shape} {photo.dtype}; convert it"
        )
    [(label, confidence)] = label_images(bundle.network, [photo], bundle.size)
    return Segmentation(photo, label, confidence, bundle.labels, name or "image")
