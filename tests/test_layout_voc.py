from pathlib import Path

import numpy as np
import pytest
from small_data import assert_same_samples, dataset, held, label, photo, real, save

from pixelwise.data import Dataset
from pixelwise.data.dataset_yaml import find_description
from pixelwise.data.description import Description
from pixelwise.data.layouts.streets_default import streets
from pixelwise.data.layouts.voc import recognise
from pixelwise.data.layouts.voc_classes import voc_colors
from pixelwise.data.writers.voc import write_voc
from pixelwise.errors import DataError, UserError
from pixelwise.labels import CAMVID11, VOC21, LabelMap

OWN = LabelMap(("sky: blue", "yes", "été"), ((10, 200, 250), (250, 10, 200), (90, 250, 10)))


def voc(root: Path, names: str = "abc", *, masks: str = "SegmentationClass", classes: int = 21) -> Path:
    """Photos and palette masks with VOC's border value."""
    for seed, name in enumerate(names):
        save(root / "JPEGImages" / f"{name}.jpg", photo(seed))
        save(root / masks / f"{name}.png", label(seed, classes=classes), VOC21)
    return root


def lists(root: Path, **names: str) -> None:
    folder = root / "ImageSets" / "Segmentation"
    folder.mkdir(parents=True, exist_ok=True)
    for split, content in names.items():
        (folder / f"{split}.txt").write_text(content)


def found(root: Path, description: Description | None = None) -> Dataset:
    data = recognise(root, description or Description())
    assert data is not None
    return data


def test_streets_written_as_voc_come_back_exactly(tmp_path: Path) -> None:
    source = streets(2, 1, 1)
    for _ in write_voc(source, tmp_path):
        pass
    data = found(*find_description(tmp_path))
    assert data.labels == CAMVID11
    assert not data.problems
    assert_same_samples(data, source)


def test_own_classes_keep_their_names_and_colours(tmp_path: Path) -> None:
    for _ in write_voc(dataset(OWN, train=held("a", labels=OWN)), tmp_path):
        pass
    assert found(*find_description(tmp_path)).labels == OWN


def test_the_colours_of_the_devkit_are_those_of_the_published_map() -> None:
    assert voc_colors(21) == VOC21.colors
    assert voc_colors(256)[255] == (224, 224, 192)


def test_lists_give_the_splits_and_the_classes_of_voc_fit(tmp_path: Path) -> None:
    lists(voc(tmp_path), train="a\nb\n\nb\n", val="c\n", trainval="a\nb\nc\n")
    data = found(tmp_path)
    assert data.labels == VOC21
    assert (data.train.names, data.val.names) == (("a", "b"), ("c",))
    assert np.array_equal(data.train[1].label, label(1, classes=21))
    assert data.evidence == ("JPEGImages and SegmentationClass; index masks, the 21 classes of VOC fit 3 looked at")


def test_without_lists_every_mask_is_for_training_and_photos_without_one_are_no_fault(tmp_path: Path) -> None:
    voc(tmp_path, "ab")
    save(tmp_path / "JPEGImages" / "unlabelled.jpg", photo())
    data = found(tmp_path)
    assert data.train.names == ("a", "b")
    assert not data.problems


def test_trainval_or_any_other_list_is_for_training_less_what_is_for_validation(tmp_path: Path) -> None:
    lists(voc(tmp_path), trainval="a\nb\nc\n", val="c\n")
    assert found(tmp_path).train.names == ("a", "b")
    lists(voc(tmp_path / "cvat"), default="a\nc\n")
    assert found(tmp_path / "cvat").train.names == ("a", "c")


def test_deeplab_lists_of_two_files_a_line_and_endings_are_understood(tmp_path: Path) -> None:
    lists(voc(tmp_path), train="/JPEGImages/a.jpg /SegmentationClass/a.png\nb.jpg\n")
    assert found(tmp_path).train.names == ("a", "b")


def test_the_augmented_masks_are_read_with_their_own_list(tmp_path: Path) -> None:
    voc(tmp_path, "a")
    voc(tmp_path, "abc", masks="SegmentationClassAug")
    lists(tmp_path, train="a\n", trainaug="a\nb\nc\n")
    data = found(tmp_path)
    assert data.train.names == ("a", "b", "c")
    assert "SegmentationClassAug" in data.evidence


