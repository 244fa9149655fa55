"""Bands around boundaries, worked by hand and against a distance measured pixel by pixel."""

import numpy as np
import numpy.typing as npt
import pytest

from pixelwise.errors import UserError
from pixelwise.metrics import boundary_confusion, confusion, near_boundary, pixel_accuracy

Label = npt.NDArray[np.uint8]


def random_label(seed: int) -> Label:
    """Patches of three classes, some pixels ignored."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 3, (4, 5), np.uint8).repeat(5, 0).repeat(4, 1)
    label[rng.random(label.shape) < 0.2] = 255
    return label


def slowly(label: Label, distance: int) -> npt.NDArray[np.bool_]:
    """By the definition: every pixel against every other."""
    near = np.zeros(label.shape, bool)
    for y, x in zip(*np.nonzero(label != 255), strict=True):
        others = np.argwhere((label != 255) & (label != label[y, x]))
        near[y, x] = len(others) and np.hypot(*(others - (y, x)).T).min() <= distance
    return near


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("distance", [0, 1, 2, 3, 40])
def test_the_band_is_that_of_the_definition(distance: int, seed: int) -> None:
    label = random_label(seed)
    assert np.array_equal(near_boundary(label, distance), slowly(label, distance))


def test_a_straight_boundary_has_a_band_of_its_distance_on_both_sides() -> None:
    label = np.zeros((4, 20), np.uint8)
    label[:, 10:] = 1
    assert near_boundary(label, 3).sum(1).tolist() == [6] * 4


def test_a_lone_pixel_has_a_round_band() -> None:
    label = np.zeros((5, 5), np.uint8)
    label[2, 2] = 1
    expected = ["00100", "01110", "11111", "01110", "00100"]
    assert near_boundary(label, 2).astype(int).astype(str).tolist() == [list(row) for row in expected]


def test_ignored_pixels_make_no_boundary_and_part_none() -> None:
    assert not near_boundary(np.array([[0, 0, 255, 255]]), 3).any()
    assert near_boundary(np.array([[0, 255, 1]]), 2).tolist() == [[True, False, True]]
    assert near_boundary(np.array([[0, 9, 1]]), 1, ignore=9).tolist() == [[False, False, False]]


def test_one_class_alone_has_no_boundary_and_its_score_is_nan() -> None:
    label = np.zeros((6, 6), np.uint8)
    near, away = boundary_confusion(label, label, 2)
    assert near.sum() == 0
    assert np.isnan(pixel_accuracy(near))
    assert pixel_accuracy(away) == 1


def test_a_boundary_one_pixel_off_costs_a_sixth_of_a_band_of_three() -> None:
    label = np.zeros((8, 40), np.uint8)
    label[:, 20:] = 1
    near, away = boundary_confusion(label, np.roll(label, 1, 1), 2, distance=3)
    assert pixel_accuracy(near) == pytest.approx(5 / 6)
    assert pixel_accuracy(away) == pytest.approx(33 / 34)  # the first column, which was rolled in from the end


@pytest.mark.parametrize("seed", range(3))
def test_near_and_away_add_up_to_the_whole(seed: int) -> None:
    label = random_label(seed)
    predicted = np.random.default_rng(seed).integers(0, 3, label.shape, np.uint8)
    near, away = boundary_confusion(label, predicted, 3, distance=2)
    assert np.array_equal(near + away, confusion(label, predicted, 3))
    assert near.sum() == near_boundary(label, 2).sum()


def test_shapes_that_differ_are_told() -> None:
    with pytest.raises(UserError, match="must be equal"):
        boundary_confusion(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8), 2)
