from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from small_data import IN_CARLA_13, IN_CARLA_14, assert_same_samples, dataset, held, in_words, photo, real, save

from pixelwise.data import Dataset
from pixelwise.data.description import Description
from pixelwise.data.layouts.carla import find_tags, recognise
from pixelwise.data.layouts.streets_default import streets
from pixelwise.data.writers.carla import write_carla
from pixelwise.errors import UserError
from pixelwise.labels import CAMVID11, CARLA_0_9_9, CARLA_0_9_13, CARLA_0_9_14, LabelMap

TABLES = {
    "0.9.9": (CARLA_0_9_9, ("Unlabeled", *IN_CARLA_13[1:])),
    "0.9.13": (CARLA_0_9_13, IN_CARLA_13),
    "0.9.14": (CARLA_0_9_14, IN_CARLA_14),
}


def tags(*rows: int) -> npt.NDArray[np.uint8]:
    """A mask of 24 x 32 pixels: rows of one tag each, in the red channel of RGBA."""
    red = np.repeat(np.array(rows, np.uint8), 24 // len(rows))[:, None] * np.ones((1, 32), np.uint8)
    return np.dstack([red, np.zeros_like(red), np.zeros_like(red), np.full_like(red, 255)])


OLD_SCENE, NEW_SCENE = tags(13, 9, 1, 7, 7, 7), tags(11, 9, 3, 1, 1, 1)


def drive(root: Path, names: str = "ab", *, mask: npt.NDArray[np.uint8] = OLD_SCENE, folders: str = "RGB Seg") -> Path:
    """Frames with one and the same mask."""
    photos, masks = folders.split()
    for seed, name in enumerate(names):
        save(root / f"Camera{photos}" / f"{name}.png", photo(seed))
        save(root / f"Camera{masks}" / f"{name}.png", mask)
    return root


def found(root: Path, description: Description | None = None) -> Dataset:
    data = recognise(root, description or Description())
    assert data is not None
    return data


@pytest.mark.parametrize("version", TABLES)
def test_streets_written_as_carla_come_back_exactly(tmp_path: Path, version: str) -> None:
    source = in_words(streets(2, 1, 1), *TABLES[version], 0)
    for _ in write_carla(source, tmp_path):
        pass
    data = found(tmp_path)
    assert data.labels == source.labels
    assert not data.problems
    assert_same_samples(data, source)


def test_other_classes_are_refused_by_the_writer(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds CARLA's tags only"):
        next(write_carla(dataset(CAMVID11, train=held("a")), tmp_path))


def test_the_road_and_the_sky_tell_the_table_of_tags(tmp_path: Path) -> None:
    old, new = found(drive(tmp_path / "old")), found(drive(tmp_path / "new", mask=NEW_SCENE))
    assert old.labels == CARLA_0_9_13
    assert new.labels == CARLA_0_9_14
    assert "of the lower halves 100% are 7 and 0% are 1" in old.evidence
    assert "of the lower halves 0% are 7 and 100% are 1" in new.evidence
    assert np.array_equal(old.train[0].label, OLD_SCENE[..., 0])


def test_tags_that_only_the_newer_table_has_decide_at_once() -> None:
    assert find_tags([tags(13, 7, 7, 28)[..., 0]]).labels == CARLA_0_9_14


def test_where_nothing_tells_the_older_table_is_taken_and_the_mend_is_said(tmp_path: Path) -> None:
    data = found(drive(tmp_path, mask=tags(4, 4, 4, 14)))
    assert data.labels == CARLA_0_9_13
    assert "write `classes: carla_0_9_14` in dataset.yaml" in data.evidence


def test_dataset_yaml_decides_over_the_pictures(tmp_path: Path) -> None:
    assert found(drive(tmp_path), Description(labels=CARLA_0_9_14)).labels == CARLA_0_9_14
    few = LabelMap(("road", "rest"), ((1, 2, 3), (4, 5, 6)))
    values = {7: 0, 13: 1, 9: 1, 1: 1}
    data = found(tmp_path, Description(labels=few, values=values))
    assert np.array_equal(data.train[0].label, (OLD_SCENE[..., 0] != 7))


def test_drives_side_by_side_are_read_together_and_keep_their_names(tmp_path: Path) -> None:
    drive(tmp_path / "dataA", "ab")
    drive(tmp_path / "dataB", "a")
    assert found(tmp_path).train.names == ("dataA/a", "dataA/b", "dataB/a")


@pytest.mark.parametrize("order", ["{split}/{side}", "{side}/{split}"])
def test_splits_may_be_inside_or_outside(tmp_path: Path, order: str) -> None:
    for split in ("train", "val"):
        for side, picture in (("rgb", photo()), ("seg", OLD_SCENE)):
            save(tmp_path / "_out" / order.format(split=split, side=side) / "0001.png", picture)
    data = found(tmp_path)
    assert (data.train.names, data.val.names) == (("_out/0001",), ("_out/0001",))


def test_of_several_cameras_the_one_called_rgb_has_the_photos(tmp_path: Path) -> None:
    drive(tmp_path)
    drive(tmp_path, folders="Depth Seg")
    assert np.array_equal(found(tmp_path).train[0].image, photo(0))
    assert "CameraRGB and CameraSeg" in found(tmp_path).evidence


def test_what_has_no_partner_is_a_problem_and_left_out(tmp_path: Path) -> None:
    drive(tmp_path, "abc")
    (tmp_path / "CameraSeg" / "a.png").unlink()
    (tmp_path / "CameraRGB" / "b.png").unlink()
    data = found(tmp_path)
    assert data.train.names == ("c",)
    assert [problem.what for problem in data.problems] == ["has no mask", "has no photo"]


def test_a_tag_beyond_the_table_is_named_when_it_is_read(tmp_path: Path) -> None:
    names = "".join(chr(code) for code in range(ord("A"), ord("z")) if chr(code).isalpha())
    drive(tmp_path, names[:45])
    save(tmp_path / "CameraSeg" / f"{names[1]}.png", tags(40, 40))
    data = found(tmp_path)
    with pytest.raises(UserError, match="pixel value 40 is not one of"):
        data.train[1]


def test_a_damaged_mask_is_told_when_it_is_read(tmp_path: Path) -> None:
    drive(tmp_path, "abcdefgh")
    (tmp_path / "CameraSeg" / "b.png").write_bytes(b"not a picture")
    with pytest.raises(UserError, match=r"b\.png"):
        found(tmp_path).train[1]


def test_plain_index_masks_colours_and_black_pictures_are_no_tags(tmp_path: Path) -> None:
    for name, mask in {
        "index": OLD_SCENE[..., 0],
        "colours": CAMVID11.colorize(OLD_SCENE[..., 0]),
        "black": np.zeros((24, 32, 3), np.uint8),
        "bright": tags(200, 7),
    }.items():
        assert recognise(drive(tmp_path / name, mask=mask), Description()) is None


def test_masks_without_photos_or_empty_folders_are_not_recognised(tmp_path: Path) -> None:
    assert recognise(tmp_path, Description()) is None
    save(tmp_path / "CameraSeg" / "a.png", OLD_SCENE)
    assert recognise(tmp_path, Description()) is None
    save(tmp_path / "CameraRGB" / "other.png", photo())
    assert recognise(tmp_path, Description()) is None


def test_a_folder_of_several_datasets_is_not_taken_for_carla(tmp_path: Path) -> None:
    drive(tmp_path / "carla")
    for name in ("images", "masks"):
        save(tmp_path / "other" / name / "a.png", photo())
    assert recognise(tmp_path, Description()) is None


@pytest.mark.parametrize("name", ["camvid", "camvid_color", "cityscapes_pairs", "labelme"])
def test_real_data_of_other_kinds_is_not_recognised(name: str) -> None:
    assert recognise(real(name), Description()) is None


def test_real_frames_are_of_the_oldest_table_with_the_sky_unlabelled() -> None:
    data = found(real("carla"))
    assert data.labels == CARLA_0_9_9
    assert len(data.train) == 6
    assert not data.problems
    for sample in data.train:
        red = np.asarray(sample.label)
        assert (red[:60] == 0).mean() > 0.75  # sky
        assert (red[-60:] == CARLA_0_9_9.index("Vehicles")).all()  # the bonnet of the car that carries the camera
        assert sample.image[:60][red[:60] == 0].mean() > sample.image[:60][red[:60] != 0].mean()
