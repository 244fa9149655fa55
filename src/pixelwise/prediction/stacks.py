"""Stacks of slices: folders of images, and TIFF files with many pages."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from pixelwise.bundle import Bundle
from pixelwise.data.dataset import Image
from pixelwise.data.files.file_content import MOST_BYTES, check_size, opened
from pixelwise.data.files.images import content_of, list_images
from pixelwise.errors import DataError, UserError
from pixelwise.labels import IGNORE, Label
from pixelwise.prediction.sources import LabelledPhotos, Masks, Source, masks_in

HIGHEST = 65535
MODES = ("1", "L", "P", "I;16", "I;16B", "I", "F", "RGB")


@dataclass(frozen=True)
class Slices:
    """Labels in memory."""

    labels: dict[str, Label]

    @property
    def names(self) -> list[str]:
        return list(self.labels)

    def read(self, name: str) -> tuple[None, Label]:
        return None, self.labels[name]


def open_stack(path: Path, bundle: Bundle | None = None) -> Source:
    """The labels of a stack, slice by slice: of a folder in the order of counting, of a TIFF file page by page.

    bundle: the model that labels the slices, which are photos then; None = they are masks of class indices.
    Raises UserError where there is no stack, or a page cannot be read.
    """
    if path.is_dir():
        return LabelledPhotos(bundle, {one.name: one for one in _photos_in(path)}) if bundle else Masks(masks_in(path))
    if not path.exists():
        raise UserError(f"{path}: there is no such file or folder")
    if content_of(path) != "tiff":
        raise UserError(f"{path}: is no stack; give a folder of slices, or a TIFF file with a page for each")
    pages = {f"page {number}": page for number, page in enumerate(read_pages(path), start=1)}
    if bundle:
        return LabelledPhotos(bundle, {name: _as_photo(page, bundle.format.bits) for name, page in pages.items()})
    return Slices({name: _as_label(page, path, name) for name, page in pages.items()})


def _photos_in(folder: Path) -> list[Path]:
    if found := list_images(folder):
        return found
    raise UserError(f"{folder}: holds no photos")


def read_pages(path: Path) -> list[npt.NDArray[Any]]:
    """The pages of a TIFF file as they are written: (h, w) numbers, palette indices too, or (h, w, 3) colours.

    Raises DataError where it cannot be read, or is larger than memory may be.
    """
    pages, used = [], 0
    with opened(path) as file, Pillow.open(file, formats=("TIFF",)) as picture:
        for number in range(getattr(picture, "n_frames", 1)):
            picture.seek(number)
            check_size(path, *picture.size)
            if picture.mode not in MODES:
                raise DataError(path, f"page {number + 1} is {picture.mode}", "save numbers or RGB", "channels")
            pages.append(np.array(picture))
            used += pages[-1].nbytes
            if used > MOST_BYTES:
                raise DataError(path, f"holds more than {MOST_BYTES:,} bytes", "cut it into parts", "unreadable")
    return pages


def _as_label(page: npt.NDArray[Any], path: Path, name: str) -> Label:
    """Class indices; negative ones are ignored."""
    if page.ndim != 2:
        raise DataError(path, f"{name} holds colours", "give class indices", "channels")
    if (page.dtype.kind == "f" and not (page == np.trunc(page)).all()) or page.max() > HIGHEST:
        raise DataError(
            path, f"{name} holds fractions or numbers over {HIGHEST}", "give class indices", "unknown value"
        )
    if page.dtype in {np.dtype(np.uint8), np.dtype(np.bool_)}:
        return page.astype(np.uint8)
    return np.where(page < 0, IGNORE, page).astype(np.uint16)


def _as_photo(page: npt.NDArray[Any], bits: int) -> Image:
    """(h, w, c) uint8; of deep numbers the upper 8 of these bits, or of 16 where they need more than 8."""
    deep = page.astype(np.int64) if page.dtype != np.uint8 else page
    if page.dtype != np.uint8 and deep.max() > 255:
        deep = np.clip(deep, 0, HIGHEST) >> ((bits if bits > 8 else 16) - 8)
    shown: Image = np.clip(deep, 0, 255).astype(np.uint8)
    return shown if shown.ndim == 3 else shown[..., None]
