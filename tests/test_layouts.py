import re
from pathlib import Path

import numpy as np
import pytest
from small_data import flat, folders, label, photo, real, save

from pixelwise.data import Dataset, open_dataset
from pixelwise.errors import UserError
from pixelwise.labels import CAMVID11, CITYSCAPES19, VOC21, LabelMap

STREETS = LabelMap(("road", "car"), ((200, 40, 90), (10, 220, 90)))


def assert_holds_the_labels(data: Dataset, split: str = "train") -> None:
    """The samples are those that ``folders`` writes: seeds 0, 1, 2 in the order of their names."""
    for seed, sample in enumerate(data.split(split)):
        assert np.array_equal(sample.image, photo(seed))
        assert np.array_equal(sample.label, label(seed))


# camvid


def test_camvid_lists_give_splits_with_void_ignored(tmp_path: Path) -> None:
    mask = label(1)
    save(tmp_path / "train" / "a.png", photo(1))
    save(tmp_path / "trainannot" / "a.png", np.where(mask == 255, 11, mask).astype(np.uint8))
    (tmp_path / "train.txt").write_text("train/a.png trainannot/a.png\n\n")
    (tmp_path / "val.txt").write_text("/SegNet/CamVid/train/a.png /SegNet/CamVid/trainannot/a.png\n")
    data = open_dataset(tmp_path)
    assert data.layout == "camvid"
    assert np.array_equal(data.train[0].label, mask)
    assert data.val.names == ("a",)


@pytest.mark.parametrize(
    ("line", "kind", "message"),
    [
        ("a.png", "unreadable", r"train\.txt, line 3: is not the paths of a photo and a mask"),
        ("train/b.png trainannot/b.png", "missing partner", r"b\.png: is named in train\.txt but is not there"),
        (
            "train/a.png ../../../etc/shadow.png",
            "missing partner",
            r"shadow\.png: is named in train\.txt but is not there",
        ),
        ("train/a.png out/a.png", "outside", r"out/a\.png: is named in train\.txt but lies outside"),
        ("train/a.png trainannot/a.png", "duplicate name", r"a\.png: is named twice"),
    ],
)
def test_a_wrong_line_of_a_camvid_list_is_a_problem_and_left_out(
    tmp_path: Path, line: str, kind: str, message: str
) -> None:
    save(tmp_path / "in" / "train" / "a.png", photo())
    save(tmp_path / "in" / "trainannot" / "a.png", label())
    save(tmp_path / "out" / "a.png", label())
    (tmp_path / "in" / "out").symlink_to(tmp_path / "out")
    (tmp_path / "in" / "train.txt").write_text(f"train/a.png trainannot/a.png\n\n{line}\n")
    data = open_dataset(tmp_path / "in")
    assert (data.layout, data.train.names) == ("camvid", ("a",))
    assert [problem.kind for problem in data.problems] == [kind]
    assert re.search(message, str(data.problems[0]))


