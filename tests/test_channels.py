"""Networks whose channels follow the data: trained, scored, saved, loaded and put to work on files of every kind."""

import json
import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import tifffile
import torch
from PIL import Image as Pillow
from small_data import photo
from small_models import TWO, tiny_network

import pixelwise as pw
from pixelwise import api
from pixelwise.bundle import Bundle, load_bundle
from pixelwise.data import Dataset, Split
from pixelwise.data.dataset import Format
from pixelwise.data.files.images import as_rgb, find_format, with_channels
from pixelwise.data.layouts.entries import ImageAndMask
from pixelwise.data.masks.decoders import IndexMask
from pixelwise.errors import UserError
from pixelwise.prediction.labelling import label_images, to_working_size
from pixelwise.report.figures import photo_uri
from pixelwise.training import Recipe, Request
from pixelwise.training.augmentation import augment, draw_color

Array = npt.NDArray[np.generic]
SIDE = 48


def scene(channels: int, seed: int, bits: int) -> tuple[Array, Array]:
    """A bright square on dark ground with noise, in every channel, and where it is."""
    random = np.random.default_rng(seed)
    label = np.zeros((SIDE, SIDE), np.uint8)
    top, left = random.integers(4, SIDE - 24, 2)
    label[top : top + 20, left : left + 20] = 1
    image = random.integers(0, 2 ** (bits - 2), (SIDE, SIDE, channels)) + label[..., None].astype(int) * 2 ** (bits - 1)
    return image.astype(np.uint8 if bits == 8 else np.uint16), label


def write_tiff(path: Path, image: Array) -> None:
    tifffile.imwrite(path, image, photometric="minisblack", planarconfig="contig", metadata=None)


WRITERS: dict[str, tuple[int, int, Callable[[Path, Array], object]]] = {
    "grey.png": (1, 12, lambda path, image: cv2.imwrite(str(path), image)),
    "bands.tif": (4, 8, write_tiff),
    "deep_bands.tif": (4, 11, write_tiff),
    "array.npy": (6, 8, np.save),
    "deep_bands_of_six.tif": (6, 16, write_tiff),
}


def dataset(folder: Path, name: str) -> Dataset:
    """Eight photos of that kind with index masks, six to train on."""
    channels, bits, write = WRITERS[name]
    decode, pairs = IndexMask(2, ignored=(255,)), []
    for seed in range(8):
        image, label = scene(channels, seed, bits)
        photo, mask = folder / f"{seed}_{name}", folder / f"{seed}_mask.png"
        write(photo, image)
        Pillow.fromarray(label).save(mask)
        pairs.append((photo, mask))
    format = find_format([photo for photo, _ in pairs])
    assert format.channels == channels
    entries = tuple(ImageAndMask(photo.stem, photo, mask, decode, format) for photo, mask in pairs)
    return Dataset("squares", "by hand", "test", TWO, Split(entries[:6]), Split(entries[6:]), format=format)


@pytest.mark.parametrize("name", WRITERS)
def test_training_scoring_saving_and_predicting_work_with_the_channels_and_bits_of_the_data(
    tmp_path: Path, name: str
) -> None:
    channels, bits, write = WRITERS[name]
    data = dataset(tmp_path, name)
    request = Request(epochs=1, size=(32, 32), options={"width": 4}, settings={"batch": 2})
    model = api.train_request(data, request, device="cpu", run=tmp_path / "run")
    assert model.evaluation is not None
    assert pw.evaluate(model, data, "train").conditions.images == 6
    model.save(tmp_path / "model.safetensors")
    loaded = pw.load(tmp_path / "model.safetensors", "cpu")
    assert loaded.bundle.format == Format(channels, bits)
    path = tmp_path / f"new_{name}"
    image = scene(channels, 99, bits)[0]
    write(path, image)
    found = loaded.predict(path)
    assert np.array_equal(found.image, image >> (bits - 8))
    assert np.array_equal(found.label, loaded.predict(np.asarray(image >> (bits - 8), np.uint8)).label)
    assert np.array_equal(found.label, model.predict(path).label)
    for picture, width in ((found.overlay(), SIDE), (found.side_by_side(), 2 * SIDE)):
        assert (picture.mode, picture.size) == ("RGB", (width, SIDE))
    assert (tmp_path / "run" / "report.html").stat().st_size > 1000


def test_a_model_of_six_channels_learns_what_only_the_sixth_shows(tmp_path: Path) -> None:
    decode, entries = IndexMask(2, ignored=(255,)), []
    for seed in range(8):
        image, label = scene(6, seed, 8)
        image[..., :5] = np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 5))
        np.save(tmp_path / f"{seed}.npy", image)
        Pillow.fromarray(label).save(tmp_path / f"{seed}.png")
        entries.append(ImageAndMask(str(seed), tmp_path / f"{seed}.npy", tmp_path / f"{seed}.png", decode, Format(6)))
    data = Dataset(
        "sixth", "by hand", "test", TWO, Split(tuple(entries[:6])), Split(tuple(entries[6:])), format=Format(6)
    )
    request = Request("unet", epochs=16, size=(32, 32), options={"width": 8}, settings={"batch": 3})
    model = api.train_request(data, request, device="cpu", run=tmp_path / "run")
    assert model.evaluation is not None
    assert model.evaluation.mean_iou > 0.6  # 0.41 is all road


