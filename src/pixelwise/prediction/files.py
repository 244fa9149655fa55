"""Which photos are meant by what a person names: files, folders, patterns, datasets, a list on standard input."""

import glob
import re
import sys
from collections import Counter
from collections.abc import Iterable
from itertools import count
from pathlib import Path

from pixelwise.data import open_dataset
from pixelwise.data.dataset import Entry
from pixelwise.data.files.images import is_image
from pixelwise.data.layouts import STREETS
from pixelwise.errors import UserError

LIST = "-"  # stands for the list on standard input
URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)

Photo = Path | Entry


def find_photos(inputs: Iterable[str], *, output: Path | None = None) -> list[tuple[str, Photo]]:
    """Every photo below the inputs under a name of its own.

    inputs: image files; folders that are datasets (their truth is shown too); other folders with photos; patterns as
    "photos/*.jpg" or "photos/**/*.png" that the shell has left as they are; "-", the files that standard input lists.
    output: where pictures are going to be written; a folder below an input, in which there may be some already.
    Raises UserError where an input is missing or an address in the network, or no folder holds a photo.
    """
    listed = [text for one in inputs for text in (_listed() if one == LIST else [one])]
    photos = [photo for text in listed for photo in _photos_of(text, output)]
    names = Counter(_name(photo) for photo in photos)
    numbers = {name: count(1) for name in names}
    found: dict[str, Photo] = {}
    for photo in photos:
        base = name = _name(photo)
        while names[base] > 1 and (name in names or name in found):
            name = f"{base}_{next(numbers[base])}"
        found[name] = photo
    return list(found.items())


def _listed() -> list[str]:
    """The names on standard input, one on a line, or with zeros between them as `find -print0` writes them."""
    text = sys.stdin.read()
    found = [name for name in (text.split("\0") if "\0" in text else text.splitlines()) if name.strip()]
    if not found:
        raise UserError("standard input lists no files; write one on each line, or name photos instead of -")
    return found


def _photos_of(text: str, output: Path | None) -> list[Photo]:
    path = Path(text)
    if URL.match(text):
        raise UserError(f"{text}: nothing is fetched from the network; download it first, then name the file")
    if path.is_file():
        return [path]
    if not path.is_dir() and glob.has_magic(text):
        return _matching(text, output)
    if not path.is_dir() and text != STREETS:
        raise UserError(f"{text}: there is no such file or folder")
    try:
        dataset = open_dataset(text)
    except UserError:
        return _below(path, output)
    entries = [entry for split in (dataset.train, dataset.val, dataset.test) for entry in split.entries]
    if output and _is_below(output, path) and any(_is_below(file, output) for one in entries for file in one.files):
        return _below(path, output)  # what looks like labels was written by an earlier run
    return list(entries)


def _matching(pattern: str, output: Path | None) -> list[Photo]:
    """The images that a pattern names, and the photos below the folders that it names."""
    places = [Path(found) for found in glob.glob(pattern, recursive=True)]  # noqa: PTH207 - Path's takes no absolute ones
    found = {path for path in places if path.is_file() and is_image(path)}
    if "**" not in pattern:  # which names all that lies below a folder, too
        found.update(path for place in places if place.is_dir() for path in _images_below(place))
    fixed = Path(re.split(r"[*?[]", pattern)[0] + "x").parent  # the folders before the first that is no plain name
    if not (photos := _sorted(found, fixed, output)):
        raise UserError(f"{pattern}: no photo is called so")
    return photos


def _below(folder: Path, output: Path | None) -> list[Photo]:
    if output and output.resolve() == folder.resolve():
        raise UserError(f"{folder}: what is written would lie between the photos; choose another --output")
    if not (photos := _sorted(_images_below(folder), folder, output)):
        raise UserError(f"{folder}: holds no photos")
    return photos


def _images_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and is_image(path)]


def _sorted(photos: Iterable[Path], place: Path, output: Path | None) -> list[Photo]:
    """In order, without what an earlier run has written below the place where photos are looked for."""
    if output is None or _is_below(place, output) or not _is_below(output, place):
        return [*sorted(photos)]
    return [path for path in sorted(photos) if not _is_below(path, output)]


def _is_below(path: Path, folder: Path) -> bool:
    """Whether it is the folder or lies in it."""
    return path.resolve().is_relative_to(folder.resolve())


def _name(photo: Photo) -> str:
    return photo.stem if isinstance(photo, Path) else photo.name
