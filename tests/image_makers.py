"""Image files of kinds that Pillow does not write, and the error with which reading one ends."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from PIL import Image as Pillow

from pixelwise.data.files.images import read_image
from pixelwise.errors import DataError

Array = npt.NDArray[np.generic]


def by_pillow(path: Path) -> Pillow.Image:
    """The picture as Pillow alone reads it; the file is closed."""
    with Pillow.open(path) as picture:
        return picture.copy()


def deep(channels: int = 1, bits: int = 16, dtype: type[np.generic] = np.uint16) -> Array:
    """A busy array of 24 x 32 pixels whose largest value takes that many bits."""
    values = np.random.default_rng(channels).integers(0, 2**bits, (24, 32, channels))
    values[0, 0] = 2**bits - 1
    return (values[..., 0] if channels == 1 else values).astype(dtype)


def tiff(path: Path, array: Array, **how: object) -> Path:
    """A TIFF file by tifffile; bands interleaved and of no declared meaning unless told."""
    several = array.ndim == 3
    settings = {"photometric": "minisblack", "metadata": None, "planarconfig": "contig" if several else None}
    tifffile.imwrite(path, array, **(settings | how))
    return path


def npy(path: Path, array: Array) -> Path:
    np.save(path, array)
    return path


def refused(path: Path, read: Callable[[Path], object] = read_image) -> DataError:
    """The error with which reading a file ends."""
    with pytest.raises(DataError) as caught:
        read(path)
    assert caught.value.path == str(path)
    assert caught.value.what
    assert caught.value.mend
    assert "\n" not in str(caught.value)
    return caught.value


def npy_bytes(array: Array) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, rows: bytes, *, depth: int = 8, color: int = 2, more: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    body = chunk(b"IHDR", header) + more + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
