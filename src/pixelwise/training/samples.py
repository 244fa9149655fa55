"""What a painter paints while it learns: a picture per validation, always of the same images."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image as Pillow

from pixelwise.data import Dataset
from pixelwise.data.dataset import Image, Sample
from pixelwise.data.files.images import as_rgb
from pixelwise.data.sampling import even_sample
from pixelwise.files import replacing
from pixelwise.models import Painter
from pixelwise.prediction.labelling import label_images, paint_image

SHOWN = 3  # validation images
WIDTH = 256  # pixels of each, at most


def write_samples(path: Path, painter: Painter, dataset: Dataset, size: tuple[int, int]) -> None:
    """A row for each of three validation images, whole or not at all. size: that images are painted at.

    Photo | truth | painted | the classes it is read as; or, where photos are painted, coloured label | truth | painted.
    """
    samples = [entry.read() for entry in even_sample(dataset.val.entries, SHOWN)]
    rows = [_row(painter, sample, dataset, size) for sample in samples]
    width = max(row.shape[1] for row in rows)
    whole = np.vstack([np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows])
    with replacing(path) as temporary:
        Pillow.fromarray(whole).save(temporary, "PNG")


def _row(painter: Painter, sample: Sample, dataset: Dataset, size: tuple[int, int]) -> Image:
    photo, colored = as_rgb(sample.image), dataset.labels.colorize(sample.label)
    if painter.paints == "photo":
        panels = [colored, photo, paint_image(painter, colored, size)]
    else:
        [(label, _)] = label_images(painter, [sample.image], size)
        panels = [photo, colored, paint_image(painter, sample.image, size), dataset.labels.colorize(label)]
    return np.hstack([_small(panel) for panel in panels])


def _small(picture: Image) -> Image:
    height, width = picture.shape[:2]
    scale = min(1.0, WIDTH / width)
    shape = (round(width * scale), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, shape, interpolation=cv2.INTER_AREA), np.uint8)
