"""Counts and scores against scikit-learn, torchmetrics and cases worked by hand."""

import math
import warnings
from collections.abc import Callable

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


def random_labels(seed: int, height: int = 40, width: int = 31) -> tuple[Pixels, Pixels]:
    """A label with ignored pixels, and a prediction that is right about half the time. Class 4 is never true."""
    rng = np.random.default_rng(seed)
    label = rng.choice(np.array([0, 1, 2, 3, 5, 255], np.uint8), (height, width), p=[0.4, 0.2, 0.1, 0.05, 0.05, 0.2])
    guess = rng.integers(0, CLASSES, (height, width), np.uint8)
    return label, np.where((rng.random(label.shape) < 0.5) & (label != 255), label, guess).astype(np.uint8)


def counted(label: Pixels, predicted: Pixels) -> tuple[Pixels, Pixels]:
    return label[label != 255], predicted[label != 255]


def same(ours: npt.ArrayLike, theirs: npt.ArrayLike) -> bool:
    return np.allclose(ours, theirs, rtol=1e-6, atol=0)


@pytest.mark.parametrize("seed", range(4))
def test_the_confusion_matrix_is_that_of_scikit_learn(seed: int) -> None:
    label, predicted = random_labels(seed)
    theirs = sklearn.confusion_matrix(*counted(label, predicted), labels=range(CLASSES))
    assert np.array_equal(metrics.confusion(label, predicted, CLASSES), theirs)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (metrics.iou, sklearn.jaccard_score),
        (metrics.dice, sklearn.f1_score),
        (metrics.precision, sklearn.precision_score),
        (metrics.recall, sklearn.recall_score),
    ],
)
def test_scores_per_class_are_those_of_scikit_learn(
    ours: Callable[..., npt.ArrayLike], theirs: Callable[..., npt.ArrayLike], seed: int
) -> None:
    label, predicted = random_labels(seed)
    settings = {} if theirs is sklearn.jaccard_score else {"zero_division": np.nan}
    expected = theirs(*counted(label, predicted), labels=range(CLASSES), average=None, **settings)
    found = np.asarray(ours(metrics.confusion(label, predicted, CLASSES)))
    defined = ~np.isnan(found)
    assert defined.sum() >= CLASSES - 1
    assert same(found[defined], np.asarray(expected)[defined])


@pytest.mark.parametrize("seed", range(4))
def test_scores_of_the_whole_are_those_of_scikit_learn(seed: int) -> None:
    label, predicted = random_labels(seed)
    counts, (truth, found) = metrics.confusion(label, predicted, CLASSES), counted(label, predicted)
    present = sorted(set(truth.tolist()) | set(found.tolist()))
    assert same(metrics.pixel_accuracy(counts), sklearn.accuracy_score(truth, found))
    assert same(metrics.mean_iou(counts), sklearn.jaccard_score(truth, found, labels=present, average="macro"))
    assert same(metrics.mean_dice(counts), sklearn.f1_score(truth, found, labels=present, average="macro"))
    assert same(metrics.frequency_weighted_iou(counts), sklearn.jaccard_score(truth, found, average="weighted"))
    with warnings.catch_warnings(action="ignore"):  # a class that is only predicted
        assert same(metrics.mean_class_accuracy(counts), sklearn.balanced_accuracy_score(truth, found))


@pytest.mark.parametrize("seed", range(4))
def test_scores_are_those_of_torchmetrics(seed: int) -> None:
    label, predicted = random_labels(seed)
    counts = metrics.confusion(label, predicted, CLASSES)
    both = torch.from_numpy(predicted).long(), torch.from_numpy(label).long()

    def theirs(metric: type, average: str | None) -> npt.NDArray[np.float32]:
        return np.asarray(metric(CLASSES, average=average, ignore_index=255)(*both))

    assert same(metrics.iou(counts), theirs(torchmetrics.MulticlassJaccardIndex, None))
    assert same(metrics.mean_iou(counts), theirs(torchmetrics.MulticlassJaccardIndex, "macro"))
    assert same(metrics.frequency_weighted_iou(counts), theirs(torchmetrics.MulticlassJaccardIndex, "weighted"))
    assert same(metrics.dice(counts), theirs(torchmetrics.MulticlassF1Score, None))
    assert same(metrics.precision(counts), theirs(torchmetrics.MulticlassPrecision, None))
    assert same(metrics.pixel_accuracy(counts), theirs(torchmetrics.MulticlassAccuracy, "micro"))


def test_the_matrices_of_several_images_sum_to_the_matrix_of_the_whole() -> None:
    label, predicted = random_labels(0)
    parts = [metrics.confusion(label[rows], predicted[rows], CLASSES) for rows in (slice(0, 7), slice(7, 40))]
    assert np.array_equal(sum(parts), metrics.confusion(label, predicted, CLASSES))


