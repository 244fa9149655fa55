"""Distances between surfaces against SciPy's distance transform, and worked by hand."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from pixelwise.errors import UserError
from pixelwise.metrics import SurfaceDistances, average_surface_distance, hausdorff95, surface_distances

Mask = npt.NDArray[np.bool_]


def blobs(seed: int, shape: tuple[int, ...]) -> tuple[Mask, Mask]:
    """Two rough shapes that overlap in part, with holes and islands, and that touch the image border."""
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.normal(size=shape), 2)
    other = smooth + 0.5 * ndimage.gaussian_filter(rng.normal(size=shape), 2)
    return smooth > 0, other > 0.02


def by_scipy(truth: Mask, predicted: Mask, spacing: tuple[float, ...]) -> tuple[npt.NDArray[np.float64], ...]:
    surfaces = [mask & ~ndimage.binary_erosion(mask) for mask in (truth, predicted)]
    away = [ndimage.distance_transform_edt(~surface, sampling=spacing) for surface in surfaces]
    return away[1][surfaces[0]], away[0][surfaces[1]]


@pytest.mark.parametrize(
    ("shape", "spacing"),
    [((40, 50), (1, 1)), ((31, 64), (0.5, 2)), ((12, 20, 24), (3, 0.7, 0.7)), ((1, 9, 9), (5, 1, 1)), ((30,), (0.1,))],
)
@pytest.mark.parametrize("seed", range(3))
def test_the_distances_are_those_of_scipy(shape: tuple[int, ...], spacing: tuple[float, ...], seed: int) -> None:
    truth, predicted = blobs(seed, shape)
    found, expected = surface_distances(truth, predicted, spacing), by_scipy(truth, predicted, spacing)
    for ours, theirs in zip(found, expected, strict=True):
        assert np.allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_the_scores_are_those_of_the_distances() -> None:
    truth, predicted = blobs(5, (16, 20, 20))
    found, (there, back) = surface_distances(truth, predicted, (2, 1, 1)), by_scipy(truth, predicted, (2, 1, 1))
    assert hausdorff95(found) == pytest.approx(max(np.percentile(there, 95), np.percentile(back, 95)))
    assert average_surface_distance(found) == pytest.approx((there.sum() + back.sum()) / (len(there) + len(back)))


def test_two_lone_pixels_are_as_far_apart_as_pythagoras_says() -> None:
    truth, predicted = np.zeros((2, 10, 10), bool)
    truth[1, 2], predicted[4, 6] = True, True
    assert surface_distances(truth, predicted).from_truth.tolist() == [5]
    found = surface_distances(truth, predicted, (4, 0.5))
    assert hausdorff95(found) == average_surface_distance(found) == pytest.approx(math.hypot(12, 2))


def test_a_line_moved_by_three_slices_of_two_millimetres_is_six_away() -> None:
    truth, predicted = np.zeros((2, 10, 6, 6), bool)
    truth[2], predicted[5] = True, True
    found = surface_distances(truth, predicted, (2, 1, 1))
    assert hausdorff95(found) == average_surface_distance(found) == 6


def test_the_surface_is_one_pixel_thick_and_the_image_border_is_part_of_it() -> None:
    whole, inner = np.ones((7, 9), bool), np.zeros((7, 9), bool)
    inner[1:-1, 1:-1] = True
    found = surface_distances(whole, inner)
    assert len(found.from_truth) == 63 - 35
    assert len(found.from_predicted) == 35 - 15
    assert set(found.from_predicted.tolist()) == {1}


def test_one_far_pixel_among_many_moves_the_maximum_but_not_the_95th_percentile() -> None:
    truth = np.zeros((60, 60), bool)
    truth[10:30, 10:30] = True
    predicted = truth.copy()
    predicted[55, 55] = True
    found = surface_distances(truth, predicted)
    assert hausdorff95(found) == 0
    assert found.from_predicted.max() == pytest.approx(math.hypot(26, 26))
    assert average_surface_distance(found) == pytest.approx(math.hypot(26, 26) / (76 + 77))


def test_the_larger_direction_counts_not_both_together() -> None:
    found = SurfaceDistances(np.zeros(100), np.array([0.0, 10.0]))
    assert hausdorff95(found) == pytest.approx(9.5)
    assert np.percentile(np.concatenate(found), 95) == 0  # MedPy's


def test_truth_and_prediction_may_change_places() -> None:
    truth, predicted = blobs(6, (30, 30))
    first, second = surface_distances(truth, predicted), surface_distances(predicted, truth)
    assert np.array_equal(first.from_truth, second.from_predicted)
    assert hausdorff95(first) == hausdorff95(second)
    assert average_surface_distance(first) == pytest.approx(average_surface_distance(second))


def test_a_shape_is_no_distance_from_itself() -> None:
    truth, _ = blobs(7, (10, 12, 14))
    found = surface_distances(truth, truth.copy(), (5, 1, 1))
    assert hausdorff95(found) == average_surface_distance(found) == 0


def test_twice_the_spacing_is_twice_the_distance() -> None:
    truth, predicted = blobs(8, (20, 30))
    once, twice = (average_surface_distance(surface_distances(truth, predicted, (n, 3 * n))) for n in (0.25, 0.5))
    assert twice == pytest.approx(2 * once)


def test_one_missing_shape_is_infinitely_far_and_two_are_nan() -> None:
    shape, nothing = np.ones((4, 4), bool), np.zeros((4, 4), bool)
    for one, other in ((shape, nothing), (nothing, shape)):
        found = surface_distances(one, other)
        assert hausdorff95(found) == average_surface_distance(found) == math.inf
    found = surface_distances(nothing, nothing)
    assert math.isnan(hausdorff95(found))
    assert math.isnan(average_surface_distance(found))


def test_mistakes_are_told() -> None:
    mask = np.ones((3, 4), bool)
    with pytest.raises(UserError, match=r"the true mask is \(3, 4\) pixels but the predicted \(4, 3\)"):
        surface_distances(mask, mask.T)
    with pytest.raises(UserError, match="give 2 positive numbers, one for each axis"):
        surface_distances(mask, mask, (1, 1, 1))
    with pytest.raises(UserError, match="give 2 positive numbers"):
        surface_distances(mask, mask, (1, 0))
