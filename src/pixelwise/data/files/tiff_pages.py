"""TIFF files with many pages: which of them are slices of one stack."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from pixelwise.data.files.file_content import MOST_BYTES, check_size, content, opened
from pixelwise.data.files.geotiff import TAGS
from pixelwise.errors import DataError

MODES = ("1", "L", "P", "I;16", "I;16B", "I", "F", "RGB")
KIND = 254  # NewSubfileType
REDUCED, MASK = 1, 4  # of its bits: a smaller copy of another page, and which pixels of one count


def is_stack(path: Path) -> bool:
    """Whether a file is a TIFF with two pages or more, all of one size, that lie nowhere on Earth.

    Smaller copies of a page and masks of transparency do not count. What cannot be read is none; that is told when it
    is read as something else.
    """
    sizes: list[tuple[int, int]] = []
    with suppress(DataError), opened(path) as file:
        if content(file.read(32)) == "tiff":
            file.seek(0)
            with Pillow.open(file, formats=("TIFF",)) as picture:
                if not any(tag in TAGS for tag in picture.tag_v2):  # type: ignore[attr-defined]
                    sizes = [page.size for page in _pages(picture)]
    return len(sizes) > 1 and len(set(sizes)) == 1


def read_pages(path: Path) -> list[npt.NDArray[Any]]:
    """The pages of a TIFF file as they are written: (h, w) numbers, palette indices too, or (h, w, 3) colours.

    Smaller copies of a page and masks of transparency are left out.
    Raises DataError where it cannot be read, or is larger than memory may be.
    """
    pages, used = [], 0
    with opened(path) as file, Pillow.open(file, formats=("TIFF",)) as picture:
        for page in _pages(picture):
            check_size(path, *page.size)
            if page.mode not in MODES:
                raise DataError(path, f"page {page.tell() + 1} is {page.mode}", "save numbers or RGB", "channels")
            pages.append(np.array(page))
            used += pages[-1].nbytes
            if used > MOST_BYTES:
                raise DataError(path, f"holds more than {MOST_BYTES:,} bytes", "cut it into parts", "unreadable")
    return pages


def _pages(picture: Pillow.Image) -> Iterator[Pillow.Image]:
    """The picture at each of its pages, none of them decoded."""
    for number in range(getattr(picture, "n_frames", 1)):
        picture.seek(number)
        if not picture.tag_v2.get(KIND, 0) & (REDUCED | MASK):  # type: ignore[attr-defined]
            yield picture
