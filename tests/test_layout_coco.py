"""COCO's annotations, instances and panoptic, are read as COCO's own API fills them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as reference
from small_data import assert_same_samples, dataset, held, photo, save

from pixelwise.data import Dataset
from pixelwise.data.description import Description
from pixelwise.data.layouts import coco
from pixelwise.data.layouts.coco_entries import Instances
from pixelwise.data.layouts.streets_default import streets
from pixelwise.data.writers.coco import write_coco
from pixelwise.errors import DataError, UserError
from pixelwise.labels import LabelMap

Json = dict[str, Any]

LEFT = [0, 0, 16, 0, 16, 24, 0, 24]
CORNER = [0, 0, 8, 0, 8, 8, 0, 8]
CATEGORIES: list[Json] = [{"id": 90, "name": "tree"}, {"id": 3, "name": "car", "color": [9, 8, 7]}]


def one(image: int | str, category: int, segmentation: object, **more: object) -> Json:
    return {"id": 1, "image_id": image, "category_id": category, "segmentation": segmentation, "iscrowd": 0, **more}


def annotate(path: Path, *annotations: Json, names: str = "ab", photos: Path | None = None, **more: object) -> Path:
    """A JSON file with photos of 32 x 24 pixels, numbered from 1, which lie beside it or in another folder."""
    for seed, name in enumerate(names):
        save((photos or path.parent) / f"{name}.png", photo(seed))
    images = [{"id": i, "file_name": f"{name}.png", "height": 24, "width": 32} for i, name in enumerate(names, 1)]
    content = {"info": {}, "images": images, "annotations": annotations, "categories": CATEGORIES}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content | more), encoding="utf-8")
    return path


def opened(root: Path, description: Description | None = None) -> Dataset:
    found = coco.recognise(root, description or Description())
    assert found
    return found


def kinds(data: Dataset) -> list[str]:
    return [problem.kind for problem in data.problems]


def test_polygons_of_cocos_own_folders_are_read_with_the_background_first(tmp_path: Path) -> None:
    for split in ("train", "val"):
        path = tmp_path / "annotations" / f"instances_{split}2017.json"
        annotate(path, one(1, 3, [LEFT]), one(1, 90, [CORNER]), photos=tmp_path / f"{split}2017")
    data = opened(tmp_path)
    assert data.labels.names == ("background", "car", "tree")
    assert data.labels.colors[:2] == ((0, 0, 0), (9, 8, 7))
    assert (data.train.names, data.val.names, data.problems) == (("a", "b"), ("a", "b"), ())
    assert "4 photos and 4 objects" in data.evidence
    assert data.val.entries[0].files == (tmp_path / "val2017" / "a.png",)
    label = data.train[0].label
    assert [int(label[at]) for at in ((0, 0), (8, 7), (23, 15), (0, 16))] == [2, 1, 1, 0]
    assert (data.train[1].label == 0).all()


def test_run_lengths_crowds_and_several_parts_are_labelled_too(tmp_path: Path) -> None:
    mask = np.zeros((24, 32), np.uint8, order="F")
    mask[20:, 20:] = 1
    text = reference.encode(mask)["counts"].decode()
    crowd = {"size": [24, 32], "counts": [24 * 31, 10, 14]}
    annotate(
        tmp_path / "all.json",
        one(1, 3, {"size": [24, 32], "counts": text}),
        one(1, 90, crowd, iscrowd=1),
        one(2, 3, [LEFT, [24, 0, 32, 0, 32, 24, 24, 24]]),
    )
    first, second = (sample.label for sample in opened(tmp_path).train)
    assert np.array_equal(first == 1, mask == 1)
    assert (np.flatnonzero(first[:, 31] == 2) == range(10)).all()
    assert (second[0] == [1] * 16 + [0] * 8 + [1] * 8).all()


def test_small_objects_lie_above_large_ones_in_any_order(tmp_path: Path) -> None:
    annotate(tmp_path / "all.json", one(1, 90, [CORNER]), one(1, 3, [LEFT]), one(2, 3, [LEFT]), one(2, 90, [CORNER]))
    labels = [sample.label for sample in opened(tmp_path).train]
    assert np.array_equal(labels[0], labels[1])
    assert (labels[0] == 2).sum() == 64


def test_roboflows_export_is_read_without_its_group_of_classes(tmp_path: Path) -> None:
    categories = [{"id": 0, "name": "things", "supercategory": "none"}]
    categories += [{"id": i, "name": name, "supercategory": "things"} for i, name in ((1, "car"), (2, "tree"))]
    for folder in ("train", "valid", "test"):
        annotate(tmp_path / folder / "_annotations.coco.json", one(1, 1, [LEFT]), categories=categories)
    data = opened(tmp_path)
    assert data.labels.names == ("background", "car", "tree")
    assert [len(data.split(name)) for name in ("train", "val", "test")] == [2, 2, 2]
    assert data.test[0].label.max() == 1


def test_one_file_for_all_takes_the_splits_from_the_photos_folders(tmp_path: Path) -> None:
    images = [
        {"id": name, "file_name": f"{folder}\\{name}.png"}
        for folder, name in (("train", "a"), ("val", "b"), ("val", "c"))
    ]
    path = annotate(tmp_path / "labels.json", one("b", 3, [LEFT]), images=images, names="")
    for image in images:
        save(tmp_path / "images" / image["file_name"].replace("\\", "/"), photo())
    data = opened(tmp_path)
    assert (data.train.names, data.val.names) == (("a",), ("b", "c"))
    assert [sample.label.max() for sample in data.val] == [1, 0]
    assert path.name in data.evidence


def test_a_category_called_background_is_the_background(tmp_path: Path) -> None:
    categories = [{"id": 1, "name": "car"}, {"id": 2, "name": "Background"}]
    annotate(tmp_path / "all.json", one(1, 1, [LEFT]), categories=categories)
    data = opened(tmp_path)
    assert data.labels.names == ("car", "Background")
    assert data.train[0].label[0, [0, 31]].tolist() == [0, 1]


def test_a_description_wins_and_other_categories_are_problems(tmp_path: Path) -> None:
    annotate(tmp_path / "all.json", one(1, 3, [LEFT]), one(2, 90, [LEFT]), one(3, 77, [LEFT]), names="abc")
    given = LabelMap(("sky", "car"), ((1, 2, 3), (4, 5, 6)))
    data = opened(tmp_path, Description(labels=given))
    assert (data.labels, data.train.names) == (given, ("a",))
    assert data.train[0].label[0, [0, 31]].tolist() == [1, 255]
    assert kinds(data) == ["unknown class"] * 2
    assert "'tree'" in str(data.problems[0])
    assert "'77'" in str(data.problems[1])


def test_panoptic_pngs_are_read_with_void_ignored(tmp_path: Path) -> None:
    numbers = np.zeros((24, 32, 3), np.uint8)
    numbers[:, :16], numbers[:8] = (1, 2, 0), (0, 0, 1)
    save(tmp_path / "annotations" / "panoptic_val2017" / "a.png", numbers)
    segments = [{"id": 1 + 2 * 256, "category_id": 3, "isthing": 1}, {"id": 65536, "category_id": 90, "iscrowd": 1}]
    path = tmp_path / "annotations" / "panoptic_val2017.json"
    annotations = {"image_id": 1, "file_name": "a.png", "segments_info": segments}
    annotate(path, annotations, photos=tmp_path / "val2017", names="a")
    data = opened(tmp_path)
    assert data.labels.names == ("car", "tree")
    assert [int(data.val[0].label[at]) for at in ((0, 0), (8, 0), (8, 16))] == [1, 0, 255]
    annotate(path, annotations | {"segments_info": segments[:1]}, photos=tmp_path / "val2017", names="a")
    with pytest.raises(DataError, match="a segment that the JSON file does not list"):
        opened(tmp_path).val[0]


def test_of_several_kinds_the_fullest_that_is_there_is_read(tmp_path: Path) -> None:
    folder, photos = tmp_path / "annotations", tmp_path / "train2017"
    keypoints = [{"id": 1, "name": "person", "keypoints": ["nose"]}]
    annotate(folder / "person_keypoints_train2017.json", one(1, 1, [LEFT]), categories=keypoints, photos=photos)
    annotate(folder / "captions_train2017.json", {"image_id": 1, "caption": "a car"}, photos=photos)
    annotate(folder / "instances_train2017.json", one(1, 3, [LEFT]), photos=photos)
    segments = {"image_id": 1, "file_name": "a.png", "segments_info": [{"id": 1, "category_id": 3}]}
    annotate(folder / "panoptic_train2017.json", segments, photos=photos)
    assert opened(tmp_path).labels.names == ("background", "car", "tree")  # for the PNGs are not there
    save(folder / "panoptic_train2017" / "a.png", np.full((24, 32, 3), (1, 0, 0), np.uint8))
    assert opened(tmp_path).labels.names == ("car", "tree")


def test_streets_come_back_exactly_as_panoptic(tmp_path: Path) -> None:
    source = streets(2, 1, 0)
    assert len(list(write_coco(source, tmp_path))) == 3
    data = opened(tmp_path)
    assert (data.labels, data.train.names, data.problems) == (source.labels, source.train.names, ())
    assert_same_samples(data, source)


def test_ignored_pixels_come_back_ignored(tmp_path: Path) -> None:
    source = dataset(test=held("a"))
    list(write_coco(source, tmp_path))
    assert np.array_equal(opened(tmp_path).test[0].label, source.test[0].label)


def test_missing_outside_and_double_photos_are_problems(tmp_path: Path) -> None:
    root = tmp_path / "data"
    save(tmp_path / "secret.png", photo())
    words = ["a.png", "gone.png", "../secret.png", "/etc/passwd", "..", "link.png", "a.png", "x" * 5000, "\0"]
    images = [{"id": number, "file_name": word} for number, word in enumerate(words)]
    annotate(root / "all.json", one(0, 3, [LEFT]), images=images)
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    data = opened(root)
    assert data.train.names == ("a",)
    assert set(kinds(data)) == {"missing partner", "outside", "duplicate name"}


def test_objects_with_a_box_only_are_problems_and_files_of_boxes_are_no_segmentation(tmp_path: Path) -> None:
    annotate(tmp_path / "all.json", one(1, 3, [LEFT]), one(2, 3, [], bbox=[0, 0, 9, 9]))
    data = opened(tmp_path)
    assert (data.train.names, kinds(data)) == (("a",), ["missing shape"])
    annotate(tmp_path / "all.json", one(1, 3, [], bbox=[0, 0, 9, 9]))
    assert coco.recognise(tmp_path, Description()) is None


def deep(levels: int) -> list[Any]:
    inner: list[Any] = []
    for _ in range(levels):
        inner = [inner]
    return inner


@pytest.mark.parametrize(
    "segmentation",
    [
        {"size": [24, 32], "counts": [1, 2]},
        {"size": [24, 32], "counts": [-1, 24 * 32 + 1]},
        {"size": [10**5, 10**5], "counts": [10**10]},
        {"size": [24, 32], "counts": "x"},
        {"counts": [24 * 32]},
        [[1, 1, 2, 2]],
        [[float("nan")] * 6],
        [[1, 2, 3, 4, 5]],
        [1, 2, 3],
        "everything",
        [[[[1]]]],
        deep(50),
        7,
    ],
)
def test_a_shape_that_makes_no_sense_is_an_error_of_its_photo(tmp_path: Path, segmentation: object) -> None:
    annotate(tmp_path / "all.json", one(1, 3, segmentation))
    with pytest.raises(DataError, match="holds a shape that") as caught:
        opened(tmp_path).train[0]
    assert caught.value.kind == "bad shape"


def test_another_size_than_the_photos_is_an_error(tmp_path: Path) -> None:
    annotate(
        tmp_path / "all.json", one(1, 3, [LEFT]), images=[{"id": 1, "file_name": "a.png", "height": 9, "width": 9}]
    )
    with pytest.raises(DataError, match="9 x 9") as caught:
        opened(tmp_path).train[0]
    assert caught.value.kind == "size mismatch"


@pytest.mark.parametrize(
    "text",
    [
        '{"images": [], "annotations": [], "categories": "many"}',
        '{"images": [{"id": 1}], "annotations": [], "categories": []}',
        '{"images": [], "annotations": [',
        '{"images": [], "annotations": [' + "[" * 100_000,
        '["images": 1, "annotations": 2]',
    ],
)
def test_a_damaged_file_is_passed_over_or_a_problem_of_the_others(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    assert coco.recognise(tmp_path, Description()) is None
    annotate(tmp_path / "b.json", one(1, 3, [LEFT]))
    assert kinds(opened(tmp_path)) == ["unreadable"]


def test_a_folder_of_something_else_is_not_recognised(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"{number}.json").write_text('{"shapes": [], "imagePath": "a.png"}', encoding="utf-8")
    assert coco.recognise(tmp_path, Description()) is None
    assert coco.recognise(tmp_path / "gone", Description()) is None


def test_a_file_of_which_no_photo_is_there_says_so(tmp_path: Path) -> None:
    annotate(tmp_path / "all.json", one(1, 3, [LEFT]), photos=tmp_path.parent / "elsewhere")
    with pytest.raises(UserError, match=r"a.png: is named in all.json, but not there; add it"):
        coco.recognise(tmp_path, Description())


def test_more_classes_than_a_label_holds_are_refused(tmp_path: Path) -> None:
    categories = [{"id": number, "name": f"class{number}"} for number in range(300)]
    annotate(tmp_path / "all.json", one(1, 3, [LEFT]), categories=categories)
    with pytest.raises(UserError, match="has 301 classes, but a label holds 255"):
        coco.recognise(tmp_path, Description())


def test_an_entry_is_short_in_print_and_tells_its_shapes_apart(tmp_path: Path) -> None:
    entries = []
    for corner in (CORNER, LEFT, LEFT):
        annotate(tmp_path / "all.json", one(1, 3, [corner] * 500))
        entries.append(opened(tmp_path).train.entries[0])
    assert isinstance(entries[0], Instances)
    assert len(repr(entries[0])) < 600
    assert repr(entries[0]) != repr(entries[1]) == repr(entries[2])
    assert entries[0] != entries[1] == entries[2]
