"""Boundary IoU against the formula of the paper's code, and worked by hand."""

import math

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from pixelwise.errors import UserError
from pixelwise.metrics import Overlap, boundary_distance, boundary_iou, boundary_overlap, confusion, iou, total

Label = npt.NDArray[np.integer]
CLASSES = 5


def pair(seed: int, height: int = 44, width: int = 60, kind: type = np.uint8) -> tuple[Label, Label]:
    """Patches of five classes of which the last never occurs, and the same moved by three pixels, with specks."""
    rng = np.random.default_rng(seed)
    patches = rng.integers(0, CLASSES - 1, (-(-height // 11), -(-width // 12))).repeat(11, 0).repeat(12, 1)
    label = patches[:height, :width]
    predicted = np.where(
        rng.random(label.shape) < 0.02, rng.integers(0, CLASSES - 1, label.shape), np.roll(label, 3, 1)
    )
    return label.astype(kind), predicted.astype(kind)


def band_of_the_code(mask: npt.NDArray[np.bool_], distance: int) -> npt.NDArray[np.bool_]:
    """The mask less its erosion by 3x3, once for every pixel of the distance, with the outside as background."""
    padded = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    eroded = cv2.erode(padded, np.ones((3, 3), np.uint8), iterations=distance)[1:-1, 1:-1]
    return mask & (eroded == 0)


@pytest.mark.parametrize("distance", [1, 2, 5, 30, 70])
@pytest.mark.parametrize("seed", range(3))
def test_the_counts_are_those_of_the_code_of_the_paper(seed: int, distance: int) -> None:
    label, predicted = pair(seed)
    found = boundary_overlap(label, predicted, CLASSES, distance=distance)
    for index in range(CLASSES):
        true, called = (band_of_the_code(of == index, distance) for of in (label, predicted))
        assert found.intersection[index] == (true & called).sum()
        assert found.union[index] == (true | called).sum()


def test_the_distance_is_that_of_the_code_of_the_paper() -> None:
    for height, width in np.random.default_rng(0).integers(1, 5000, (300, 2)).tolist():
        assert boundary_distance(height, width) == max(1, round(0.02 * np.sqrt(height**2 + width**2)))
    assert boundary_distance(512, 1024) == 23


def test_without_a_distance_it_is_that_of_the_size() -> None:
    label, predicted = pair(0, 120, 160)
    assert boundary_distance(120, 160) == 4
    automatic, given = (
        boundary_overlap(label, predicted, CLASSES),
        boundary_overlap(label, predicted, CLASSES, distance=4),
    )
    assert np.array_equal(automatic, given)


@pytest.mark.parametrize("kind", [np.uint16, np.int64])
def test_the_type_of_the_integers_makes_no_difference(kind: type) -> None:
    first = boundary_overlap(*pair(1), CLASSES, distance=2)
    assert np.array_equal(first, boundary_overlap(*pair(1, kind=kind), CLASSES, distance=2))


def test_more_than_256_classes_are_told_apart() -> None:
    label = np.array([[0, 0, 0, 256, 256, 256]] * 7, np.uint16)
    found = boundary_overlap(label, label, 300, ignore=65535, distance=1)
    assert found.union.sum() == found.union[0] + found.union[256] == 2 * (21 - 5)


def test_a_square_one_pixel_too_small_by_hand() -> None:
    label, predicted = np.zeros((2, 20, 20), np.uint8)
    label[5:15, 5:15] = 1
    predicted[6:14, 6:14] = 1
    found = boundary_overlap(label, predicted, 2, distance=2)
    outer, middle, inner = 100 - 64, 64 - 36, 36 - 16  # rings of one pixel: the truth's band is the first two
    assert found.intersection[1] == middle
    assert found.union[1] == outer + middle + inner
    assert boundary_iou(found)[1] == pytest.approx(28 / 84)
    assert iou(confusion(label, predicted, 2))[1] == 64 / 100


def test_where_the_band_is_all_of_the_class_it_is_the_iou() -> None:
    label, predicted = pair(2)
    found = boundary_overlap(label, predicted, CLASSES, distance=60)
    assert np.array_equal(boundary_iou(found), iou(confusion(label, predicted, CLASSES)), equal_nan=True)


def test_a_perfect_prediction_has_one_and_an_absent_class_nan() -> None:
    label, _ = pair(3)
    assert boundary_iou(boundary_overlap(label, label, CLASSES))[:4].tolist() == [1, 1, 1, 1]
    assert math.isnan(boundary_iou(boundary_overlap(label, label, CLASSES))[4])


def test_a_class_of_the_whole_image_has_a_band_along_the_image_border() -> None:
    label = np.zeros((10, 12), np.uint8)
    assert boundary_overlap(label, label, 1, distance=2).union.tolist() == [120 - 6 * 8]


def test_ignored_pixels_make_no_boundary() -> None:
    label = np.zeros((30, 30), np.uint8)
    label[12:18, 12:18] = 255
    border_alone = 900 - 26 * 26
    assert boundary_overlap(label, np.zeros_like(label), 1, distance=2).union.tolist() == [border_alone]


def test_what_is_predicted_on_ignored_pixels_counts_nowhere() -> None:
    label, predicted = pair(4)
    label[10:30, 20:40] = 255
    elsewhere = predicted.copy()
    elsewhere[10:30, 20:40] = np.random.default_rng(0).integers(0, 200, (20, 20))
    first, second = (boundary_overlap(label, of, CLASSES, distance=3) for of in (predicted, elsewhere))
    assert np.array_equal(first, second)
    assert boundary_overlap(label, label, CLASSES, distance=60).union.sum() == (label != 255).sum()


def test_two_classes_that_meet_across_ignored_pixels_are_near_each_other() -> None:
    label = np.zeros((9, 40), np.uint8)
    label[:, 20:], label[:, 19:21] = 1, 255
    near = boundary_overlap(label, label, 2, distance=4).union
    inside = 19 - 4 - 2  # of the middle row, the only one 4 rows from the image border: 4 are near it, 2 near class 1
    assert near.tolist() == [9 * 19 - inside] * 2


def test_any_value_can_be_the_ignored_one_even_a_class_index() -> None:
    label, predicted = pair(5)
    marked = np.where(label == 1, 255, label)
    first = boundary_overlap(label, predicted, CLASSES, ignore=1, distance=3)
    assert np.array_equal(first, boundary_overlap(marked, predicted, CLASSES, distance=3))


def test_truth_and_prediction_may_change_places() -> None:
    label, predicted = pair(6)
    first, second = boundary_overlap(label, predicted, CLASSES), boundary_overlap(predicted, label, CLASSES)
    assert np.array_equal(first, second)


def test_classes_in_another_order_have_the_same_counts() -> None:
    label, predicted = pair(7)
    order = np.array([3, 1, 4, 0, 2], np.uint8)
    first = boundary_overlap(label, predicted, CLASSES, distance=3)
    second = boundary_overlap(order[label], order[predicted], CLASSES, distance=3)
    assert np.array_equal(first.intersection, second.intersection[order])
    assert np.array_equal(first.union, second.union[order])


def test_the_counts_of_several_images_add_up_before_they_are_divided() -> None:
    parts = [boundary_overlap(*pair(seed), CLASSES, distance=2) for seed in range(3)]
    whole = total(parts)
    assert isinstance(whole, Overlap)
    assert whole.union.tolist() == [sum(int(part.union[index]) for part in parts) for index in range(CLASSES)]
    assert boundary_iou(whole)[0] == sum(part.intersection[0] for part in parts) / sum(part.union[0] for part in parts)


def test_mistakes_are_told() -> None:
    label, predicted = pair(8)
    with pytest.raises(UserError, match="must be equal"):
        boundary_overlap(label, predicted[1:], CLASSES)
    with pytest.raises(UserError, match="prediction holds 3, which is not one of the 3 classes"):
        boundary_overlap(np.zeros_like(label), np.full_like(label, 3), 3)
    with pytest.raises(UserError, match="distance is 0; the band must be at least 1 pixel wide"):
        boundary_overlap(label, predicted, CLASSES, distance=0)
