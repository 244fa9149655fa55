"""What the layouts share whose annotations are shapes: the classes, the background, and which split a path names."""

import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pixelwise.data.dataset import Entry, Image
from pixelwise.data.files.file_content import opened
from pixelwise.data.files.images import ENDINGS
from pixelwise.data.layouts.splits import SPLITS
from pixelwise.data.masks.palettes import distinct_colors
from pixelwise.errors import DataError, UserError
from pixelwise.labels import IGNORE, Color, LabelMap

BACKGROUNDS = ("background", "_background_")
BLACK = (0, 0, 0)
DEEPEST = 3  # folders below the root in which files are looked for


def label_map(root: Path, names: Sequence[str], colors: Sequence[Color | None] = ()) -> LabelMap:
    """The classes of these names, the background black, the others in their colours or else in distinct ones.

    Raises UserError where there are more than a label can hold.

    >>> label_map(Path("mine"), ["background", "car"]).colors[0]
    (0, 0, 0)
    """
    if len(names) > IGNORE:
        raise UserError(f"{root}: has {len(names)} classes, but a label holds {IGNORE}; merge some of them")
    given = colors or [None] * len(names)
    free = (color for color in distinct_colors(len(names) + len(given) + 1) if color not in given)
    drawn = [BLACK if is_background(name) else next(free) for name in names]
    return LabelMap(tuple(names), tuple(color or other for color, other in zip(given, drawn, strict=True)))


def is_background(name: str) -> bool:
    """Whether a class of that name is what lies behind all shapes.

    >>> is_background("Background"), is_background("_background_"), is_background("road")
    (True, True, False)
    """
    return name.lower() in BACKGROUNDS


def unlabelled(labels: LabelMap) -> int:
    """What a pixel is that no shape covers: the background if it is a class, else ignored."""
    return next((index for index, name in enumerate(labels.names) if is_background(name)), IGNORE)


def class_indices(labels: LabelMap) -> dict[str, int]:
    """The class of each name; where the background is a class, of both its names."""
    found = {name: index for index, name in enumerate(labels.names)}
    return dict.fromkeys(BACKGROUNDS, unlabelled(labels)) | found if unlabelled(labels) != IGNORE else found


def split_in(*words: str) -> str | None:
    """The split that a word of these stands for, the first one that does.

    >>> split_in("instances_val2017.json"), split_in("photos", "Train"), split_in("trainer.json")
    ('val', 'train', None)
    """
    found = (SPLITS.get(part) for word in words for part in re.findall("[a-z]+", word.lower()))
    return next((split for split in found if split), None)


def plain_name(path: Path) -> str:
    """A sample's name: its path without ending and without folders that are named as a split.

    >>> plain_name(Path("train/berlin/a.jpg"))
    'berlin/a'
    """
    folders = [part for part in path.parent.parts if part.lower() not in SPLITS]
    return "/".join([*folders, path.stem])


def files_below(root: Path, endings: Collection[str], per_folder: int | None = None) -> Iterator[Path]:
    """Visible files with such an ending (".json") in the folder and its sub-folders, in the order of their names.

    per_folder: no more than that many of each folder. Links to folders are not followed.
    """
    for folder in folders_below(root):
        files, _ = _listed(folder, endings)
        yield from (folder / name for name in files[:per_folder])


def folders_below(root: Path, deepest: int = DEEPEST) -> Iterator[Path]:
    """The folder, its visible sub-folders, and theirs, down to that depth; links are not followed."""
    waiting = [(root, 0)]
    for folder, depth in waiting:
        yield folder
        if depth < deepest:
            waiting += [(folder / name, depth + 1) for name in _listed(folder, ())[1]]


def _listed(folder: Path, endings: Collection[str]) -> tuple[list[str], list[str]]:
    """Names of the wanted files and of the visible folders, without a Path for each: there may be a million."""
    files, folders = [], []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name[0] != "." and any(entry.name.lower().endswith(ending) for ending in endings):
                    files.append(entry.name)  # a folder that is called as a file, too: reading it says so
                elif entry.name[0] not in "._" and entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
    except OSError:
        return [], []
    return sorted(files), sorted(folders)


def is_file(path: Path | None) -> bool:
    """Whether there is such a file; False for what cannot be a path, too."""
    try:
        return path is not None and path.is_file()
    except (OSError, ValueError):
        return False


def photos_below(root: Path) -> dict[str, Path]:
    """The photos in the folder and its sub-folders by file name, without those whose names are there twice."""
    found: dict[str, Path | None] = {}
    for path in files_below(root, ENDINGS):
        found[path.name] = None if path.name in found else path
    return {name: path for name, path in found.items() if path}


def beginning_and_end(path: Path, most: int = 2**14) -> str:
    """As much of both ends of a text file, empty where it cannot be read."""
    with suppress(DataError), opened(path) as file:
        first = file.read(most)
        file.seek(max(most, path.stat().st_size - most))
        return (first + file.read(most)).decode("utf-8", errors="replace")
    return ""


def check_size(path: Path, image: Image, height: int | None, width: int | None) -> None:
    """Raises DataError where shapes were drawn on a picture of another size than the photo's."""
    if height is not None and width is not None and image.shape[:2] != (height, width):
        what = f"is of a photo of {width} x {height} pixels, but its photo is {image.shape[1]} x {image.shape[0]}"
        raise DataError(path, what, "annotate the photo as it is, or put the right one there", "size mismatch")


@contextmanager
def no_bad_shapes(path: Path) -> Iterator[None]:
    """Turns what `polygons` says against a shape into a DataError of the file that holds it."""
    try:
        yield
    except (ValueError, RecursionError) as error:
        what = "is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise DataError(path, f"holds a shape that {what}", "draw that shape anew", "bad shape") from None


def by_split(found: Iterable[tuple[str, Entry]], problems: list[DataError]) -> dict[str, list[Entry]]:
    """(split, entry) pairs by split; of entries with the same name only the first, the others become problems."""
    splits: dict[str, dict[str, Entry]] = {}
    for split, entry in found:
        if entry.name in splits.setdefault(split, {}):
            what, mend = "is annotated twice, or has another's name", "remove or rename one"
            problems.append(DataError(entry.files[0], what, mend, "duplicate name"))
        else:
            splits[split][entry.name] = entry
    return {split: list(entries.values()) for split, entries in splits.items()}
