"""A row per image, written and read back."""

import csv
import math
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from pixelwise.errors import UserError
from pixelwise.evaluation.image_rows import write_rows

NAN = float("nan")
ROWS: list[dict[str, float | str]] = [
    {"name": "a, b", "mean_iou": 1 / 3, "ignored": 0.1 + 0.2, "IoU road": 1e-300, "IoU car": NAN, "IoU tram": NAN},
    {"name": 'the "Straße"', "mean_iou": 0.5, "ignored": 0.0, "IoU road": 1.0, "IoU car": 2 / 3, "IoU tram": NAN},
    {"name": "line\nbreak", "mean_iou": NAN, "ignored": 1.0, "IoU road": NAN, "IoU car": 5e-324, "IoU tram": NAN},
]


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_rows_are_read_back_as_they_were_to_the_last_digit_and_in_order(tmp_path: Path, ending: str) -> None:
    write_rows(ROWS, tmp_path / f"images.{ending}")
    found = read(tmp_path / f"images.{ending}")
    assert list(found.columns) == list(ROWS[0])
    pd.testing.assert_frame_equal(found, pd.DataFrame(ROWS), check_exact=True, check_dtype=False)


def test_nan_is_an_empty_cell_in_csv(tmp_path: Path) -> None:
    write_rows(ROWS, tmp_path / "images.csv")
    with (tmp_path / "images.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["IoU car"] for row in rows] == ["", str(2 / 3), "5e-324"]
    assert "nan" not in (tmp_path / "images.csv").read_text(encoding="utf-8").lower()


def test_nan_is_a_null_among_doubles_in_parquet_even_in_a_column_of_nan_alone(tmp_path: Path) -> None:
    write_rows(ROWS, tmp_path / "images.parquet")
    table = pq.read_table(tmp_path / "images.parquet")
    assert [str(kind) for kind in table.schema.types] == ["string"] + ["double"] * 5
    assert [column.null_count for column in table.columns] == [0, 1, 0, 1, 1, 3]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_row_in_another_order_is_written_under_the_columns_of_the_first(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"images.{ending}"
    write_rows([{"name": "a", "ignored": 1}, {"ignored": 2, "name": "b"}], str(path))
    assert read(path).to_dict("list") == {"name": ["a", "b"], "ignored": [1, 2]}


@pytest.mark.parametrize("ending", ["CSV", "Parquet"])
def test_an_ending_in_capitals_is_the_same_ending(tmp_path: Path, ending: str) -> None:
    write_rows(ROWS, tmp_path / f"images.{ending}")
    assert (tmp_path / f"images.{ending}").read_bytes()[:4] == {"CSV": b"name", "Parquet": b"PAR1"}[ending]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_file_name_that_is_not_utf8_is_written_readably(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"images.{ending}"
    write_rows([{"name": "street\udcff", "mean_iou": 0.5}], path)
    assert read(path)["name"][0] == r"street\udcff"


@pytest.mark.parametrize("name", ["images.xlsx", "images", "csv"])
def test_another_ending_is_refused_with_those_there_are(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"a table is written as \.csv or \.parquet"):
        write_rows(ROWS, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_no_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no rows to write"):
        write_rows([], tmp_path / "images.csv")


@pytest.mark.parametrize("other", [{"name": "b"}, {"name": "b", "mean_iou": 1.0, "more": 1.0}])
def test_rows_of_unequal_columns_are_refused(tmp_path: Path, other: dict[str, float | str]) -> None:
    with pytest.raises(ValueError, match="same columns"):
        write_rows([{"name": "a", "mean_iou": 1.0}, other], tmp_path / "images.csv")


def test_parquet_without_pyarrow_names_the_package_to_install_and_csv_needs_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(UserError, match=r"pip install 'pixelwise\[tables\]'"):
        write_rows(ROWS, tmp_path / "images.parquet")
    write_rows(ROWS, tmp_path / "images.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["images.csv"]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_write_that_fails_leaves_the_table_that_was_there(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"images.{ending}"
    write_rows(ROWS, path)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match="No space left"):
        write_rows([{"name": "z", "mean_iou": math.pi}], path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
