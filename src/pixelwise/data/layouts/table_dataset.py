"""Datasets made of the rows of tables, wherever these lie: the rows as entries, their names, classes and splits."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from PIL import Image as Pillow

from pixelwise.data.dataset import SPLITS, Dataset, Entry, Format, Sample
from pixelwise.data.description import Description
from pixelwise.data.files.images import find_format, read_image, read_mask
from pixelwise.data.layouts.splits import assemble
from pixelwise.data.layouts.table_columns import Columns, find_columns, named_classes
from pixelwise.data.layouts.table_rows import Rows, picture_of
from pixelwise.data.masks.decoders import Decoder
from pixelwise.data.masks.found_classes import Classes, NotMasks
from pixelwise.data.masks.mask_classes import find_classes
from pixelwise.data.sampling import even_sample
from pixelwise.errors import DataError
from pixelwise.labels import Color, LabelMap

LOOKED_AT = 32  # rows by which the classes are told
Parts = Sequence[tuple[str, Rows]]  # the split of each table


@dataclass(frozen=True)
class Row:
    """One row of a table."""

    name: str
    rows: Rows
    index: int
    columns: Columns
    decode: Decoder
    format: Format

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of the table."""
        return self.rows.files

    def read(self) -> Sample:
        """Raises UserError where the table is damaged, a cell is no picture, a value no class, or sizes differ."""
        image, mask = pictures(self.rows, self.index, self.columns)
        photo, label = read_image(image, self.format), self.decode(read_mask(mask), mask)
        if photo.shape[:2] != label.shape:
            raise DataError(mask, "is not of its photo's size", "make them equal", "size mismatch")
        return Sample(photo, label, self.name)


def pictures(rows: Rows, index: int, columns: Columns) -> tuple[Path, Path]:
    """The photo and the mask of a row. Raises DataError where a cell holds none."""
    cells = rows.cells(index, columns)
    table = rows.files[0] if rows.files else Path("table")
    image, label = (picture_of(cells[name], table, f"row {index} column {name}") for name in columns)
    return image, label


def table_dataset(
    root: Path, parts: Parts, description: Description, problems: Sequence[DataError] = ()
) -> Dataset | None:
    """The dataset in these tables, if they have a column of photos and one of masks; else None.

    root: where they lie. parts: at least one. problems: what was found wanting on the way.
    """
    columns = next((found for _, rows in parts if (found := find_columns(rows))), None)
    if columns is None:
        return None
    alike = [(split, rows) for split, rows in parts if {*columns} <= {*rows.schema.names}]
    others = [_other_columns(rows, columns) for _, rows in parts if not {*columns} <= {*rows.schema.names}]
    looked = list(_looked_at(alike, columns))
    if not looked:
        return None
    classes = _classes(alike, columns, [mask for _, mask in looked], description)
    if classes is None:
        return None
    format = find_format([image for image, _ in looked])
    evidence = (
        f"{len(alike)} table{'s' * (len(alike) > 1)}, columns {columns.image} and {columns.label}; {classes.evidence}"
    )
    splits = {
        split: _entries([rows for one, rows in alike if one == split], columns, classes.decode, format=format)
        for split in SPLITS
    }
    return assemble(
        root,
        "table",
        splits,
        labels=classes.labels,
        evidence=evidence,
        format=format,
        problems=[*problems, *others, *classes.problems],
    )


def _other_columns(rows: Rows, columns: Columns) -> DataError:
    path = rows.files[0] if rows.files else Path("table")
    return DataError(path, f"has no columns {columns.image} and {columns.label}", "remove it", "unreadable")


def _looked_at(parts: Parts, columns: Columns) -> Iterator[tuple[Path, Path]]:
    """The pictures of some rows of all the tables."""
    places = [(rows, index) for _, rows in parts for index in even_sample(range(len(rows)), LOOKED_AT)]
    for rows, index in even_sample(places, LOOKED_AT):
        try:
            yield pictures(rows, index, columns)
        except DataError:  # told when it is read
            continue


def _classes(parts: Parts, columns: Columns, masks: Sequence[Path], description: Description) -> Classes | None:
    """The classes, in the colours of the masks' palette where the schema names them; None where these are no masks."""
    rows = parts[0][1]
    table = named_classes(rows.schema, rows.files[0] if rows.files else Path("table"), columns.label)
    try:
        found = find_classes(masks, description, table)
    except NotMasks:
        return None
    colors = palette(masks[0], len(found.labels)) if table and found.labels == table.labels else ()
    return found._replace(labels=LabelMap(found.labels.names, colors)) if colors else found


def palette(mask: Path, count: int) -> tuple[Color, ...]:
    """The first colours of a palette image, if they can be told apart; else none."""
    with suppress(Exception), Pillow.open(mask) as picture:  # of a damaged one decoders raise whatever they like
        flat = (picture.getpalette() or []) if picture.mode == "P" else []
        colors = tuple(zip(flat[::3], flat[1::3], flat[2::3], strict=False))[:count]
        return colors if len(set(colors)) == count else ()
    return ()


def _entries(tables: Sequence[Rows], columns: Columns, decode: Decoder, *, format: Format) -> list[Entry]:
    """The rows of a split; named as the pictures were where all these names differ, else numbered."""
    names = [_name(path) for rows in tables for path in _paths(rows, columns.image)]
    if None in names or len(set(names)) < len(names):
        names = [f"{number:07d}" for number in range(len(names))]
    places = [(rows, index) for rows in tables for index in range(len(rows))]
    return [
        Row(name or "", rows, index, columns, decode, format) for name, (rows, index) in zip(names, places, strict=True)
    ]


def _paths(rows: Rows, column: str) -> Sequence[str | None]:
    try:
        return rows.paths(column)
    except DataError:  # told when its rows are read
        return [None] * len(rows)


def _name(path: str | None) -> str | None:
    """A file's name as a sample's: without the ending and what would lead out of a folder."""
    if not path:
        return None
    parts = [part for part in PurePosixPath(path.replace("\\", "/")).parts if part not in {"/", "..", "."}]
    return str(PurePosixPath(*parts).with_suffix("")) if parts else None
