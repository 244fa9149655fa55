"""Images of any size some rows at a time, so that nobody has to hold them whole."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pixelwise.data.dataset import RGB, Format, Image
from pixelwise.data.files.file_content import UNREADABLE, content, opened
from pixelwise.data.files.images import as_bytes, read_image, with_channels, wrong_channels
from pixelwise.data.files.tiff_files import FLOAT, HEIGHT, WIDTH, Bands, Tags, bands_of, read_tags
from pixelwise.data.files.tiff_rows import has_rows, read_rows
from pixelwise.errors import DataError

AT_ONCE = 2**26  # numbers that are looked at together for the largest of them

Numbers = npt.NDArray[Any]


@dataclass(frozen=True)
class Rows:
    """An image of which some rows are read at a time.

    read: first row and the one behind the last -> (rows, width, c) uint8.

    >>> image = rows_of(np.zeros((4, 6, 3), np.uint8))
    >>> image.height, image.width, image.read(1, 3).shape
    (4, 6, (2, 6, 3))
    """

    height: int
    width: int
    read: Callable[[int, int], Image]


def rows_of(image: Image) -> Rows:
    """The rows of an image in memory."""
    return Rows(image.shape[0], image.shape[1], lambda top, bottom: image[top:bottom])


def open_rows(path: Path, format: Format = RGB) -> Rows:
    """The rows of an image file; what they are made into, and what is raised, is as `read_image` has it.

    TIFF and BigTIFF files of grey, RGB or any bands are read strip by strip or tile by tile, whatever their size. All
    others, and TIFF files with palettes, turned by a tag, or in CMYK, Lab or single bits, are read whole, once.
    Raises DataError, now or when rows are read.
    """
    tags = _tags(path)
    bands = bands_of(tags) if tags else None
    if not tags or bands is None or not has_rows(bands, tags):
        return rows_of(read_image(path, format))
    if not (bands.width and bands.height):
        raise DataError(path, "has no pixels", "replace or remove it", UNREADABLE)
    numbers = _reader(path, bands)
    to_bytes = _to_bytes(numbers, bands, format.bits)
    return Rows(bands.height, bands.width, lambda top, bottom: _wanted(path, to_bytes(numbers(top, bottom)), format))


def pixels_of_tiff(path: Path) -> int:
    """Pixels of a TIFF file; 0 where it is of another kind. Raises DataError where it cannot be read."""
    tags = _tags(path)
    return tags[WIDTH][0] * tags[HEIGHT][0] if tags else 0


def _tags(path: Path) -> Tags | None:
    """Of a TIFF file, else none."""
    with opened(path) as file:
        kind = content(file.read(32))
        file.seek(0)
        return read_tags(file) if kind == "tiff" else None


def _reader(path: Path, bands: Bands) -> Callable[[int, int], Numbers]:
    def read(top: int, bottom: int) -> Numbers:
        with opened(path) as file:  # again and again, for whatever else goes wrong meanwhile is no fault of the file
            return read_rows(path, file, bands, slice(top, bottom))

    return read


def _wanted(path: Path, image: Image, format: Format) -> Image:
    converted = with_channels(image, format.channels)
    if converted is None:
        raise wrong_channels(path, image, format)
    return converted


def _to_bytes(numbers: Callable[[int, int], Numbers], bands: Bands, bits: int) -> Callable[[Numbers], Image]:
    """How deep numbers become bytes: what `as_bytes` would choose for the whole image, for all of its rows."""
    if bands.bits == RGB.bits or bits > RGB.bits:
        return lambda rows: as_bytes(rows, bits)
    largest = _largest(numbers, bands)
    if bands.form == FLOAT and 2 < largest <= 255:  # some rows alone might pass for fractions up to one
        return lambda rows: np.asarray(np.clip(np.nan_to_num(rows), 0, 255), np.uint8)
    return lambda rows: as_bytes(rows, 16 if largest > 255 else bits)


def _largest(numbers: Callable[[int, int], Numbers], bands: Bands) -> float:
    step = max(1, AT_ONCE // (bands.width * bands.samples))
    starts = range(0, bands.height, step)
    return max(float(np.nan_to_num(numbers(top, min(top + step, bands.height))).max()) for top in starts)
