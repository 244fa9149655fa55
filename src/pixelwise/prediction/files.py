"""Which photos are meant by what a person names: files, folders, patterns, datasets, a list on standard input."""

import glob
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from pixelwise.data import open_dataset
from pixelwise.data.dataset import Entry
from pixelwise.data.files.images import is_image
from pixelwise.data.files.nifti_files import is_nifti
from pixelwise.data.files.tiff_pages import is_stack
from pixelwise.data.layouts import STREETS
from pixelwise.errors import UserError
from pixelwise.prediction.names import Names

LIST = "-"  # stands for the list on standard input
PART = 1 << 20  # characters of standard input that are read at once
PACKED = ".nii.gz"  # an ending with two dots
URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)

Photo = Path | Entry


def find_photos(inputs: Iterable[str], *, output: Path | None = None) -> list[tuple[str, Photo]]:
    """Every photo below the inputs under a name of its own.

    inputs: image files; folders that are datasets (their truth is shown too); other folders with photos; patterns as
    "photos/*.jpg" or "photos/**/*.png" that the shell has left as they are; "-", the files that standard input lists.
    output: where pictures are going to be written; a folder below an input, in which there may be some already.
    Raises UserError where an input is missing or an address in the network, or no folder holds a photo.
    """
    photos = list(each_photo(inputs, output=output))
    names = Names(map(name_of, photos))
    return [(names.next(name_of(photo)), photo) for photo in photos]


def each_photo(inputs: Iterable[str], *, output: Path | None = None) -> Iterator[Photo]:
    """The photos of `find_photos` one by one, so that a list on standard input may be longer than memory."""
    for one in inputs:
        for text in listed_names() if one == LIST else [one]:
            yield from _photos_of(text, output)


def listed_names() -> Iterator[str]:
    """The names on standard input, one on a line, or with zeros between them as `find -print0` writes them.

    Raises UserError in the end where there was none.
    """
    part, rest, empty = sys.stdin.read(PART), "", True
    between = "\0" if "\0" in part else "\n"
    while part or rest:
        *names, rest = (rest + part).split(between) if part else [rest, ""]
        found = [name for name in names if name.strip()]
        yield from found
        empty, part = empty and not found, sys.stdin.read(PART)
    if empty:
        raise UserError("standard input lists no files; write one on each line, or name photos instead of -")


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


def name_of(photo: Photo) -> str:
    """What a photo is called at first; several may be called so."""
    if not isinstance(photo, Path):
        return photo.name
    return photo.name[: -len(PACKED)] if photo.name.lower().endswith(PACKED) else photo.stem


def is_volume(path: Path) -> bool:
    """Whether a file is a stack of slices: NIfTI by its name, or a TIFF of several pages of one size.

    A GeoTIFF is none, and neither is a file that cannot be read, which is told when it is.

    >>> is_volume(Path("scan.nii.gz")), is_volume(Path("street.jpg"))
    (True, False)
    """
    return is_nifti(path) or (path.suffix.lower() in {".tif", ".tiff"} and is_stack(path))
