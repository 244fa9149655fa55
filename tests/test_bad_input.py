"""Bad input ends with one clear line, exit code 2 and nothing half-written; odd photos get answers."""

import json
import os
import resource
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from command_line import TINY, files_below, pixelwise, refused
from PIL import Image as Pillow
from small_data import flat, photo, save

import pixelwise as pw
from pixelwise import api
from pixelwise.data.dataset import Source
from pixelwise.training import Recipe, save_recipe

GIB = 2**30


@pytest.fixture
def data(tmp_path: Path, small_folder: Path) -> Path:
    """A sound dataset of one's own, to spoil."""
    return shutil.copytree(small_folder, tmp_path / "data")


def refused_training(data: Path) -> str:
    """The line with which training on the data ends, which leaves nothing behind."""
    run = data.parent / "run"
    before = list(files_below(data.parent))
    said = refused("train", data, "--epochs", 1, *TINY, "--run", run)
    assert not run.exists()
    assert list(files_below(data.parent)) == before
    return said


def first(folder: Path) -> Path:
    return min(folder.iterdir())


# Data


def test_a_folder_with_no_images(tmp_path: Path) -> None:
    (tmp_path / "data" / "empty").mkdir(parents=True)
    (tmp_path / "data" / "notes.txt").touch()
    assert "holds no images" in refused_training(tmp_path / "data")


def test_a_folder_that_is_not_there_and_one_that_is_nearly_so_called(tmp_path: Path, small_folder: Path) -> None:
    said = refused_training(small_folder.parent / "small_street")
    assert "there is no such folder" in said
    assert f"did you mean '{small_folder}'" in said
    assert "is a file" in refused_training(save(tmp_path / "in" / "a.png", photo()))


def test_images_without_masks_are_named(data: Path) -> None:
    mask = first(data / "train" / "masks")
    mask.unlink()
    said = refused_training(data)
    assert "has no mask" in said
    assert mask.stem in said


def test_masks_without_images_are_named(data: Path) -> None:
    image = first(data / "val" / "images")
    image.unlink()
    said = refused_training(data)
    assert "has no photo" in said
    assert image.stem in said


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("side", ["images", "masks"])
def test_a_truncated_file_is_named_before_training_begins(data: Path, split: str, side: str) -> None:
    path = first(data / split / side)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    said = refused_training(data)
    assert str(path) in said
    assert "damaged or cut off" in said


def test_an_empty_file_and_one_that_is_no_image_are_named(data: Path) -> None:
    path = first(data / "train" / "images")
    for content in (b"", b"<html>not found</html>"):
        path.write_bytes(content)
        assert str(path) in refused_training(data)


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_mask_value_outside_the_classes_is_named_before_training_begins(data: Path, split: str) -> None:
    path = first(data / split / "masks")
    mask = np.asarray(Pillow.open(path)).copy()
    mask[10, 10] = 77
    Pillow.fromarray(mask).save(path)
    said = refused_training(data)
    assert str(path) in said
    assert "pixel value 77 is not one of the 11 classes (0-10)" in said


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_mask_whose_size_differs_from_its_photo_is_named_with_both_sizes(data: Path, split: str) -> None:
    path = first(data / split / "masks")
    Pillow.open(path).crop((0, 0, 72, 64)).save(path)
    said = refused_training(data)
    assert str(path) in said
    assert "is 72 x 64 pixels but its photo" in said
    assert "is 80 x 64" in said


def test_a_camvid_list_that_names_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.txt").write_text("train/a.png trainannot/a.png\n")
    assert "is named in train.txt but is not there" in refused_training(tmp_path / "data")


def test_one_image_is_too_few(tmp_path: Path) -> None:
    save(tmp_path / "data" / "images" / "a.png", photo(width=48))
    save(tmp_path / "data" / "masks" / "a.png", np.tile(flat(0, 1), (3, 3)))
    assert "nothing to validate on" in refused_training(tmp_path / "data")


# Names


