"""Samples as small pictures: the photo, and the photo with its label's colours over it."""

import base64
import io
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from pixelwise.data.dataset import Dataset, Image, Sample
from pixelwise.data.files.images import as_rgb, size_within
from pixelwise.data.store.reading import in_threads
from pixelwise.errors import UserError
from pixelwise.labels import Label, LabelMap

SIDE = 320  # pixels of a thumbnail's longer side
MOST_BYTES = 15_000  # of one thumbnail; a page has at most 228, as text 4.6 MB
QUALITIES = (80, 65, 50, 35, 20)  # of the JPEG, tried until it is small enough
OPACITY = 0.5  # of the classes' colours
HATCH = 4  # pixels; width of the stripes over ignored areas


class Thumbnails(NamedTuple):
    """A sample's pictures as data URIs. error: why there are none; empty where there are."""

    photo: str = ""
    overlay: str = ""
    error: str = ""


def thumbnails(dataset: Dataset, wanted: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], Thumbnails]:
    """The pictures of samples, each read once. wanted: split and index of each."""

    def draw(place: tuple[str, int]) -> Thumbnails:
        split, index = place
        try:
            return thumbnails_of(dataset.split(split)[index], dataset.labels)
        except UserError as error:
            return Thumbnails(error=str(error))

    places = list(dict.fromkeys(wanted))
    return dict(zip(places, in_threads(draw, places), strict=True))


def thumbnails_of(sample: Sample, labels: LabelMap) -> Thumbnails:
    """A sample's photo, and its label over it; the label may have another resolution."""
    photo = _resized(as_rgb(sample.image))
    height, width = photo.shape[:2]
    rows, columns = (np.arange(new) * old // new for new, old in zip((height, width), sample.label.shape, strict=True))
    label = sample.label[rows[:, None], columns]
    return Thumbnails(jpeg_uri(photo), jpeg_uri(overlay(photo, label, labels)))


def overlay(photo: Image, label: Label, labels: LabelMap) -> Image:
    """The label's colours over the photo, classes parted by a dark line, ignored pixels hatched black and grey.

    photo: (h, w, 3). label: (h, w) class indices.

    >>> one = LabelMap(("road",), ((200, 100, 0),))
    >>> overlay(np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1), np.uint8), one).tolist()
    [[[100, 50, 0]]]
    """
    color = labels.colorize(label)
    ignored = label == labels.ignore
    down, across = np.ogrid[: label.shape[0], : label.shape[1]]
    color[ignored & ((down + across) // HATCH % 2 == 1)] = 150
    mixed = np.asarray(cv2.addWeighted(color, OPACITY, photo, 1 - OPACITY, 0), np.uint8)
    mixed[_boundary(label)] //= 3
    return mixed


def _boundary(label: Label) -> npt.NDArray[np.bool_]:
    """Pixels whose right or lower neighbour has another class."""
    edge = np.zeros(label.shape, bool)
    edge[:, :-1] |= label[:, :-1] != label[:, 1:]
    edge[:-1] |= label[:-1] != label[1:]
    return edge


def _resized(image: Image) -> Image:
    how = cv2.INTER_AREA if max(image.shape[:2]) > SIDE else cv2.INTER_LINEAR
    size = size_within(image, SIDE, grow=True)
    return np.asarray(cv2.resize(np.ascontiguousarray(image), size, interpolation=how), np.uint8)


def jpeg_uri(image: npt.NDArray[Any]) -> str:
    """An (h, w, 3) picture as the text of a data URI, as good as fits into 15,000 bytes."""
    for quality in QUALITIES:
        file = io.BytesIO()
        Pillow.fromarray(image).save(file, "JPEG", quality=quality, optimize=True)
        if file.tell() <= MOST_BYTES:
            break
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
