"""The user's cache folder: where it is, how much may lie in it, and what goes when there is too much."""

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from pixelwise.errors import UserError

ENDING, PART = ".pixels", ".part"
MOST_GB = 20.0  # of all stores together, where PIXELWISE_CACHE_GB does not say
ABANDONED = 600.0  # seconds after which a half-written store that nobody writes to is removed


def cache_folder() -> Path:
    """PIXELWISE_CACHE, else `pixelwise` below XDG_CACHE_HOME or ~/.cache."""
    if named := os.environ.get("PIXELWISE_CACHE"):
        return Path(named)
    home = os.environ.get("XDG_CACHE_HOME")
    return Path(home or os.path.expanduser("~/.cache")) / "pixelwise"  # noqa: PTH111 (Path's own fails with no home)


@contextmanager
def taking_the_place_of(path: Path) -> Iterator[BinaryIO]:
    """A file of another name that becomes ``path`` when it is whole; of two that do so at once the last one stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(PART, path.stem[:8], path.parent)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    finally:
        with suppress(OSError):
            Path(name).unlink()


def check_size(wanted: int) -> None:
    """Raises OSError where a store of this many bytes is not allowed."""
    if wanted > (most := most_bytes()):
        raise OSError(
            errno.EFBIG, f"they need {wanted / 1e9:.1f} GB, PIXELWISE_CACHE_GB and the disk allow {most / 1e9:.1f}"
        )


def make_room(wanted: int) -> None:
    """Removes the stores that were not used for longest until ``wanted`` more bytes are within the limit.

    Raises OSError where the limit is lower than that.
    """
    check_size(wanted)
    most, used = most_bytes(), wanted
    for path, facts in sorted(_stores(), key=lambda store: store[1].st_mtime, reverse=True):
        used += facts.st_size
        half_written = path.suffix == PART and time.time() - facts.st_mtime > ABANDONED
        if half_written or (path.suffix == ENDING and used > most):
            with suppress(OSError):
                path.unlink()


def _stores() -> list[tuple[Path, os.stat_result]]:
    """All files of ours in the cache folder, whole or not."""
    found = []
    with suppress(OSError):
        for path in cache_folder().iterdir():
            if path.suffix in {ENDING, PART}:
                with suppress(OSError):  # another process may have removed it
                    found.append((path, path.stat()))
    return found


def most_bytes() -> int:
    """What all stores together may need: PIXELWISE_CACHE_GB, and no more than half of what the disk could give."""
    text = os.environ.get("PIXELWISE_CACHE_GB", str(MOST_GB))
    try:
        most = int(float(text) * 1e9)
    except (ValueError, OverflowError):
        raise UserError(f"PIXELWISE_CACHE_GB is '{text}', which is no number; give gigabytes, like 20") from None
    cache_folder().mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(cache_folder()).free
    return min(most, (free + sum(facts.st_size for _, facts in _stores())) // 2)
