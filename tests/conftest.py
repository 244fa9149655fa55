"""Inputs that are made once and used by many tests: never write into them."""

import shutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import tifffile
from command_line import small_streets
from hub_server import WRITER, StandIn, hub
from PIL import Image as Pillow

from pixelwise.data import Dataset
from pixelwise.data.dataset import Source
from pixelwise.data.writers import write_dataset


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Several tests run at once, each with tiny tensors."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Decoded samples are not stored in the user's cache folder; neither by the commands that tests start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIXELWISE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def small() -> Dataset:
    """Six training, two validation and two test scenes of 64 x 80, in memory."""
    return small_streets()


@pytest.fixture(scope="session")
def small_folder(tmp_path_factory: pytest.TempPathFactory, small: Dataset) -> Path:
    """The small scenes as a folder of images and masks."""
    folder = tmp_path_factory.mktemp("data") / "small_streets"
    write_dataset(small, folder, "folders")
    return folder


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory, small_folder: Path) -> Path:
    """The finished run of a tiny U-Net on them, trained for real."""
    from pixelwise import api
    from pixelwise.training import Recipe, save_recipe

    folder = tmp_path_factory.mktemp("runs") / "finished"
    recipe = Recipe("unet", {"width": 4}, size=(32, 64), steps=6, batch=2, validations=2)
    save_recipe(recipe, folder / api.RECIPE, Source(str(small_folder)))
    api.resume(folder, "cpu")
    return folder


@pytest.fixture(scope="session")
def _inputs(tmp_path_factory: pytest.TempPathFactory, small: Dataset, small_run: Path) -> Path:
    from film_makers import write_film
    from keras_files import unet_layers, write_keras
    from small_models import write_squeezenet

    root = tmp_path_factory.mktemp("inputs") / "work" / "pixelwise"
    write_dataset(small, root / "camvid", "camvid")
    write_dataset(small, root / "my_photos", "folders")
    write_dataset(small, root / "cityscapes_pairs", "pairs")
    for name in ("camvid", "cityscapes_pairs"):
        shutil.copytree(root / name, root.parent / "shared" / "data" / name)
    (root / "holiday_photos").mkdir()
    for number, sample in enumerate(small.test):
        Pillow.fromarray(sample.image).save(root / "holiday_photos" / f"{number}.jpg")
    shutil.copy(root / "holiday_photos" / "0.jpg", root / "street.jpg")
    write_squeezenet(root / "squeezenet1_0_imagenet.safetensors")
    write_keras(root / "unet_carla.keras", unet_layers())
    write_scan(root / "scan")
    write_film(root / "film.mp4", [sample.image for sample in small.train])
    write_head(root / "head.nii.gz")
    write_aerial(root / "aerial.tif", small.test[0].image)
    for name in ("first", "second"):
        shutil.copytree(small_run, root / "runs" / name)
    run = root / "runs" / "2026-11-20_unet_camvid"
    shutil.copytree(small_run, run)
    recipe = run / "recipe.yaml"
    recipe.write_text("data: camvid\n" + recipe.read_text(encoding="utf-8").split("\n", 1)[1], encoding="utf-8")
    return root.parent


def write_scan(folder: Path) -> None:
    """A ball of class 1, 6 mm in radius, in 8 masks of 24 x 24; slices are 2 mm apart, pixels 0.7 mm."""
    slices, rows, columns = np.mgrid[:8, :24, :24]
    ball = 4 * (slices - 3.5) ** 2 + 0.49 * ((rows - 11.5) ** 2 + (columns - 11.5) ** 2) <= 36
    folder.mkdir()
    for number, mask in enumerate(ball.astype(np.uint8)):
        Pillow.fromarray(mask).save(folder / f"slice{number}.png")


def write_head(path: Path) -> None:
    """A bright ball in a grey volume of 4 slices of 40 x 48, int16; slices are 3 mm apart, pixels 1.5 mm."""
    import nibabel

    columns, rows, slices = np.mgrid[:48, :40, :4]
    ball = (1.5 * (columns - 24)) ** 2 + (1.5 * (rows - 20)) ** 2 + (3 * (slices - 1.5)) ** 2 <= 400
    noise = np.random.default_rng(0).integers(0, 100, ball.shape)
    image = nibabel.Nifti1Image((1000 * ball + noise).astype(np.int16), np.diag([1.5, 1.5, 3, 1]))
    image.header.set_xyzt_units("mm")
    image.to_filename(path)


def write_aerial(path: Path, image: np.ndarray) -> None:
    """A GeoTIFF in UTM's zone 33 (EPSG:32633), pixels of half a metre."""
    scale, tie = (0.5, 0.5, 0.0), (0.0, 0.0, 0.0, 400000.0, 5200000.0, 0.0)
    keys = (1, 1, 0, 4, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633, 3076, 0, 1, 9001)
    tags = [(33550, 12, 3, scale, True), (33922, 12, 6, tie, True), (34735, 3, len(keys), keys, True)]
    tifffile.imwrite(path, image, photometric="rgb", extratags=tags, metadata=None)


@pytest.fixture
def desk(tmp_path: Path, _inputs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder of one's own with all that the documents speak of.

    camvid, my_photos, cityscapes_pairs, holiday_photos, scan, head.nii.gz, aerial.tif, film.mp4, street.jpg, weights,
    runs, and ../shared/data.
    """
    shutil.copytree(_inputs, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path / "pixelwise")
    return tmp_path / "pixelwise"


@pytest.fixture
def tiny_demo(monkeypatch: pytest.MonkeyPatch, small: Dataset) -> None:
    """The embedded scenes are the ten small ones, and the demo keeps little time for its end."""
    monkeypatch.setattr("pixelwise.data.layouts.streets", lambda: small)
    planning = import_module("pixelwise.training.plan")  # the function of that name hides the module
    monkeypatch.setattr(planning, "RESERVE", 0.5)
    monkeypatch.setattr(planning, "LADDER", ((0.5, 4), (1.0, 4)))


@pytest.fixture
def own_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """A hub on this machine in place of the Hugging Face hub, an empty cache, a token that may write as "me"."""
    import huggingface_hub
    from huggingface_hub import constants

    with hub() as held:
        monkeypatch.setattr(constants, "ENDPOINT", held.endpoint)
        url = constants.HUGGINGFACE_CO_URL_TEMPLATE.removeprefix(constants.HUGGINGFACE_CO_URL_HOME.rstrip("/"))
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", held.endpoint + url)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub_cache"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # as the hub speaks to clients that know no xet
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no_token"))
        monkeypatch.setenv("HF_TOKEN", WRITER)
        yield held
        huggingface_hub.close_session()
