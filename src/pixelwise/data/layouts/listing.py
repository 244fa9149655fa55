"""All pictures below a folder, each folder read once."""

import os
from pathlib import Path
from typing import NamedTuple

from pixelwise.data.files.file_content import outside
from pixelwise.data.files.images import ENDINGS
from pixelwise.data.layouts.splits import inside
from pixelwise.errors import DataError

ARRAYS = ".npy"
DEEPEST = 10  # folders within folders
MOST_FILES = 2_000_000  # a folder with more, pictures or not, is no dataset but somebody's disk


class Listing(NamedTuple):
    """Pictures and .npy files, relative to the root and with "/" between folders; and what could not be listed."""

    files: tuple[str, ...]
    problems: tuple[DataError, ...]


def list_pictures(root: Path) -> Listing:
    """All pictures below a folder; hidden files and folders ("." or "_" first, as __MACOSX) are passed over.

    Links that lead out of the folder are not followed, and are problems; nor are links to its folders, which are listed
    where they lie. A folder of too many files gives none.
    """
    files: list[str] = []
    problems: list[DataError] = []
    waiting, seen = [("", 0)], 0
    while waiting and seen < MOST_FILES:
        folder, depth = waiting.pop()
        for entry in _entries(root, folder, problems):
            seen += 1
            path = f"{folder}{entry.name}"
            if entry.is_symlink() and inside(root, path) is None:
                problems.append(outside(root / path))
            elif is_picture(entry.name):
                files.append(path)
            elif depth < DEEPEST and entry.name[0] not in "._" and entry.is_dir(follow_symlinks=False):
                waiting.append((f"{path}/", depth + 1))
    return Listing(tuple(files) if seen < MOST_FILES else (), tuple(problems))


def is_picture(name: str) -> bool:
    """Whether a file's name is that of a picture or array, and not hidden.

    >>> is_picture("a.PNG"), is_picture(".a.png"), is_picture("Thumbs.db"), is_picture("a.npy")
    (True, False, False, True)
    """
    ending = os.path.splitext(name)[1].lower()  # noqa: PTH122  a Path for each of 100,000 names takes a second
    return (ending in ENDINGS or ending == ARRAYS) and not name.startswith(".")


def _entries(root: Path, folder: str, problems: list[DataError]) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(root / folder) as entries:
            return list(entries)
    except OSError as error:
        reason = error.strerror or str(error)
        problems.append(DataError(root / folder, f"cannot be listed ({reason})", "allow it to be read", "unreadable"))
        return []
