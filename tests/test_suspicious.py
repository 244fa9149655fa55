"""Suspicious annotations: in scenes made by hand, against a search pixel by pixel, and in drawn streets."""

import runpy
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from pixelwise.data.layouts.streets_default import streets
from pixelwise.data.streets.classes import BUILDING, POLE
from pixelwise.errors import UserError
from pixelwise.evaluation.suspicious import Region, rank, suspicious_regions

BENCHMARK = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "suspicious.py"))

Classes = npt.NDArray[np.uint8]


def scene(*squares: tuple[int, int, int, int, int]) -> Classes:
    """Class 0, 60 high and 80 wide, with rectangles (left, top, width, height, class)."""
    label = np.zeros((60, 80), np.uint8)
    for left, top, width, height, one in squares:
        label[top : top + height, left : left + width] = one
    return label


def sure(label: Classes, confidence: float = 0.9) -> npt.NDArray[np.float32]:
    return np.full(label.shape, confidence, np.float32)


def boxes(label: Classes, predicted: Classes, **settings: int) -> list[tuple[int, int, int, int]]:
    return [region.box for region in suspicious_regions(label, predicted, sure(label), **settings)]


def test_a_wrong_square_is_found_with_its_box_classes_pixels_and_confidence() -> None:
    label, predicted = scene((5, 5, 20, 10, 2)), scene((5, 5, 20, 10, 2), (40, 12, 9, 7, 3))
    assert suspicious_regions(label, predicted, sure(label, 0.75), name="street") == [
        Region("street", (40, 12, 9, 7), 0, 3, 63, 0.75, 63 * 3.0)
    ]


def test_where_both_agree_nothing_is_suspicious() -> None:
    assert boxes(scene((5, 5, 20, 10, 2)), scene((5, 5, 20, 10, 2))) == []


@pytest.mark.parametrize("corner", [(0, 0), (70, 0), (0, 50), (70, 50)])
def test_a_wrong_square_in_a_corner_of_the_image_has_its_whole_box(corner: tuple[int, int]) -> None:
    assert boxes(scene((*corner, 10, 10, 1)), scene()) == [(*corner, 10, 10)]


def test_a_rim_along_an_object_is_left_out_up_to_twice_the_width_asked_for() -> None:
    label, predicted = scene((20, 20, 30, 30, 1)), scene((14, 20, 36, 30, 1))
    assert boxes(label, predicted) == []
    assert boxes(label, predicted, rim=2) == [(14, 20, 6, 30)]


def test_a_strip_along_the_edge_of_the_image_is_a_rim_too() -> None:
    assert boxes(scene(), scene((0, 0, 6, 60, 1))) == []


def test_a_thin_arm_of_a_wrong_square_is_no_part_of_it() -> None:
    assert boxes(scene(), scene((20, 20, 10, 10, 1), (30, 24, 30, 3, 1))) == [(20, 20, 10, 10)]


def test_squares_that_overlap_in_a_corner_are_two_regions_that_share_no_pixel() -> None:
    found = suspicious_regions(scene(), scene((10, 10, 7, 7, 1), (12, 12, 7, 7, 1)), sure(scene()))
    assert {region.box for region in found} == {(10, 10, 7, 7), (12, 12, 7, 7)}
    assert sorted(region.pixels for region in found) == [25, 48]  # one keeps its middle of what both could have


@pytest.mark.parametrize("ignore", [255, 7])
def test_ignored_pixels_are_in_no_region(ignore: int) -> None:
    label, predicted = scene((10, 10, 20, 20, ignore)), scene((10, 10, 40, 20, 1))
    assert boxes(label, predicted, ignore=ignore) == [(30, 10, 20, 20)]
    assert boxes(np.full_like(label, ignore), predicted, ignore=ignore) == []


def test_labels_of_two_bytes_have_their_own_ignore_index() -> None:
    label = scene((10, 10, 20, 20, 1)).astype(np.uint16) * 65535
    assert boxes(label, scene((10, 10, 40, 20, 1)), ignore=65535) == [(30, 10, 20, 20)]


def test_neighbours_with_other_classes_are_other_regions() -> None:
    label, predicted = scene((10, 10, 10, 20, 1)), scene((10, 10, 20, 10, 2), (10, 20, 20, 10, 3))
    found = {
        (region.truth, region.predicted): region.box for region in suspicious_regions(label, predicted, sure(label))
    }
    assert found == {
        (1, 2): (10, 10, 10, 10),
        (0, 2): (20, 10, 10, 10),
        (1, 3): (10, 20, 10, 10),
        (0, 3): (20, 20, 10, 10),
    }


def test_low_confidence_and_few_pixels_rank_lower() -> None:
    label, predicted = scene(), scene((0, 0, 10, 10, 1), (20, 0, 10, 10, 1), (40, 0, 12, 12, 1))
    confidence = sure(label)
    confidence[:, 20:30] = 0.5
    found = suspicious_regions(label, predicted, confidence)
    assert [region.box[0] for region in found] == [40, 0, 20]
    assert [region.confidence for region in found] == pytest.approx([0.9, 0.9, 0.5])


