"""labelme's annotations: one JSON a photo with polygons, rectangles, circles, lines, points and masks.

github.com/wkentaro/labelme. As in its labelme2voc, shapes are drawn in the order of the file, `__ignore__` is ignored,
and what no shape covers is `_background_`. There are no holes: a later shape over an earlier one makes them.
"""

import base64
import binascii
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ValidationError

from pixelwise.data.dataset import RGB, Dataset, Format, Image, Sample
from pixelwise.data.description import Description
from pixelwise.data.files.documents import read_json, read_text, unreadable_json
from pixelwise.data.files.images import find_format, read_image, read_mask
from pixelwise.data.layouts.shapes import (
    beginning_and_end,
    by_split,
    check_size,
    class_indices,
    files_below,
    is_file,
    label_map,
    no_bad_shapes,
    photos_below,
    plain_name,
    split_in,
    unlabelled,
)
from pixelwise.data.layouts.splits import assemble, inside
from pixelwise.data.masks.polygons import Figure, as_points, draw_figures
from pixelwise.data.sampling import even_sample
from pixelwise.data.store.reading import together
from pixelwise.errors import DataError, UserError
from pixelwise.labels import IGNORE, LabelMap

LOOKS_FOR = "labelme's JSON files, each with the shapes on one photo"

BACKGROUND, IGNORED = "_background_", "__ignore__"
CLASS_LISTS = ("labels.txt", "class_names.txt")
LOOKED_AT = 5  # JSON files whose ends are read before anything is decided
MOST_BYTES = 2**28  # of one JSON file; a photo inside it takes most of that
MOST_NAMES = 2**20  # bytes of a list of classes
SHAPES = re.compile(r'"shapes"\s*:\s*\[')


class _Named(BaseModel):
    label: str


class _Shape(_Named):
    points: Any
    shape_type: str | None = None  # files of the first versions have none, and polygons only
    mask: str | None = None


class _Head(BaseModel):
    imagePath: str  # noqa: N815 - labelme's own words
    imageData: str | None = None  # noqa: N815
    shapes: list[_Named]


class _File(BaseModel):
    imageData: str | None = None  # noqa: N815
    imageHeight: int | None = None  # noqa: N815
    imageWidth: int | None = None  # noqa: N815
    shapes: list[_Shape]


Content = TypeVar("Content", _Head, _File)


class _Outline(NamedTuple):
    """What must be known of a JSON file before it is read."""

    photo: str
    embedded: bool
    names: tuple[str, ...]


@dataclass(frozen=True)
class LabelmePhoto:
    """A photo and the JSON file with its shapes, or both in one file.

    image: None where the photo is embedded in the JSON. classes: (name, class) pairs. unlabelled: the class of what no
    shape covers.
    """

    name: str
    image: Path | None
    shapes: Path
    classes: tuple[tuple[str, int], ...]
    unlabelled: int
    format: Format = RGB

    @property
    def files(self) -> tuple[Path, ...]:
        """The photo and the JSON file."""
        return (self.image, self.shapes) if self.image else (self.shapes,)

    def read(self) -> Sample:
        """Raises UserError where a file is damaged, a class unknown, a shape makes no sense, or the sizes differ."""
        content = _parsed(self.shapes, _File)
        image = read_image(self.image, self.format) if self.image else self._embedded(content.imageData)
        check_size(self.shapes, image, content.imageHeight, content.imageWidth)
        classes = dict(self.classes)
        _check_names(self.shapes, [shape.label for shape in content.shapes], classes)
        size = (image.shape[0], image.shape[1])
        with no_bad_shapes(self.shapes):
            figures = [_figure(shape, classes[shape.label], size) for shape in content.shapes]
            return Sample(image, draw_figures(figures, *size, self.unlabelled), self.name)

    def _embedded(self, data: str | None) -> Image:
        try:
            with _decoded(data or "") as path:
                return read_image(path, self.format)
        except (UserError, ValueError):
            what = "holds a photo that cannot be read"
            raise DataError(self.shapes, what, "put the photo beside it", "unreadable") from None


def recognise(root: Path, description: Description) -> Dataset | None:
    """The dataset, if JSON files below the folder hold labelme's shapes; else None.

    Classes are those of the description, else of labels.txt or class_names.txt beside the files, else all names that
    occur, sorted, after the background. Where a given list has no background, unlabelled pixels are ignored.
    Raises UserError where no photo can be read.
    """
    files = list(files_below(root, {".json"}))
    if not any(SHAPES.search(beginning_and_end(path)) for path in even_sample(files, LOOKED_AT)):
        return None
    problems: list[DataError] = []
    outlines = dict(_outlines(files, problems))
    labels, source = _classes(root, outlines, description)
    photos = list(_photos(root, outlines, labels, problems))
    if not photos:
        raise together(problems or [UserError(f"{root}: no JSON file here has shapes; draw some in labelme")])
    format = find_format([photo.image for photo in photos if photo.image])
    entries = ((split_in(*_parts(root, photo.shapes)) or "train", replace(photo, format=format)) for photo in photos)
    splits = by_split(entries, problems)
    count = sum(len(outline.names) for outline in outlines.values())
    evidence = f"{len(outlines)} JSON files with {count} shapes drawn in labelme; {source}"
    return assemble(root, "labelme", splits, labels=labels, evidence=evidence, format=format, problems=problems)


