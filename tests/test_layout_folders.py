import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as Pillow
from small_data import flat, folders, label, photo, real, save

from pixelwise.data import Dataset
from pixelwise.data.description import Description
from pixelwise.data.layouts import camvid
from pixelwise.data.layouts.folders import recognise, templates
from pixelwise.data.layouts.listing import list_pictures
from pixelwise.data.layouts.naming import Names, find_matches
from pixelwise.data.layouts.patterns import Pattern, pair_files
from pixelwise.data.layouts.sides import Pairing, find_pairings
from pixelwise.data.layouts.streets_default import streets
from pixelwise.data.writers.folders import write_folders
from pixelwise.errors import DataError, UserError
from pixelwise.labels import CAMVID11, CAMVID32, CITYSCAPES19, VOC21, LabelMap

NOTHING = Description()


def opened(root: Path, description: Description = NOTHING) -> Dataset:
    data = recognise(root, description)
    assert data is not None
    return data


def written(root: Path, image: str, mask: str, names: tuple[str, ...] = ("0001", "0002", "0003", "0010")) -> Path:
    """Photos and masks at these templates, {name} being each of the names; seed i for the i-th."""
    root.mkdir(exist_ok=True)
    (root / "README.md").touch()  # so that no folder is alone
    for seed, name in enumerate(names):
        save(root / image.format(name=name), photo(seed))
        save(root / mask.format(name=name), label(seed))
    return root


def assert_pairs(data: Dataset, names: tuple[str, ...], split: str = "train") -> None:
    """Every name has the photo and mask of its own seed."""
    assert data.split(split).names == names
    for seed, sample in enumerate(data.split(split)):
        assert np.array_equal(sample.image, photo(seed))
        assert np.array_equal(sample.label, label(seed))


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("images/{name}.png", "masks/{name}.png"),
        ("images/{name}.png", "masks/{name}_L.png"),
        ("images/{name}.png", "masks/{name}_mask.png"),
        ("images/{name}.png", "masks/{name}-gt.png"),
        ("images/{name}.png", "masks/{name}_label.tif"),
        ("images/img_{name}.png", "masks/mask_{name}.png"),
        ("images/img_{name}.png", "masks/{name}.png"),
        ("images/image{name}_rgb.png", "masks/label{name}_seg.png"),
        ("a/{name}_leftImg8bit.png", "b/{name}_gtFine_labelIds.png"),
        ("{name}.png", "{name}_mask.png"),
        ("data/{name}.png", "data/{name}.tif"),
        ("img_{name}.png", "mask_{name}.png"),
        ("{name}.png", "masks/{name}.png"),
        ("images/{name}.png", "images/masks/{name}.png"),
        ("images/seq1/{name}.png", "masks/seq1/{name}.png"),
        ("deep/er/photos/{name}.png", "deep/er/truth/{name}_t.png"),
    ],
)
def test_names_pair_whatever_photos_or_masks_add_to_them(tmp_path: Path, image: str, mask: str) -> None:
    data = opened(written(tmp_path, image, mask))
    nested = "seq1/" if "seq1" in image else ""
    assert_pairs(data, tuple(f"{nested}{name}" for name in ("0001", "0002", "0003", "0010")))
    assert data.problems == ()


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("{split}/images/{name}.png", "{split}/masks/{name}.png"),
        ("images/{split}/{name}.png", "masks/{split}/{name}.png"),
        ("{split}/{name}.png", "{split}_labels/{name}_L.png"),
        ("{split}/{name}.png", "{split}annot/{name}.png"),
        ("images_{split}/{name}.png", "masks_{split}/{name}.png"),
        ("images/{split}2017/{name}.png", "labels/{split}2017/{name}.png"),
        ("{split}/{name}.png", "{split}/{name}_mask.png"),
        ("{split}/images/city/{name}.png", "{split}/masks/city/{name}_gt.png"),
    ],
)
def test_splits_may_stand_anywhere_in_the_folders(tmp_path: Path, image: str, mask: str) -> None:
    for word, names in {"training": ("1", "2", "3"), "val": ("1", "2"), "Test": ("7",)}.items():
        written(tmp_path, image.replace("{split}", word), mask.replace("{split}", word), names)
    data = opened(tmp_path)
    city = "city/" if "city" in image else ""
    for split, names in {"train": ("1", "2", "3"), "val": ("1", "2"), "test": ("7",)}.items():
        assert_pairs(data, tuple(city + name for name in names), split)
    images, masks = templates(tmp_path, NOTHING) or ({}, {})
    pinned = opened(tmp_path, Description(images=images, masks=masks))
    assert [pinned.split(one) for one in ("train", "val", "test")] == [
        data.split(one) for one in ("train", "val", "test")
    ]


