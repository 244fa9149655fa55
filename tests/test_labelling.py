"""From a photo of any size, depth or colour to a label of the same size."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from small_data import photo, save
from small_models import TWO, tiny_bundle
from torch.nn import functional as F

from pixelwise.bundle import Bundle
from pixelwise.errors import UserError
from pixelwise.prediction.labelling import label_images, most_probable, to_working_size, working_size
from pixelwise.prediction.predict import predict
from pixelwise.prediction.segmentation import Segmentation


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return tiny_bundle()


def check(found: Segmentation, height: int, width: int) -> None:
    """Right-sized, of known classes, with probabilities that can be the largest of eleven."""
    assert found.image.shape == (height, width, 3)
    assert found.label.shape == found.confidence.shape == (height, width)
    assert found.label.dtype == np.uint8
    assert found.label.max() < len(found.labels)
    assert found.confidence.min() >= 1 / len(found.labels) - 1e-6
    assert found.confidence.max() <= 1 + 1e-6


@pytest.mark.parametrize("shape", [(1, 1), (97, 1031), (1, 300), (300, 1), (32, 48), (2, 3), (640, 480)])
def test_a_photo_of_any_size_gets_a_label_of_its_own_size(shape: tuple[int, int], bundle: Bundle) -> None:
    check(predict(bundle, photo(0, *shape)), *shape)


def test_grey_rgba_palette_and_16_bit_photos_get_a_label_of_their_own_size(bundle: Bundle, tmp_path: Path) -> None:
    rgb = Pillow.fromarray(photo(0, 30, 50))
    for mode in ("L", "LA", "RGBA", "P", "1", "CMYK"):
        rgb.convert(mode).save(tmp_path / ("x.tif" if mode == "CMYK" else "x.png"))
        check(predict(bundle, tmp_path / ("x.tif" if mode == "CMYK" else "x.png")), 30, 50)
    deep = np.random.default_rng(0).integers(0, 65536, (30, 50), np.uint16)
    check(predict(bundle, save(tmp_path / "deep.png", deep)), 30, 50)


def test_a_photo_that_cannot_be_written_to_is_labelled_without_a_warning(bundle: Bundle) -> None:
    image = photo(0, *bundle.size)
    image.flags.writeable = False
    check(predict(bundle, image), *bundle.size)


def test_a_file_and_its_pixels_get_the_same_label_and_the_file_gives_its_name(bundle: Bundle, tmp_path: Path) -> None:
    path = save(tmp_path / "street.png", photo(3))
    from_file, from_pixels = predict(bundle, str(path)), predict(bundle, photo(3))
    assert np.array_equal(from_file.label, from_pixels.label)
    assert (from_file.name, from_pixels.name, predict(bundle, path, "other").name) == ("street", "image", "other")


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
    ids=["grey", "rgba", "float", "empty"],
)
def test_pixels_that_are_no_rgb_image_are_one_clear_error(image: np.ndarray, bundle: Bundle) -> None:
    with pytest.raises((UserError, TypeError), match=r"an image is \(height, width, 3\) uint8 RGB, but this is|photo"):
        predict(bundle, image)


def test_a_missing_photo_is_one_clear_error(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such file"):
        predict(bundle, tmp_path / "none.jpg")


def test_images_of_one_batch_get_the_labels_that_each_gets_alone(bundle: Bundle) -> None:
    images = [photo(seed, 40, 60) for seed in range(3)]
    together = label_images(bundle.network, images, bundle.size)
    for image, (label, confidence) in zip(images, together, strict=True):
        [(alone, sure)] = label_images(bundle.network, [image], bundle.size)
        assert np.mean(label == alone) > 0.99  # rounding in bf16 may differ from batch to batch
        assert np.allclose(confidence, sure, atol=0.05)


def test_images_of_several_sizes_are_labelled_in_one_call(bundle: Bundle) -> None:
    images = [photo(0, 40, 60), photo(1, 60, 40), photo(2, 7, 9)]
    shapes = [label.shape for label, _ in label_images(bundle.network, images, bundle.size)]
    assert shapes == [(40, 60), (60, 40), (7, 9)]
    assert label_images(bundle.network, [], bundle.size) == []


@pytest.mark.parametrize("size", [(13, 17), (29, 40), (5, 3), (1, 1)])
@pytest.mark.parametrize("classes", [1, 2, 11])
def test_most_probable_is_interpolation_then_softmax_then_the_largest(size: tuple[int, int], classes: int) -> None:
    logits = 5 * torch.randn(2, classes, 13, 17, generator=torch.Generator().manual_seed(0))
    label, confidence = most_probable(logits, size)
    plain = F.interpolate(logits, size=size, mode="bilinear").softmax(1).max(1)
    assert torch.equal(label.long(), plain.indices)
    assert torch.allclose(confidence, plain.values, atol=1e-6)


def test_huge_logits_neither_overflow_nor_become_nan() -> None:
    logits = torch.tensor([[3e4, -3e4, 3e4], [2e4, 3e4, -1e4]]).view(2, 3, 1, 1)
    label, confidence = most_probable(logits, (2, 2))
    assert label[:, 0, 0].tolist() == [0, 1]
    assert confidence[:, 0, 0].tolist() == [0.5, 1]


@pytest.mark.parametrize("shape", [(360, 480), (4000, 6000), (97, 1031), (50, 50), (1, 1), (1, 5000)])
def test_the_working_size_has_the_area_asked_for_and_the_shape_of_the_image(shape: tuple[int, int]) -> None:
    height, width = working_size(*shape, (180, 240))
    assert height * width == pytest.approx(180 * 240, rel=0.25 if min(shape) == 1 < max(shape) else 0.02)
    if min(shape) > 1:
        assert height / width == pytest.approx(shape[0] / shape[1], rel=0.02)


def test_an_image_at_its_working_size_is_left_as_it_is() -> None:
    image = photo(0, 30, 40)
    assert to_working_size(image, (30, 40)) is image


def test_shrinking_averages_and_growing_interpolates() -> None:
    board = np.repeat((254 * (np.indices((8, 8)).sum(0) % 2)).astype(np.uint8)[..., None], 3, axis=2)
    assert np.unique(to_working_size(board, (4, 4))).tolist() == [127]
    grown = to_working_size(board, (16, 16))
    assert grown.shape == (16, 16, 3)
    assert len(np.unique(grown)) > 2


def test_a_network_that_knows_red_labels_red_pixels_wherever_they_are() -> None:
    bundle = tiny_bundle(TWO, (32, 48))
    bundle.network.body = torch.nn.Conv2d(3, 2, 1)
    bundle.network.body.stride = 1  # type: ignore[assignment]
    with torch.no_grad():
        bundle.network.body.weight.copy_(torch.tensor([[-9.0, 0, 0], [9, 0, 0]])[..., None, None])
        bundle.network.body.bias.zero_()
    image = np.zeros((64, 96, 3), np.uint8)
    image[8:24, 40:80, 0] = 255
    found = predict(bundle, image)
    assert np.array_equal(found.label[10:22, 42:78], np.ones((12, 36), np.uint8))
    assert found.label.mean() == pytest.approx(16 * 40 / (64 * 96), rel=0.15)
    assert found.confidence[16, 60] > 0.99
