"""Distances to boundaries and the weights near borders, against scipy's and by hand."""

import numpy as np
import pytest
import torch
from loss_references import border_map
from scipy.ndimage import distance_transform_edt

from pixelwise.losses import border_weights, boundary_loss, cross_entropy, signed_distances, unet_loss


def scene(seed: int = 0, shape: tuple[int, int] = (90, 120)) -> np.ndarray:
    """Discs of three classes on class 0, and an ignored corner."""
    source, label = np.random.default_rng(seed), np.zeros(shape, np.int64)
    rows, columns = np.indices(shape)
    for _ in range(25):
        centre, radius = source.random(2) * shape, source.integers(2, 12)
        label[(rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2] = source.integers(1, 4)
    label[:20, :30] = 255
    return label


def test_signed_distances_are_scipys() -> None:
    label = scene()
    ours = signed_distances(label, 5)
    counted = label != 255
    for index in range(4):
        inside, outside = label == index, counted & (label != index)
        expected = np.where(inside, 0.5 - distance_transform_edt(~outside), distance_transform_edt(~inside) - 0.5)
        assert ours[index] == pytest.approx(np.where(counted, expected, 0), abs=1e-4)
    assert not ours[4].any()  # a class that is nowhere


def test_distances_that_no_boundary_gives_are_zero() -> None:
    assert not signed_distances(np.ones((3, 4), np.int64), 3).any()
    assert not signed_distances(np.full((3, 4), 255), 3).any()
    assert not signed_distances(np.array([[1, 255, 1]]), 3).any()


def test_one_wrong_pixel_costs_its_distance_from_both_boundaries() -> None:
    label = torch.zeros(1, 1, 10).long()
    label[..., 5:] = 1
    predicted = label.clone()
    predicted[..., 1] = 1  # 4 pixels from the nearest 1, and as far from where 0 ends
    logits = 300 * torch.nn.functional.one_hot(predicted, 2).movedim(-1, 1).float()
    assert boundary_loss(logits, label).item() == pytest.approx((3.5 + 3.5) / (10 * 2))


@pytest.mark.parametrize("background", [0, 2])
@pytest.mark.parametrize("sigma", [1.5, 5])
def test_border_weights_are_those_of_the_whole_image_though_found_piece_by_piece(background: int, sigma: float) -> None:
    label = scene(1)
    expected = border_map(label, 255, background, 10.0, sigma)
    assert border_weights(label, background=background, sigma=sigma) == pytest.approx(expected, abs=2e-6)
    assert expected.max() > 5


def test_pieces_of_one_class_are_instances_of_their_own_unless_corners_join_them() -> None:
    apart, joined = np.zeros((2, 5, 5), np.int64)
    apart[1, 1] = apart[3, 3] = 1
    joined[1, 1] = joined[2, 2] = joined[3, 3] = 1
    assert border_weights(apart)[2, 2] == pytest.approx(10 * np.exp(-((2 * np.sqrt(2)) ** 2) / 50), rel=1e-5)
    assert not border_weights(joined).any()


def test_the_background_and_ignored_pixels_are_no_instances() -> None:
    label = np.array([[0, 1, 0, 0, 255, 255, 0]])
    assert not border_weights(label).any()
    assert border_weights(label, background=1).any()


def test_between_two_cells_a_pixel_weighs_up_to_eleven_times_as_much() -> None:
    label = torch.tensor([[[1, 0, 1]]])
    logits = torch.zeros(1, 2, 1, 3)
    expected = (1 + 10 * np.exp(-4 / 50)) * cross_entropy(logits, label).item()
    assert unet_loss(logits, label).item() == pytest.approx(expected, rel=1e-5)
    assert unet_loss(logits, label, w0=0).item() == cross_entropy(logits, label).item()
