"""The ways in which people write down classes, as rows of name, colour and pixel values."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pixelwise.data.masks.palettes import distinct_colors
from pixelwise.errors import UserError
from pixelwise.labels import IGNORE, PUBLISHED, Color, LabelMap

COLOR_KEYS = ("color", "colour", "rgb", "palette")
VALUE_KEYS = ("value", "values", "id", "index")


class Row(NamedTuple):
    """One class. color: None where it is left to us. values: in index masks; none where it is the class's index."""

    name: str
    color: Color | None = None
    values: tuple[int, ...] = ()


def rows_of(path: Path, classes: object, palette: object = None) -> list[Row]:
    """The rows of whatever a file has under ``classes``; path: of the file, for messages.

    A mapping: name -> colour, value, or {color, value}; number -> name or {name, color}. A list: names,
    [name, r, g, b], or {name, color, id}. palette: colours in the same order. Raises UserError for anything else.

    >>> rows_of(Path("dataset.yaml"), {"road": [128, 64, 128], "car": {"color": [0, 0, 142], "value": 26}})[1]
    Row(name='car', color=(0, 0, 142), values=(26,))
    >>> [row.name for row in rows_of(Path("dataset.yaml"), {0: "road", 1: "car"})]
    ['road', 'car']
    """
    if classes is None:
        return []
    if not isinstance(classes, Mapping | list) or not classes:
        raise _wrong(path, "classes", "should list the classes")
    if len(classes) > IGNORE:
        raise _wrong(path, "classes", f"lists {len(classes)} classes, but a label holds {IGNORE}")
    if isinstance(classes, Mapping):
        rows = [_of_pair(path, key, value) for key, value in classes.items()]
    else:
        rows = [_of_item(path, item) for item in classes]
    if isinstance(palette, list):
        if len(palette) != len(rows):
            raise _wrong(path, "palette", f"has {len(palette)} colours for {len(rows)} classes")
        rows = [row._replace(color=_color(path, row.name, color)) for row, color in zip(rows, palette, strict=True)]
    return _in_order(path, rows)


def labels_of(rows: list[Row]) -> LabelMap | None:
    """The label map of the rows, with colours for those that have none: those of a published map of these names."""
    if not rows:
        return None
    names = tuple(row.name for row in rows)
    known = next((labels.colors for labels in PUBLISHED.values() if labels.names == names), distinct_colors(len(rows)))
    return LabelMap(names, tuple(row.color or color for row, color in zip(rows, known, strict=True)))


def values_of(rows: list[Row]) -> dict[int, int]:
    """value -> class; none where every value is the class's index."""
    if not any(row.values for row in rows):
        return {}
    return {value: index for index, row in enumerate(rows) for value in row.values or (index,)}


def _in_order(path: Path, rows: list[Row]) -> list[Row]:
    """Rows whose values are all given and distinct in the order of these values; the values dropped where 0, 1, 2..."""
    values = [value for row in rows for value in row.values]
    for value in values:
        if values.count(value) > 1:
            raise _wrong(path, "classes", f"two classes have the value {value}")
    if all(len(row.values) == 1 for row in rows):
        rows = sorted(rows, key=lambda row: row.values)
        if [row.values[0] for row in rows] == list(range(len(rows))):
            return [row._replace(values=()) for row in rows]
    return rows


def _of_pair(path: Path, key: object, value: object) -> Row:
    if isinstance(key, int) and not isinstance(key, bool):
        row = Row(value) if isinstance(value, str) else _of_item(path, value)
        return row._replace(values=row.values or (_value(path, row.name, key),))
    if not isinstance(key, str):
        raise _wrong(path, f"classes.{key}", "a name is text; put it in quotes")
    if isinstance(value, Mapping):
        return _of_item(path, {**value, "name": key})
    if value is None:
        return Row(key)
    if isinstance(value, int):
        return Row(key, None, (_value(path, key, value),))
    return Row(key, _color(path, key, value))


def _of_item(path: Path, item: object) -> Row:
    if isinstance(item, str):
        return Row(item)
    if isinstance(item, list) and len(item) in (2, 4) and isinstance(item[0], str):
        return Row(item[0], _color(path, item[0], item[1] if len(item) == 2 else item[1:]))
    if not isinstance(item, Mapping) or not isinstance(item.get("name"), str):
        raise _wrong(path, "classes", f"{str(item)[:60]!r} is no class")
    name = str(item["name"])
    odd = set(item) - {"name", *COLOR_KEYS, *VALUE_KEYS}
    if odd:
        raise _wrong(path, f"classes.{name}", f"'{sorted(map(str, odd))[0]}' is not known of a class")
    color = next((item[key] for key in COLOR_KEYS if key in item), None)
    values: object = next((item[key] for key in VALUE_KEYS if key in item), [])
    listed = values if isinstance(values, list) else [values]
    return Row(
        name, None if color is None else _color(path, name, color), tuple(_value(path, name, value) for value in listed)
    )


def _color(path: Path, name: str, color: object) -> Color:
    whole = isinstance(color, list) and len(color) == 3 and all(type(value) is int for value in color)
    if not whole or not all(0 <= value <= 255 for value in color):  # type: ignore[attr-defined]
        raise _wrong(path, f"classes.{name}", f"{str(color)[:60]} is no colour; write [red, green, blue] from 0 to 255")
    red, green, blue = color  # type: ignore[misc]
    return red, green, blue  # type: ignore[has-type]


def _value(path: Path, name: str, value: object) -> int:
    if type(value) is not int or not 0 <= value <= 65535:
        raise _wrong(path, f"classes.{name}", f"{str(value)[:60]!r} is no pixel value; write a number from 0 to 65535")
    return value


def _wrong(path: Path, where: str, what: str) -> UserError:
    return UserError(f"{path}: {where}: {what}; it should read like `classes: {{road: [128, 64, 128]}}`")
