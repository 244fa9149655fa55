"""What dataset.yaml may say, in our words and in others'."""

from pathlib import Path

import pytest

from pixelwise.data.dataset_yaml import as_yaml, find_description
from pixelwise.data.description import Description
from pixelwise.errors import UserError
from pixelwise.labels import CITYSCAPES19, IGNORE, LabelMap

ROAD, CAR = (128, 64, 128), (0, 0, 142)

ULTRALYTICS = """
path: {path}
train: images/train
val: images/val
masks_dir: masks
nc: 2
download: https://example.org/data.zip
names:
  0: road
  1: car
label_mapping:
  -1: ignore_label
  0: ignore_label
  7: 0
  26: 1
"""


def described(folder: Path, text: str) -> Description:
    (folder / "dataset.yaml").write_text(text)
    return find_description(folder)[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("classes: {road: [1, 2, 3], road: [4, 5, 6]}", "line 1: 'road' is there twice"),
        ("classes: {road: [1, 2, 3]", "is not valid YAML"),
        ("classes: {road: [1, 2, 300]}", "is no colour"),
        ("classes: {road: [1, 2]}", "is no colour"),
        ("classes: {road: [true, 2, 3]}", "is no colour"),
        ("classes: {}", "should list the classes"),
        ("classes: 7", "should list the classes"),
        ("classes: cityscape", "did you mean 'cityscapes19'"),
        ("classes: {road: 1, car: 1}", "two classes have the value 1"),
        ("classes: {road: -1}", "is no pixel value"),
        ("classes: [[road, 1, 2, 3], [road, 4, 5, 6]]", "rename one, or merge"),
        ("classes: [road, car]\npalette: [[1, 2, 3]]", "has 1 colours for 2 classes"),
        ("klasses: camvid11", "it should read like"),
        ("classes: {true: [1, 2, 3]}", "put it in quotes"),
        ("images: ../secrets/{name}.jpg\nmasks: m/{name}.png", "no path with"),
        ("images: /etc/{name}.jpg\nmasks: m/{name}.png", "no path with"),
        ("images: photos\nmasks: masks", "no path with"),
        ("path: ..", "leads out of the folder"),
        ("- road", "it should read like"),
        ("", "it should read like"),
        ("a: &x [1, 1]\nb: [*x, *x]", "aliases"),
        ("[" * 5000, "dataset.yaml"),
        ("classes: {road: !!python/object/apply:os.system ['true']}", "is not valid YAML"),
    ],
)
def test_a_dataset_yaml_that_is_wrong_is_one_line_for_the_user(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        described(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        "classes: {road: [128, 64, 128], car: [0, 0, 142]}",
        "classes: {road: {color: [128, 64, 128]}, car: {rgb: [0, 0, 142]}}",
        "classes: [[road, 128, 64, 128], [car, 0, 0, 142]]",
        "classes: [[road, [128, 64, 128]], [car, [0, 0, 142]]]",
        "classes: [{name: car, color: [0, 0, 142], id: 1}, {name: road, color: [128, 64, 128], id: 0}]",
        "classes: {0: {name: road, color: [128, 64, 128]}, 1: {name: car, color: [0, 0, 142]}}",
        "classes: [road, car]\npalette: [[128, 64, 128], [0, 0, 142]]",
    ],
)
def test_a_table_of_classes_is_read_however_it_is_written(tmp_path: Path, text: str) -> None:
    found = described(tmp_path, text)
    assert found.labels == LabelMap(("road", "car"), (ROAD, CAR))
    assert not found.values


def test_a_class_with_the_value_255_is_not_ignored(tmp_path: Path) -> None:
    found = described(tmp_path, "classes: {background: 0, cell: 255}")
    assert found.values == {0: 0, 255: 1}
    assert found.ignored == ()


def test_classes_without_colours_take_those_of_a_published_map_of_the_same_names(tmp_path: Path) -> None:
    assert described(tmp_path, f"classes: {list(CITYSCAPES19.names)}").labels == CITYSCAPES19


@pytest.mark.parametrize("path", [".", "somewhere/else"])
def test_the_file_of_ultralytics_is_read_unchanged(tmp_path: Path, path: str) -> None:
    file = tmp_path / "city.yaml"
    file.write_text(ULTRALYTICS.format(path=path))
    root, found = find_description(file)
    assert root.resolve() == tmp_path.resolve()
    assert found.labels is not None
    assert found.labels.names == ("road", "car")
    assert found.values == {7: 0, 26: 1}
    assert found.ignored == (0, IGNORE)
    assert found.images == {"train": "images/train/{name}.*", "val": "images/val/{name}.*"}
    assert found.masks == {"train": "masks/train/{name}.*", "val": "masks/val/{name}.*"}


def test_what_is_written_reads_as_the_same(tmp_path: Path) -> None:
    whole = Description(
        source=tmp_path / "dataset.yaml",
        layout="folders",
        images={"train": "a/{name}.jpg", "val": "b/{name}.jpg"},
        masks={"train": "c/{name}_mask.png", "val": "d/{name}_mask.png"},
        labels=LabelMap(("no", "yes: really", "0"), (ROAD, CAR, (1, 2, 3))),
        values={7: 0, 26: 1, 27: 1, 255: 2},
        ignored=(3, 4),
        splits={"train": ("seq1_*", "a:b"), "val": ("007",)},
        exclude=("a/1.jpg",),
        groups={"vehicle": ("car", "bus"), "ignore": ("0",)},
    )
    assert described(tmp_path, as_yaml(whole)) == whole


def test_a_named_file_may_lie_anywhere_but_that_of_a_folder_speaks_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    file = tmp_path / "notes" / "mine.yaml"
    file.parent.mkdir()
    file.write_text("path: ../data\nclasses: camvid11")
    assert find_description(file)[0].resolve() == (tmp_path / "data").resolve()