def bundle(channels: int, bits: int = 8) -> Bundle:
    network = tiny_network(classes=2, in_channels=channels)
    return Bundle(network, "unet", {"width": 4}, TWO, (32, 32), bits=bits)


def test_bundles_of_before_there_were_bits_have_eight(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    bundle(4, 12).save(path)
    assert load_bundle(path).format == Format(4, 12)
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    about = json.loads(header["__metadata__"]["pixelwise"])
    assert about.pop("bits") == 12
    header["__metadata__"]["pixelwise"] = json.dumps(about)
    written = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(written)) + written + content[8 + length :])
    assert load_bundle(path).format == Format(4, 8)


@pytest.mark.parametrize("bits", [0, 7, 17])
def test_a_bundle_with_impossible_bits_is_refused(tmp_path: Path, bits: int) -> None:
    bundle(3, bits).save(tmp_path / "model.safetensors")
    with pytest.raises(UserError, match="its header is damaged"):
        load_bundle(tmp_path / "model.safetensors")


def test_a_grey_model_reads_colours_as_grey_and_a_colour_model_grey_as_colours(tmp_path: Path) -> None:
    Pillow.fromarray(photo()).save(tmp_path / "rgb.png")
    Pillow.fromarray(photo()).convert("L").save(tmp_path / "grey.png")
    model = api.Model(bundle(1))
    expected = cv2.cvtColor(photo(), cv2.COLOR_RGB2GRAY)[..., None]
    assert np.array_equal(model.predict(tmp_path / "rgb.png").image, expected)
    assert np.array_equal(model.predict(photo()).label, model.predict(expected).label)
    assert api.Model(bundle(3)).predict(tmp_path / "grey.png").image.shape == (24, 32, 3)


def test_an_image_with_channels_that_the_model_does_not_take_is_refused(tmp_path: Path) -> None:
    Pillow.fromarray(photo()).save(tmp_path / "rgb.png")
    model = api.Model(bundle(4))
    with pytest.raises(UserError, match=r"rgb\.png: has 3 channels where 4 are wanted"):
        model.predict(tmp_path / "rgb.png")
    with pytest.raises(UserError, match=r"an image is \(height, width, 4\) uint8, but this is \(24, 32, 3\) uint8"):
        model.predict(photo())
    with pytest.raises(UserError, match="takes images of 4 channels, but this one has 3"):
        label_images(model.bundle.network, [photo()], (32, 32))


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 9, 200])
def test_an_image_of_any_number_of_channels_is_brought_to_working_size_channel_by_channel(channels: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 60, channels), np.uint8)
    for size in ((20, 30), (80, 120), (40, 60)):
        way = cv2.INTER_AREA if size[0] < 40 else cv2.INTER_LINEAR
        expected = [cv2.resize(image[..., index], size[::-1], interpolation=way) for index in range(channels)]
        resized = to_working_size(image, size)
        assert resized.shape == (*size, channels)
        assert np.abs(resized.astype(int) - np.dstack(expected)).max() <= 1  # OpenCV rounds otherwise by channels


def test_images_of_many_channels_are_labelled_at_their_own_size() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 13), np.uint8)
    [(label, confidence)] = label_images(bundle(13).network, [image], (32, 32))
    assert label.shape == confidence.shape == (40, 60)


@pytest.mark.parametrize("channels", [1, 2, 4, 6])
def test_other_channels_than_three_change_in_brightness_and_contrast_as_grey_does(channels: int) -> None:
    random = np.random.default_rng(0)
    grey = torch.from_numpy(random.integers(0, 256, (2, 1, 16, 24), np.uint8))
    matrices = np.array([draw_color(Recipe(color=0.5, hue=30), random) for _ in range(2)])
    rest = {
        "labels": torch.zeros(2, 16, 24, dtype=torch.uint8),
        "affines": torch.eye(2, 3).repeat(2, 1, 1),
        "colors": torch.tensor(matrices, dtype=torch.float32),
        "extents": torch.tensor([[24.0, 16.0]] * 2),
        "crop": (16, 24),
    }
    as_color, _ = augment(images=grey.repeat(1, 3, 1, 1), **rest)
    seen, _ = augment(images=grey.repeat(1, channels, 1, 1), **rest)
    assert seen.shape == (2, channels, 16, 24)
    assert torch.allclose(seen, as_color[:, :1].expand_as(seen), atol=0.01)


def test_pictures_show_the_first_three_channels_or_the_first_as_grey() -> None:
    image = np.arange(24, dtype=np.uint8).reshape(2, 2, 6)
    assert np.array_equal(as_rgb(image), image[..., :3])
    assert np.array_equal(as_rgb(image[..., :3]), image[..., :3])
    for channels in (1, 2):
        assert np.array_equal(as_rgb(image[..., :channels]), image[..., [0, 0, 0]])
    for channels in (1, 2, 4, 6):
        assert photo_uri(image[..., :channels]).startswith("data:image/jpeg;base64,")


def test_only_grey_and_rgb_are_converted_into_one_another() -> None:
    image = photo()
    assert np.array_equal(with_channels(image[..., :1], 3), image[..., [0, 0, 0]])
    assert with_channels(image, 4) is None
    assert with_channels(np.dstack([image, image[..., 0]]), 3) is None
    assert with_channels(image, 3) is image
