"""A table with a row per image, for spreadsheets and data frames: CSV, or Parquet, which needs pyarrow."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from pixelwise.data.layouts.table_rows import import_parquet
from pixelwise.errors import UserError
from pixelwise.files import replacing

Columns = Mapping[str, Sequence[float | str | None]]


def write_rows(rows: Sequence[Mapping[str, float | str]], path: str | Path) -> None:
    """Writes rows whole or not at all, as CSV or Parquet after the ending of ``path``.

    rows: all with the columns of the first, in whose order they are written; a column holds text or numbers, not both.
    Numbers keep all their digits and are doubles in Parquet; NaN is an empty cell, in Parquet a null. A file name that
    is not UTF-8 is written with the odd bytes as "\\udcff".

    Raises UserError for no rows, another ending, a place that cannot be written, and where pyarrow is missing.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "images.csv"
    >>> write_rows([{"name": "street", "IoU road": 0.5, "IoU car": float("nan")}], path)
    >>> print(path.read_text().strip())
    name,IoU road,IoU car
    street,0.5,
    """
    path = Path(path)
    if path.suffix.lower() not in WRITERS:
        raise UserError(f"{path}: a table is written as {' or '.join(WRITERS)}; let the name end so")
    if not rows:
        raise UserError(f"{path}: there are no rows to write; choose a split that has images")
    if any(row.keys() != rows[0].keys() for row in rows):
        raise ValueError("the rows have not all the same columns")
    columns = {name: [_cell(row[name]) for row in rows] for name in rows[0]}
    WRITERS[path.suffix.lower()](columns, path)


def _cell(value: float | str) -> float | str | None:
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    return None if math.isnan(value) else value


def _write_csv(columns: Columns, path: Path) -> None:
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def _write_parquet(columns: Columns, path: Path) -> None:
    parquet = import_parquet()
    import pyarrow as pa

    # Of a column of nulls alone pyarrow would not know the kind.
    kinds = {name: pa.string() if isinstance(cells[0], str) else pa.float64() for name, cells in columns.items()}
    with replacing(path) as temporary:
        parquet.write_table(pa.table(dict(columns), pa.schema(kinds)), temporary)


WRITERS = {".csv": _write_csv, ".parquet": _write_parquet}