def test_a_name_with_words_but_no_numbers_pairs_too(tmp_path: Path) -> None:
    names = ("black cat", "cat", "dog", "my house", "old house")
    assert_pairs(
        opened(written(tmp_path, "{name}.jpg.png", "{name}.jpg_mask.png", names)),
        tuple(f"{name}.jpg" for name in names),
    )


def test_the_evidence_says_where_photos_and_masks_were_found(tmp_path: Path) -> None:
    written(tmp_path, "val/{name}.png", "val_labels/{name}_L.png")
    assert "photos {split}/{name}.png, masks {split}_labels/{name}_L.png" in opened(tmp_path).evidence


def test_numbers_of_the_same_value_pair_only_where_nothing_fits_better(tmp_path: Path) -> None:
    for seed, name in enumerate(("1", "2", "10")):
        save(tmp_path / "loose" / "images" / f"img{name}.png", photo(seed))
        save(tmp_path / "loose" / "masks" / f"mask{int(name):04d}.png", label(seed))
    data = opened(tmp_path / "loose")
    assert [sample.label.tolist() for sample in data.train] == [label(seed).tolist() for seed in range(3)]
    assert "numbers compared by their value" in data.evidence
    assert templates(tmp_path / "loose", NOTHING) is None
    written(tmp_path / "exact", "images/{name}.png", "masks/{name}.png", ("1", "2", "10"))
    save(tmp_path / "exact" / "masks" / "0001.png", label(9))
    assert_pairs(opened(tmp_path / "exact"), ("1", "2", "10"))


def test_neighbouring_numbers_are_never_taken_for_photo_and_mask() -> None:
    frames = Names(f"{number}" for number in range(1, 1000))
    assert find_matches(frames, frames) == []
    camera = Names(f"0016E5_{number:05d}_L" for number in range(7959, 7990))
    assert find_matches(camera, camera) == []


def test_strangers_of_few_names_are_not_paired() -> None:
    assert find_matches(Names(["cat_img", "cow_img"]), Names(["dog_img", "fox_img"])) == []
    assert find_matches(Names(["street"]), Names(["portrait"])) == []


def test_most_files_decide_which_additions_there_are() -> None:
    photos = Names(f"img_{number:03d}" for number in range(50))
    masks = Names([*(f"img_{number:03d}_mask" for number in range(50)), "img_001_mask_old", "img_002"])
    best = find_matches(photos, masks)[0]
    assert (best.first.after, best.second.after, best.pairs) == ("", "_mask", 50)


# what looks like a mask


def depth(seed: int, bits: int = 16) -> npt.NDArray[np.generic]:
    """A smooth slope, as a depth camera sees a floor."""
    slope = np.linspace(40 + seed, 250, 64)[:, None] + np.linspace(0, 3, 64)[None]
    return (slope * 200).astype(np.uint16) if bits == 16 else slope.astype(np.uint8)