def test_an_unknown_model_fails_before_any_data_is_read_and_the_nearest_is_suggested(tmp_path: Path) -> None:
    said = refused("train", tmp_path / "no data here", "--model", "segnett")
    assert "there is no model 'segnett'; did you mean 'segnet'?" in said


def test_an_unknown_layout_fails_before_a_scene_is_written_and_the_nearest_is_suggested(tmp_path: Path) -> None:
    assert "did you mean 'folders'?" in refused("demo", "--write", tmp_path / "out", "--layout", "folder")
    assert not list(tmp_path.iterdir())


def test_an_unknown_split_fails_before_any_data_is_read_and_the_nearest_is_suggested(
    small_run: Path, small_folder: Path
) -> None:
    said = refused("evaluate", small_run, small_folder, "--split", "vall")
    assert "there is no split 'vall'; did you mean 'val'?" in said


def test_a_split_that_the_data_has_not(small_run: Path, desk: Path) -> None:
    shutil.rmtree(desk / "my_photos" / "test")
    assert "has no test split" in refused("evaluate", small_run, "my_photos", "--split", "test")


# Models


def refused_model(path: Path, desk: Path) -> str:
    """The line with which both commands end that take a model; they leave nothing behind."""
    before = list(files_below(desk))
    said = refused("predict", path, "street.jpg")
    assert refused("evaluate", path, "camvid", "--output", "scored") == said
    assert list(files_below(desk)) == before
    return said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--option width", "'width' is no option; write NAME=VALUE"),
        ("--option =3", "'=3' is no option; write NAME=VALUE"),
        ("--option width=", "'width=' is no option; write NAME=VALUE"),
        ("--option widht=8", "there is no option of street 'widht'; did you mean 'width'"),
        ("--option width=0.5", "width of street is 0.5; give a whole number from 1 to 4096"),
        ("--model unet --option padding=smae", "there is no padding 'smae'; did you mean 'same'"),
        ("--model unet --option dropout=2", "unet cannot be built with"),
        (
            "--model encoder_unet --option encoder=squeeznet",
            "there is no encoder 'squeeznet'; did you mean 'squeezenet'",
        ),
        (
            "--model unet --weights hf:timm/resnet34",
            "unet has no encoder that takes weights; give those of a unet that",
        ),
        ("--weights x.safetensors", "x.safetensors: there is no such file; check the path"),
        ("--model encoder_unet --set freeze=1", "give its weights too"),
        (
            "--model encoder_unet --set encoder_rate=-1",
            "encoder_rate is -1; input should be greater than 0",
        ),
    ],
)
def test_what_a_model_cannot_have_is_told_before_any_data_is_read(words: str, said: str, tmp_path: Path) -> None:
    assert said in refused("train", tmp_path / "no data here", *words.split())


@pytest.mark.parametrize("weights", ["nowhere.safetensors", "street.jpg"])
def test_weights_that_cannot_be_read_leave_no_run_folder_behind(weights: str, desk: Path) -> None:
    before = list(files_below(desk / "runs"))
    said = refused("train", "my_photos", "--model", "encoder_unet", "--weights", weights, "--epochs", 1, *TINY)
    assert weights in said
    assert list(files_below(desk / "runs")) == before


def test_a_model_file_that_is_not_there(desk: Path) -> None:
    assert "there is no such file" in refused_model(desk / "nothing.safetensors", desk)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04" * 100, b"\xff" * 1000, b"\x08" + b"\0" * 7 + b"{}      "])
def test_a_model_file_that_is_not_one(desk: Path, content: bytes) -> None:
    (desk / "model.safetensors").write_bytes(content)
    assert "model.safetensors" in refused_model(desk / "model.safetensors", desk)


@pytest.mark.parametrize("kept", [5, 500, 20_000, -1])
def test_a_model_file_that_is_cut_off(desk: Path, small_run: Path, kept: int) -> None:
    (desk / "model.safetensors").write_bytes((small_run / "best.safetensors").read_bytes()[:kept])
    assert "is not a whole safetensors file" in refused_model(desk / "model.safetensors", desk)


