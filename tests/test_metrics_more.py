"""Specificity, kappa, categories, calibration and boundary F1 against other libraries and cases worked by hand."""

import math

import declared_torchvision  # noqa: F401
import numpy as np
import numpy.typing as npt
import pytest
import torch
from sklearn import metrics as sklearn
from torchmetrics import classification as torchmetrics

from pixelwise import metrics
from pixelwise.errors import UserError

Pixels = npt.NDArray[np.uint8]
CLASSES = 6


def flat_labels(seed: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Six classes of which one is never true; two thirds of the prediction are right."""
    rng = np.random.default_rng(seed)
    truth = rng.choice([0, 1, 2, 3, 5], 3000, p=[0.5, 0.2, 0.15, 0.1, 0.05])
    return truth, np.where(rng.random(3000) < 0.6, truth, rng.integers(0, CLASSES, 3000))


def counts_of(truth: npt.NDArray[np.int64], found: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return metrics.confusion(truth[None], found[None], CLASSES)


def patches(seed: int) -> tuple[Pixels, Pixels]:
    """A label of four classes with ignored pixels, and the same two pixels to the right with specks."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 4, (4, 5), np.uint8).repeat(9, 0).repeat(10, 1)
    predicted = np.where(rng.random(label.shape) < 0.01, 3, np.roll(label, 2, 1)).astype(np.uint8)
    label[5:12, 20:33] = 255
    return label, predicted


@pytest.mark.parametrize("seed", range(3))
def test_specificity_is_the_recall_of_the_other_classes(seed: int) -> None:
    truth, found = flat_labels(seed)
    negatives = [sklearn.recall_score(truth != index, found != index) for index in range(CLASSES)]
    specificity = metrics.specificity(counts_of(truth, found))
    assert specificity == pytest.approx(negatives)
    theirs = torchmetrics.MulticlassSpecificity(CLASSES, average=None)(torch.from_numpy(found), torch.from_numpy(truth))
    assert specificity == pytest.approx(theirs.numpy())


def test_specificity_is_nan_where_there_is_no_other_class() -> None:
    assert np.array_equal(metrics.specificity(np.array([[5, 1], [0, 0]])), [np.nan, 5 / 6], equal_nan=True)


@pytest.mark.parametrize("seed", range(3))
def test_kappa_is_that_of_scikit_learn(seed: int) -> None:
    truth, found = flat_labels(seed)
    assert metrics.cohen_kappa(counts_of(truth, found)) == pytest.approx(sklearn.cohen_kappa_score(truth, found))


def test_kappa_of_chance_is_zero_of_perfection_one_and_of_one_class_alone_nan() -> None:
    assert metrics.cohen_kappa(np.outer([1, 2, 3], [10, 20, 5])) == pytest.approx(0)
    assert metrics.cohen_kappa(np.diag([1, 2, 3])) == 1
    assert metrics.cohen_kappa(np.array([[0, 5], [5, 0]])) == -1
    assert math.isnan(metrics.cohen_kappa(np.array([[5, 0], [0, 0]])))
    assert math.isnan(metrics.cohen_kappa(np.zeros((2, 2), np.int64)))


def test_kappa_of_counts_beyond_32_bits_stays_right() -> None:
    assert metrics.cohen_kappa(np.array([[20, 5], [10, 15]]) * 2**38) == pytest.approx(0.4)


@pytest.mark.parametrize("seed", range(3))
def test_categories_are_counted_as_if_the_labels_had_been_merged(seed: int) -> None:
    truth, found = flat_labels(seed)
    groups = np.array([0, 1, 1, 0, 2, 2])
    merged = metrics.category_counts(counts_of(truth, found), groups.tolist())
    assert np.array_equal(merged, sklearn.confusion_matrix(groups[truth], groups[found]))
    expected = sklearn.jaccard_score(groups[truth], groups[found], average=None)
    assert metrics.category_iou(counts_of(truth, found), groups.tolist()) == pytest.approx(expected)
    assert metrics.iou(merged) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(3))
def test_category_iou_is_that_of_the_code_of_cityscapes(seed: int) -> None:
    counts = counts_of(*flat_labels(seed))
    groups = [1, 0, -1, 1, 0, -1]
    categories = metrics.category_iou(counts, groups)
    assert len(categories) == 2
    for category, found in enumerate(categories):
        inside = [index for index, group in enumerate(groups) if group == category]
        outside = [index for index, group in enumerate(groups) if group not in (category, -1)]
        hits = counts[np.ix_(inside, inside)].sum()
        misses = counts[inside].sum() - hits
        false_alarms = counts[np.ix_(outside, inside)].sum()
        assert found == hits / (hits + misses + false_alarms)


