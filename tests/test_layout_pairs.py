"""Photo and mask side by side in one file."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from small_data import dataset, held, label, photo, real, save, side_by_side

from pixelwise.checking import check, freeze
from pixelwise.data import Dataset, Sample, open_dataset
from pixelwise.data.description import Description
from pixelwise.data.layouts.halves import seam
from pixelwise.data.layouts.pairs import SideBySide, recognise
from pixelwise.data.layouts.streets_default import streets
from pixelwise.data.writers import write_dataset
from pixelwise.errors import DataError, UserError
from pixelwise.labels import CAMVID11, CITYSCAPES19, IGNORE, Label, LabelMap

Picture = npt.NDArray[np.uint8]

NOTHING = Description()
OWN = LabelMap(("road", "car"), ((200, 40, 90), (10, 220, 90)))
# Distances of 45 and more; of no published map.
STREETS = LabelMap(
    CAMVID11.names,
    (
        *((20, 90, 60), (240, 20, 10), (20, 40, 230), (230, 220, 30), (90, 20, 130), (30, 200, 190)),
        *((250, 140, 200), (120, 120, 100), (250, 130, 20), (160, 240, 150), (70, 10, 20)),
    ),
)


@pytest.fixture(scope="module")
def scenes() -> list[Sample]:
    return list(streets(8, 0, 0).train)


def joined(sample: Sample, labels: LabelMap, side: str) -> Picture:
    photo, mask = sample.image, labels.colorize(sample.label)
    return np.concatenate([mask, photo] if side == "left" else [photo, mask], axis=1)


def write(folder: Path, pictures: Iterable[npt.NDArray[np.generic]], ending: str = "png") -> Path:
    for index, picture in enumerate(pictures):
        save(folder / f"{index}.{ending}", picture)
    return folder


def in_order_of(labels: LabelMap, found: LabelMap) -> Label:
    """(256): the class of one map whose colour is nearest that of each class of another."""
    table = np.full(256, IGNORE, np.uint8)
    distance = np.linalg.norm(np.array(found.colors)[:, None] - np.array(labels.colors, float), axis=2)
    assert distance.min(axis=1).max() < 4
    table[: len(found)] = distance.argmin(axis=1)
    return table


def side_of(data: Dataset) -> str:
    entry = data.train.entries[0]
    assert isinstance(entry, SideBySide)
    return entry.side


# published and described colours


@pytest.mark.parametrize("side", ["left", "right"])
def test_pairs_are_recognised_by_their_colours_and_split_at_half_the_width(tmp_path: Path, side: str) -> None:
    def picture(index: int) -> Picture:
        both = side_by_side(index)
        return both if side == "right" else np.roll(both, 64, axis=1)

    for index in (10, 2, 1):
        save(tmp_path / "train" / f"{index}.png", picture(index))
    save(tmp_path / "valid" / "7.png", picture(7))
    data = open_dataset(tmp_path)
    assert (data.layout, data.labels, side_of(data)) == ("pairs", CAMVID11, side)
    assert data.train.names == ("1", "2", "10")
    assert data.val.names == ("7",)
    assert np.array_equal(data.train[2].image, photo(10, 64, 64))
    assert np.array_equal(data.train[2].label, label(10, 64, 64))
    assert f"in 4 files looked at, 100% of the {side} halves' pixels but 0% of the" in data.evidence
    assert "100% in camvid11" in data.evidence


def test_pairs_without_splits_are_all_for_training(tmp_path: Path) -> None:
    save(tmp_path / "1.png", side_by_side(1, CITYSCAPES19))
    data = open_dataset(tmp_path)
    assert data.labels == CITYSCAPES19
    assert (len(data.train), len(data.val), len(data.test)) == (1, 0, 0)


def test_lossy_pairs_decode_to_nearly_the_truth_and_ignore_what_is_smeared(tmp_path: Path) -> None:
    save(tmp_path / "1.jpg", side_by_side(1))
    decoded, truth = open_dataset(tmp_path).train[0].label, label(1, 64, 64)
    known = decoded != 255
    assert known.mean() > 0.7
    assert (decoded == truth)[known].mean() > 0.99


@pytest.mark.parametrize("side", ["left", "right"])
def test_pairs_of_unpublished_colours_are_read_with_dataset_yaml(tmp_path: Path, side: str) -> None:
    save(tmp_path / "1.png", np.roll(side_by_side(1, OWN), 64 * (side == "left"), axis=1))
    with pytest.raises(UserError, match="no dataset is recognised"):  # one file tells too little
        open_dataset(tmp_path)
    (tmp_path / "dataset.yaml").write_text("classes: {road: [200, 40, 90], car: [10, 220, 90]}")
    data = open_dataset(tmp_path)
    assert (data.labels, side_of(data)) == (OWN, side)
    assert np.array_equal(data.train[0].label, label(1, 64, 64, 2))


def test_dataset_yaml_may_describe_few_of_the_classes(tmp_path: Path, scenes: list[Sample]) -> None:
    write(tmp_path, (joined(scene, STREETS, "left") for scene in scenes))
    described = LabelMap(("post",), (STREETS.colors[STREETS.index("Pole")],))
    data = recognise(tmp_path, Description(labels=described))
    assert data
    assert (data.labels, side_of(data)) == (described, "left")
    for scene, sample in zip(scenes, data.train, strict=True):
        assert np.array_equal(sample.label == 0, scene.label == STREETS.index("Pole"))


def test_a_table_of_classes_beside_the_pairs_names_them(tmp_path: Path, scenes: list[Sample]) -> None:
    write(tmp_path / "train", (joined(scene, STREETS, "left") for scene in scenes))
    lines = [f"my {name},{r},{g},{b}" for name, (r, g, b) in zip(STREETS.names, STREETS.colors, strict=True)]
    (tmp_path / "class_dict.csv").write_text("\n".join(["name,r,g,b", *lines]))
    data = open_dataset(tmp_path)
    assert data.labels == LabelMap(tuple(f"my {name}" for name in STREETS.names), STREETS.colors)
    assert "class_dict.csv" in data.evidence
    assert data.problems == ()
    assert all(np.array_equal(one.label, other.label) for one, other in zip(scenes, data.train, strict=True))


# colours that nobody knows


@pytest.mark.parametrize(("quality", "side"), [(None, "left"), (95, "right"), (85, "left")])
def test_colours_of_no_known_map_are_found_and_named_on_either_side(
    tmp_path: Path, scenes: list[Sample], quality: int | None, side: str
) -> None:
    for index, scene in enumerate(scenes):
        picture = joined(scene, STREETS, side)
        options = [cv2.IMWRITE_JPEG_QUALITY, quality] if quality else []
        cv2.imwrite(str(tmp_path / f"{index}.{'jpg' if quality else 'png'}"), picture[..., ::-1], options)
    data = open_dataset(tmp_path)
    assert (data.layout, len(data.labels), side_of(data)) == ("pairs", len(STREETS), side)
    assert [(problem.kind, problem.severity) for problem in data.problems] == [("unnamed classes", "warning")]
    assert f"of the {side} halves' pixels" in data.evidence
    assert "the names are proposals" in data.evidence
    table = in_order_of(STREETS, data.labels)
    for scene, sample in zip(scenes, data.train, strict=True):
        known = (scene.label != IGNORE) & (sample.label != IGNORE)
        assert known.sum() >= 0.97 * (scene.label != IGNORE).sum()
        assert (table[sample.label] == scene.label)[known].mean() >= (0.985 if quality else 1)


def test_what_was_found_of_unknown_colours_is_found_again_once_it_is_written_down(
    tmp_path: Path, scenes: list[Sample]
) -> None:
    for split, some in {"train": scenes[:4], "val": scenes[4:]}.items():
        write(tmp_path / split, (joined(scene, STREETS, "left") for scene in some), "jpg")
    data = open_dataset(tmp_path)
    frozen = open_dataset(freeze(check(data)))
    assert (frozen.layout, frozen.labels, side_of(frozen)) == ("pairs", data.labels, "left")
    assert frozen.problems == ()
    for one, other in zip([*data.train, *data.val], [*frozen.train, *frozen.val], strict=True):
        assert one.name == other.name
        assert np.array_equal(one.label, other.label)


def test_own_classes_are_written_as_pairs_and_read_back(tmp_path: Path, scenes: list[Sample]) -> None:
    source = dataset(OWN, train=held("a", "b", labels=OWN))
    write_dataset(source, tmp_path / "out", "pairs")
    assert open_dataset(tmp_path / "out").labels == OWN


# what is no pair


def overlay(scene: Sample) -> Picture:
    return (scene.image // 2 + STREETS.colorize(scene.label) // 2).astype(np.uint8)


def assert_not_claimed(folder: Path) -> None:
    assert recognise(folder, NOTHING) is None


def test_photos_and_what_is_no_halves_are_no_pairs(tmp_path: Path, scenes: list[Sample]) -> None:
    assert_not_claimed(write(tmp_path / "photos", [scene.image for scene in scenes]))
    assert_not_claimed(write(tmp_path / "noise", [photo(1, 64, 64)]))
    assert_not_claimed(write(tmp_path / "columns", [photo(seed, 9, 1) for seed in range(3)]))
    assert_not_claimed(write(tmp_path / "dots", [photo(seed, 1, 2) for seed in range(3)]))


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_photos_with_a_flat_half_are_no_pairs(tmp_path: Path, scenes: list[Sample], ending: str) -> None:
    """A wall, or a sky or depth that is a gradient."""
    ramp = np.linspace(90, 200, scenes[0].image.shape[1]).astype(np.uint8)
    sky = np.broadcast_to(ramp[:, None], scenes[0].image.shape)
    for name, flat in {"wall": np.full_like(scenes[0].image, 200), "sky": sky}.items():
        for side in (1, -1):
            folder = write(
                tmp_path / f"{name}{side}", [np.hstack([flat, one.image][::side]) for one in scenes[:4]], ending
            )
            assert_not_claimed(folder)


def test_two_photos_or_two_masks_side_by_side_are_no_pairs(tmp_path: Path, scenes: list[Sample]) -> None:
    stereo = [np.hstack([scene.image, np.roll(scene.image, -5, axis=1)]) for scene in scenes]
    assert_not_claimed(write(tmp_path / "stereo", stereo, "jpg"))
    for name, labels in {"own": STREETS, "camvid": CAMVID11}.items():
        masks = [labels.colorize(scene.label) for scene in scenes]
        assert_not_claimed(write(tmp_path / name / "one", masks))
        assert_not_claimed(write(tmp_path / name / "two", [np.hstack([mask, mask]) for mask in masks]))


def test_photos_beside_edges_are_no_pairs(tmp_path: Path, scenes: list[Sample]) -> None:
    edges = [np.repeat(cv2.Canny(scene.image, 60, 120)[..., None], 3, axis=2) for scene in scenes]
    both = [np.hstack([255 - edge, scene.image]) for edge, scene in zip(edges, scenes, strict=True)]
    assert_not_claimed(write(tmp_path, both, "jpg"))


@pytest.mark.parametrize("labels", [STREETS, CAMVID11], ids=["unknown", "published"])
@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_three_pictures_side_by_side_are_no_pairs(
    tmp_path: Path, scenes: list[Sample], labels: LabelMap, ending: str
) -> None:
    masks = [labels.colorize(scene.label) for scene in scenes]
    thirds = {"overlay": [overlay(scene) for scene in scenes], "predicted": masks}
    for name, third in thirds.items():
        rows = [np.hstack([scene.image, mask, last]) for scene, mask, last in zip(scenes, masks, third, strict=True)]
        assert_not_claimed(write(tmp_path / name, rows, ending))


def test_a_seam_is_told_from_the_columns_around_it(scenes: list[Sample]) -> None:
    for scene in scenes:
        both = joined(scene, STREETS, "right")
        middle = both.shape[1] // 2
        assert seam(both, middle) > 2 > 1.4 > seam(scene.image, middle // 2)


# files with faults


def test_pairs_of_odd_width_are_problems_and_hide_no_other_file(tmp_path: Path) -> None:
    for index in range(1, 4):
        save(tmp_path / f"{index}.png", side_by_side(index))
    save(tmp_path / "4.png", side_by_side(2)[:, 1:])
    data = open_dataset(tmp_path)
    assert data.train.names == ("1", "2", "3")
    assert [(one.kind, one.files) for one in data.problems] == [("size mismatch", (str(tmp_path / "4.png"),))]
    with pytest.raises(DataError, match=r"4\.png: has an odd width"):
        SideBySide("4", tmp_path / "4.png", data.train.entries[0].decode).read()  # type: ignore[attr-defined]


def test_pairs_that_cannot_be_read_are_named_when_they_are_read(tmp_path: Path) -> None:
    for index in range(3):
        save(tmp_path / f"{index}.png", side_by_side(index))
    (tmp_path / "3.png").write_bytes(b"no picture")
    data = open_dataset(tmp_path)
    assert data.train.names == ("0", "1", "2", "3")
    with pytest.raises(DataError, match=r"3\.png"):
        data.train[3]
    assert "unreadable" in {problem.kind for problem in check(data).problems}


def test_a_folder_of_damaged_files_is_no_pairs(tmp_path: Path) -> None:
    for index in range(3):
        (tmp_path / f"{index}.jpg").write_bytes(b"")
    assert_not_claimed(tmp_path)


def test_names_are_unique_within_a_split(tmp_path: Path) -> None:
    for folder, name in [("train", "1.png"), ("train", "2.png"), ("training", "1.png"), ("val", "1.png")]:
        save(tmp_path / folder / name, side_by_side(3))
    data = open_dataset(tmp_path)
    assert (data.train.names, data.val.names) == (("1", "2"), ("1",))
    assert [(one.kind, one.files) for one in data.problems] == [
        ("duplicate name", (str(tmp_path / "training" / "1.png"),))
    ]


def test_links_that_lead_out_are_not_followed(tmp_path: Path) -> None:
    for index in range(2):
        save(tmp_path / "in" / "train" / f"{index}.png", side_by_side(index))
    outside = save(tmp_path / "out" / "9.png", side_by_side(9))
    (tmp_path / "in" / "train" / "9.png").symlink_to(outside)
    (tmp_path / "in" / "val").symlink_to(outside.parent)
    data = open_dataset(tmp_path / "in")
    assert (data.train.names, len(data.val)) == (("0", "1"), 0)
    assert [(one.kind, len(one.files)) for one in data.problems] == [("outside", 2)]


def test_pairs_with_alpha_or_16_bits_are_read_like_others(tmp_path: Path) -> None:
    both = side_by_side(1)
    save(tmp_path / "alpha" / "1.png", np.dstack([both, np.full(both.shape[:2], 9, np.uint8)]))
    (tmp_path / "deep").mkdir()
    cv2.imwrite(str(tmp_path / "deep" / "1.png"), both[..., ::-1].astype(np.uint16) * 257)
    for name in ("alpha", "deep"):
        data = open_dataset(tmp_path / name)
        assert (data.layout, data.labels, data.format.channels) == ("pairs", CAMVID11, 3)
        assert np.array_equal(data.train[0].image, photo(1, 64, 64))
        assert np.array_equal(data.train[0].label, label(1, 64, 64))


def test_a_class_table_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    save(tmp_path / "1.png", side_by_side(1))
    (tmp_path / "classes.txt").write_bytes(b"\xff\xfe\x00")
    assert len(open_dataset(tmp_path).problems) == 1


# real data


def test_real_cityscapes_pairs_are_recognised_by_their_colours() -> None:
    data = open_dataset(real("cityscapes_pairs"))
    assert (data.layout, len(data.train), len(data.val), len(data.test)) == ("pairs", 1500, 200, 0)
    assert (data.labels, side_of(data), data.problems) == (CITYSCAPES19, "right", ())
    assert "cityscapes19" in data.evidence
    assert data.train.names[:3] == ("1", "2", "3")
    sample = data.train[0]
    assert sample.image.shape == (256, 256, 3)
    assert sample.label.shape == (256, 256)
    assert (sample.label == CITYSCAPES19.index("road")).mean() > 0.2


@pytest.mark.parametrize(
    "name",
    [
        *("camvid", "camvid/train", "camvid/trainannot", "camvid_color", "camvid_color/val", "camvid_color/val_labels"),
        *("carla", "carla/CameraRGB", "carla/CameraMask", "labelme/data_annotated", "labelme/data_dataset_voc"),
        *("labelme/data_dataset_voc/JPEGImages", "labelme/data_dataset_voc/SegmentationClassVisualization"),
    ],
)
def test_other_real_data_is_not_claimed(name: str) -> None:
    assert_not_claimed(real(name))
