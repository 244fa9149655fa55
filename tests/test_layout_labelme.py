"""labelme's annotations are read as its own labelme2voc reads them."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from small_data import assert_same_samples, dataset, held, photo, real, save

from pixelwise.data import Dataset
from pixelwise.data.dataset_yaml import find_description
from pixelwise.data.description import Description
from pixelwise.data.layouts import labelme
from pixelwise.data.layouts.streets_default import streets
from pixelwise.data.writers.labelme import write_labelme
from pixelwise.errors import DataError, UserError
from pixelwise.labels import LabelMap

Shape = dict[str, object]


def shape(label: str, *corners: float, kind: str | None = "polygon", **more: object) -> Shape:
    pairs = [list(pair) for pair in zip(corners[::2], corners[1::2], strict=True)]
    return {"label": label, "points": pairs, "group_id": None, "shape_type": kind, "flags": {}, **more}


def annotate(path: Path, *shapes: Shape, **more: object) -> Path:
    """A JSON file for the photo of the same name beside it, 32 x 24 pixels."""
    save(path.with_suffix(".png"), photo())
    content = {"version": "5.2.0", "flags": {}, "shapes": shapes, "imagePath": f"{path.stem}.png", "imageData": None}
    path.write_text(json.dumps(content | {"imageHeight": 24, "imageWidth": 32} | more), encoding="utf-8")
    return path


def opened(root: Path, description: Description | None = None) -> Dataset:
    found = labelme.recognise(root, description or Description())
    assert found
    return found


def kinds(data: Dataset) -> list[str]:
    return [problem.kind for problem in data.problems]


LEFT, TOP = (0, 0, 15, 0, 15, 23, 0, 23), (0, 0, 31, 0, 31, 7, 0, 7)


def test_the_real_photos_have_the_labels_that_labelme_made_of_them() -> None:
    root = real("labelme")
    data = opened(root)
    assert (len(data.train), len(data.labels), data.problems) == (3, 21, ())
    assert "3 JSON files with 18 shapes" in data.evidence
    different = 0
    for sample in data.train:
        truth = root / "data_dataset_voc" / "SegmentationClass" / f"{Path(sample.name).name}.png"
        different += int((sample.label != np.asarray(Pillow.open(truth))).sum())
    assert different <= 1  # of 544,000 pixels: one on the edge of a sofa, where another Pillow drew the truth


def test_the_real_photos_without_the_list_have_the_classes_that_occur() -> None:
    data = opened(real("labelme") / "data_annotated")
    assert data.labels.names == ("_background_", "bottle", "bus", "car", "chair", "person", "sofa")
    assert data.train.names == ("2011_000003", "2011_000006", "2011_000025")
    assert np.unique(data.train[0].label).tolist() == [0, 1, 5, 255]


def test_streets_come_back_exactly_from_written_masks(tmp_path: Path) -> None:
    source = streets(2, 1, 0)
    assert len(list(write_labelme(source, tmp_path))) == 3
    data = opened(*find_description(tmp_path))
    assert (data.labels, data.train.names) == (source.labels, source.train.names)
    assert_same_samples(data, source)


def test_ignored_pixels_come_back_ignored(tmp_path: Path) -> None:
    source = dataset(train=held("a"))
    list(write_labelme(source, tmp_path))
    assert np.array_equal(opened(*find_description(tmp_path)).train[0].label, source.train[0].label)


def test_later_shapes_lie_above_and_background_cuts_holes(tmp_path: Path) -> None:
    annotate(
        tmp_path / "a.json",
        shape("wall", *LEFT),
        shape("door", 2, 2, 9, 9, kind="rectangle", group_id=1),
        shape("_background_", 4, 4, 5, 5, kind="rectangle", group_id=1),
        shape("__ignore__", 20, 20, 31, 23, kind="rectangle"),
    )
    label = opened(tmp_path).train[0].label  # _background_, door, wall
    assert [int(label[at]) for at in ((0, 0), (3, 3), (4, 4), (0, 20), (22, 25))] == [2, 1, 0, 0, 255]


def test_a_list_of_classes_gives_their_order_and_other_names_are_problems(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("__ignore__\n_background_\nwall\ncar\n", encoding="utf-8")
    annotate(tmp_path / "a.json", shape("car", *LEFT))
    annotate(tmp_path / "b.json", shape("cra", *LEFT))
    data = opened(tmp_path)
    assert data.labels.names == ("_background_", "wall", "car")
    assert (data.train.names, kinds(data)) == (("a",), ["unknown class"])
    assert "'cra'" in str(data.problems[0])
    assert data.train[0].label[0, [0, 31]].tolist() == [2, 0]


def test_a_description_wins_and_without_a_background_unlabelled_pixels_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("other\n", encoding="utf-8")
    annotate(tmp_path / "a.json", shape("car", *LEFT))
    given = LabelMap(("sky", "car"), ((1, 2, 3), (4, 5, 6)))
    data = opened(tmp_path, Description(labels=given))
    assert data.labels == given
    assert data.train[0].label[0, [0, 31]].tolist() == [1, 255]


def test_shapes_of_the_first_versions_without_a_type_are_polygons(tmp_path: Path) -> None:
    annotate(tmp_path / "a.json", shape("car", *LEFT, kind=None), version="3.1.0", imageHeight=None)
    assert opened(tmp_path).train[0].label[0, [15, 16]].tolist() == [1, 0]


@pytest.mark.parametrize("word", ["..\\photos\\a.png", "../photos/a.png", "C:\\Users\\ann\\a.png", "/home/ann/a.png"])
def test_photos_are_found_where_windows_wrote_them_or_by_their_name(tmp_path: Path, word: str) -> None:
    path = annotate(tmp_path / "json" / "a.json", shape("car", *LEFT), imagePath=word)
    (tmp_path / "photos").mkdir()
    path.with_suffix(".png").rename(tmp_path / "photos" / "a.png")
    data = opened(tmp_path)
    assert data.train.entries[0].files == (tmp_path / "photos" / "a.png", path)
    assert data.train[0].label.max() == 1


def test_a_photo_outside_is_never_read_and_a_missing_one_is_a_problem(tmp_path: Path) -> None:
    root = tmp_path / "data"
    for name, word in (("a", "a.png"), ("b", "../../secret.png"), ("c", "gone.png"), ("d", "x" * 5000), ("e", "\0")):
        annotate(root / f"{name}.json", shape("car", *LEFT), imagePath=word)
    save(tmp_path / "secret.png", photo())
    data = opened(root)
    assert data.train.names == ("a",)
    assert set(kinds(data)) == {"outside", "missing partner"}


def test_an_embedded_photo_is_read_where_there_is_no_file(tmp_path: Path) -> None:
    path = annotate(tmp_path / "a.json", shape("car", *LEFT))
    data = base64.b64encode(path.with_suffix(".png").read_bytes()).decode()
    annotate(tmp_path / "a.json", shape("car", *LEFT), imageData=data)
    path.with_suffix(".png").unlink()
    found = opened(tmp_path)
    assert found.train.entries[0].files == (path,)
    assert np.array_equal(found.train[0].image, photo())


def test_an_embedded_photo_may_be_a_jpeg_or_grey(tmp_path: Path) -> None:
    for mode, kind in (("RGB", "JPEG"), ("L", "PNG"), ("L", "JPEG")):
        buffer = io.BytesIO()
        Pillow.fromarray(photo()).convert(mode).save(buffer, kind)
        path = annotate(
            tmp_path / "a.json", shape("car", *LEFT), imageData=base64.b64encode(buffer.getvalue()).decode()
        )
        path.with_suffix(".png").unlink()
        assert opened(tmp_path).train[0].image.shape == (24, 32, 3)


@pytest.mark.parametrize("data", ["", "!!!", "aGVsbG8="])
def test_an_embedded_photo_that_is_damaged_is_an_error_of_its_file(tmp_path: Path, data: str) -> None:
    path = annotate(tmp_path / "a.json", shape("car", *LEFT), imageData=data)
    path.with_suffix(".png").unlink()
    with pytest.raises(DataError, match=r"a.json: holds a photo that cannot be read"):
        opened(tmp_path).train[0]


def test_sizes_that_disagree_are_an_error_and_turned_photos_are_none(tmp_path: Path) -> None:
    annotate(tmp_path / "a.json", shape("car", *LEFT), imageWidth=640)
    with pytest.raises(DataError, match="640 x 24") as caught:
        opened(tmp_path).train[0]
    assert caught.value.kind == "size mismatch"
    turned = Pillow.fromarray(np.rot90(photo()))
    exif = turned.getexif()
    exif[0x0112] = 6  # to be turned to the right
    turned.save(tmp_path / "a.png", exif=exif)
    annotated = json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) | {"imageWidth": 32}
    (tmp_path / "a.json").write_text(json.dumps(annotated), encoding="utf-8")
    assert np.array_equal(opened(tmp_path).train[0].image, photo())


@pytest.mark.parametrize(
    "bad",
    [
        {"points": [[1, 1], [2, 2]]},
        {"points": [[1, float("nan")], [2, 2], [3, 1]]},
        {"points": "everywhere"},
        {"points": [[[[]]]]},
        {"shape_type": "cuboid"},
        {"shape_type": "mask", "points": [[0, 0], [1, 1]], "mask": "!!!"},
        {"shape_type": "mask", "points": [[0, 0], [1, 1]], "mask": "aGVsbG8="},
        {"shape_type": "mask", "points": [[0, 0], [1, 1]]},
    ],
)
def test_a_shape_that_makes_no_sense_is_an_error_of_its_file(tmp_path: Path, bad: Shape) -> None:
    annotate(tmp_path / "a.json", shape("car", *LEFT) | bad)
    with pytest.raises(DataError, match="holds a shape that") as caught:
        opened(tmp_path).train[0]
    assert caught.value.kind == "bad shape"


def test_huge_coordinates_are_clipped(tmp_path: Path) -> None:
    annotate(tmp_path / "a.json", shape("car", -1e308, -1e308, 1e308, -1e308, 1e308, 1e308, -1e308, 1e308))
    assert (opened(tmp_path).train[0].label == 1).all()


def test_files_that_are_damaged_or_something_else_do_not_hide_the_others(tmp_path: Path) -> None:
    annotate(tmp_path / "b.json", shape("car", *LEFT))
    (tmp_path / "a.json").write_text('{"shapes": [', encoding="utf-8")
    (tmp_path / "c.json").write_text('{"shapes": [{"label": 3}], "imagePath": 7}', encoding="utf-8")
    (tmp_path / "d.json").write_text('{"colour": "blue"}', encoding="utf-8")
    (tmp_path / "e.json").write_text('{"shapes": [' + "[" * 100_000, encoding="utf-8")
    (tmp_path / "f.json").write_bytes(b'{"shapes": [\xff\xfe')
    data = opened(tmp_path)
    assert data.train.names == ("b",)
    assert set(kinds(data)) == {"unreadable"}
    assert sum(len(problem.files) for problem in data.problems) == 4


def test_splits_are_told_by_folders_and_equal_names_by_the_folders_between(tmp_path: Path) -> None:
    for name in ("train/a", "train/berlin/a", "Validation/a"):
        annotate(tmp_path / f"{name}.json", shape("car", *LEFT))
    data = opened(tmp_path)
    assert (data.train.names, data.val.names) == (("a", "berlin/a"), ("a",))


def test_a_folder_of_something_else_is_not_recognised(tmp_path: Path) -> None:
    assert labelme.recognise(tmp_path, Description()) is None
    save(tmp_path / "a.png", photo())
    (tmp_path / "a.json").write_text('{"images": [], "annotations": []}', encoding="utf-8")
    (tmp_path / "b.json").write_bytes(bytes(range(256)) * 1000)
    assert labelme.recognise(tmp_path, Description()) is None
    assert labelme.recognise(tmp_path / "gone", Description()) is None


def test_a_folder_of_which_nothing_can_be_read_says_why(tmp_path: Path) -> None:
    annotate(tmp_path / "a.json", shape("car", *LEFT)).with_suffix(".png").unlink()
    with pytest.raises(UserError, match="has no photo where it says; put the photo beside it"):
        labelme.recognise(tmp_path, Description())


def test_an_entry_is_short_in_print_and_equal_where_the_same_is_read(tmp_path: Path) -> None:
    annotate(tmp_path / "a.json", shape("car", *LEFT))
    entry, again = (opened(tmp_path).train.entries[0] for _ in range(2))
    assert entry == again
    assert len(repr(entry)) < 1000
