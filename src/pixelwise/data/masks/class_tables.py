"""Tables of classes that annotators and their tools leave beside the masks.

class_dict.csv (Kaggle's CamVid: name,r,g,b), label_colors.txt (CamVid's own: "64 128 64<TAB>Animal"), labelmap.txt
(CVAT: name:r,g,b:parts:actions), classes.json or label_colors.json ({name: [r, g, b]} or a list of {name, color, id}),
_classes.csv (Roboflow: Pixel Value, Class), and class_names.txt, classes.txt or labels.txt (a name on each line).
"""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from pixelwise.data.description import Description
from pixelwise.data.files.documents import read_json, read_text
from pixelwise.data.layouts.splits import inside, sub_folders
from pixelwise.data.masks.palettes import distinct_colors
from pixelwise.errors import DataError, UserError
from pixelwise.labels import IGNORE, Color, LabelMap

MOST_BYTES = 2**20
MOST_FOLDERS = 16  # sub-folders that are searched
LONGEST = 100  # characters of a name
BLACK = (0, 0, 0)
VOID = frozenset({"void", "unlabeled", "unlabelled", "unlabeled/void", "ignore", "__ignore__"})
IGNORED = "__ignore__"  # labelme's word for the value -1, so that the next line is of the value 0

Byte = Annotated[int, Field(ge=0, le=255)]
Value = Annotated[int, Field(ge=0, le=65535)]
Row = tuple[str, Color | None, int]  # name, colour, value in index masks


class _Item(BaseModel):
    model_config = ConfigDict(strict=True)

    name: str
    color: Annotated[list[Byte], Field(min_length=3, max_length=3)]
    id: Value | None = None


_JSON: TypeAdapter[list[_Item] | dict[str, Annotated[list[Byte], Field(min_length=3, max_length=4)]]] = TypeAdapter(
    list[_Item] | dict[str, Annotated[list[Byte], Field(min_length=3, max_length=4)]]
)


def read_class_table(root: Path) -> Description | None:
    """The classes that a table in the folder, or directly in one of its sub-folders, lists; None where there is none.

    The values of classes are the table's, or else the numbers of their lines, from 0. Classes called void, unlabeled
    or ignore are ignored where they are black or have no colour, as CamVid's own table has Void last: their values in
    index masks are ignored, and so is their colour. Only masks tell whether a table is theirs: in one of names alone
    the colours are made up.
    Raises DataError where a file by such a name cannot be read; one that is no table of classes is passed over.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "class_dict.csv").write_text("name,r,g,b\\nCar,64,0,128\\nVoid,0,0,0\\n")
    >>> table = read_class_table(folder)
    >>> table.labels.names, table.labels.colors, table.ignored
    (('Car',), ((64, 0, 128),), (1, 255))
    """
    for folder in (root, *sub_folders(root)[:MOST_FOLDERS]):
        for name, read in TABLES.items():
            path = folder / name
            if path.is_file() and inside(root, path.relative_to(root).as_posix()) and (found := _described(path, read)):
                return found
    return None


def find_class_table(root: Path, problems: list[DataError]) -> Description | None:
    """The same; a table that cannot be read is added to the problems."""
    try:
        return read_class_table(root)
    except DataError as error:
        problems.append(error)
        return None


def _described(path: Path, read: Callable[[Path], list[Row]]) -> Description | None:
    try:
        rows = read(path)
    except (ValueError, csv.Error):  # pydantic's errors too
        return None
    void = [(name, color, value) for name, color, value in rows if name.lower() in VOID and color in (None, BLACK)]
    kept = [row for row in rows if row not in void]
    names, values = tuple(name for name, _, _ in kept), [value for _, _, value in rows]
    sensible = all(0 < len(name) <= LONGEST and name.isprintable() for name in names)
    if not 1 <= len(kept) < IGNORE or len({*values}) < len(values) or not sensible:
        return None
    given = tuple(color for _, color, _ in kept if color)
    try:
        labels = LabelMap(names, given if len(given) == len(kept) else distinct_colors(len(kept)))
    except UserError:  # a name is there twice
        return None
    indices = {value: index for index, (_, _, value) in enumerate(kept)}
    ignored = {value for _, _, value in void} | ({IGNORE} - indices.keys())
    return Description(path, labels=labels, values=indices, ignored=tuple(sorted(ignored)))


