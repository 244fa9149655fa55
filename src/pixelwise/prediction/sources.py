"""Labels that are there to be measured: made by a model from photos, or read from masks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from pixelwise.bundle import Bundle
from pixelwise.data.dataset import Image
from pixelwise.data.files.geotiff import Georeference, read_georeference
from pixelwise.data.files.images import list_images, read_image, read_mask
from pixelwise.data.files.tiff_pages import is_stack
from pixelwise.errors import DataError, UserError
from pixelwise.labels import Label
from pixelwise.prediction.files import Photo
from pixelwise.prediction.predict import predict

OF_LABELS = "_label"  # how `pixelwise predict` ends the names of masks


class Source(Protocol):
    """Labels, each with a name."""

    @property
    def names(self) -> list[str]: ...

    def read(self, name: str) -> tuple[Image | None, Label]:
        """The photo, where there is one, and the label. Raises UserError where a file cannot be used."""
        ...

    def place(self, name: str) -> Georeference | None:
        """Where on Earth the label lies, where a file says so. Raises DataError where it cannot be read."""
        ...


@dataclass(frozen=True)
class LabelledPhotos:
    """Photos that a model labels. photos: by their names."""

    bundle: Bundle
    photos: Mapping[str, Photo | Image]

    @property
    def names(self) -> list[str]:
        return list(self.photos)

    def read(self, name: str) -> tuple[Image, Label]:
        photo = self.photos[name]
        found = predict(self.bundle, photo if isinstance(photo, Path | np.ndarray) else photo.read().image, name)
        return found.image, found.label

    def place(self, name: str) -> Georeference | None:
        photo = self.photos[name]
        return read_georeference(photo) if isinstance(photo, Path) else None


@dataclass(frozen=True)
class Masks:
    """Files of class indices. photos: those that they belong to, by the same names, where they are known."""

    files: Mapping[str, Path]
    photos: Mapping[str, Photo] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        return list(self.files)

    def read(self, name: str) -> tuple[Image | None, Label]:
        photo = self.photos.get(name)
        image = read_image(photo) if isinstance(photo, Path) else photo.read().image if photo else None
        return image, read_indices(self.files[name])

    def place(self, name: str) -> Georeference | None:
        """What the mask says, else what its photo does."""
        photo = self.photos.get(name)
        return read_georeference(self.files[name]) or (read_georeference(photo) if isinstance(photo, Path) else None)


def masks_in(folder: Path) -> dict[str, Path]:
    """Name -> file of the masks in a folder, in the order of counting; only *_label.png where there are such files.

    Raises UserError where there is no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder; name the one with the masks")
    every = list_images(folder)
    if not every:
        raise UserError(f"{folder}: holds no masks")
    labels = [path for path in every if path.stem.endswith(OF_LABELS)]
    return {path.stem.removesuffix(OF_LABELS): path for path in labels or every}


def read_indices(path: Path) -> Label:
    """A mask of class indices, (h, w). Raises DataError where it is of colours, a stack, or cannot be read."""
    if is_stack(path):
        raise DataError(path, "is a stack of slices", "measure it by `pixelwise surfaces`", "channels")
    mask = read_mask(path)
    if mask.ndim != 2:
        raise DataError(path, "holds colours", "give masks of class indices, as NAME_label.png", "channels")
    return mask