def test_what_a_list_names_but_is_not_there_is_a_problem(tmp_path: Path) -> None:
    lists(voc(tmp_path), train="a\nb\nghost\n../../etc/passwd\n/etc/passwd\n", test="x\ny\n")
    (tmp_path / "SegmentationClass" / "b.png").unlink()
    data = found(tmp_path)
    assert data.train.names == ("a",)
    assert [(one.kind, one.what) for one in data.problems] == [
        ("missing partner", "has no mask"),
        ("missing partner", "has no photo and no mask"),
        ("outside", "lies outside the dataset, but a list names it"),
    ]
    assert data.problems[2].files == ("../../etc/passwd", "/etc/passwd")
    assert "test has no masks and is left out" in data.evidence


def test_several_years_side_by_side_are_read_together(tmp_path: Path) -> None:
    lists(voc(tmp_path / "VOC2007", "a"), train="a\n")
    lists(voc(tmp_path / "VOC2012", "ab"), train="a\n", val="b\n")
    data = found(tmp_path)
    assert (data.train.names, data.val.names) == (("VOC2007/a", "VOC2012/a"), ("VOC2012/b",))


def test_coloured_masks_are_decoded_by_the_colours_of_voc(tmp_path: Path) -> None:
    voc(tmp_path, "a")
    colors = np.array(voc_colors(256), np.uint8)
    save(tmp_path / "SegmentationClass" / "a.png", colors[label(0, classes=21)])
    data = found(tmp_path)
    assert data.labels == VOC21
    assert np.array_equal(data.train[0].label, label(0, classes=21))
    assert "colour masks" in data.evidence


def test_raw_index_masks_are_preferred_to_coloured_ones(tmp_path: Path) -> None:
    voc(tmp_path, "a", masks="SegmentationClassRaw")
    save(tmp_path / "SegmentationClass" / "a.png", VOC21.colorize(label(3, classes=21)))
    assert np.array_equal(found(tmp_path).train[0].label, label(0, classes=21))


def test_cvat_colours_come_from_its_labelmap(tmp_path: Path) -> None:
    voc(tmp_path, "a")
    (tmp_path / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncar:250,50,83:wheel,door:\nroad:1,2,3::\n"
    )
    labels = LabelMap(("background", "car", "road"), ((0, 0, 0), (250, 50, 83), (1, 2, 3)))
    truth = np.where(label(0, classes=3) == 255, 0, label(0, classes=3))
    save(tmp_path / "SegmentationClass" / "a.png", labels.colorize(truth))
    data = found(tmp_path)
    assert data.labels == labels
    assert np.array_equal(data.train[0].label, truth)


@pytest.mark.parametrize("name", ["class_names.txt", "labels.txt"])
def test_names_listed_beside_the_masks_are_the_classes(tmp_path: Path, name: str) -> None:
    voc(tmp_path, classes=3)
    (tmp_path / name).write_text("__ignore__\n_background_\ncar\nroad\n")
    data = found(tmp_path)
    assert data.labels == LabelMap(("_background_", "car", "road"), voc_colors(3))
    assert f"classes from {name}" in data.evidence