def test_a_prediction_in_no_category_is_a_miss_and_truth_in_none_is_dropped() -> None:
    counts = np.array([[4, 0, 6], [0, 8, 2], [7, 7, 7]])
    assert metrics.category_counts(counts, [0, 1, -1]).tolist() == [[4, 0, 6], [0, 8, 2], [0, 0, 0]]
    assert metrics.category_iou(counts, [0, 1, -1]).tolist() == [4 / 10, 8 / 10]


def test_a_category_without_classes_is_nan() -> None:
    assert np.array_equal(metrics.category_iou(np.diag([3, 4]), [0, 2]), [1, np.nan, 1], equal_nan=True)


@pytest.mark.parametrize("groups", [[0], [0, 1, 1], [0, -2]])
def test_groups_that_do_not_fit_the_classes_are_told(groups: list[int]) -> None:
    with pytest.raises(UserError, match="give each of the 2 classes a category from 0 up, or -1"):
        metrics.category_counts(np.diag([3, 4]), groups)


@pytest.mark.parametrize("bins", [1, 10, 15])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_calibration_errors_are_those_of_torchmetrics(kind: type, bins: int) -> None:
    rng = np.random.default_rng(0)
    confidence = rng.beta(5, 2, 4000).astype(kind)
    right = rng.random(4000) < confidence**2
    found = metrics.reliability(confidence, right, bins)
    for norm, ours in (
        ("l1", metrics.expected_calibration_error(found)),
        ("max", metrics.maximum_calibration_error(found)),
    ):
        theirs = torchmetrics.BinaryCalibrationError(bins, norm)(torch.from_numpy(confidence), torch.from_numpy(right))
        assert ours == pytest.approx(float(theirs), abs=1e-6)


def test_calibration_by_hand() -> None:
    confidence = np.array([[0.9, 0.9, 0.9, 0.9], [0.6, 0.6, 0.2, 0.0]])
    right = np.array([[True, True, True, False], [False, False, False, False]])
    found = metrics.reliability(confidence, right, 2)
    assert found.pixels.tolist() == [2, 6]
    assert found.right.tolist() == [0, 3]
    assert found.confidence == pytest.approx([0.2, 4.8])
    assert metrics.expected_calibration_error(found) == pytest.approx((0.2 + 1.8) / 8)
    assert metrics.maximum_calibration_error(found) == pytest.approx(1.8 / 6)


def test_a_confidence_on_an_edge_belongs_to_the_bin_below_and_zero_to_the_first() -> None:
    found = metrics.reliability(np.array([0.0, 0.25, 0.5, 0.75, 1.0]), np.ones(5, bool), 4)
    assert found.pixels.tolist() == [2, 1, 1, 1]


def test_what_is_as_sure_as_it_is_right_is_calibrated_and_what_boasts_is_not() -> None:
    right = np.arange(1000) % 10 < 7
    assert metrics.expected_calibration_error(metrics.reliability(np.full(1000, 0.7), right)) == pytest.approx(0)
    assert metrics.expected_calibration_error(metrics.reliability(np.ones(1000), right)) == pytest.approx(0.3)


def test_reliabilities_of_several_images_add_up() -> None:
    rng = np.random.default_rng(1)
    confidence, right = rng.random((6, 50)), rng.random((6, 50)) < 0.5
    whole = metrics.reliability(confidence, right)
    parts = metrics.total([metrics.reliability(confidence[rows], right[rows]) for rows in (slice(0, 2), slice(2, 6))])
    assert np.array_equal(parts.pixels, whole.pixels)
    assert np.array_equal(parts.right, whole.right)
    assert parts.confidence == pytest.approx(whole.confidence)


def test_without_pixels_calibration_is_nan() -> None:
    nothing = metrics.reliability(np.zeros(0), np.zeros(0, bool))
    assert nothing.pixels.tolist() == [0] * 15
    assert math.isnan(metrics.expected_calibration_error(nothing))
    assert math.isnan(metrics.maximum_calibration_error(nothing))


@pytest.mark.parametrize("wrong", [-0.1, 1.5, math.nan])
def test_what_is_no_probability_is_told(wrong: float) -> None:
    with pytest.raises(UserError, match="give probabilities, not logits"):
        metrics.reliability(np.array([0.5, wrong]), np.array([True, True]))


def test_confidences_of_another_size_are_told() -> None:
    with pytest.raises(UserError, match="must be equal"):
        metrics.reliability(np.zeros(3), np.zeros(4, bool))


