from pathlib import Path

import numpy as np
import pytest
from small_data import label, photo, real, save

from pixelwise.data.description import Description
from pixelwise.data.layouts import camvid
from pixelwise.data.layouts.folders import recognise
from pixelwise.data.masks.class_tables import TABLES, read_class_table
from pixelwise.errors import DataError
from pixelwise.labels import CAMVID32

ROAD, CAR = (128, 64, 128), (64, 0, 128)


def read(tmp_path: Path, name: str, text: str) -> Description | None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return read_class_table(tmp_path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("class_dict.csv", "name,r,g,b\nRoad,128,64,128\nCar, 64, 0, 128\n"),
        ("class_dict.csv", "class,red,green,blue,extra\nRoad,128,64,128,x\nCar,64,0,128,y\n"),
        ("label_colors.txt", "128 64 128\tRoad\n64 0 128\t\tCar\n"),
        ("labelmap.txt", "# label:color_rgb:parts:actions\nRoad:128,64,128::\nCar:64,0,128::\n"),
        ("classes.json", '{"Road": [128, 64, 128], "Car": [64, 0, 128]}'),
        ("label_colors.json", '[{"name": "Road", "color": [128, 64, 128]}, {"name": "Car", "color": [64, 0, 128]}]'),
    ],
)
def test_names_and_colours_are_read_in_every_tools_form(tmp_path: Path, name: str, text: str) -> None:
    found = read(tmp_path, name, "\ufeff" + text if name != "classes.json" else text)
    assert found is not None
    assert found.labels is not None
    assert (found.labels.names, found.labels.colors) == (("Road", "Car"), (ROAD, CAR))
    assert (dict(found.values), found.ignored, found.source) == ({0: 0, 1: 1}, (255,), tmp_path / name)


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ("classes.txt", "cat\ndog\n\n", {0: 0, 1: 1}),
        ("labels.txt", "__ignore__\ncat\ndog", {0: 0, 1: 1}),
        ("class_names.txt", "cat\r\ndog\r\n", {0: 0, 1: 1}),
        ("labelmap.txt", "cat\ndog\n", {0: 0, 1: 1}),
        ("_classes.csv", "Pixel Value, Class\n0, cat\n7, dog\n", {0: 0, 7: 1}),
        ("classes.json", '[{"name":"cat","color":[1,2,3],"id":4},{"name":"dog","color":[4,5,6],"id":2}]', {4: 0, 2: 1}),
    ],
)
def test_values_are_the_tables_or_the_numbers_of_the_lines(
    tmp_path: Path, name: str, text: str, values: dict[int, int]
) -> None:
    found = read(tmp_path, name, text)
    assert found is not None
    assert found.labels is not None
    assert (found.labels.names, dict(found.values)) == (("cat", "dog"), values)


def test_black_void_is_ignored_with_its_value_and_other_black_is_a_class(tmp_path: Path) -> None:
    found = read(tmp_path, "class_dict.csv", "name,r,g,b\nA,1,2,3\nVoid,0,0,0\nB,4,5,6\n")
    assert found is not None
    assert found.labels is not None
    assert (found.labels.names, dict(found.values), found.ignored) == (("A", "B"), {0: 0, 2: 1}, (1, 255))
    found = read(tmp_path, "class_dict.csv", "name,r,g,b\nA,1,2,3\nbackground,0,0,0\nVoid,9,9,9\n")
    assert found is not None
    assert found.labels is not None
    assert found.labels.names == ("A", "background", "Void")


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "name,r,g,b\n",
        "name,r,g,b\nroad,1,2\n",
        "name,r,g,b\nroad,1,2,256\n",
        "name,r,g,b\nroad,one,two,three\n",
        "name,r,g,b\nroad,1,2,3\nroad,4,5,6\n",
        "300 0 0\troad\n",
        "road:999,0,0::\n",
        "road:1,2::\n",
        '{"road": [1, 2]}',
        '{"road": [1, 2, 1e999]}',
        '{"road": null}',
        '[{"name": "", "color": [1, 2, 3]}]',
        '[{"name": "a", "color": [1, 2, 3], "id": 1}, {"name": "b", "color": [1, 2, 4], "id": 1}]',
        "3",
        '"' * 9999,
        "Pixel Value, Class\n-1, a\n",
        "Pixel Value, Class\n1, a\n1, b\n",
        "Pixel Value, Class\n99999999999999999999, a\nx, b\n",
        "\x00\x01\t\x02",
        "a" * 5000,
        "same\nsame\n",
        "\n".join(str(number) for number in range(300)),
        "[" * 100_000,
    ],
)
def test_nonsense_is_no_table_or_one_line_for_the_user(tmp_path: Path, name: str, text: str) -> None:
    found: Description | DataError | None
    try:
        found = read(tmp_path, name, text)
    except DataError as error:
        found = error
    assert found is None or (isinstance(found, DataError) and found.kind == "unreadable")


def test_a_table_that_is_no_text_is_a_data_error(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_bytes(b"\xff\xfe\x00c")
    with pytest.raises(DataError, match="is not UTF-8 text"):
        read_class_table(tmp_path)


def test_a_table_outside_the_folder_is_not_read_and_one_in_a_sub_folder_is(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("a\nb")
    inner = tmp_path / "data"
    (inner / "train").mkdir(parents=True)
    (inner / "classes.txt").symlink_to(tmp_path / "classes.txt")
    assert read_class_table(inner) is None
    (inner / "train" / "_classes.csv").write_text("Pixel Value, Class\n0, x\n1, y\n")
    found = read_class_table(inner)
    assert found is not None
    assert found.source == inner / "train" / "_classes.csv"


def test_kaggles_camvid_is_read_with_its_table(tmp_path: Path) -> None:
    rows = [f"{name},{r},{g},{b}" for name, (r, g, b) in zip(CAMVID32.names, CAMVID32.colors, strict=True)]
    (tmp_path / "class_dict.csv").write_text("name,r,g,b\n" + "\n".join([*rows[:-1], "Void,0,0,0", rows[-1]]))
    for seed, name in enumerate(("0001TP_006690", "0001TP_006720", "Seq05VD_f00000")):
        truth = label(seed, classes=len(CAMVID32))
        save(tmp_path / "train" / f"{name}.png", photo(seed))
        save(tmp_path / "train_labels" / f"{name}_L.png", CAMVID32.colorize(truth))
    data = camvid.recognise(tmp_path, Description())
    assert data is not None
    assert (data.layout, data.labels) == ("camvid", CAMVID32)
    assert "classes from class_dict.csv" in data.evidence
    assert all(
        np.array_equal(sample.label, label(seed, classes=len(CAMVID32))) for seed, sample in enumerate(data.train)
    )


def test_a_damaged_table_is_a_problem_and_the_masks_are_read_without_it(tmp_path: Path) -> None:
    for seed in range(3):
        save(tmp_path / "images" / f"{seed}.png", photo(seed))
        save(tmp_path / "masks" / f"{seed}.png", label(seed))
    (tmp_path / "classes.txt").write_bytes(b"\xff\xff\xff")
    data = recognise(tmp_path, Description())
    assert data is not None
    assert [problem.kind for problem in data.problems] == ["unreadable"]


def test_real_labelme_names_are_read_from_both_files() -> None:
    for folder, first in (("labelme", "_background_"), ("labelme/data_dataset_voc", "_background_")):
        found = read_class_table(real(folder))
        assert found is not None
        assert found.labels is not None
        assert (found.labels.names[0], found.labels.names[15], len(found.labels)) == (first, "person", 21)