def test_a_folder_without_a_model(desk: Path) -> None:
    assert "holds no best.safetensors" in refused("evaluate", desk / "camvid", "my_photos")


def test_a_state_file_is_not_a_model(desk: Path, small_run: Path) -> None:
    assert "was not written by pixelwise" in refused_model(small_run / "state.safetensors", desk)


def test_a_model_with_other_classes_than_the_data(desk: Path, small_run: Path) -> None:
    description = desk / "my_photos" / "dataset.yaml"
    description.write_text(description.read_text().replace("Bicyclist:", "Cyclist:"))
    said = refused("evaluate", small_run, "my_photos", "--output", "scored")
    assert "only in the data: Cyclist; only in the model: Bicyclist" in said
    assert not (desk / "scored").exists()


# Disks


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """As if the disk were full as soon as a file has this many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


SMALL = Recipe("unet", {"width": 4}, size=(32, 64), steps=4, batch=2, validations=2)


def check_model_survived(run: Path, answer: str) -> None:
    assert "cannot be written" in answer
    assert "free some space or choose another place" in answer
    assert pw.load(run, "cpu").predict(photo()).label.shape == (24, 32)
    assert not [name for name in files_below(run) if ".part" in name]


def stopped_training(run: Path) -> str:
    answer = pixelwise("train", "--resume", run, "--device", "cpu")
    assert answer.code == 2, answer
    assert "Traceback" not in answer.err
    return answer.err.splitlines()[-1]


def test_where_no_more_can_be_written_while_training_the_last_good_model_survives_and_training_goes_on_later(
    tmp_path: Path, small_folder: Path
) -> None:
    run = tmp_path / "run"
    save_recipe(SMALL, run / api.RECIPE, Source(str(small_folder)))
    with files_no_larger_than(1_000_000):  # the models fit, the state does not
        said = stopped_training(run)
    check_model_survived(run, said)
    assert pixelwise("train", "--resume", run, "--device", "cpu").code == 0


def test_on_a_full_disk_the_last_good_model_survives(tmp_path: Path, small_folder: Path) -> None:
    """A real disk of 3 MB, seen by one process alone, so that nothing stays mounted whatever happens."""
    (tmp_path / "disk").mkdir()
    save_recipe(SMALL, tmp_path / "recipe.yaml", Source(str(small_folder)))
    script = (
        "mount -t tmpfs -o size=3m tmpfs disk && mkdir disk/run && cp recipe.yaml disk/run || exit 77\n"
        f"{shlex.quote(sys.executable)} -m pixelwise train --resume disk/run --device cpu\n"
        "code=$?; cp -r disk/run saved; exit $code"
    )
    alone = shutil.which("unshare")
    words = [alone or "false", "--user", "--map-root-user", "--mount", "sh", "-c", script]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    ran = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    if not (tmp_path / "saved").exists():
        pytest.skip("no disk can be mounted here")
    assert ran.returncode == 2, ran
    check_model_survived(tmp_path / "saved", ran.stderr.splitlines()[-1])


def test_a_run_folder_that_cannot_be_made(tmp_path: Path, small_folder: Path) -> None:
    (tmp_path / "file").touch()
    said = refused("train", small_folder, "--epochs", 1, *TINY, "--run", tmp_path / "file" / "run")
    assert "cannot be written" in said
    assert list(files_below(tmp_path)) == ["file"]


def test_pictures_reports_and_scenes_that_cannot_be_written(desk: Path, small_run: Path) -> None:
    (desk / "file").touch()
    before = list(files_below(desk))
    for words in (
        ("predict", small_run, "holiday_photos", "--output", "file/out"),
        ("evaluate", small_run, "camvid", "--output", "file/out"),
        ("demo", "--write", "file/out", "--count", "3"),
    ):
        answer = pixelwise(*words)
        assert answer.code == 2
        assert "cannot be written" in answer.err.splitlines()[-1]
        assert list(files_below(desk)) == before


def test_a_full_disk_leaves_no_half_pictures_and_no_half_dataset(desk: Path, small_run: Path) -> None:
    with files_no_larger_than(2_000):
        assert "cannot be written" in refused("predict", small_run, "street.jpg", "--output", "out")
        assert "cannot be written" in refused("demo", "--write", "scenes", "--count", "3")
    assert not (desk / "scenes").exists()
    for path in (desk / "out").glob("*"):
        Pillow.open(path).load()


# Photos


def size_of(path: Path) -> tuple[int, int]:
    with Pillow.open(path) as picture:
        return picture.size


def test_what_cannot_be_read_is_named_and_the_other_photos_are_labelled(desk: Path, small_run: Path) -> None:
    (desk / "holiday_photos" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    answer = pixelwise("predict", small_run, "holiday_photos", "--json")
    said = json.loads(answer.out)
    assert answer.code == 2
    assert sorted(said["photos"]) == ["0", "1"]
    assert ["broken.jpg" in line for line in said["failed"]] == [True]
    assert answer.err.splitlines()[-1] == "pixelwise: 1 of 3 photos could not be labelled"
    assert len(list(Path("predictions").glob("*.png"))) == 8


def test_inputs_that_are_not_there_or_hold_no_photos(desk: Path, small_run: Path) -> None:
    (desk / "nothing").mkdir()
    assert "there is no such file or folder" in refused("predict", small_run, "street.jpg", "stret.jpg")
    assert "holds no photos" in refused("predict", small_run, "nothing")
    assert not (desk / "predictions").exists()


ODD: dict[str, Callable[[Path], object]] = {
    "97x1031.png": lambda path: save(path, photo(height=97, width=1031)),
    "1031x97.png": lambda path: save(path, photo(height=1031, width=97)),
    "1x1.png": lambda path: save(path, photo(height=1, width=1)),
    "grey.png": lambda path: save(path, photo()[..., 0]),
    "rgba.png": lambda path: save(path, np.dstack([photo(), photo(1)[..., 0]])),
    "sixteen_bits.png": lambda path: save(path, photo()[..., 0].astype(np.uint16) * 257),
    "palette.gif.png": lambda path: Pillow.fromarray(photo()).quantize(16).save(path),
    "cmyk.jpg": lambda path: Pillow.fromarray(photo()).convert("CMYK").save(path),
    "black_and_white.png": lambda path: Pillow.fromarray(photo()).convert("1").save(path),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_photos_get_answers_of_their_own_size(tmp_path: Path, small_run: Path, name: str) -> None:
    path = tmp_path / name
    ODD[name](path)
    width, height = size_of(path)
    answer = pixelwise("predict", small_run, path, "--output", tmp_path / "out")
    assert answer.code == 0, answer
    sizes = {kind: size_of(tmp_path / "out" / f"{path.stem}_{kind}.png") for kind in ("label", "color")}
    assert sizes == {"label": (width, height), "color": (width, height)}
    assert size_of(tmp_path / "out" / f"{path.stem}_side_by_side.png") == (2 * width, height)
    assert np.asarray(Pillow.open(tmp_path / "out" / f"{path.stem}_label.png")).max() < 11


def test_a_photo_of_6000_by_4000_is_labelled_in_less_than_3_gib(tmp_path: Path, small_run: Path) -> None:
    small = Pillow.fromarray(photo(height=40, width=60))
    small.resize((6000, 4000), Pillow.Resampling.BILINEAR).save(tmp_path / "large.jpg")
    program = (
        "import resource, sys\nfrom pixelwise.cli import main\n"
        "try: main()\nexcept SystemExit as end: assert not end.code\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    words = ["predict", str(small_run), str(tmp_path / "large.jpg"), "--output", str(tmp_path), "--device", "cpu"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=True, env=environment
    )
    peak = int(ran.stdout.splitlines()[-1]) * 1024
    print(f"peak memory {peak / GIB:.2f} GiB")
    assert peak < 3 * GIB
    assert size_of(tmp_path / "large_label.png") == (6000, 4000)
