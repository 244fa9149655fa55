"""Ultralytics' polygons are read as its semantic task documents it."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from small_data import photo, real, save

from pixelwise.data import Dataset
from pixelwise.data.description import Description
from pixelwise.data.layouts import yolo
from pixelwise.errors import DataError, UserError
from pixelwise.labels import LabelMap

# Of 32 x 24 pixels, the outline's own included: 16 columns, 8 x 6, and all.
LEFT, CORNER, ALL = "0 0 0.46875 0 0.46875 1 0 1", "0 0 0.22 0 0.22 0.22 0 0.22", "0 0 1 0 1 1 0 1"
NAMES = LabelMap(("car", "tree"), ((1, 2, 3), (4, 5, 6)))


def annotate(root: Path, name: str, *lines: str | None) -> Path:
    """images/NAME.jpg of 32 x 24 pixels, and labels/NAME.txt unless the lines are None."""
    save(root / "images" / f"{name}.png", photo())
    text = root / "labels" / f"{name}.txt"
    if None not in lines:
        text.parent.mkdir(parents=True, exist_ok=True)
        text.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return text


def opened(root: Path, labels: LabelMap | None = NAMES) -> Dataset:
    found = yolo.recognise(root, Description(labels=labels))
    assert found
    return found


def kinds(data: Dataset) -> list[str]:
    return [problem.kind for problem in data.problems]


def test_smaller_polygons_lie_above_and_the_background_comes_last(tmp_path: Path) -> None:
    annotate(tmp_path, "train/a", f"1 {CORNER}", f"0 {LEFT}")
    annotate(tmp_path, "val/b", f"0 {LEFT}", f"1 {CORNER}")
    data = opened(tmp_path)
    assert data.labels.names == ("car", "tree", "background")
    assert data.labels.colors == (*NAMES.colors, (0, 0, 0))
    assert (data.train.names, data.val.names, data.problems) == (("a",), ("b",), ())
    label = data.train[0].label
    assert np.array_equal(label, data.val[0].label)
    assert [int((label == value).sum()) for value in range(3)] == [24 * 16 - 48, 48, 24 * 16]


def test_polygons_traced_from_masks_give_the_masks_again_as_ultralytics_writes_them(tmp_path: Path) -> None:
    for height, width in ((24, 32), (375, 500), (211, 1037)):
        noise = cv2.GaussianBlur(np.random.default_rng(height).random((height, width)), (0, 0), 5)
        regions = cv2.findContours((noise > 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
        mask = cv2.drawContours(np.ones((height, width), np.uint8), regions, -1, 0, cv2.FILLED)
        kept = [region[:, 0] for region in regions if len(region) > 2]
        lines = ["0 " + " ".join(f"{x / width:.6f} {y / height:.6f}" for x, y in region) for region in kept]
        annotate(tmp_path / str(width), "a", *lines)
        save(tmp_path / str(width) / "images" / "a.png", photo(0, height, width))
        label = opened(tmp_path / str(width), LabelMap(("blob",), ((1, 2, 3),))).train[0].label
        small = [region for region in regions if len(region) <= 2]  # lines and points, which no polygon can tell
        assert int((label != mask).sum()) <= sum(int(np.ptp(region, axis=0).max()) + 1 for region in small)


def test_without_names_the_classes_are_the_numbers(tmp_path: Path) -> None:
    annotate(tmp_path, "a", f"3 {LEFT}")
    data = opened(tmp_path, None)
    assert data.labels.names == ("0", "1", "2", "3", "background")
    assert data.train[0].label[0, [0, 31]].tolist() == [3, 4]


def test_names_that_hold_a_background_are_taken_as_they_are(tmp_path: Path) -> None:
    annotate(tmp_path, "a", f"1 {LEFT}")
    data = opened(tmp_path, LabelMap(("background", "car"), NAMES.colors))
    assert data.train[0].label[0, [0, 31]].tolist() == [1, 0]
    again = opened(tmp_path, data.labels)
    assert again.labels == data.labels


def test_a_photo_without_a_file_has_no_objects_but_a_split_without_any_is_left_out(tmp_path: Path) -> None:
    annotate(tmp_path, "train/a", f"0 {LEFT}")
    annotate(tmp_path, "train/b", None)
    annotate(tmp_path, "train/c")
    annotate(tmp_path, "test/d", None)
    data = opened(tmp_path)
    assert (data.train.names, len(data.test)) == (("a", "b", "c"), 0)
    assert [int(sample.label.min()) for sample in data.train] == [0, 2, 2]
    assert len(data.train.entries[1].files) == 1


def test_roboflows_folders_are_read(tmp_path: Path) -> None:
    for folder in ("train", "valid"):
        annotate(tmp_path / folder, "a", f"0 {ALL}")
    data = opened(tmp_path)
    assert (data.train.names, data.val.names) == (("a",), ("a",))
    assert (data.val[0].label == 0).all()


def test_a_text_file_without_a_photo_is_a_problem(tmp_path: Path) -> None:
    annotate(tmp_path, "a", f"0 {LEFT}")
    (tmp_path / "labels" / "b.txt").write_text(f"0 {LEFT}\n", encoding="utf-8")
    data = opened(tmp_path)
    assert (data.train.names, kinds(data)) == (("a",), ["missing partner"])


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (f"2 {LEFT}", "unknown class"),
        (f"-1 {LEFT}", "unknown class"),
        (f"99999999999 {LEFT}", "unknown class"),
        (f"car {LEFT}", "unknown class"),
        ("0 0.5 0.5 0.1 0.1", "missing shape"),
        ("\xff", "unreadable"),
    ],
)
def test_faults_of_a_text_file_leave_its_photo_out(tmp_path: Path, line: str, kind: str) -> None:
    annotate(tmp_path, "a", f"0 {LEFT}")
    annotate(tmp_path, "b").write_bytes(line.encode("latin-1"))
    data = opened(tmp_path)
    assert (data.train.names, kinds(data)) == (("a",), [kind])


@pytest.mark.parametrize(
    "rest", ["0 0 32 0 32 24", "0 0 nan 1 1 1", "0 0 1 0 1 1 1", "0 0 1 0 1 one", "0 0 1e308 1 1 1"]
)
def test_a_polygon_that_makes_no_sense_is_an_error_of_its_file(tmp_path: Path, rest: str) -> None:
    annotate(tmp_path, "a", f"0 {LEFT}")
    annotate(tmp_path, "b", f"0 {LEFT}", f"0 {rest}")
    with pytest.raises(DataError, match=r"b.txt: holds a shape that has") as caught:
        opened(tmp_path).train[1]
    assert caught.value.kind == "bad shape"


def test_boxes_and_other_text_are_not_recognised(tmp_path: Path) -> None:
    assert yolo.recognise(tmp_path, Description()) is None
    assert yolo.recognise(tmp_path / "gone", Description()) is None
    annotate(tmp_path, "a", "0 0.5 0.5 0.1 0.1")
    annotate(tmp_path, "b", "one two three four five six seven eight")
    (tmp_path / "labels" / "c.txt").write_bytes(bytes(range(256)) * 100)
    assert yolo.recognise(tmp_path, Description()) is None


def test_a_folder_of_which_nothing_can_be_used_says_why(tmp_path: Path) -> None:
    annotate(tmp_path, "a", f"7 {LEFT}")
    with pytest.raises(UserError, match="has a polygon of class 7, but there are 2"):
        yolo.recognise(tmp_path, Description(labels=NAMES))


def test_other_real_data_is_not_taken_for_it() -> None:
    for name in ("camvid", "labelme", "carla"):
        assert yolo.recognise(real(name), Description()) is None
