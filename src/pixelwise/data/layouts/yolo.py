"""Ultralytics' polygon labels: images/.../NAME.jpg with labels/.../NAME.txt, one "class x1 y1 x2 y2 ..." a line.

Coordinates are shares of the width and height. As documented for their semantic task (docs.ultralytics.com,
datasets/semantic, "YOLO polygon label format"), smaller polygons lie above larger ones, a photo without a file has
no objects, and the class "background" is appended. Theirs appends none to a single class, which is then all or
nothing; here it is appended always, since every class has an index. Pixels are filled as by their polygon2mask.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pixelwise.data.dataset import RGB, Dataset, Format, Sample
from pixelwise.data.description import Description
from pixelwise.data.files.documents import read_text
from pixelwise.data.files.images import ENDINGS, find_format, read_image
from pixelwise.data.layouts.shapes import (
    beginning_and_end,
    by_split,
    files_below,
    is_background,
    label_map,
    no_bad_shapes,
    plain_name,
    split_in,
    unlabelled,
)
from pixelwise.data.layouts.splits import assemble
from pixelwise.data.masks.polygons import Points, as_points, fill_polygons
from pixelwise.data.sampling import even_sample
from pixelwise.errors import DataError, UserError
from pixelwise.labels import IGNORE, LabelMap

LOOKS_FOR = "photos below a folder images and Ultralytics' polygons (class x1 y1 x2 y2 ...) below a folder labels"

IMAGES, LABELS = "images", "labels"
BACKGROUND = "background"
LOOKED_AT = 20  # text files whose first lines are read before anything is decided
MOST_BYTES = 2**26  # of one text file
SLACK = 0.01  # by which coordinates may lie outside; Ultralytics' own tolerance
LEAST_WORDS = 7  # of a line: the class and three points; a box has five


@dataclass(frozen=True)
class YoloPhoto:
    """A photo and the text file of its polygons.

    text: None where there is none, and so no object. classes: how many there are. unlabelled: the class of what no
    polygon covers.
    """

    name: str
    image: Path
    text: Path | None
    classes: int
    unlabelled: int
    format: Format = RGB

    @property
    def files(self) -> tuple[Path, ...]:
        """The photo, and the text file if there is one."""
        return (self.image, self.text) if self.text else (self.image,)

    def read(self) -> Sample:
        """Raises UserError where a file is damaged, a class unknown, or a polygon makes no sense."""
        image = read_image(self.image, self.format)
        height, width = image.shape[:2]
        rows = _rows(self.text) if self.text else []
        source = self.text or self.image
        _check_classes(source, (value for value, _ in rows), self.classes)
        with no_bad_shapes(source):
            polygons = [(value, _points(words, height, width)) for value, words in rows]
            return Sample(image, fill_polygons(polygons, height, width, self.unlabelled), self.name)


def _points(words: Sequence[str], height: int, width: int) -> Points:
    try:
        shares = np.array(words, np.float64)
    except ValueError:
        raise ValueError("has a coordinate that is no number") from None
    if not ((shares >= -SLACK) & (shares <= 1 + SLACK)).all():
        raise ValueError("has coordinates that are not shares of the photo, from 0 to 1")
    scale = np.tile([width, height], -(-len(shares) // 2))[: len(shares)]
    return as_points(shares * scale, height, width)


def recognise(root: Path, description: Description) -> Dataset | None:
    """The dataset, if text files below folders called labels hold polygons of photos below folders called images.

    Classes are those of the description, else the numbers that occur. Splits without any text file are left out.
    Raises UserError where no photo can be used.
    """
    texts = [path for path in files_below(root, {".txt"}) if LABELS in path.relative_to(root).parts[:-1]]
    if not any(_begins_with_polygon(path) for path in even_sample(texts, LOOKED_AT)):
        return None
    problems: list[DataError] = []
    photos = [path for path in files_below(root, ENDINGS) if IMAGES in path.relative_to(root).parts[:-1]]
    partners = {photo: _partner(root, photo) for photo in photos}
    problems += [_lonely(path) for path in sorted(set(texts) - set(partners.values()))]
    occurring = _occurring(sorted(set(texts) & set(partners.values())), problems)
    labels, count = _labels(root, occurring, description)
    entries = list(_entries(root, partners, occurring, YoloPhoto("", root, None, count, unlabelled(labels)), problems))
    if not entries:
        raise UserError(
            f"{root}: none of {len(photos)} photos can be used; the first fault: {next(iter(problems), '')}"
        )
    format = find_format([entry.image for _, entry in entries])
    splits = by_split(((split, replace(entry, format=format)) for split, entry in entries), problems)
    evidence = f"{len(entries)} photos below {IMAGES}, Ultralytics' polygons in {len(occurring)} files below {LABELS}"
    return assemble(root, "yolo", splits, labels=labels, evidence=evidence, format=format, problems=problems)


def _begins_with_polygon(path: Path) -> bool:
    words = next(iter(beginning_and_end(path).splitlines()), "").split(maxsplit=LEAST_WORDS)[:LEAST_WORDS]
    try:
        value, *shares = map(float, words)
    except ValueError:
        return False
    return len(words) == LEAST_WORDS and value.is_integer() and all(-SLACK <= share <= 1 + SLACK for share in shares)


def _partner(root: Path, photo: Path) -> Path:
    """The text file of a photo, which need not be there: "labels" instead of the last "images" in its path."""
    parts = list(photo.relative_to(root).with_suffix(".txt").parts)
    last = max(index for index, part in enumerate(parts[:-1]) if part == IMAGES)
    return root.joinpath(*parts[:last], LABELS, *parts[last + 1 :])


def _lonely(path: Path) -> DataError:
    return DataError(path, "has no photo of its name below images", "add the photo or remove it", "missing partner")


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """The class and the coordinates' words of each line."""
    rows = []
    for line in read_text(path, MOST_BYTES).splitlines():
        words = line.split()
        if not words:
            continue
        if len(words) < LEAST_WORDS:
            what = "has a line that is no polygon, but perhaps a box"
            raise DataError(path, what, "draw the object's outline or remove the line", "missing shape")
        rows.append((_class(path, words[0]), words[1:]))
    return rows