def _outlines(files: Sequence[Path], problems: list[DataError]) -> Iterator[tuple[Path, _Outline]]:
    """Of every file that holds shapes its photo and their names; JSON files of something else are passed over."""
    for path in files:
        try:
            if SHAPES.search(beginning_and_end(path)):
                content = _parsed(path, _Head)
                names = tuple(shape.label for shape in content.shapes)
                yield path, _Outline(content.imagePath, content.imageData is not None, names)
            else:
                problems += unreadable_json([path])
        except DataError as error:
            problems.append(error)


def _parsed(path: Path, form: type[Content]) -> Content:
    try:
        return form.model_validate(read_json(path, MOST_BYTES))
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"] if isinstance(part, str)) or "the file"
        what = f"is not as labelme writes it ({where}: {error.errors()[0]['msg'].lower()})"
        raise DataError(path, what, "save it anew in labelme or remove it", "unreadable") from None


def _classes(root: Path, outlines: Mapping[Path, _Outline], description: Description) -> tuple[LabelMap, str]:
    """The classes, and where they come from."""
    if description.labels:
        return description.labels, "classes as described"
    folders = dict.fromkeys([root, *(path.parent for path in outlines)])
    lists = (folder / name for folder in folders for name in CLASS_LISTS)
    if path := next((path for path in lists if path.is_file()), None):
        lines = read_text(path, MOST_NAMES).splitlines()
        names = dict.fromkeys(name for line in lines if (name := line.strip()) and name != IGNORED)
        return label_map(root, list(names)), f"classes from {path.name}"
    occurring = {name for outline in outlines.values() for name in outline.names} - {BACKGROUND, IGNORED}
    return label_map(root, [BACKGROUND, *sorted(occurring)]), "classes are the names that occur"


def _photos(
    root: Path, outlines: Mapping[Path, _Outline], labels: LabelMap, problems: list[DataError]
) -> Iterator[LabelmePhoto]:
    classes = class_indices(labels) | {IGNORED: IGNORE}
    everywhere = photos_below(root)
    for path, outline in outlines.items():
        try:
            _check_names(path, outline.names, classes)
            image = _photo(root, path, outline, everywhere)
        except DataError as error:
            problems.append(error)
        else:
            name = plain_name(path.relative_to(root))
            yield LabelmePhoto(name, image, path, tuple(classes.items()), unlabelled(labels))


def _check_names(path: Path, names: Sequence[str], classes: Mapping[str, int]) -> None:
    if wrong := next((name for name in names if name not in classes), None):
        what = f"has a shape called '{wrong[:40]}', which is no class"
        raise DataError(path, what, "correct the name, or add it to the list of classes", "unknown class")


def _photo(root: Path, path: Path, outline: _Outline, everywhere: Mapping[str, Path]) -> Path | None:
    """The photo at imagePath, else one of that name anywhere, for folders are often moved; None if it is embedded."""
    word = outline.photo.replace("\\", "/")
    place = inside(root, (path.parent.relative_to(root) / word).as_posix())
    if place and is_file(place):
        return place
    if found := everywhere.get(word.rpartition("/")[2]):
        return found
    if outline.embedded:
        return None
    if place is None:
        raise DataError(path, "names a photo outside the dataset", "put the photo beside it", "outside")
    raise DataError(path, "has no photo where it says", "put the photo beside it", "missing partner")


def _parts(root: Path, path: Path) -> tuple[str, ...]:
    return path.relative_to(root).parts[:-1]


def _figure(shape: _Shape, value: int, size: tuple[int, int]) -> Figure:
    points = as_points(shape.points, *size)
    mask = _mask(shape.mask) if shape.mask else None
    return Figure(shape.shape_type or "polygon", points, value, mask)


def _mask(data: str) -> npt.NDArray[np.bool_]:
    try:
        with _decoded(data) as path:
            mask = read_mask(path)
    except UserError:
        raise ValueError("is a mask whose picture cannot be read") from None
    if mask.ndim != 2:
        raise ValueError("is a mask in colour")
    return mask > 0


@contextmanager
def _decoded(data: str) -> Iterator[Path]:
    """A picture that is embedded as base64, as a file for as long as it is read."""
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is embedded, but not as base64") from None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.png"  # of whatever kind it is: the reader looks into it
        path.write_bytes(content)
        yield path