def test_a_model_that_is_sure_of_everything_has_finite_scores() -> None:
    [region] = suspicious_regions(scene(), scene((0, 0, 10, 10, 1)), sure(scene(), 1.0))
    assert region.score == pytest.approx(100 / 0.01)


@pytest.mark.parametrize("seed", range(5))
def test_regions_are_those_of_each_pair_of_classes_opened_by_itself(seed: int) -> None:
    rng = np.random.default_rng(seed)
    hills = (cv2.resize(rng.random((12, 12, 3)), (120, 120), interpolation=cv2.INTER_CUBIC) for _ in range(2))
    label, predicted = (hill.argmax(2).astype(np.uint8) for hill in hills)
    label[rng.random(label.shape) < 0.005] = 255
    expected, square = [], np.ones((5, 5), np.uint8)
    for truth in range(3):
        for other in {0, 1, 2} - {truth}:
            pair = np.pad(((label == truth) & (predicted == other)).astype(np.uint8), 9)
            number, cores = cv2.connectedComponents(cv2.erode(pair, square))
            for one in range(1, number):
                grown = cv2.dilate((cores == one).astype(np.uint8), square)[9:-9, 9:-9]
                expected.append((truth, other, tuple(cv2.boundingRect(grown))))
    found = suspicious_regions(label, predicted, sure(label), rim=2)
    assert len(found) > 10
    assert sorted((region.truth, region.predicted, region.box) for region in found) == sorted(expected)


@pytest.mark.parametrize("shape", [(4, 5), (1, 1), (3, 80)])
def test_images_smaller_than_a_region_have_none(shape: tuple[int, int]) -> None:
    assert boxes(np.zeros(shape, np.uint8), np.ones(shape, np.uint8)) == []


def test_other_shapes_and_no_rim_are_said_to_be_wrong() -> None:
    with pytest.raises(UserError, match="must be equal"):
        suspicious_regions(scene(), scene()[1:], sure(scene()))
    with pytest.raises(UserError, match="1 pixel or more"):
        suspicious_regions(scene(), scene(), sure(scene()), rim=0)


COMMON = Region("a", (0, 0, 10, 10), 1, 0, 100, 0.9, 900.0)
RARE = Region("b", (0, 0, 10, 10), 2, 0, 100, 0.9, 900.0)


def test_a_mistake_that_the_model_makes_all_the_time_ranks_below_a_rare_one() -> None:
    counts = np.array([[5000, 0, 0], [2000, 5000, 0], [100, 0, 5000]])
    first, second = rank([COMMON, replace(RARE, score=30.0)], counts)
    assert (first.truth, second.truth) == (2, 1)
    assert first.score == pytest.approx(30 * (1 - 1 / 5003) * 7003 / 1)
    assert second.score == pytest.approx(900 * (1 - 1901 / 6903) * 7003 / 1901)


def test_a_class_that_the_model_never_recognises_ranks_low_however_rare_it_is() -> None:
    counts = np.array([[90000, 0, 0], [2000, 0, 0], [2000, 0, 5000]])
    assert [region.truth for region in rank([COMMON, RARE], counts)] == [2, 1]
    assert rank([COMMON], counts)[0].score < 0.01 * rank([RARE], counts)[0].score


def test_a_region_does_not_excuse_itself() -> None:
    counts = np.array([[5000, 0, 0], [100, 5000, 0], [100, 0, 5000]])
    large, small = rank([replace(COMMON, pixels=100), replace(RARE, pixels=50)], counts)
    assert (large.truth, small.truth) == (1, 2)


def test_nothing_to_rank_is_nothing() -> None:
    assert rank([], np.zeros((3, 3), np.int64)) == []


def almost_right(label: Classes, seed: int) -> tuple[Classes, npt.NDArray[np.float32]]:
    """Moved by two pixels; every pole is called building, for sure; and five blobs are of any class, not so sure."""
    rng = np.random.default_rng(seed)
    seen = np.roll(np.where(np.isin(label, [255, POLE]), BUILDING, label).astype(np.uint8), 2, (0, 1))
    confidence = sure(label, 0.97)
    for _ in range(5):
        top, left = rng.integers(0, np.array(label.shape) - 20)
        blob = np.s_[top : top + rng.integers(8, 20), left : left + rng.integers(8, 20)]
        seen[blob], confidence[blob] = rng.integers(0, 11), 0.4
    return seen, confidence


def test_wrong_annotations_of_drawn_streets_are_found_first() -> None:
    samples = list(streets(0, 30, 0).val)
    labels, errors = BENCHMARK["plant"]([sample.label for sample in samples], 0.05, 255, seed=0)
    answers = [
        BENCHMARK["Answer"](sample.name, wrong, *almost_right(sample.label, seed))
        for seed, (sample, wrong) in enumerate(zip(samples, labels, strict=True))
    ]
    regions, counts = BENCHMARK["search"](answers, 11, 255)
    planted = max(error.max() for error in errors)
    found = BENCHMARK["pointed_at"](rank(regions, counts), answers, errors)
    assert planted >= 15
    assert len(regions) > 5 * planted
    assert (found[:planted] > 0).mean() >= 0.9