@pytest.mark.parametrize("bits", [8, 16])
def test_depth_beside_photos_is_no_mask(tmp_path: Path, bits: int) -> None:
    for seed in range(3):
        save(tmp_path / "rgb" / f"{seed}.png", photo(seed, 64, 64))
        save(tmp_path / "labels" / f"{seed}.png", depth(seed, bits))
    assert recognise(tmp_path, NOTHING) is None


def test_index_masks_come_before_colours_and_pictures_of_them(tmp_path: Path) -> None:
    written(tmp_path, "JPEGImages/{name}.png", "SegmentationClass/{name}.png", ("a", "b", "c"))
    for seed, name in enumerate("abc"):
        mask = VOC21.colorize(label(seed))
        save(tmp_path / "SegmentationColor" / f"{name}.png", mask)
        save(tmp_path / "SegmentationClassVisualization" / f"{name}.jpg", mask // 2 + photo(seed) // 2)
        np.save(tmp_path / "SegmentationColor" / f"{name}.npy", label(seed))
    data = opened(tmp_path)
    assert_pairs(data, ("a", "b", "c"))
    assert "masks SegmentationClass/{name}.png" in data.evidence
    assert "passed over: " in data.evidence
    assert "SegmentationColor/{name}.png" in data.evidence


def test_masks_of_objects_come_after_masks_of_classes(tmp_path: Path) -> None:
    written(tmp_path, "images/{name}.png", "SegmentationObject/{name}.png", ("a", "b", "c"))
    for seed, name in enumerate("abc"):
        save(tmp_path / "SegmentationClass" / f"{name}.png", label(seed, classes=3))
    assert len(opened(tmp_path).labels) == 3


def test_previews_beside_photo_and_mask_are_neither(tmp_path: Path) -> None:
    written(tmp_path, "{name}.png", "{name}_mask.png", ("a", "b", "c"))
    for seed, name in enumerate("abc"):
        save(tmp_path / f"{name}_preview.png", photo(seed)[::2, ::2])
    data = opened(tmp_path)
    assert_pairs(data, ("a", "b", "c"))
    assert data.problems == ()


def test_many_pictures_made_of_the_photos_are_no_photos_without_masks(tmp_path: Path) -> None:
    """As in the ISIC challenges: superpixels beside the photos, masks in another folder, the split within the name."""
    for word in ("Training", "Validation"):
        folder = f"ISIC-2017_{word}_Data"
        written(tmp_path, f"{folder}/ISIC_{{name}}.png", f"ISIC-2017_{word}_Part1/ISIC_{{name}}_segmentation.png")
        for seed, name in enumerate(("0001", "0002", "0003", "0010")):
            save(tmp_path / folder / f"ISIC_{name}_superpixels.png", photo(seed + 9) // 64)
    data = opened(tmp_path)
    names = tuple(f"ISIC_{name}" for name in ("0001", "0002", "0003", "0010"))
    assert_pairs(data, names)
    assert_pairs(data, names, "val")
    assert data.problems == ()


def test_photos_of_many_channels_are_photos(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for seed in range(3):
        np.save(tmp_path / "images" / f"{seed}.npy", np.dstack([photo(seed), photo(seed + 9)]))
        save(tmp_path / "masks" / f"{seed}.png", label(seed))
    assert opened(tmp_path).train[2].image.shape == (24, 32, 6)


def test_names_that_end_in_brackets_pair_with_a_mask_beside_them(tmp_path: Path) -> None:
    for kind in ("benign", "normal"):
        written(tmp_path, f"{kind}/{kind} ({{name}}).png", f"{kind}/{kind} ({{name}})_mask.png", ("1", "2", "10"))
    assert opened(tmp_path).train.names == tuple(
        f"{kind}/{kind} ({number})" for kind in ("benign", "normal") for number in (1, 2, 10)
    )


def test_smeared_masks_of_two_values_are_no_gradient(tmp_path: Path) -> None:
    for seed in range(3):
        disc = np.hypot(*np.mgrid[-64:64, -64:64]) < 40 + 5 * seed
        save(tmp_path / "images" / f"{seed}.jpg", photo(seed, 128, 128))
        save(tmp_path / "masks" / f"{seed}.jpg", np.where(disc, 255, 0).astype(np.uint8))
    data = opened(tmp_path)
    assert data.labels.names == ("background", "foreground")
    assert (data.train[0].label == (np.hypot(*np.mgrid[-64:64, -64:64]) < 40)).mean() > 0.995


def test_thumbnails_are_not_taken_for_the_photos(tmp_path: Path) -> None:
    written(tmp_path, "photos/{name}.png", "truth/{name}.png", ("a", "b", "c"))
    for seed, name in enumerate("abc"):
        save(tmp_path / "a_small" / f"{name}.png", photo(seed)[::4, ::4])
    assert_pairs(opened(tmp_path), ("a", "b", "c"))


def test_masks_alone_drawn_twice_are_no_dataset(tmp_path: Path) -> None:
    for seed in range(3):
        save(tmp_path / "index" / f"{seed}.png", label(seed))
        save(tmp_path / "color" / f"{seed}.png", VOC21.colorize(label(seed)))
    assert recognise(tmp_path, NOTHING) is None


def test_two_cameras_are_told_by_name_or_asked_for(tmp_path: Path) -> None:
    written(tmp_path, "left/{name}.png", "masks/{name}.png", ("a", "b"))
    written(tmp_path, "right/{name}.png", "masks/{name}.png", ("a", "b"))
    assert "photos left/{name}.png" in opened(tmp_path).evidence
    (tmp_path / "left").rename(tmp_path / "one")
    (tmp_path / "right").rename(tmp_path / "two")
    with pytest.raises(UserError, match=r"one/\{name\}\.png and two/\{name\}\.png may both be the photos.*`images: "):
        recognise(tmp_path, NOTHING)


def test_a_photo_that_is_flatter_than_its_mask_is_still_the_photo(tmp_path: Path) -> None:
    """A scan: white paper with grey writing; the mask is two busy classes."""
    rng = np.random.default_rng(0)
    for seed in range(2):
        scan = np.full((64, 64, 3), 255, np.uint8)
        scan[20:30, 20:60] = rng.integers(0, 256, (10, 40, 3))
        save(tmp_path / "a" / f"{seed}.png", scan)
        save(tmp_path / "b" / f"{seed}.png", (rng.random((64, 64)) < 0.15).astype(np.uint8))
    assert "masks b/{name}.png" in opened(tmp_path).evidence


def test_arrays_are_masks_too(tmp_path: Path) -> None:
    for seed, name in enumerate("abc"):
        save(tmp_path / "images" / f"{name}.png", photo(seed))
        (tmp_path / "masks").mkdir(exist_ok=True)
        np.save(tmp_path / "masks" / f"{name}.npy", np.where(label(seed) == 255, -1, label(seed).astype(np.int32)))
    assert_pairs(opened(tmp_path), ("a", "b", "c"))


# faults


def kinds(data: Dataset) -> dict[str, int]:
    return {problem.kind: len(problem.files) for problem in data.problems}


def test_files_without_partner_are_problems_and_left_out(tmp_path: Path) -> None:
    folders(tmp_path, "abcdef")
    (tmp_path / "masks" / "a.png").unlink()
    (tmp_path / "images" / "f.png").unlink()
    data = opened(tmp_path)
    assert data.train.names == ("b", "c", "d", "e")
    shown = {(problem.kind, problem.what, *problem.files) for problem in data.problems}
    assert shown == {
        ("missing partner", "has no mask", str(tmp_path / "images" / "a.png")),
        ("missing partner", "has no photo", str(tmp_path / "masks" / "f.png")),
    }


def test_two_files_of_one_name_are_a_problem_and_left_out(tmp_path: Path) -> None:
    folders(tmp_path, "abcdefghijklmn")
    save(tmp_path / "images" / "a.jpg", photo())
    data = opened(tmp_path)
    assert "a" not in data.train.names
    assert len(data.train) == 13
    assert kinds(data) == {"duplicate name": 3}


def test_photos_and_masks_elsewhere_are_said_not_to_be_read(tmp_path: Path) -> None:
    written(tmp_path, "seq1/images/{name}.png", "seq1/masks/{name}.png")
    written(tmp_path, "seq2/images/{name}.png", "seq2/masks/{name}.png", ("0001", "0002"))
    data = opened(tmp_path)
    assert len(data.train) == 4
    assert [(problem.kind, problem.files) for problem in data.problems] == [
        ("not read", (str(tmp_path / "seq2/masks"),))
    ]


def test_a_photo_of_other_channels_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for seed in range(4):
        save(tmp_path / "masks" / f"{seed}.png", label(seed))
        np.save(tmp_path / "images" / f"{seed}.npy", np.dstack([photo(seed)] * (1 if seed == 3 else 2)))
    data = opened(tmp_path)
    assert data.format.channels == 6
    assert kinds(data) == {"channels": 1}
    assert data.train[0].image.shape == (24, 32, 6)


def test_what_systems_leave_behind_is_passed_over(tmp_path: Path) -> None:
    folders(tmp_path)
    for name in ("__MACOSX/images/._a.png", ".ipynb_checkpoints/a-checkpoint.png", "images/Thumbs.db", "images/.a.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"\0\1")
    save(tmp_path / "images" / ".ipynb_checkpoints" / "a.png", photo())
    (tmp_path / "empty").mkdir()
    data = opened(tmp_path)
    assert data.train.names == ("a", "b", "c")
    assert data.problems == ()


def test_damaged_files_among_those_looked_at_are_found_when_they_are_read(tmp_path: Path) -> None:
    folders(tmp_path, "abcdef")
    for broken in ("images/a.png", "masks/a.png", "masks/f.png"):
        (tmp_path / broken).write_bytes(b"\x89PNG\r\n\x1a\n")
    data = opened(tmp_path)
    assert len(data.train) == 6
    for index in (0, 5):
        with pytest.raises(UserError):
            data.train[index]


def test_links_that_lead_out_are_not_followed(tmp_path: Path) -> None:
    folders(tmp_path / "in")
    save(tmp_path / "secret" / "z.png", photo())
    (tmp_path / "in" / "more").symlink_to(tmp_path / "secret")
    (tmp_path / "in" / "images" / "z.png").symlink_to(tmp_path / "secret" / "z.png")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    data = opened(tmp_path / "in")
    assert data.train.names == ("a", "b", "c")
    assert kinds(data) == {"outside": 2}


def test_one_photo_or_an_empty_folder_or_text_is_quietly_something_else(tmp_path: Path) -> None:
    assert recognise(tmp_path, NOTHING) is None
    (tmp_path / "a.png").write_bytes(b"no picture")
    (tmp_path / "a_mask.png").write_bytes(b"")
    (tmp_path / "a.json").write_text("{}")
    assert recognise(tmp_path, NOTHING) is None


def test_names_with_braces_and_blanks_do_no_harm(tmp_path: Path) -> None:
    folders(tmp_path)
    save(tmp_path / "images" / "{name}{0}.png", photo())
    save(tmp_path / "images" / "a b%s.png", photo())
    assert opened(tmp_path).train.names == ("a", "b", "c")


# what dataset.yaml says


def test_with_templates_nothing_is_guessed(tmp_path: Path) -> None:
    """By guessing, masks_b would tie; a photo's ending may be any."""
    for seed, name in enumerate(("x/1", "x/2", "y/1")):
        save(tmp_path / "p" / f"{name}.{'jpg' if seed else 'png'}", photo(seed))
        save(tmp_path / "masks_b" / f"{name}_m.png", label(seed))
        save(tmp_path / "masks_a" / f"{name}_m.png", label(seed + 5))
    given = Description(images={"val": "p/{name}.*"}, masks={"val": "masks_b/{name}_m.png"})
    data = opened(tmp_path, given)
    assert data.val.names == ("x/1", "x/2", "y/1")
    assert np.array_equal(data.val[0].image, photo(0))
    assert np.array_equal(data.val[2].label, label(2))
    assert templates(tmp_path, given) == ({"val": "p/{name}.*"}, {"val": "masks_b/{name}_m.png"})


def test_splits_that_a_template_names_in_vain_are_empty(tmp_path: Path) -> None:
    written(tmp_path, "val/i/{name}.png", "val/m/{name}.png")
    both = [{split: f"{split}/{side}/{{name}}.png" for split in ("train", "val", "test")} for side in "im"]
    assert_pairs(opened(tmp_path, Description(images=both[0], masks=both[1])), ("0001", "0002", "0003", "0010"), "val")


@pytest.mark.parametrize(
    ("images", "masks", "message"),
    [
        ("images/{name}.png", "masks/{name}_no.png", "not one photo has its mask"),
        ("images/*.png", "masks/{name}.png", r"once and an ending"),
        ("images/{name}", "masks/{name}.png", "once and an ending"),
        ("../{name}.png", "masks/{name}.png", "leads out of the dataset"),
        ("/etc/{name}.png", "masks/{name}.png", "below the dataset's folder"),
        ("images/{name}.png", "", "add `masks: "),
    ],
)
def test_templates_that_cannot_be_are_named(tmp_path: Path, images: str, masks: str, message: str) -> None:
    folders(tmp_path)
    with pytest.raises(UserError, match=message):
        recognise(tmp_path, Description(images={"train": images}, masks={"train": masks} if masks else {}))


def test_a_pattern_puts_the_folders_of_a_name_before_its_prefix() -> None:
    pattern = Pattern.parse("val/img_{name}_x.*")
    assert pattern.name("val/a/b/img_7_x.JPG") == "a/b/7"
    assert pattern.template == "val/img_{name}_x.*"
    for other in ("val/img_7.jpg", "train/img_7_x.jpg", "val/img_7_x.txt", "val/img__x.png", "val/img_7_x.npy"):
        assert pattern.name(other) is None


# camvid


@pytest.mark.parametrize("labels", [CAMVID11, CAMVID32])
def test_camvids_colour_masks_are_camvid(tmp_path: Path, labels: LabelMap) -> None:
    """As they lie in the original's two archives; blocks of every class."""
    truth = np.arange(len(labels) * 4, dtype=np.uint8).reshape(4, -1).repeat(8, axis=0).repeat(8, axis=1) % len(labels)
    names = ("0001TP_006690", "0016E5_07959", "Seq05VD_f00000")
    for seed, name in enumerate(names):
        save(tmp_path / "701_StillsRaw_full" / f"{name}.png", photo(seed, *truth.shape))
        save(tmp_path / "LabeledApproved_full" / f"{name}_L.png", labels.colorize(truth))
    data = camvid.recognise(tmp_path, NOTHING)
    assert data is not None
    assert (data.layout, data.labels, data.train.names) == ("camvid", labels, names)
    assert all(np.array_equal(sample.label, truth) for sample in data.train)


def test_other_masks_that_end_in_l_are_not_camvid(tmp_path: Path) -> None:
    written(tmp_path, "a/{name}.png", "b/{name}_L.png")
    assert camvid.recognise(tmp_path, NOTHING) is None
    for seed in range(3):
        save(tmp_path / "city" / "a" / f"{seed}.png", photo(seed))
        save(tmp_path / "city" / "b" / f"{seed}_L.png", CITYSCAPES19.colorize(label(seed, classes=19)))
    assert camvid.recognise(tmp_path / "city", NOTHING) is None


# what is written is read


def test_rendered_streets_come_back(tmp_path: Path) -> None:
    source = streets(3, 1, 0)
    tuple(write_folders(source, tmp_path))
    data = opened(tmp_path, Description(labels=CAMVID11))
    for split in ("train", "val"):
        for read, truth in zip(data.split(split), source.split(split), strict=True):
            assert np.array_equal(read.label, truth.label)
            assert np.array_equal(read.image, truth.image)


# speed


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@pytest.mark.parametrize("image", ["images/img_{:06d}", "seq{0:03.0f}/img_{0:06d}"])
def test_a_hundred_thousand_names_are_matched_in_seconds(image: str) -> None:
    photos = [image.format(number) + ".jpg" for number in range(50_000)]
    masks = [f"m/{path[:-4].replace('img', 'mask')}_gt.png" for path in photos]
    found: list[Pairing] = []
    assert timed(lambda: found.extend(find_pairings(photos + masks))) < 12  # 2 on an idle core
    assert found[0].pairs == 50_000
    images, drawn = (side.pattern("train", side.files().values()) for side in found[0][:2])
    assert timed(lambda: pair_files(Path(), photos + masks, images, drawn)) < 12  # 1 on an idle core


def test_a_folder_of_many_children_is_searched_in_seconds() -> None:
    files = [f"{side}/patient{number // 20}/{number}.png" for number in range(20_000) for side in ("ct", "seg")]
    assert find_pairings(files)[0].pairs == 20_000
    flatly = [f"patient{number // 20}/{kind}{number}.png" for number in range(20_000) for kind in ("ct", "seg")]
    assert find_pairings(flatly)[0].pairs == 20_000


# real data


def test_real_camvid_with_colours_is_camvid_in_its_own_split() -> None:
    data = camvid.recognise(real("camvid_color"), NOTHING)
    assert data is not None
    assert (data.layout, len(data.val), data.labels) == ("camvid", 12, CAMVID11)
    assert data.val.names[0] == "0016E5_07959"
    assert "photos {split}/{name}.png, masks {split}_labels/{name}_L.png" in data.evidence
    indexed = real("camvid") / "valannot"
    for sample in data.val:
        truth = np.asarray(Pillow.open(indexed / f"{sample.name}.png"))
        assert np.array_equal(sample.label, np.where(truth == 11, 255, truth))


def test_real_camvid_without_its_lists_is_photos_and_masks() -> None:
    data = opened(real("camvid"))
    assert (len(data.train), len(data.val), len(data.labels)) == (367, 101, 12)


def test_real_masks_in_the_red_channel_are_index_masks() -> None:
    data = opened(real("carla"))
    assert (len(data.train), len(data.labels)) == (6, 13)
    raw = np.asarray(Pillow.open(real("carla") / "CameraMask" / "00183310.png"))
    assert np.array_equal(data.train[0].label, raw[..., 0])


@pytest.mark.parametrize("name", ["labelme", "labelme/data_dataset_voc"])
def test_real_labelme_masks_have_their_names(name: str) -> None:
    data = opened(real(name))
    assert "SegmentationClass/{name}.png" in data.evidence
    assert data.labels.names[15] == "person"
    assert data.train.names == ("2011_000003", "2011_000006", "2011_000025")


@pytest.mark.parametrize("name", ["cityscapes_pairs", "labelme/data_annotated", "weights", "volume"])
def test_other_real_data_is_not_claimed(name: str) -> None:
    assert recognise(real(name), NOTHING) is None


def test_listing_gives_every_picture_below_the_folder(tmp_path: Path) -> None:
    save(tmp_path / "a" / "b" / "c.png", flat(0, 1))
    np.save(tmp_path / "a" / "d.npy", flat(0, 1))
    (tmp_path / "a" / "e.txt").touch()
    assert sorted(list_pictures(tmp_path).files) == ["a/b/c.png", "a/d.npy"]
    assert list_pictures(tmp_path / "missing").problems[0].kind == "unreadable"
    assert isinstance(list_pictures(tmp_path / "missing").problems[0], DataError)