def slow_match(label: Pixels, predicted: Pixels, index: int, tolerance: float) -> list[int]:
    """By the definition: every boundary pixel against every other."""

    def boundary(of: Pixels) -> npt.NDArray[np.int64]:
        return np.array([place for place in np.argwhere((of == index) & valid).tolist() if touches(of, *place)])

    def touches(of: Pixels, y: int, x: int) -> bool:
        around = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
        inside = [at for at in around if 0 <= at[0] < of.shape[0] and 0 <= at[1] < of.shape[1] and valid[at]]
        return any(of[at] != index for at in inside)

    valid = label != 255
    true, found = boundary(label), boundary(predicted)
    if not len(true) or not len(found):
        return [0, len(true), 0, len(found)]
    near = np.hypot(*(true[:, None] - found[None]).transpose(2, 0, 1)) <= tolerance
    return [near.any(1).sum(), len(true), near.any(0).sum(), len(found)]


@pytest.mark.parametrize("tolerance", [0, 1, 1.5, 2, 6.0])
@pytest.mark.parametrize("seed", range(3))
def test_boundary_pixels_match_by_the_definition(seed: int, tolerance: int | float) -> None:
    label, predicted = patches(seed)
    match = metrics.boundary_match(label, predicted, 5, tolerance=tolerance)
    for index in range(5):
        assert [int(field[index]) for field in match] == slow_match(label, predicted, index, tolerance)


def test_a_boundary_two_pixels_off_is_found_with_a_tolerance_of_two_and_lost_with_one() -> None:
    label = np.zeros((10, 40), np.uint8)
    label[:, 20:] = 1
    predicted = np.zeros_like(label)
    predicted[:, 22:] = 1
    for tolerance, score in ((2, 1), (1, 0)):
        assert (
            metrics.boundary_f1(metrics.boundary_match(label, predicted, 2, tolerance=tolerance)).tolist()
            == [score] * 2
        )


def test_precision_recall_and_their_harmonic_mean_by_hand() -> None:
    match = metrics.BoundaryMatch(*np.array([[6, 0, 0], [8, 5, 0], [3, 0, 0], [12, 0, 0]]))
    assert np.array_equal(metrics.boundary_recall(match), [6 / 8, 0, np.nan], equal_nan=True)
    assert np.array_equal(metrics.boundary_precision(match), [3 / 12, np.nan, np.nan], equal_nan=True)
    assert metrics.boundary_f1(match)[0] == pytest.approx(2 * 0.75 * 0.25 / (0.75 + 0.25))
    assert metrics.boundary_f1(match)[1] == 0
    assert math.isnan(metrics.boundary_f1(match)[2])


def test_the_mean_over_images_is_not_the_score_of_the_sums() -> None:
    perfect = metrics.BoundaryMatch(*np.array([[9, 9], [9, 9], [9, 9], [9, 9]]))
    missed = metrics.BoundaryMatch(*np.array([[0, 0], [1, 0], [0, 0], [1, 0]]))
    empty = metrics.BoundaryMatch(*np.zeros((4, 2), np.int64))
    assert metrics.mean_boundary_f1([perfect, missed, empty]) == 0.5
    assert metrics.boundary_f1(metrics.total([perfect, missed, empty])).tolist() == [0.9, 1]
    assert math.isnan(metrics.mean_boundary_f1([empty]))


def test_the_tolerance_is_that_of_segnet() -> None:
    label, predicted = patches(0)
    assert metrics.boundary_tolerance(360, 480) == 4.5
    own = 0.0075 * math.hypot(*label.shape)
    automatic, given = (metrics.boundary_match(label, predicted, 4, tolerance=of) for of in (None, own))
    assert np.array_equal(automatic, given)


def test_neither_the_image_border_nor_ignored_pixels_are_a_boundary() -> None:
    label = np.zeros((8, 8), np.uint8)
    label[2:5, 2:5] = 255
    nonsense = np.where(label == 255, 77, 0).astype(np.uint8)
    assert not np.any(metrics.boundary_match(label, nonsense, 2))


def test_boundary_f1_of_changed_places_is_the_same() -> None:
    label, predicted = (of % 4 for of in patches(2))
    first, second = metrics.boundary_match(label, predicted, 4), metrics.boundary_match(predicted, label, 4)
    assert np.array_equal(metrics.boundary_recall(first), metrics.boundary_precision(second))
    assert np.array_equal(metrics.boundary_f1(first), metrics.boundary_f1(second))


def test_trimap_counts_of_several_images_add_up_too() -> None:
    parts = [metrics.boundary_confusion(*patches(seed), 4) for seed in range(2)]
    assert np.array_equal(metrics.total(parts).near, parts[0].near + parts[1].near)
