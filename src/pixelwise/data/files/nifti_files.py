"""NIfTI files: volumes of medical scans, .nii and .nii.gz.

Format: Cox et al., "A (sort of) new image data format standard: NIfTI-1", 2004; nifti.nimh.nih.gov. Read and written
by nibabel.
"""

import gzip
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt

from pixelwise.data.files.file_content import MOST_BYTES, UNREADABLE, content, opened
from pixelwise.errors import DataError, UserError
from pixelwise.files import replacing

ENDINGS = (".nii", ".nii.gz")
HEADERS = {348: "Nifti1Image", 540: "Nifti2Image"}  # bytes of a header, which are its first number -> nibabel's class
FARTHEST = 2**24  # where the voxels begin, in bytes: behind the header and what scanners have added to it
UNITS = {1: "m", 2: "mm", 3: "um"}  # the lower three bits of xyzt_units
EFFORT = 6  # of 9: half the time for some thousandths more bytes

Spacing = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Header:
    """What a NIfTI file says of its voxels.

    shape: slices, rows and columns; these are the third, the second and the first axis of the file, as they are stored.
    spacing: from one to the next along each; None where the file does not say. unit: of that, "" where it says none.
    mirrored: whether columns, rows and slices, in this order, are a left-handed system in the body.
    kept: nibabel's header, to be written into files of the same voxels.
    """

    shape: tuple[int, int, int]
    spacing: Spacing | None
    unit: str
    mirrored: bool
    kept: Any


def is_nifti(path: Path) -> bool:
    """Whether a file is called as NIfTI files are.

    >>> is_nifti(Path("scan.nii.gz")), is_nifti(Path("SCAN.NII")), is_nifti(Path("scan.gz"))
    (True, True, False)
    """
    return path.name.lower().endswith(ENDINGS)


def read_nifti_header(path: Path) -> Header:
    """What the file says of its voxels, of which none is read.

    Raises DataError where it is no NIfTI file, is damaged, or holds several volumes; UserError without nibabel.
    """
    with _unpacked(path) as file:
        return _header(path, file)


def read_nifti(path: Path) -> tuple[Header, npt.NDArray[Any]]:
    """Header and numbers, (slices, rows, columns); scaled as the file says, which makes them float32.

    Raises DataError as `read_nifti_header` does, for voxels that are no real numbers, and more of them than memory
    may hold.
    """
    with _unpacked(path) as file:
        header = _header(path, file)
        file.seek(0)
        holder = _nibabel().FileHolder(fileobj=file)
        image = _kind(header.kept).from_file_map({"image": holder, "header": holder}, mmap=False)
        stored = np.asarray(image.dataobj.get_unscaled())
        slope, inter = float(image.dataobj.slope), float(image.dataobj.inter)
    numbers = stored.astype(stored.dtype.newbyteorder("="), copy=False).reshape(header.shape[::-1]).transpose()
    return header, numbers if (slope, inter) == (1, 0) else numbers.astype(np.float32) * slope + inter


def write_nifti(path: Path, label: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], header: Header) -> None:
    """Class indices, (slices, rows, columns), as .nii.gz at the place that ``header`` tells.

    The file is whole or not there at all. Raises UserError where it cannot be written, or without nibabel.
    """
    kept = header.kept.copy()
    kept.set_data_dtype(label.dtype)
    kept.set_slope_inter(1, 0)
    kept.set_intent("label")
    kept["cal_min"] = kept["cal_max"] = 0  # the window in which the scan is shown
    image = _kind(kept)(label.transpose(), None, kept)
    with replacing(path) as temporary:
        temporary.write_bytes(gzip.compress(image.to_bytes(), EFFORT, mtime=0))


def _nibabel() -> Any:  # noqa: ANN401 - a module
    try:
        import nibabel
    except ImportError as error:
        raise UserError(f"NIfTI files need nibabel ({error}); run `pip install 'pixelwise[volumes]'`") from error
    logging.getLogger("nibabel.global").setLevel(logging.CRITICAL)  # what it warns of, it mends or raises
    return nibabel


def _kind(kept: Any) -> Any:  # noqa: ANN401 - nibabel's header, and its class of images
    return getattr(_nibabel(), HEADERS[int(kept["sizeof_hdr"])])


@contextmanager
def _unpacked(path: Path) -> Iterator[BinaryIO]:
    """The file without compression, whatever it is called."""
    _nibabel()  # whose lack is no fault of the file
    with opened(path) as raw:
        packed = content(raw.read(32)) == "gzip"
        raw.seek(0)
        if not packed:
            yield raw
            return
        with gzip.open(raw) as file:
            yield cast(BinaryIO, file)


def _header(path: Path, file: BinaryIO) -> Header:
    first = file.read(4)
    size = next((size for size in HEADERS for order in ("little", "big") if first == _bytes(size, order)), None)
    if size is None:
        raise DataError(path, "is no NIfTI file" if first else "is empty", "replace or remove it", UNREADABLE)
    kind = getattr(_nibabel(), HEADERS[size]).header_class
    shape = _shape(path, kind(first + file.read(size - 4)))
    file.seek(0)
    kept = kind.from_fileobj(file)  # with what scanners have added to it
    zooms = (*(float(zoom) for zoom in kept.get_zooms()[:3]), 1.0, 1.0)[:3]
    known = all(0 < zoom < np.inf for zoom in zooms)
    placed = kept["sform_code"] > 0 or kept["qform_code"] > 0
    mirrored = bool(placed and np.linalg.det(kept.get_best_affine()[:3, :3]) < 0)
    spacing = (zooms[2], zooms[1], zooms[0]) if known else None
    return Header(shape, spacing, UNITS.get(int(kept["xyzt_units"]) & 7, ""), mirrored, kept)


def _bytes(number: int, order: Any) -> bytes:  # noqa: ANN401 - a literal
    return number.to_bytes(4, order)


def _shape(path: Path, kept: Any) -> tuple[int, int, int]:  # noqa: ANN401 - nibabel's header
    """Slices, rows and columns, after a look at whether they can be read."""
    shape = [int(side) for side in kept.get_data_shape()]
    dtype = kept.get_data_dtype()
    while len(shape) > 3 and shape[-1] == 1:
        shape.pop()
    sides = " x ".join(map(str, shape))
    if len(shape) > 3:
        what = f"has {len(shape)} dimensions ({sides})"
        raise DataError(path, what, "save one of its volumes by itself", "unknown value")
    if not shape or min(shape) < 1:
        raise DataError(path, "has no voxels", "replace or remove it", UNREADABLE)
    if dtype.kind not in "uif" or dtype.itemsize > 8:
        raise DataError(path, f"holds {dtype} where numbers are wanted", "save it as grey values", "channels")
    if np.prod(shape, dtype=object) * max(4, dtype.itemsize) > MOST_BYTES or kept["vox_offset"] > FARTHEST:
        raise DataError(path, f"{sides} voxels are too many", "cut it into parts", UNREADABLE)
    columns, rows, slices = (*shape, 1, 1)[:3]
    return slices, rows, columns
