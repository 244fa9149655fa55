"""What a file is by its first bytes, and opening one that may be anything: a pipe, a folder, half a download."""

import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from PIL import Image as Pillow

from pixelwise.errors import DataError

MOST_PIXELS = 2**27  # 11,585 x 11,585: anything larger is refused from its header
MOST_BYTES = 2**31  # of the decoded numbers, for files with many channels
UNREADABLE = "unreadable"

# (place, bytes, what it is); the first that fits.
SIGNATURES = (
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, b"II*\0", "tiff"),
    (0, b"MM\0*", "tiff"),
    (0, b"II+\0", "tiff"),
    (0, b"MM\0+", "tiff"),
    (8, b"WEBP", "webp"),
    (0, b"GIF8", "gif"),
    (0, b"\x93NUMPY", "npy"),
    (0, b"PK\x03\x04", "zip"),
    (0, b"\x1f\x8b", "gzip"),
    (0, b"%PDF", "pdf"),
    (0, b"%!PS", "postscript"),
    (0, b"8BPS", "psd"),
    (0, b"\x89HDF", "hdf5"),
    (4, b"ftypavif", "avif"),
    (4, b"ftyphei", "heic"),
    (4, b"ftypmif1", "heic"),
    (4, b"jP  \r\n", "jpeg 2000"),
    (0, b"version https://git-lfs", "git lfs pointer"),
    (0, b"BM", "bmp"),
)
HTML = (b"<!doctype html", b"<html")
READABLE = frozenset({"png", "jpeg", "tiff", "bmp", "webp", "gif", "npy"})


def content_of(path: Path) -> str | None:
    """What a file is by its first bytes ("png", "jpeg", "zip", "html" ...), whatever it is called; None if unknown.

    Raises DataError where it cannot be opened or is no regular file.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "photo.png"
    >>> _ = path.write_bytes(b"<!DOCTYPE html><title>404</title>")
    >>> content_of(path)
    'html'
    """
    with opened(path) as file:
        return content(file.read(32))


def content(head: bytes) -> str | None:
    """The same from the first 32 bytes."""
    if head.lstrip().lower().startswith(HTML):
        return "html"
    return next((kind for place, sign, kind in SIGNATURES if head[place : place + len(sign)] == sign), None)


class _Silence:
    """No warnings while files are read; `catch_warnings` alone would leave wrong filters behind several threads."""

    def __init__(self) -> None:
        self._lock, self._inside, self._caught = Lock(), 0, warnings.catch_warnings(action="ignore")

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._caught = warnings.catch_warnings(action="ignore")
                self._caught.__enter__()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._caught.__exit__(None, None, None)


_SILENCE = _Silence()


_FENCE: ContextVar[Path | None] = ContextVar("fence", default=None)


@contextmanager
def fenced(root: Path) -> Iterator[None]:
    """In the block, `opened` refuses links that lead out of this folder."""
    token = _FENCE.set(root)
    try:
        yield
    finally:
        _FENCE.reset(token)


def leads_out(path: Path, root: Path) -> bool:
    """Whether a path lies outside a folder once its links are followed.

    >>> leads_out(Path("data/a.png"), Path("data")), leads_out(Path("data/../a.png"), Path("data"))
    (False, True)
    """
    return not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


def outside(path: Path) -> DataError:
    """The error for a link that leads out of the dataset."""
    return DataError(path, "is a link that leads out of the dataset", "put the files themselves there", "outside")


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The file, if it is a regular one; whatever goes wrong in the block becomes a DataError of this file."""
    try:
        root = _FENCE.get()
        if root and isinstance(path, Path) and leads_out(path, root):  # a table's cell is no Path
            raise outside(path)
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
            raise DataError(path, "is no regular file", "replace or remove it", UNREADABLE)
        with _SILENCE, path.open("rb") as file:
            yield file
    except DataError:
        raise
    except Exception as error:  # decoders raise whatever they like on damaged files
        raise DataError(path, *_fault(error), UNREADABLE) from error


def _fault(error: Exception) -> tuple[str, str]:
    """What is wrong and the mend."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file", "restore it or remove it"
    if isinstance(error, Pillow.DecompressionBombError):
        return "has too many pixels", "cut it into parts"
    if isinstance(error, MemoryError):
        return "needs more memory than there is", "cut it into parts"
    if isinstance(error, OSError) and error.errno:
        return f"cannot be read ({error.strerror})", "restore it or remove it"
    return "cannot be read for it is damaged or cut off", "copy it again or remove it"


def check_size(path: Path, width: int, height: int, bytes_per_pixel: int = 4) -> None:
    """Raises DataError for a size that a header promises and nobody can hold in memory."""
    if width < 1 or height < 1:
        raise DataError(path, "has no pixels", "replace or remove it", UNREADABLE)
    if width * height > MOST_PIXELS or width * height * bytes_per_pixel > MOST_BYTES:
        raise DataError(path, f"{width} x {height} pixels are too many", "cut it into parts", UNREADABLE)