def test_arrays_of_labelme_are_read_with_minus_one_ignored(tmp_path: Path) -> None:
    voc(tmp_path, "a")
    (tmp_path / "SegmentationClass" / "a.png").unlink()
    values = label(0, classes=21).astype(np.int32)
    folder = tmp_path / "SegmentationClassNpy"
    folder.mkdir()
    np.save(folder / "a.npy", np.where(values == 255, -1, values))
    assert np.array_equal(found(tmp_path).train[0].label, label(0, classes=21))
    np.save(folder / "a.npy", values[:, 1:])
    with pytest.raises(DataError, match="but its photo"):
        found(tmp_path).train[0]


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00", b"\x93NUMPY\x01\x00\x03\x00{{{", b"x" * 99])
def test_a_damaged_array_is_one_line_when_it_is_read(tmp_path: Path, content: bytes) -> None:
    voc(tmp_path, "ab")
    for path in (tmp_path / "SegmentationClass").iterdir():
        path.unlink()
    folder = tmp_path / "SegmentationClassNpy"
    folder.mkdir()
    (folder / "a.npy").write_bytes(content)
    np.save(folder / "b.npy", np.zeros((24, 32), np.int32))
    with pytest.raises(DataError, match=r"a\.npy"):
        found(tmp_path).train[0]


def test_dataset_yaml_wins_over_names_and_values(tmp_path: Path) -> None:
    voc(tmp_path, "a", classes=3)
    (tmp_path / "labels.txt").write_text("x\ny\nz\n")
    data = found(tmp_path, Description(labels=OWN, values={0: 2, 1: 1, 2: 0}))
    assert data.labels == OWN
    truth = label(0, classes=3)
    assert np.array_equal(data.train[0].label, np.where(truth == 255, 255, 2 - truth))


def test_values_beyond_voc_without_names_are_numbered_classes(tmp_path: Path) -> None:
    voc(tmp_path, classes=30)
    assert found(tmp_path).labels.names[:2] == ("class 0", "class 1")


def test_colours_of_no_known_map_are_classes_without_names_and_a_problem(tmp_path: Path) -> None:
    voc(tmp_path, "a")
    truth = label(0, classes=3)
    save(tmp_path / "SegmentationClass" / "a.png", OWN.colorize(truth))
    data = found(tmp_path)
    assert set(OWN.colors) <= set(data.labels.colors)
    assert data.problems[0].kind == "unnamed classes"


def test_a_damaged_list_of_classes_is_a_problem_and_not_the_end(tmp_path: Path) -> None:
    voc(tmp_path)
    (tmp_path / "labels.txt").write_bytes(b"\xff\xfe\x00")
    data = found(tmp_path)
    assert data.labels == VOC21
    assert data.problems[0].what == "is not UTF-8 text"


def test_a_damaged_mask_is_told_when_it_is_read(tmp_path: Path) -> None:
    voc(tmp_path)
    (tmp_path / "SegmentationClass" / "a.png").write_bytes(b"not a picture")
    data = found(tmp_path)
    assert np.array_equal(data.train[1].label, label(1, classes=21))
    with pytest.raises(UserError, match=r"a\.png"):
        data.train[0]


def test_a_damaged_list_of_samples_is_a_problem(tmp_path: Path) -> None:
    lists(voc(tmp_path), val="c\n")
    (tmp_path / "ImageSets" / "Segmentation" / "train.txt").write_bytes(b"\xff\xff")
    data = found(tmp_path)
    assert data.val.names == ("c",)
    assert data.problems[0].kind == "unreadable"


def test_folders_of_other_kinds_are_not_recognised(tmp_path: Path) -> None:
    assert recognise(tmp_path, Description()) is None
    (tmp_path / "JPEGImages").mkdir()
    (tmp_path / "SegmentationClass").mkdir()
    assert recognise(tmp_path, Description()) is None
    save(tmp_path / "JPEGImages" / "a.jpg", photo())
    save(tmp_path / "SegmentationClass" / "b.png", label())
    assert recognise(tmp_path, Description()) is None


@pytest.mark.parametrize("name", ["camvid", "camvid_color", "cityscapes_pairs", "carla", "labelme"])
def test_real_data_of_other_kinds_is_not_recognised(name: str) -> None:
    assert recognise(real(name), Description()) is None


def test_the_real_labelme_export_has_its_classes_and_both_kinds_of_masks_agree() -> None:
    data = found(real("labelme/data_dataset_voc"))
    assert len(data.train) == 3
    assert not data.problems
    assert data.labels.names[:2] == ("_background_", "aeroplane")
    names = [{data.labels.names[value] for value in np.unique(one.label) if value != 255} for one in data.train]
    assert names == [
        {"_background_", "bottle", "person"},
        {"_background_", "chair", "person", "sofa"},
        {"_background_", "bus", "car"},
    ]
    for one in data.train:
        array = np.load(real("labelme/data_dataset_voc/SegmentationClassNpy") / f"{one.name}.npy")
        assert np.array_equal(np.where(array < 0, 255, array), one.label)