def test_camvid_lists_of_nothing_that_can_be_read_are_one_line_for_the_user(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("train/a.png trainannot/a.png\n")
    with pytest.raises(UserError, match=r"train\.txt list photo and index mask, but none can be used; the first: "):
        open_dataset(tmp_path)


def test_a_mask_of_another_size_than_its_photo_names_both_sizes(tmp_path: Path) -> None:
    folders(tmp_path)
    save(tmp_path / "masks" / "b.png", label(1, 8, 16))
    data = open_dataset(tmp_path)
    with pytest.raises(UserError, match=r"b\.png: is 16 x 8 pixels but its photo b\.png is 32 x 24"):
        data.train[1]


# folders


@pytest.mark.parametrize(("images", "masks"), [("images", "masks"), ("a", "b"), ("b", "a"), ("masks", "images")])
def test_which_folder_holds_the_masks_is_told_by_what_is_in_it(tmp_path: Path, images: str, masks: str) -> None:
    data = open_dataset(folders(tmp_path, images=images, masks=masks))
    assert data.layout == "folders"
    assert f"photos {images}/{{name}}.png, masks {masks}/{{name}}.png" in data.evidence
    assert data.labels.names == tuple(f"class {index}" for index in range(11))
    assert_holds_the_labels(data)


@pytest.mark.parametrize("order", ["{split}/{side}", "{side}/{split}"])
def test_splits_may_lie_around_or_within_the_two_folders(tmp_path: Path, order: str) -> None:
    for name, files in {"training": "abc", "valid": "ab", "test": "a"}.items():
        images, masks = (order.format(split=name, side=side) for side in ("photos", "truth"))
        folders(tmp_path, files, images=images, masks=masks)
    data = open_dataset(tmp_path)
    assert [len(data.split(name)) for name in ("train", "val", "test")] == [3, 2, 1]
    for split in ("train", "val", "test"):
        assert_holds_the_labels(data, split)


def test_a_split_without_masks_is_left_out_and_said_so(tmp_path: Path) -> None:
    folders(tmp_path, images="train/images", masks="train/masks")
    save(tmp_path / "test" / "images" / "x.png", photo())
    data = open_dataset(tmp_path)
    assert "test has no masks and is left out" in data.evidence
    assert len(data.test) == 0


def test_photos_may_be_jpeg_while_masks_are_png(tmp_path: Path) -> None:
    save(tmp_path / "images" / "a.jpg", photo())
    save(tmp_path / "masks" / "a.png", label())
    assert np.array_equal(open_dataset(tmp_path).train[0].label, label())


def test_colour_masks_of_a_published_map_need_no_dataset_yaml(tmp_path: Path) -> None:
    for seed in range(3):
        save(tmp_path / "images" / f"{seed}.png", photo(seed))
        save(tmp_path / "masks" / f"{seed}.png", CAMVID11.colorize(label(seed)))
    data = open_dataset(tmp_path)
    assert data.labels == CAMVID11
    assert "colour masks, 100% in camvid11" in data.evidence
    assert np.array_equal(data.train[2].label, label(2))


def test_lossy_colour_masks_are_decoded_with_a_limit(tmp_path: Path) -> None:
    truth = np.kron(label(1, 48, 64, 19), np.ones((4, 4), np.uint8))
    save(tmp_path / "images" / "a.png", photo(1, 192, 256))
    save(tmp_path / "masks" / "a.jpg", CITYSCAPES19.colorize(truth))
    data = open_dataset(tmp_path)
    decoded = data.train[0].label
    assert data.labels == CITYSCAPES19
    assert (decoded != 255).mean() > 0.8
    assert (decoded == truth)[decoded != 255].mean() > 0.98


def test_masks_that_are_hardly_flat_are_masks_if_dataset_yaml_says_so(tmp_path: Path) -> None:
    speckled = np.random.default_rng(0).integers(0, 11, (16, 16), np.uint8)
    save(tmp_path / "images" / "a.png", photo(0, 16, 16))
    save(tmp_path / "masks" / "a.png", speckled)
    with pytest.raises(UserError, match="no dataset is recognised"):
        open_dataset(tmp_path)
    (tmp_path / "dataset.yaml").write_text("classes: camvid11")
    assert np.array_equal(open_dataset(tmp_path).train[0].label, speckled)


def test_unknown_colours_get_proposed_names_until_dataset_yaml_gives_others(tmp_path: Path) -> None:
    truth = label(classes=2)
    save(tmp_path / "images" / "a.png", photo())
    save(tmp_path / "masks" / "a.png", STREETS.colorize(truth))
    data = open_dataset(tmp_path)
    assert set(data.labels.colors) == {*STREETS.colors, (0, 0, 0)}
    assert "the names are proposals" in data.evidence
    assert "unnamed classes" in {problem.kind for problem in data.problems}
    (tmp_path / "dataset.yaml").write_text("classes: {road: [200, 40, 90], car: [10, 220, 90]}")
    data = open_dataset(tmp_path)
    assert data.labels == STREETS
    assert np.array_equal(data.train[0].label, truth)


def test_dataset_yaml_may_name_a_published_map_and_values_to_ignore(tmp_path: Path) -> None:
    save(tmp_path / "images" / "a.png", photo(0, 8, 32))
    save(tmp_path / "masks" / "a.png", flat(0, 10, 11, 12))
    (tmp_path / "dataset.yaml").write_text("classes: camvid11\nignore: [11, 12]\n")
    data = open_dataset(tmp_path)
    assert data.labels == CAMVID11
    assert np.array_equal(data.train[0].label, flat(0, 10, 255, 255))


def test_a_dataset_yaml_that_is_no_text_is_one_line_for_the_user(tmp_path: Path) -> None:
    folders(tmp_path)
    (tmp_path / "dataset.yaml").write_bytes(b"\xff\xfe\x00c")
    with pytest.raises(UserError, match="is not UTF-8 text"):
        open_dataset(tmp_path)


def test_palette_masks_lend_their_colours_but_no_names(tmp_path: Path) -> None:
    """Many tools write VOC's palette whatever the classes are."""
    save(tmp_path / "images" / "a.png", photo())
    save(tmp_path / "masks" / "a.png", label(), VOC21)
    data = open_dataset(tmp_path)
    assert data.labels.colors == VOC21.colors[:11]
    assert data.labels.names[1] == "class 1"


def test_images_without_masks_and_masks_without_images_are_problems(tmp_path: Path) -> None:
    folders(tmp_path)
    for name in "mn":
        save(tmp_path / "images" / f"{name}.png", photo())
    save(tmp_path / "masks" / "z.png", label())
    data = open_dataset(tmp_path)
    assert data.train.names == ("a", "b", "c")
    found = [(problem.what, len(problem.files)) for problem in data.problems]
    assert found == [("has no mask", 2), ("has no photo", 1)]


def test_a_split_of_masks_alone_is_a_problem(tmp_path: Path) -> None:
    folders(tmp_path, images="train/images", masks="train/masks")
    save(tmp_path / "val" / "masks" / "z.png", label())
    (problem,) = open_dataset(tmp_path).problems
    assert (problem.what, problem.files) == ("has no photo", (str(tmp_path / "val/masks/z.png"),))


def test_an_empty_folder_of_masks_is_images_without_masks(tmp_path: Path) -> None:
    save(tmp_path / "images" / "a.png", photo())
    (tmp_path / "masks").mkdir()
    with pytest.raises(UserError, match=r"images: no photo has a mask, .*masks is empty; put the masks there"):
        open_dataset(tmp_path)


def test_names_that_never_agree_are_shown(tmp_path: Path) -> None:
    save(tmp_path / "images" / "street.png", photo())
    save(tmp_path / "masks" / "drawing.png", label())
    with pytest.raises(UserError, match=r"no photo's name fits a mask's \(photo images/street.png, mask masks/drawing"):
        open_dataset(tmp_path)


def test_a_third_folder_is_passed_over_unless_it_could_be_the_photos(tmp_path: Path) -> None:
    folders(tmp_path)
    save(tmp_path / "docs" / "a.png", photo(9))
    assert_holds_the_labels(open_dataset(tmp_path))
    for name in "bc":
        save(tmp_path / "docs" / f"{name}.png", photo(9))
    assert "photos images/{name}.png" in open_dataset(tmp_path).evidence  # the name breaks the tie
    (tmp_path / "images").rename(tmp_path / "other")
    with pytest.raises(UserError, match="may both be the photos; say which"):
        open_dataset(tmp_path)


def test_two_folders_of_photos_are_no_dataset(tmp_path: Path) -> None:
    for side in ("left", "right"):
        save(tmp_path / side / "a.png", photo())
    with pytest.raises(UserError, match="no dataset is recognised"):
        open_dataset(tmp_path)


@pytest.mark.parametrize("value", [0, 255])
def test_masks_of_one_value_are_refused(tmp_path: Path, value: int) -> None:
    save(tmp_path / "images" / "a.png", photo())
    save(tmp_path / "masks" / "a.png", flat(value))
    with pytest.raises(UserError, match=f"only the value {value}, so there is nothing to tell apart"):
        open_dataset(tmp_path)


def test_grey_jpeg_masks_are_refused_since_their_values_are_smeared(tmp_path: Path) -> None:
    save(tmp_path / "images" / "a.png", photo())
    save(tmp_path / "masks" / "a.jpg", label() // 255 * 9)
    with pytest.raises(UserError, match="a grey JPEG cannot hold class indices"):
        open_dataset(tmp_path)


@pytest.mark.parametrize("odd", "abc")
def test_a_mask_of_another_kind_is_an_error_when_it_is_read(tmp_path: Path, odd: str) -> None:
    folders(tmp_path)
    save(tmp_path / "masks" / f"{odd}.png", CAMVID11.colorize(label()))
    data = open_dataset(tmp_path)
    with pytest.raises(UserError, match="but the other masks"):
        data.train["abc".index(odd)]


def test_a_class_that_was_in_no_mask_looked_at_is_an_error_when_it_is_read(tmp_path: Path) -> None:
    save(tmp_path / "images" / "a.png", photo(0, 8, 24))
    save(tmp_path / "masks" / "a.png", flat(0, 1, 255))
    data = open_dataset(tmp_path)
    save(tmp_path / "masks" / "a.png", flat(0, 7, 255))
    with pytest.raises(UserError, match=r"a\.png: pixel value 7 is not one of the 2 classes"):
        data.train[0]


def test_images_of_one_pixel_are_data_too(tmp_path: Path) -> None:
    for seed in range(2):
        save(tmp_path / "images" / f"{seed}.png", photo(seed, 1, 1))
        save(tmp_path / "masks" / f"{seed}.png", np.full((1, 1), seed, np.uint8))
    assert [sample.label.item() for sample in open_dataset(tmp_path).train] == [0, 1]


# real data


def test_real_camvid_is_recognised_with_its_splits() -> None:
    data = open_dataset(real("camvid"))
    assert (data.layout, len(data.train), len(data.val), len(data.test)) == ("camvid", 367, 101, 0)
    assert data.evidence == "train.txt, val.txt list photo and index mask"
    sample = data.val[50]
    assert sample.image.shape == (360, 480, 3)
    assert sample.label.shape == (360, 480)
    assert set(np.unique(sample.label)) <= {*range(11), 255}


def test_real_carla_masks_hold_their_classes_in_the_red_channel() -> None:
    assert len(open_dataset(real("carla")).labels) >= 13


@pytest.mark.parametrize("name", ["volume", "weights"])
def test_real_folders_without_photos_are_said_so(name: str) -> None:
    with pytest.raises(UserError, match="holds no images"):
        open_dataset(real(name))
