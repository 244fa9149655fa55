"""Photos from files and folders in, pictures of their labels out."""

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image as Pillow

from pixelwise.bundle import Bundle
from pixelwise.data import open_dataset
from pixelwise.data.dataset import Entry
from pixelwise.data.files.images import as_rgb, is_image
from pixelwise.data.layouts import STREETS
from pixelwise.errors import UserError
from pixelwise.files import replacing
from pixelwise.prediction.predict import paint, predict

PNG_EFFORT = 3  # of 9: a third of the time for a tenth more bytes

Photo = Path | Entry


class Pictures(NamedTuple):
    """What is shown of one photo.

    draw: kind -> how it is drawn. shares: of the classes; none where nothing is labelled.
    """

    draw: dict[str, Callable[[], Pillow.Image]]
    shares: dict[str, float]


def find_photos(inputs: Iterable[str]) -> list[tuple[str, Photo]]:
    """Every photo below the inputs under a name of its own.

    inputs: image files; folders that are datasets (their truth is shown too); other folders with photos.
    Raises UserError where an input is missing, or no folder holds a photo.
    """
    photos = [photo for text in inputs for photo in _photos_of(text)]
    names = Counter(_name(photo) for photo in photos)
    numbers = {name: count(1) for name in names}
    found: dict[str, Photo] = {}
    for photo in photos:
        base = name = _name(photo)
        while names[base] > 1 and (name in names or name in found):
            name = f"{base}_{next(numbers[base])}"
        found[name] = photo
    return list(found.items())


def _photos_of(text: str) -> list[Photo]:
    path = Path(text)
    if path.is_file():
        return [path]
    if not path.is_dir() and text != STREETS:
        raise UserError(f"{text}: there is no such file or folder")
    try:
        dataset = open_dataset(text)
    except UserError:
        photos = sorted(found for found in path.rglob("*") if found.is_file() and is_image(found))
        if not photos:
            raise UserError(f"{text}: holds no photos") from None
        return list(photos)
    return [entry for split in (dataset.train, dataset.val, dataset.test) for entry in split.entries]


def _name(photo: Photo) -> str:
    return photo.stem if isinstance(photo, Path) else photo.name


def pictures_of(bundle: Bundle, photo: Photo, name: str) -> Pictures:
    """The pictures of a labelled photo, with its truth where it is of a dataset.

    Of a model that paints photos: the one that is painted from a coloured label, a file or a sample's truth.
    Raises UserError where a file cannot be read.
    """
    if bundle.paints_photos:
        return _painted(bundle, photo)
    image, truth = (photo, None) if isinstance(photo, Path) else photo.read()[:2]
    found = predict(bundle, image, name)
    draw = {
        "label": found.index,
        "color": found.color,
        "overlay": found.overlay,
        "side_by_side": lambda: found.side_by_side(truth),
    }
    return Pictures(draw, found.shares())


def _painted(bundle: Bundle, photo: Photo) -> Pictures:
    if isinstance(photo, Path):
        painted = paint(bundle, photo)
        return Pictures({"photo": lambda: painted}, {})
    image, truth, _ = photo.read()
    colored = bundle.labels.colorize(truth)
    painted = paint(bundle, colored)
    panels = np.hstack([colored, as_rgb(image), np.asarray(painted)])
    return Pictures({"photo": lambda: painted, "side_by_side": lambda: Pillow.fromarray(panels)}, {})


def write_pictures(pictures: Pictures, name: str, folder: Path) -> None:
    """NAME_KIND.png of every kind, each whole or not at all. Raises UserError where the folder cannot be written."""
    for kind, draw in pictures.draw.items():  # one after the other, for a large photo's pictures are large
        _write(draw(), folder / f"{name}_{kind}.png")


def _write(picture: Pillow.Image, path: Path) -> None:
    with replacing(path) as temporary:
        picture.save(temporary, "PNG", compress_level=PNG_EFFORT)
