"""pixelwise import-keras: a Keras file becomes a model file that labels photos."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import pixelwise
from keras_files import generator_layers, unet_layers, write_keras, write_legacy_weights, write_model_h5
from PIL import Image as Pillow

from pixelwise.bundle import load_bundle
from pixelwise.errors import UserError
from pixelwise.keras import import_keras
from pixelwise.labels import CAMVID11, CARLA_0_9_13, CITYSCAPES19
from pixelwise.models.keras_weights import load_keras


@pytest.fixture
def desk_with_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_keras(tmp_path / "unet.keras", unet_layers())
    write_legacy_weights(tmp_path / "five.h5", unet_layers(classes=5))
    write_model_h5(tmp_path / "painter.h5", generator_layers(2))
    Pillow.fromarray(np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)).save(tmp_path / "street.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_unet_of_23_classes_has_carlas_and_a_generator_cityscapes_labels(desk_with_files: Path) -> None:
    unet, painter = import_keras("unet.keras"), import_keras("painter.h5")
    assert (unet.labels, unet.size) == (CARLA_0_9_13, (96, 128))
    assert (painter.labels, painter.size) == (CITYSCAPES19, (128, 128))
    assert painter.network.colors.tolist() == [list(color) for color in CITYSCAPES19.colors]
    assert unet.provenance["imported"]["file"] == "unet.keras"


def test_labels_and_size_can_be_said(desk_with_files: Path) -> None:
    painter = import_keras(desk_with_files / "painter.h5", "camvid11", (256, 256))
    assert (painter.labels, painter.size) == (CAMVID11, (256, 256))
    painter.save("painter.safetensors")
    assert load_bundle("painter.safetensors").network.colors.shape == (11, 3)
    with pytest.raises(UserError, match=r"five.h5: has 5 classes; say with --labels what they are: camvid11, "):
        import_keras("five.h5")
    with pytest.raises(UserError, match=r"five.h5: has 5 classes, but these labels are 11"):
        import_keras("five.h5", "camvid11")


@pytest.mark.parametrize("name", ["unet.keras", "painter.h5"])
def test_what_the_command_writes_labels_a_photo_as_the_network_does(desk_with_files: Path, name: str) -> None:
    answer = pixelwise("import-keras", name, "-o", "model.safetensors")
    assert answer.code == 0, answer
    assert "written  model.safetensors" in answer.out
    theirs, ours = load_keras(Path(name)).network, load_bundle("model.safetensors").network
    image = torch.randint(0, 256, (1, 3, 128, 128))
    torch.testing.assert_close(ours(image), theirs(image), rtol=1e-3, atol=1e-3)
    answer = pixelwise("predict", "model.safetensors", "street.png")
    assert answer.code == 0, answer


def test_the_json_of_the_command_says_what_was_recognised(desk_with_files: Path) -> None:
    found = json.loads(pixelwise("import-keras", "unet.keras", "-o", "m.safetensors", "--json").out)
    assert (found["model"], found["options"], found["arrays"], found["size"]) == (
        "unet_carla",
        {"width": 2},
        48,
        [96, 128],
    )
    assert found["classes"] == list(CARLA_0_9_13.names)


def test_a_wrong_file_is_one_line_and_writes_nothing(desk_with_files: Path) -> None:
    answer = pixelwise("import-keras", "street.png", "-o", "m.safetensors")
    assert answer.code == 2
    assert answer.line.startswith("pixelwise: street.png: is neither an HDF5 file")
    assert not Path("m.safetensors").exists()


def test_a_unet_whose_notebook_divided_its_images_twice_sees_them_so(desk_with_files: Path) -> None:
    assert import_keras("unet.keras").network.std.flatten().tolist() == [255.0] * 3
    assert import_keras("unet.keras", divide=65025.0).network.std.flatten().tolist() == [65025.0] * 3


@pytest.mark.parametrize(("name", "divide"), [("painter.h5", 255.0), ("unet.keras", 0.0), ("unet.keras", math.nan)])
def test_a_division_without_sense_is_refused(desk_with_files: Path, name: str, divide: float) -> None:
    with pytest.raises(UserError, match="give a number above 0, and only with a U-Net"):
        import_keras(desk_with_files / name, divide=divide)