def _lines(path: Path, comment: str = "#") -> list[str]:
    lines = (line.strip() for line in read_text(path, MOST_BYTES).splitlines())
    return [line for line in lines if line and not line.startswith(comment)]


def _numbered(pairs: Iterator[tuple[str, Color | None]]) -> list[Row]:
    return [(name, color, index) for index, (name, color) in enumerate(pairs)]


def _color(words: Sequence[str]) -> Color:
    red, green, blue = (int(word) for word in words)
    if not all(0 <= value <= 255 for value in (red, green, blue)):
        raise ValueError("no colour")
    return red, green, blue


def _class_dict(path: Path) -> list[Row]:
    """name, r, g, b with a header, in any order of the columns."""
    header, *lines = csv.reader(_lines(path))
    columns = {word.strip().lower(): index for index, word in enumerate(header)}
    places = [columns.get(word, columns.get(word[0], -1)) for word in ("red", "green", "blue")]
    place = columns.get("name", columns.get("class", -1))
    if min(place, *places) < 0 or any(len(line) < len(header) for line in lines):
        raise ValueError("other columns")
    return _numbered((line[place].strip(), _color([line[index] for index in places])) for line in lines)


def _label_colors(path: Path) -> list[Row]:
    """r g b, then the name."""
    found = [re.fullmatch(r"(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})[\s,:]+(.+)", line) for line in _lines(path)]
    return _numbered((line[4], _color([line[1], line[2], line[3]])) for line in map(_matched, found))


def _labelmap(path: Path) -> list[Row]:
    """name:r,g,b:parts:actions; the colour may be left out."""
    rows = [line.split(":") for line in _lines(path)]
    if any(len(row) < 2 for row in rows):
        return _names(path)
    return _numbered((row[0].strip(), _color(row[1].split(",")) if row[1].strip() else None) for row in rows)


def _json(path: Path) -> list[Row]:
    content = _JSON.validate_python(read_json(path, MOST_BYTES))
    if isinstance(content, dict):
        return _numbered((name, (color[0], color[1], color[2])) for name, color in content.items())
    return [
        (item.name, (item.color[0], item.color[1], item.color[2]), index if item.id is None else item.id)
        for index, item in enumerate(content)
    ]


def _pixel_values(path: Path) -> list[Row]:
    """Pixel Value, Class with a header."""
    header, *lines = csv.reader(_lines(path))
    if [word.strip().lower() for word in header] != ["pixel value", "class"] or any(len(line) != 2 for line in lines):
        raise ValueError("other columns")
    rows = [(name.strip(), None, int(value)) for value, name in lines]
    return [row for row in rows if 0 <= row[2] <= 65535]


def _names(path: Path) -> list[Row]:
    lines = _lines(path)
    if any(re.search(r"[\t:;,]|^\d+(\s|$)", line) for line in lines):
        raise ValueError("not only names")
    return _numbered((name, None) for name in (lines[1:] if lines[:1] == [IGNORED] else lines))


def _matched(found: re.Match[str] | None) -> re.Match[str]:
    if not found:
        raise ValueError("another line")
    return found


# The more a table says the earlier it comes.
TABLES: dict[str, Callable[[Path], list[Row]]] = {
    "class_dict.csv": _class_dict,
    "label_colors.txt": _label_colors,
    "labelmap.txt": _labelmap,
    "label_colors.json": _json,
    "classes.json": _json,
    "_classes.csv": _pixel_values,
    "class_names.txt": _names,
    "classes.txt": _names,
    "labels.txt": _names,
}
