"""NumPy's .npy files, without ever unpickling anything.

Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

import math
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from pixelwise.data.files.file_content import UNREADABLE, check_size
from pixelwise.errors import DataError

MOST_CHANNELS = 1024
LEAST_HEIGHT = 16  # a photo less high than that, with more channels than rows, is channels first


def read_npy_header(path: Path, file: BinaryIO) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape, (h, w) or (h, w, c), and type of the numbers. The file is left behind its header.

    Raises DataError where the array is no image, holds Python objects, or the file is shorter than it says.
    """
    version = npy.read_magic(file)
    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
    shape, _, dtype = read(file)
    if dtype.kind not in "buif":
        raise DataError(path, f"holds {dtype} where numbers are wanted", "save it as numbers", UNREADABLE)
    if len(shape) not in {2, 3} or min(shape) < 1 or shape[2:] > (MOST_CHANNELS,):
        raise DataError(
            path, f"is an array of shape {shape}, which is no image", "save (h, w) or (h, w, c)", UNREADABLE
        )
    if len(shape) == 3 and shape[0] < min(shape[2], LEAST_HEIGHT):
        what = f"is an array of shape {shape}, which looks like channels first"
        raise DataError(path, what, "save it as (h, w, c)", UNREADABLE)
    check_size(path, shape[1], shape[0], math.prod(shape[2:]) * dtype.itemsize)
    if path.stat().st_size - file.tell() < math.prod(shape) * dtype.itemsize:
        raise ValueError("shorter than its header says")
    return shape, dtype


def read_npy(path: Path, file: BinaryIO) -> npt.NDArray[Any]:
    """The array. Raises DataError as `read_npy_header` does."""
    read_npy_header(path, file)
    file.seek(0)
    return np.asarray(npy.read_array(file, allow_pickle=False))
