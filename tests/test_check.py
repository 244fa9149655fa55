"""What `pixelwise check` says of good and of broken datasets."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from command_line import pixelwise, refused
from PIL import Image as Pillow
from small_data import real, save

from pixelwise.checking import Check, check
from pixelwise.data import open_dataset
from pixelwise.data.layouts.streets_default import streets
from pixelwise.data.splitting import with_validation
from pixelwise.data.writers import write_dataset


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("check") / "streets"
    write_dataset(streets(6, 3, 0), folder, "folders")
    return folder


@pytest.fixture
def good(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "streets"))


def checked(folder: Path) -> Check:
    return check(with_validation(open_dataset(folder)))


def kinds(folder: Path) -> dict[str, tuple[str, ...]]:
    """Kind of each problem -> names of the files that have it; without absent classes, for there are few images."""
    files: dict[str, tuple[str, ...]] = {}
    for problem in checked(folder).problems:
        if problem.kind not in {"absent class", "rare class"}:
            names = tuple(Path(file.split(" (as ")[0]).name for file in problem.files)
            files[problem.kind] = files.get(problem.kind, ()) + names
    return files


def photos(folder: Path, split: str = "train") -> list[Path]:
    return sorted((folder / split / "images").iterdir())


def masks(folder: Path, split: str = "train") -> list[Path]:
    return sorted((folder / split / "masks").iterdir())


def changed(path: Path, change: object) -> None:
    """Writes an index mask anew after ``change`` has been made to its values."""
    picture = Pillow.open(path)
    values = np.array(picture)
    change(values)  # type: ignore[operator]
    new = Pillow.fromarray(values)
    new.putpalette(picture.getpalette())
    new.save(path)


def test_clean_streets_have_no_problem_but_scarce_classes(written: Path) -> None:
    assert kinds(written) == {}
    assert checked(written).errors == ()


def test_counts_and_shares_are_those_of_the_truth(written: Path) -> None:
    found, truth = checked(written), streets(6, 3, 0)
    train = list(truth.train)  # rendered once
    counts = sum(np.bincount(sample.label.ravel(), minlength=256)[:11] for sample in truth.val)
    assert found.pixels("val").tolist() == np.asarray(counts).tolist()
    assert found.images("train").tolist() == [
        sum(bool((sample.label == index).any()) for sample in train) for index in range(11)
    ]
    ignored = sum(int((sample.label == 255).sum()) for sample in train)
    assert found.ignored("train") == pytest.approx(ignored / sum(sample.label.size for sample in train))
    assert found.sizes("train") == [(train[0].label.shape, 6)]


def test_a_truncated_photo_is_an_error_that_names_it(good: Path) -> None:
    broken = photos(good)[1]
    broken.write_bytes(broken.read_bytes()[:5000])
    assert kinds(good) == {"unreadable": (broken.name,)}


def test_a_photo_without_a_mask_and_a_mask_without_a_photo_are_named(good: Path) -> None:
    lonely, left = photos(good)[0], masks(good)[2]
    masks(good)[0].unlink()
    photos(good)[2].unlink()
    assert sorted(kinds(good)["missing partner"]) == sorted((lonely.name, left.name))


def test_a_mask_of_another_size_is_named(good: Path) -> None:
    mask = masks(good)[3]
    Pillow.open(mask).resize((50, 40)).save(mask)
    assert kinds(good) == {"size mismatch": (mask.name,)}


def test_a_value_that_is_no_class_is_named(good: Path) -> None:
    changed(masks(good)[3], lambda values: values.__setitem__((4, 4), 77))
    assert kinds(good) == {"unknown value": (masks(good)[3].name,)}


def test_an_alpha_channel_is_a_warning(good: Path) -> None:
    Pillow.open(photos(good)[0]).convert("RGBA").save(photos(good)[0])
    assert kinds(good) == {"alpha channel": (photos(good)[0].name,)}
    assert not checked(good).errors


def test_a_jpeg_that_is_called_png_is_a_warning(good: Path) -> None:
    Pillow.open(photos(good)[0]).convert("RGB").save(photos(good)[0], format="JPEG", quality=95)
    assert kinds(good) == {"wrong extension": (photos(good)[0].name,)}


def test_an_image_in_two_splits_is_leakage_even_when_it_was_stored_anew(good: Path) -> None:
    copy, mask = good / "val" / "images" / "copy.png", good / "val" / "masks" / "copy.png"
    picture = Pillow.open(photos(good)[0])
    jpeg = good / "again.jpg"
    picture.save(jpeg, quality=80)
    Pillow.open(jpeg).save(copy)
    jpeg.unlink()
    shutil.copy(masks(good)[0], mask)
    assert kinds(good) == {"leakage": ("copy.png",)}


def test_a_mask_of_another_scene_is_suspect(good: Path) -> None:
    first, second = masks(good)[:2]
    changed(first, lambda values: values.__setitem__(slice(None), np.array(Pillow.open(second))[:, ::-1]))
    assert kinds(good) == {"suspect pair": (first.name,)}


def test_a_column_drawn_by_a_tool_is_a_stripe(good: Path) -> None:
    changed(masks(good)[1], lambda values: values.__setitem__((slice(None), 40), 9))
    assert kinds(good) == {"stripe": (masks(good)[1].name,)}


def test_an_empty_label_and_a_flat_photo_are_named(good: Path) -> None:
    changed(masks(good)[0], lambda values: values.fill(255))
    save(photos(good)[0], np.full(np.array(Pillow.open(photos(good)[0])).shape, 90, np.uint8))
    assert kinds(good) == {"no label": (masks(good)[0].name,), "flat image": (photos(good)[0].name,)}


def test_a_class_that_never_occurs_in_training_is_said(good: Path) -> None:
    for mask in masks(good):
        changed(mask, lambda values: values.__setitem__(values == 8, 255))
    absent = [problem.what for problem in checked(good).problems if problem.kind == "absent class"]
    assert any("Car" in what and "train" in what for what in absent)


def test_errors_end_with_code_3_and_warnings_with_0(good: Path) -> None:
    assert pixelwise("check", good).code == 0
    photos(good)[0].write_bytes(b"")
    answer = pixelwise("check", good)
    assert answer.code == 3
    assert photos(good)[0].name in answer.out
    assert "1 error," in answer.out


def test_json_names_every_file(good: Path) -> None:
    for photo in photos(good):
        photo.write_bytes(b"no image")
    answer = pixelwise("check", good, "--json")
    assert answer.code == 3
    told = json.loads(answer.out)
    named = {Path(file).name for problem in told["problems"] for file in problem["files"]}
    assert named >= {photo.name for photo in photos(good)}
    assert told["layout"] == "folders"
    assert told["splits"]["val"]["images"] == 3


def test_training_refuses_what_check_finds_and_goes_on_with_the_file_that_check_writes(good: Path) -> None:
    masks(good)[0].unlink()
    photos(good)[1].write_bytes(b"")
    run = good.parent / "run"
    assert "check" in refused("train", good, "--epochs", "1", "--size", "32x32", "--run", run)
    assert pixelwise("check", good, "--write").code == 3
    assert pixelwise("check", good).code == 0
    trained = pixelwise("train", good, "--epochs", "1", "--size", "32x32", "--run", run, "--json")
    assert trained.code == 0, trained


def test_what_check_writes_gives_the_same_dataset_again(written: Path, tmp_path: Path) -> None:
    file = tmp_path / "frozen" / "mine.yaml"
    assert pixelwise("check", written, "--output", file).code == 0
    again, before = open_dataset(file), open_dataset(written)
    assert again.labels == before.labels
    for split in ("train", "val", "test"):
        assert again.split(split).names == before.split(split).names
        for one, other in zip(again.split(split), before.split(split), strict=True):
            assert (one.image == other.image).all()
            assert (one.label == other.label).all()


def test_check_keeps_the_description_that_it_replaces_and_writes_over_no_other_file(good: Path) -> None:
    before = (good / "dataset.yaml").read_text()
    assert pixelwise("check", good, "--write").code == 0
    assert (good / "dataset.yaml.bak").read_text() == before
    other = good.parent / "notes.yaml"
    other.write_text("mine")
    assert "is there already" in refused("check", good, "--output", other)
    assert other.read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "layout"),
    [
        ("camvid", "camvid"),
        ("camvid_color", "camvid"),
        ("carla", "carla"),
        ("labelme/data_annotated", "labelme"),
        ("labelme/data_dataset_voc", "voc"),
    ],
)
def test_every_real_sample_is_recognised_without_errors(name: str, layout: str) -> None:
    found = checked(real(name))
    assert found.dataset.layout == layout
    assert not found.errors