def test_the_iou_of_the_whole_is_not_the_mean_of_the_images() -> None:
    ones, zeros = np.ones((1, 4), np.uint8), np.zeros((1, 4), np.uint8)
    first = metrics.confusion(ones, ones, 2)
    second = metrics.confusion(np.array([[1, 0, 0, 0]], np.uint8), zeros, 2)
    assert metrics.iou(first + second).tolist() == [3 / 4, 4 / 5]
    assert (metrics.mean_iou(first) + metrics.mean_iou(second)) / 2 == (1 + 3 / 8) / 2


def test_rows_are_the_truth_and_columns_the_prediction() -> None:
    counts = metrics.confusion(np.array([[0, 0, 0, 1]]), np.array([[0, 1, 1, 1]]), 2)
    assert counts.tolist() == [[1, 2], [0, 1]]
    assert counts.dtype == np.int64


def test_iou_of_an_absent_class_is_nan_and_left_out_of_the_mean() -> None:
    counts = np.array([[3, 1, 0], [0, 4, 0], [0, 0, 0]])
    assert metrics.iou(counts)[:2].tolist() == [3 / 4, 4 / 5]
    assert math.isnan(metrics.iou(counts)[2])
    assert math.isnan(metrics.dice(counts)[2])
    assert metrics.mean_iou(counts) == pytest.approx((3 / 4 + 4 / 5) / 2)
    assert metrics.mean_dice(counts) == pytest.approx((6 / 7 + 8 / 9) / 2)


def test_a_class_that_is_predicted_but_never_true_has_no_recall_and_an_iou_of_zero() -> None:
    counts = np.array([[3, 1], [0, 0]])
    assert metrics.iou(counts).tolist() == [3 / 4, 0]
    assert math.isnan(metrics.recall(counts)[1])
    assert metrics.precision(counts).tolist() == [1, 0]
    assert metrics.mean_class_accuracy(counts) == 3 / 4
    assert metrics.frequency_weighted_iou(counts) == 3 / 4


def test_a_class_that_is_true_but_never_predicted_has_no_precision_and_an_iou_of_zero() -> None:
    counts = np.array([[3, 0], [2, 0]])
    assert math.isnan(metrics.precision(counts)[1])
    assert metrics.recall(counts).tolist() == [1, 0]
    assert metrics.mean_iou(counts) == pytest.approx(3 / 5 / 2)


def test_ignored_pixels_count_nowhere_whatever_was_predicted_there() -> None:
    label = np.array([[0, 255, 255, 1]], np.uint8)
    for guess in (0, 1, 77):
        predicted = np.array([[0, guess, guess, 1]], np.uint8)
        assert metrics.confusion(label, predicted, 2).tolist() == [[1, 0], [0, 1]]


def test_any_value_can_be_the_ignored_one_even_a_class_index() -> None:
    label, predicted = np.array([[0, 1, 2]], np.uint8), np.array([[0, 0, 2]], np.uint8)
    assert metrics.confusion(label, predicted, 3, ignore=1).tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 1]]
    assert metrics.confusion(label, predicted, 3, ignore=65535).sum() == 3


@pytest.mark.parametrize("shape", [(2, 3), (0, 0)])
def test_where_nothing_is_counted_every_mean_is_nan(shape: tuple[int, int]) -> None:
    counts = metrics.confusion(np.full(shape, 255, np.uint8), np.zeros(shape, np.uint8), 3)
    means = (
        metrics.mean_iou,
        metrics.mean_dice,
        metrics.pixel_accuracy,
        metrics.mean_class_accuracy,
        metrics.frequency_weighted_iou,
    )
    assert counts.sum() == 0
    assert all(math.isnan(mean(counts)) for mean in means)


@pytest.mark.parametrize(("label", "predicted", "message"), [(3, 0, "label holds 3"), (0, 9, "prediction holds 9")])
def test_a_value_that_is_no_class_is_an_error_that_names_it(label: int, predicted: int, message: str) -> None:
    with pytest.raises(UserError, match=f"the {message}, which is not one of the 3 classes \\(0-2\\)"):
        metrics.confusion(np.array([[0, label]]), np.array([[1, predicted]]), 3)


def test_a_negative_value_is_an_error_that_names_it() -> None:
    with pytest.raises(UserError, match="label holds -1"):
        metrics.confusion(np.array([[0, -1]]), np.array([[0, 0]]), 3)


def test_a_prediction_of_another_size_is_an_error() -> None:
    with pytest.raises(UserError, match=r"the label is \(1, 2\) pixels but the prediction \(2, 1\)"):
        metrics.confusion(np.zeros((1, 2), np.uint8), np.zeros((2, 1), np.uint8), 3)


def test_counts_beyond_32_bits_stay_exact() -> None:
    counts = np.array([[2**40, 2**40], [0, 2**41]])
    assert metrics.iou(counts).tolist() == [1 / 2, 2 / 3]
    assert metrics.pixel_accuracy(counts) == 3 / 4
