"""Stacks of slices: folders of images, TIFF files with many pages, NIfTI files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pixelwise.bundle import Bundle
from pixelwise.data.dataset import RGB, Image
from pixelwise.data.files.file_content import content_of
from pixelwise.data.files.images import as_bytes, list_images
from pixelwise.data.files.nifti_files import Spacing, is_nifti, read_nifti, read_nifti_header
from pixelwise.data.files.tiff_pages import read_pages
from pixelwise.errors import DataError, UserError
from pixelwise.labels import IGNORE, Label
from pixelwise.prediction.sources import LabelledPhotos, Masks, Source, masks_in

HIGHEST = 65535
WINDOW = (1, 99)  # percentiles of a volume's intensities that become black and white

Numbers = npt.NDArray[Any]


@dataclass(frozen=True)
class Slices:
    """Labels in memory."""

    labels: dict[str, Label]

    @property
    def names(self) -> list[str]:
        return list(self.labels)

    def read(self, name: str) -> tuple[None, Label]:
        return None, self.labels[name]

    def place(self, name: str) -> None:
        return None


def open_stack(path: Path, bundle: Bundle | None = None) -> Source:
    """The labels of a stack, slice by slice: of a folder in the order of counting, of a TIFF file page by page.

    Of a NIfTI file in the order of its third axis, or in the other order where that makes columns, rows and slices a
    right-handed system, so that surfaces are not mirrored.
    bundle: the model that labels the slices, which are photos then; None = they are masks of class indices.
    Raises UserError where there is no stack, or a page cannot be read.
    """
    if path.is_dir():
        return LabelledPhotos(bundle, {one.name: one for one in _photos_in(path)}) if bundle else Masks(masks_in(path))
    slices = read_slices(path)
    if is_nifti(path) and read_nifti_header(path).mirrored:
        slices = dict(reversed(slices.items()))
    if bundle:
        return LabelledPhotos(bundle, as_photos(path, slices, bundle.format.bits))
    return Slices({name: _as_label(page, path, name) for name, page in slices.items()})


def spacing_of(path: Path) -> tuple[Spacing | None, str]:
    """What a stack says of the distances between slices, rows and columns, and their unit; None and "" if nothing.

    Only NIfTI files do. Raises DataError where one cannot be read.
    """
    if path.is_dir() or not is_nifti(path):
        return None, ""
    header = read_nifti_header(path)
    return header.spacing, header.unit


def read_slices(path: Path) -> dict[str, Numbers]:
    """The slices of a TIFF or NIfTI file by their names, (h, w) numbers as they are written, or (h, w, 3) colours.

    Raises UserError where there is no such file, or it is of another kind; DataError where it cannot be read.
    """
    if not path.exists():
        raise UserError(f"{path}: there is no such file or folder")
    if is_nifti(path):
        return {f"slice {number}": one for number, one in enumerate(read_nifti(path)[1], start=1)}
    if content_of(path) != "tiff":
        raise UserError(f"{path}: is no stack; give a folder of slices, a TIFF file with a page for each, or NIfTI")
    return {f"page {number}": page for number, page in enumerate(read_pages(path), start=1)}


def as_photos(path: Path, slices: Mapping[str, Numbers], bits: int = 8) -> dict[str, Image]:
    """Slices as photos that a model takes, (h, w, c) uint8.

    Bytes stay as they are. Deeper numbers are seen through one window for the whole stack: its 1st percentile becomes
    0, its 99th 255. bits: that the model was trained on; of more than 8 numbers become bytes as those of photos do.
    path: for messages. Raises DataError where numbers are not finite.

    >>> numbers = np.arange(101, dtype=np.int16)[None]
    >>> as_photos(Path("a.nii"), {"slice 1": numbers})["slice 1"][0, [0, 1, 50, 99, 100], 0].tolist()
    [0, 0, 128, 255, 255]
    """
    for name, one in slices.items():
        if one.dtype.kind == "f" and not np.isfinite(one).all():
            raise DataError(path, f"{name} holds NaN or infinity", "put numbers there", "unknown value")
    if bits > RGB.bits or all(one.dtype in {np.dtype(np.uint8), np.dtype(np.bool_)} for one in slices.values()):
        photos = {name: as_bytes(one, bits) for name, one in slices.items()}
    else:
        low, high = _window(slices)
        photos = {name: _seen(one, low, high) for name, one in slices.items()}
    return {name: one if one.ndim == 3 else one[..., None] for name, one in photos.items()}


def _window(slices: Mapping[str, Numbers]) -> tuple[float, float]:
    """What becomes 0 and 255; from the least to the largest where the percentiles are the same."""
    every = np.concatenate([one.ravel() for one in slices.values()])
    low, high = np.percentile(every, WINDOW).tolist()
    return (low, high) if low < high else (float(every.min()), float(every.max()))


def _seen(numbers: Numbers, low: float, high: float) -> Image:
    share = (numbers.astype(np.float32) - low) / (high - low or 1.0)
    seen: Image = np.rint(np.clip(share, 0, 1) * 255).astype(np.uint8)
    return seen


def _photos_in(folder: Path) -> list[Path]:
    if found := list_images(folder):
        return found
    raise UserError(f"{folder}: holds no photos")


def _as_label(page: Numbers, path: Path, name: str) -> Label:
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
