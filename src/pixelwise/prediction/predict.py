"""One photo in, a Segmentation out."""

from pathlib import Path

import numpy as np

from pixelwise.bundle import Bundle
from pixelwise.data.dataset import Image
from pixelwise.data.files.images import read_image, with_channels
from pixelwise.errors import UserError
from pixelwise.prediction.labelling import label_images
from pixelwise.prediction.segmentation import Segmentation


def predict(bundle: Bundle, photo: str | Path | Image, name: str | None = None) -> Segmentation:
    """Labels a photo at its own size, whatever that is.

    photo: a file, or (h, w, c) uint8 with the model's channels, RGB or grey where it has three or one. name: of the
    photo; else that of the file.
    Raises UserError where the file cannot be read, or the array is no such image.
    """
    if isinstance(photo, str | Path):
        name = name or Path(photo).stem
        photo = read_image(Path(photo), bundle.format)
    channels = bundle.format.channels
    sound = photo.ndim == 3 and photo.dtype == np.uint8 and photo.size
    seen = with_channels(photo, channels) if sound else None
    if seen is None:
        wanted = f"(height, width, {channels}) uint8{' RGB' * (channels == 3)}"
        raise UserError(f"an image is {wanted}, but this is {photo.shape} {photo.dtype}; convert it")
    [(label, confidence)] = label_images(bundle.network, [seen], bundle.size)
    return Segmentation(seen, label, confidence, bundle.labels, name or "image")
