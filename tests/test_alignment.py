"""A mask that shows its photo is told from one that does not."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from pixelwise.checking.alignment import CHANCE, edge_agreement, suspects
from pixelwise.data import open_dataset
from pixelwise.data.streets import render

DATA = Path(__file__).parents[2] / "shared" / "data"
Array = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def scenes() -> list[tuple[Array, Array]]:
    return [render(2, index) for index in range(8)]


def test_a_label_agrees_with_its_own_photo_and_not_with_the_others(scenes: list[tuple[Array, Array]]) -> None:
    own = [edge_agreement(image, label) for image, label in scenes]
    others = [edge_agreement(scenes[index - 1][0], label) for index, (_, label) in enumerate(scenes)]
    assert min(own) > 2 * CHANCE
    assert max(others) < CHANCE


def test_a_label_that_is_moved_agrees_the_less_the_farther(scenes: list[tuple[Array, Array]]) -> None:
    image, label = scenes[0]
    own, near, far = (edge_agreement(image, np.roll(label, shift, axis=(0, 1))) for shift in (0, 1, 12))
    assert own > near > CHANCE > far


def test_the_numbers_of_the_classes_do_not_matter(scenes: list[tuple[Array, Array]]) -> None:
    image, label = scenes[1]
    numbers = np.random.default_rng(0).permutation(255).astype(np.uint8)
    renamed = np.where(label == 255, label, numbers[np.minimum(label, 254)])
    assert edge_agreement(image, renamed) == pytest.approx(edge_agreement(image, label), rel=0.15)


def test_sixteen_bits_alpha_and_another_size_of_mask_change_little(scenes: list[tuple[Array, Array]]) -> None:
    image, label = scenes[2]
    own = edge_agreement(image, label)
    assert edge_agreement(image, label.astype(np.uint16)) == own
    assert edge_agreement(np.dstack([image, image[..., :1]]), label) == own
    double = np.asarray(label.repeat(2, axis=0).repeat(2, axis=1))
    assert edge_agreement(image, double) == pytest.approx(own, rel=0.01)


def test_a_band_of_ignored_pixels_between_two_classes_does_no_harm(scenes: list[tuple[Array, Array]]) -> None:
    image, label = scenes[3]
    square = np.ones((5, 5), np.uint8)
    banded = np.where(cv2.dilate(label, square) != cv2.erode(label, square), np.uint8(255), label)
    assert edge_agreement(image, banded) > 2 * CHANCE


@pytest.mark.parametrize("shape", [(40, 400), (400, 40), (48, 48), (1, 1)])
def test_nothing_can_be_said_of_narrow_photos(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    assert np.isnan(edge_agreement(rng.integers(0, 255, (*shape, 3), np.uint8), rng.integers(0, 3, shape, np.uint8)))


def test_nothing_can_be_said_without_edges_in_either(scenes: list[tuple[Array, Array]]) -> None:
    image, label = scenes[0]
    assert np.isnan(edge_agreement(image, np.zeros_like(label)))
    assert np.isnan(edge_agreement(image, np.full_like(label, 255)))
    assert np.isnan(edge_agreement(np.full_like(image, 90), label))


def test_noise_agrees_with_no_label(scenes: list[tuple[Array, Array]]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, scenes[0][0].shape, np.uint8)
    assert max(edge_agreement(noise, label) for _, label in scenes) < CHANCE


def test_suspects_are_far_below_the_rest_and_no_better_than_chance() -> None:
    assert suspects([9.0, 8.0, 7.0, 2.9, -0.5]) == [3, 4]
    assert suspects([9.0, 8.0, 7.0, 3.1]) == []
    assert suspects([4.0, 4.2, 3.8, 2.5, 1.0]) == [4], "half of a low median counts where it is below chance"


def test_a_set_that_is_wrong_as_a_whole_is_given_as_a_whole() -> None:
    assert suspects([0.2, -1.0, 1.4, 0.7, 8.0]) == [0, 1, 2, 3]


def test_what_cannot_be_said_is_not_suspect() -> None:
    assert suspects([]) == suspects([float("nan")] * 3) == []
    assert suspects([float("nan"), 8.0, 0.1, 9.0]) == [2]


@pytest.mark.skipif(not DATA.is_dir(), reason="the real data of shared/data is not here")
def test_three_camvid_masks_that_changed_places_are_found() -> None:
    train = open_dataset(str(DATA / "camvid")).train
    samples = [train[index] for index in range(0, 360, 15)]
    labels = [sample.label for sample in samples]
    assert suspects([edge_agreement(sample.image, sample.label) for sample in samples]) == []
    labels[3], labels[10], labels[17] = labels[10], labels[17], labels[3]
    agreements = [edge_agreement(sample.image, label) for sample, label in zip(samples, labels, strict=True)]
    assert suspects(agreements) == [3, 10, 17]


@pytest.mark.skipif(not DATA.is_dir(), reason="the real data of shared/data is not here")
def test_a_simulators_masks_agree_with_its_photos_until_they_are_moved() -> None:
    for photo in sorted((DATA / "carla" / "CameraRGB").glob("*.png"))[:3]:
        image = np.asarray(cv2.imread(str(photo)), np.uint8)
        label = np.asarray(cv2.imread(str(photo.parents[1] / "CameraMask" / photo.name)), np.uint8)[..., 2]
        assert edge_agreement(image, label) > 2 * CHANCE > CHANCE > edge_agreement(image, np.roll(label, 16, axis=0))
