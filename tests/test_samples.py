"""The picture per validation: what stands where, and that it is what the network says."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image as Pillow
from small_data import Held, dataset, held, label, photo

from pixelwise.data import Dataset, Sample, Split
from pixelwise.data.dataset import Format
from pixelwise.labels import CAMVID11
from pixelwise.models import build_network
from pixelwise.prediction.labelling import label_images, paint_image
from pixelwise.training.samples import Samples

SIZE = (64, 64)


def written(path: Path, data: Dataset, model: str, **options: int | str) -> npt.NDArray[np.uint8]:
    """The picture of a network with random weights."""
    torch.manual_seed(0)
    network = build_network(model, len(data.labels), in_channels=data.format.channels, **options).eval()
    if hasattr(network, "colors"):
        network.colors.copy_(torch.tensor(data.labels.colors))
    Samples(data, SIZE).write(path, network)
    return np.asarray(Pillow.open(path))


def large(count: int) -> Dataset:
    """Photos and labels of the working size, so that nothing is resized."""
    samples = [Sample(photo(seed, *SIZE), label(seed, *SIZE), str(seed)) for seed in range(count)]
    return dataset(val=Split(tuple(Held(sample) for sample in samples)))


def test_a_row_is_photo_truth_and_what_the_network_labels(tmp_path: Path) -> None:
    data = large(2)
    picture = written(tmp_path / "a.png", data, "unet", width=4)
    assert picture.shape == (2 * 64, 3 * 64, 3)
    torch.manual_seed(0)
    network = build_network("unet", 11, width=4).eval()
    for row, sample in zip(np.split(picture, 2), data.val, strict=True):
        shown, truth, said = np.split(row, 3, axis=1)
        assert np.array_equal(shown, sample.image)
        assert np.array_equal(truth, CAMVID11.colorize(sample.label))
        [(predicted, _)] = label_images(network, [sample.image], SIZE)
        assert np.array_equal(said, CAMVID11.colorize(predicted))


def test_ignored_pixels_of_the_truth_are_black(tmp_path: Path) -> None:
    data = large(1)
    truth = written(tmp_path / "a.png", data, "unet", width=4)[:, 64:128]
    ignored = data.val[0].label == 255
    assert ignored.any()
    assert not truth[ignored].any()
    assert truth[~ignored].any(axis=1).all()


def test_a_network_that_paints_labels_shows_what_it_painted_and_the_classes_of_that(tmp_path: Path) -> None:
    data = large(1)
    picture = written(tmp_path / "a.png", data, "pix2pix_128", width=4)
    torch.manual_seed(0)
    network = build_network("pix2pix_128", 11, width=4).eval()
    network.colors.copy_(torch.tensor(CAMVID11.colors))
    [(predicted, _)] = label_images(network, [data.val[0].image], SIZE)
    _, _, painted, classes = np.split(picture, 4, axis=1)
    assert np.array_equal(painted, paint_image(network, data.val[0].image, SIZE))
    assert np.array_equal(classes, CAMVID11.colorize(predicted))


def test_a_network_that_paints_photos_shows_the_label_first_and_then_the_true_photo(tmp_path: Path) -> None:
    data = large(1)
    colored, true, painted = np.split(
        written(tmp_path / "a.png", data, "pix2pix_128", width=4, paints="photo"), 3, axis=1
    )
    assert np.array_equal(colored, CAMVID11.colorize(data.val[0].label))
    assert np.array_equal(true, data.val[0].image)
    assert not np.array_equal(painted, true)


def test_three_images_evenly_spread_are_read_once_however_often_is_written(tmp_path: Path) -> None:
    data = large(5)
    samples = Samples(data, SIZE)
    network = build_network("unet", 11, width=4).eval()
    for name in "ab":
        samples.write(tmp_path / f"{name}.png", network)
    assert [entry.reads for entry in data.val.entries] == [1, 0, 1, 0, 1]
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_large_photos_of_several_shapes_are_shown_small_each_in_its_own_shape(tmp_path: Path) -> None:
    shapes = [(100, 512), (512, 300), (24, 32)]
    entries = [Held(Sample(photo(0, *shape), label(0, *shape), str(shape))) for shape in shapes]
    picture = written(tmp_path / "a.png", dataset(val=Split(tuple(entries))), "unet", width=4)
    assert picture.shape == (50 + 437 + 24, 3 * 256, 3)
    assert not picture[-24:, 3 * 32 :].any()
    assert np.array_equal(picture[-24:, :32], photo(0, 24, 32))
    assert np.array_equal(picture[:50, :256], cv2.resize(photo(0, 100, 512), (256, 50), interpolation=cv2.INTER_AREA))


def test_a_mask_of_another_resolution_than_its_photo_stands_beside_it_in_the_same_size(tmp_path: Path) -> None:
    entry = Held(Sample(photo(0, 48, 64), label(0, 96, 128), "a"))
    assert written(tmp_path / "a.png", dataset(val=Split((entry,))), "unet", width=4).shape == (48, 3 * 64, 3)


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_images_that_are_no_photos_are_shown_too(tmp_path: Path, channels: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*SIZE, channels), np.uint8)
    data = replace(dataset(val=Split((Held(Sample(image, label(0, *SIZE), "a")),))), format=Format(channels))
    shown = written(tmp_path / "a.png", data, "unet", width=4)[:, :64]
    assert np.array_equal(shown, image[..., :3] if channels == 5 else np.repeat(image[..., :1], 3, axis=2))


def test_a_single_validation_image_makes_a_picture_of_one_row(tmp_path: Path) -> None:
    assert written(tmp_path / "a.png", dataset(val=held("a")), "unet", width=4).shape == (24, 3 * 32, 3)
