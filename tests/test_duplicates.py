"""Copies are near, other images far, and a hundred thousand copies of one image are no flood."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from pixelwise.checking.duplicates import MOST_DISTANCE, are_flat, near_duplicates, perceptual_hash, shrunk_grey
from pixelwise.data.streets import render

DATA = Path(__file__).parents[2] / "shared" / "data"
Image = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def scenes() -> list[Image]:
    return [render(5, index)[0] for index in range(6)]


def distance(one: Image, other: Image) -> int:
    return int(np.bitwise_count(perceptual_hash(one) ^ perceptual_hash(other)).sum())


def jpeg(image: Image, quality: int) -> Image:
    coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


@pytest.mark.parametrize("quality", [50, 75, 95])
def test_an_image_that_is_stored_as_jpeg_stays_near(scenes: list[Image], quality: int) -> None:
    assert max(distance(image, jpeg(image, quality)) for image in scenes) <= MOST_DISTANCE


@pytest.mark.parametrize("scale", [0.5, 0.75, 1.5])
def test_an_image_of_another_size_stays_near(scenes: list[Image], scale: float) -> None:
    for image in scenes:
        scaled = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        assert distance(image, scaled) <= MOST_DISTANCE


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_a_brighter_or_darker_image_stays_near(scenes: list[Image], factor: float) -> None:
    for image in scenes:
        assert distance(image, np.clip(image * factor, 0, 255).astype(np.uint8)) <= MOST_DISTANCE


def test_a_channel_of_alpha_changes_nothing(scenes: list[Image]) -> None:
    alpha = np.full((*scenes[0].shape[:2], 1), 9, np.uint8)
    assert distance(scenes[0], np.concatenate([scenes[0], alpha], axis=2)) == 0
    grey = scenes[0][..., :1]
    assert distance(grey, np.concatenate([grey, alpha], axis=2)) == distance(grey, np.repeat(grey, 3, axis=2)) == 0


def test_other_scenes_and_mirrored_ones_are_far(scenes: list[Image]) -> None:
    others = [distance(one, other) for number, one in enumerate(scenes) for other in scenes[:number]]
    mirrored = [distance(image, np.ascontiguousarray(image[:, ::-1])) for image in scenes]
    assert min(others + mirrored) > 4 * MOST_DISTANCE


def test_a_hash_has_as_many_ones_as_zeros_and_a_flat_image_none(scenes: list[Image]) -> None:
    for image in scenes:
        assert abs(int(np.bitwise_count(perceptual_hash(image)).sum()) - 512) <= 1
    for level in (0, 128, 255):
        assert not perceptual_hash(np.full((50, 70, 3), level, np.uint8)).any()


def test_an_image_of_a_few_pixels_has_a_hash() -> None:
    assert perceptual_hash(np.arange(12, dtype=np.uint8).reshape(2, 2, 3) * 20).shape == (16,)


def test_the_shrunk_grey_is_the_mean_of_colours_and_pixels() -> None:
    image = np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8)
    expected = image.reshape(4, 2, 4, 3, 3).mean(axis=(1, 3, 4))
    np.testing.assert_allclose(shrunk_grey(image, 4, 4), expected, atol=0.5)


def every_pair(hashes: npt.NDArray[np.uint64], groups: list[int] | None, most: int) -> list[tuple[int, int, int]]:
    """The same by the plainest loop."""
    found = []
    for later in range(len(hashes)):
        pairs = [
            (bin(int(hashes[later, 0] ^ hashes[earlier, 0])).count("1"), earlier)
            for earlier in range(later)
            if (groups is None or groups[later] != groups[earlier]) and hashes[earlier, 0] and hashes[later, 0]
        ]
        if pairs and min(pairs)[0] <= most:
            found.append((min(pairs)[1], later, min(pairs)[0]))
    return found


@pytest.mark.parametrize("grouped", [False, True])
def test_pairs_are_those_of_a_plain_loop(grouped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pixelwise.checking.duplicates.COLUMNS", 50)
    rng = np.random.default_rng(1)
    hashes = rng.integers(0, 256, (230, 1), np.uint64)
    groups = rng.integers(0, 3, 230).tolist() if grouped else None
    for most in (0, 1, 2):
        assert near_duplicates(hashes, groups, most) == every_pair(hashes, groups, most) != []


def test_all_bits_may_differ_without_being_taken_for_none() -> None:
    hashes = np.array([[0] * 15 + [1], [2**64 - 1] * 15 + [2**64 - 2]], np.uint64)
    assert near_duplicates(hashes) == []
    assert near_duplicates(hashes, most_distance=1024) == [(0, 1, 1024)]


def test_images_of_one_group_are_no_leak() -> None:
    assert near_duplicates(np.ones((5, 16), np.uint64), groups=[0] * 5) == []


def test_copies_of_one_image_name_each_image_once() -> None:
    hashes = np.ones((3000, 16), np.uint64)
    assert near_duplicates(hashes) == [(0, later, 0) for later in range(1, 3000)]


def test_flat_images_are_counted_and_no_duplicates() -> None:
    hashes = np.zeros((4, 16), np.uint64)
    hashes[2] = 7
    assert are_flat(hashes).tolist() == [True, True, False, True]
    assert near_duplicates(hashes) == []


def test_no_images_have_no_duplicates() -> None:
    assert near_duplicates(np.empty((0, 16), np.uint64)) == []


@pytest.mark.skipif(not DATA.is_dir(), reason="the real data of shared/data is not here")
def test_frames_of_a_standing_car_differ_and_their_copies_do_not() -> None:
    frames = [cv2.imread(str(path)) for path in sorted((DATA / "camvid" / "val").glob("*.png"))[:40]]
    images = [np.asarray(frame, np.uint8) for frame in frames]
    assert near_duplicates(np.stack([perceptual_hash(image) for image in images])) == []
    with_a_copy = np.stack([perceptual_hash(image) for image in [*images, jpeg(images[7], 60)]])
    assert [pair[:2] for pair in near_duplicates(with_a_copy, [0] * 40 + [1])] == [(7, 40)]