def _class(path: Path, word: str) -> int:
    try:
        return int(word)
    except ValueError:
        what = "has a line that does not begin with the number of a class"
        raise DataError(path, what, "correct it", "unknown class") from None


def _check_classes(path: Path, values: Iterable[int], count: int) -> None:
    if wrong := next((value for value in values if not 0 <= value < count), None):
        what = f"has a polygon of class {wrong}, but there are {count}, counted from 0"
        raise DataError(path, what, "correct it, or name more classes", "unknown class")


def _occurring(texts: Sequence[Path], problems: list[DataError]) -> dict[Path, frozenset[int]]:
    """The classes that occur in each file that can be read."""
    found = {}
    for path in texts:
        try:
            found[path] = frozenset(value for value, _ in _rows(path))
            _check_classes(path, found[path], IGNORE)
        except DataError as error:
            found.pop(path, None)
            problems.append(error)
    return found


def _labels(root: Path, occurring: Mapping[Path, frozenset[int]], description: Description) -> tuple[LabelMap, int]:
    """The classes with the background, and how many of them the files' numbers count."""
    most = max((value for values in occurring.values() for value in values), default=0)
    given = description.labels or label_map(root, [str(number) for number in range(most + 1)])
    if any(map(is_background, given.names)):
        return given, len(given)
    return label_map(root, [*given.names, BACKGROUND], [*given.colors, None]), len(given)


def _entries(
    root: Path,
    partners: Mapping[Path, Path],
    occurring: Mapping[Path, frozenset[int]],
    like: YoloPhoto,
    problems: list[DataError],
) -> Iterator[tuple[str, YoloPhoto]]:
    """Every photo's split and entry; those whose text file has a fault become problems."""
    splits = {photo: split_in(*photo.relative_to(root).parts[:-1]) or "train" for photo in partners}
    annotated = {splits[photo] for photo, text in partners.items() if text in occurring}
    faulty = {problem.path for problem in problems}
    for photo, text in partners.items():
        if splits[photo] not in annotated or str(text) in faulty:
            continue
        try:
            _check_classes(text, occurring.get(text, ()), like.classes)
        except DataError as error:
            problems.append(error)
        else:
            inner = Path(*(part for part in photo.relative_to(root).parts if part != IMAGES))
            yield (
                splits[photo],
                replace(like, name=plain_name(inner), image=photo, text=text if text in occurring else None),
            )
