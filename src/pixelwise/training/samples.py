"""What a network says while it learns: a picture per validation, always of the same images."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image as Pillow

from pixelwise.data import Dataset
from pixelwise.data.dataset import Image, Sample
from pixelwise.data.files.images import as_rgb
from pixelwise.data.sampling import even_sample
from pixelwise.files import replacing
from pixelwise.models import Network, Painter
from pixelwise.prediction.labelling import label_images, paint_image, to_working_size

SHOWN = 3  # validation images
WIDTH = 256  # pixels of each, at most
COMPRESSION = 3  # of 9; higher ones take longer than what they save is worth


class Shown(NamedTuple):
    """A validation image and the coloured label, both at working size; and both as panels, all of whose row are alike.

    shape: height and width of a panel.
    """

    photo: Image
    colored: Image
    panels: tuple[Image, Image]
    shape: tuple[int, int]


class Samples:
    """Three validation images, evenly spread, read once and kept small.

    dataset: with a validation split. size: the working size, (height, width). What the network says is drawn at that
    resolution; that a run is validated with the mirror image too, or in tiles, changes nothing here.
    """

    def __init__(self, dataset: Dataset, size: tuple[int, int]) -> None:
        self._labels, self._size = dataset.labels, size
        self._shown = [self._shrink(entry.read()) for entry in even_sample(dataset.val.entries, SHOWN)]

    def write(self, path: Path, network: Network) -> None:
        """A PNG with a row for each image, whole or not at all. Ignored pixels are black.

        Photo | truth | prediction; of a painter photo | truth | painted | the classes that it is read as, or, where it
        paints photos, coloured label | truth | painted. network: in evaluation mode.
        """
        rows = [
            np.hstack([*before, *(_panel(picture, shown.shape) for picture in said)])
            for shown in self._shown
            for before, said in [self._row(shown, network)]
        ]
        width = max(row.shape[1] for row in rows)
        whole = np.vstack([np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows])
        with replacing(path) as temporary:
            Pillow.fromarray(whole).save(temporary, "PNG", compress_level=COMPRESSION)

    def _shrink(self, sample: Sample) -> Shown:
        colored = self._labels.colorize(sample.label)
        height, width = sample.image.shape[:2]
        scale = min(1.0, WIDTH / width)
        shape = max(1, round(height * scale)), round(width * scale)
        panels = _panel(as_rgb(sample.image), shape), _panel(colored, shape)
        return Shown(to_working_size(sample.image, self._size), to_working_size(colored, self._size), panels, shape)

    def _row(self, shown: Shown, network: Network) -> tuple[tuple[Image, Image], list[Image]]:
        """What is known, and what the network makes of it."""
        photo, truth = shown.panels
        if isinstance(network, Painter) and network.paints == "photo":
            return (truth, photo), [paint_image(network, shown.colored, self._size)]
        painted = [paint_image(network, shown.photo, self._size)] if isinstance(network, Painter) else []
        [(label, _)] = label_images(network, [shown.photo], self._size)
        return (photo, truth), [*painted, self._labels.colorize(label)]


def _panel(picture: Image, shape: tuple[int, int]) -> Image:
    return np.asarray(cv2.resize(picture, shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)
