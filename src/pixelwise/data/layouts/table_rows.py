"""Rows of tables read one at a time: of a Parquet file on disk, or of a dataset that the `datasets` package holds.

A Parquet file gives no less than a row group, 16 to 1,000 rows. Of CamVid's 367 photos of 480 x 360 in groups of 100,
161 rows a second are read in random order while all are kept (files in folders: 189), and 79 where a third is.
"""

import os
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import TYPE_CHECKING, Protocol, cast

from pixelwise.data.files.file_content import opened
from pixelwise.data.files.in_memory import InMemory
from pixelwise.errors import DataError, UserError

if TYPE_CHECKING:
    import pyarrow as pa

KEPT = 2**28  # bytes of row groups that are kept in memory; the last one is, whatever it takes
MOST_BYTES = 2**30  # of the wanted columns of one row group
ROWS_AT_ONCE = 16  # a column of few bytes may become many, so that they are counted while they are read


class Rows(Protocol):
    """The rows of one table, all alike.

    files: in which they lie. schema: names and types of the columns. cells: what the named columns hold in a row.
    paths: the file name that each row keeps beside the picture in a column, None where it keeps none.
    """

    @property
    def files(self) -> tuple[Path, ...]: ...

    @property
    def schema(self) -> "pa.Schema": ...

    def __len__(self) -> int: ...

    def cells(self, index: int, columns: Sequence[str]) -> Mapping[str, object]: ...

    def paths(self, column: str) -> list[str | None]: ...


def picture_of(cell: object, table: Path, place: str) -> Path:
    """The picture in a cell: bytes, or a struct of bytes and path as `datasets` writes.

    Raises DataError where it holds none.
    """
    content = cell.get("bytes") if isinstance(cell, dict) else cell
    if isinstance(content, bytes) and content:
        return cast(Path, InMemory(content, f"{table} {place}", table))
    outside = isinstance(cell, dict) and bool(cell.get("path"))
    what = "names a picture that is not in the table" if outside else "holds no picture"
    raise DataError(f"{table} {place}", what, "write the table anew with the pictures in it", "unreadable")


@dataclass(frozen=True)
class ParquetRows:
    """The rows of a Parquet file; of the row groups read last, some are kept.

    ends: the number of rows up to the end of each row group.
    """

    path: Path
    ends: tuple[int, ...]
    schema: "pa.Schema" = field(compare=False, repr=False)

    @classmethod
    def open(cls, path: Path) -> "ParquetRows":
        """Reads the file's end alone, where its columns are described. Raises DataError where it is no Parquet."""
        pq = import_parquet()
        with _reading(path), pq.ParquetFile(path) as file:
            counts = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
            ends = tuple(sum(counts[: group + 1]) for group in range(len(counts)))
            return cls(path, ends, file.schema_arrow)

    @property
    def files(self) -> tuple[Path, ...]:
        """The one file."""
        return (self.path,)

    def __len__(self) -> int:
        return self.ends[-1] if self.ends else 0

    def cells(self, index: int, columns: Sequence[str]) -> Mapping[str, object]:
        """What the columns hold in a row. Raises DataError where the file is damaged."""
        group = bisect_right(self.ends, index)
        row = index - (self.ends[group - 1] if group else 0)
        with _reading(self.path):
            table = _GROUPS.table(self.path, group, tuple(columns))
            return {column: table.column(column)[row].as_py() for column in columns}

    def paths(self, column: str) -> list[str | None]:
        """The file names that `datasets` keeps beside pictures; no picture is read."""
        pq = import_parquet()
        with _reading(self.path), pq.ParquetFile(self.path) as file:
            table = file.read(columns=[f"{column}.path"], use_threads=False)
            cells = table.column(column).to_pylist() if table.num_columns else [None] * len(self)
            return [cell.get("path") if isinstance(cell, dict) else None for cell in cells]


class _Groups:
    """Row groups read last, up to KEPT bytes."""

    def __init__(self) -> None:
        self._lock, self._bytes = Lock(), 0
        self._kept: OrderedDict[tuple[object, ...], pa.Table] = OrderedDict()
        self._too_large: set[tuple[object, ...]] = set()

    def table(self, path: Path, group: int, columns: tuple[str, ...]) -> "pa.Table":
        now = path.stat()
        key = (os.getpid(), path, now.st_mtime_ns, now.st_size, group, columns)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            if key in self._too_large:
                raise _too_large(path)
            try:
                found = _read_group(path, group, columns)
            except DataError:
                self._too_large.add(key)
                raise
            self._kept[key] = found
            self._bytes += found.nbytes
            while self._bytes > KEPT and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes
            return found


_GROUPS = _Groups()


def _read_group(path: Path, group: int, columns: Sequence[str]) -> "pa.Table":
    import pyarrow as pa

    with import_parquet().ParquetFile(path) as file:
        about = file.metadata.row_group(group)
        parts = [about.column(number) for number in range(about.num_columns)]
        size = sum(part.total_uncompressed_size for part in parts if part.path_in_schema.split(".")[0] in columns)
        if size > MOST_BYTES:
            raise _too_large(path)
        batches, taken = [], 0
        for batch in file.iter_batches(ROWS_AT_ONCE, row_groups=[group], columns=list(columns), use_threads=False):
            batches.append(batch)
            taken += batch.nbytes
            if taken > MOST_BYTES:
                batches.clear()  # the error would keep them
                raise _too_large(path)
        return pa.Table.from_batches(batches)


def _too_large(path: Path) -> DataError:
    return DataError(path, f"has row groups over {MOST_BYTES:,} bytes", "write smaller ones", "unreadable")


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Whatever goes wrong in the block becomes a DataError of this file."""
    with opened(path):  # so that nobody waits for a pipe, nor follows a link that leads out
        try:
            yield
        except UserError:
            raise
        except Exception as error:  # Arrow's errors are of many kinds
            reason = (str(error).splitlines() or [type(error).__name__])[0][:100]
            what = f"is no Parquet file, or a damaged one ({reason})"
            raise DataError(path, what, "copy it again or remove it", "unreadable") from error


class Indexed(Protocol):
    """Rows by their number."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Mapping[str, object]: ...


@dataclass(frozen=True)
class HubRows:
    """The rows of one split that `datasets.load_dataset` gave, pictures as bytes.

    fingerprint: by which two of them are told apart.
    """

    fingerprint: str
    files: tuple[Path, ...]
    schema: "pa.Schema" = field(compare=False, repr=False)
    dataset: Indexed = field(compare=False, repr=False)

    def __len__(self) -> int:
        return len(self.dataset)

    def cells(self, index: int, columns: Sequence[str]) -> Mapping[str, object]:
        """What the columns hold in a row."""
        row = self.dataset[index]
        return {column: row[column] for column in columns}

    def paths(self, column: str) -> list[str | None]:
        """Nothing: the names would have to be read with the pictures."""
        return [None] * len(self)


def import_parquet() -> ModuleType:
    """pyarrow.parquet; raises UserError where it is not installed."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise UserError("tables need pyarrow, which is not installed; run `pip install 'pixelwise[tables]'`") from error
    module: ModuleType = pyarrow.parquet
    return module
