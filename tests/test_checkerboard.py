"""Checkerboards of known strength, and pictures that have none but look as if they could."""

import math
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from pixelwise.errors import UserError
from pixelwise.metrics import PERIODS, WINDOW, checkerboard_energy, checkerboard_ratio, power_spectrum

Picture = npt.NDArray[np.float64]
SIDE = 256
ONE_DB, TWO_DB = 10**0.1, 10**0.2


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def noise(side: int = SIDE) -> Picture:
    return random().normal(size=(side, side))


def blobs() -> Picture:
    """Two classes with smooth borders, 0 and 1."""
    return (cv2.GaussianBlur(noise(), (0, 0), 6) > 0).astype(float)


def houses() -> Picture:
    """Upright rectangles of all sizes at all places, as of a label map of a town."""
    town, rng = np.zeros((SIDE, SIDE)), random(1)
    for _ in range(60):
        top, left, height, width = (*rng.integers(0, 230, 2), *rng.integers(5, 60, 2))
        town[top : top + height, left : left + width] = rng.random()
    return town


def diamonds() -> Picture:
    """Straight borders at 45 degrees, whose ridge in the plane's spectrum crosses the checkerboard's place."""
    rows, columns = np.indices((SIDE, SIDE))
    field, rng = np.zeros((SIDE, SIDE)), random(1)
    for _ in range(60):
        row, column, reach = *rng.integers(0, SIDE, 2), rng.integers(5, 40)
        field[abs(rows - row) + abs(columns - column) < reach] = rng.random()
    return field


def board(period: int = 2, side: int = SIDE) -> Picture:
    """A wave in both directions, of mean square 1 along every row and column."""
    wave = np.cos(2 * np.pi * np.arange(side) / period + 0.7)
    wave /= np.sqrt(np.mean(wave**2))
    return wave[:, None] * wave[None]


PLAIN = {"noise": noise, "blobs": blobs, "houses": houses, "diamonds": diamonds}


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("content", PLAIN.values(), ids=PLAIN)
def test_a_picture_without_checkerboards_has_a_ratio_near_1(content: Callable[[], Picture], period: int) -> None:
    ratio = checkerboard_ratio(power_spectrum(content()), period)
    assert 1 / TWO_DB < ratio < TWO_DB


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("amplitude", [0.3, 1.0, 3.0])
def test_the_energy_is_the_share_of_the_variance_that_a_board_in_noise_makes(amplitude: float, period: int) -> None:
    spectrum = power_spectrum(noise() + amplitude * board(period))
    assert checkerboard_energy(spectrum, period) == pytest.approx(amplitude**2 / (1 + amplitude**2), abs=0.01)


@pytest.mark.parametrize("amplitude", [0.3, 1.0, 3.0])
def test_the_ratio_grows_with_the_square_of_the_amplitude(amplitude: float) -> None:
    gain = WINDOW * 2 / 3  # of a wave at 1/2 over noise under a Hann window: (sum of it)^2 / sum of its squares
    ratio = checkerboard_ratio(power_spectrum(noise() + amplitude * board()))
    assert ratio == pytest.approx(1 + gain * amplitude**2, rel=0.05)


@pytest.mark.parametrize("content", PLAIN.values(), ids=PLAIN)
def test_a_board_of_a_tenth_of_the_range_stands_out_of_any_content(content: Callable[[], Picture]) -> None:
    picture = content()
    found = checkerboard_ratio(power_spectrum(picture + 0.1 * np.ptp(picture) * board()))
    assert found > 4


@pytest.mark.parametrize("period", PERIODS)
def test_a_board_is_seen_at_its_own_period_only(period: int) -> None:
    spectrum = power_spectrum(noise() + board(period))
    for other in PERIODS:
        assert (checkerboard_ratio(spectrum, other) > 4) == (other == period)


def test_a_board_whose_strength_goes_with_the_content_is_seen() -> None:
    content = blobs()
    assert checkerboard_ratio(power_spectrum(content * (1 + 0.2 * board()))) > 4


@pytest.mark.parametrize("shift", [1, 5, 32])
def test_a_shift_changes_neither_boards_nor_content(shift: int) -> None:
    picture = cv2.copyMakeBorder(blobs() + 0.1 * board(), 0, 64, 0, 64, cv2.BORDER_WRAP)
    first, shifted = (power_spectrum(picture[by : by + SIDE, by : by + SIDE]) for by in (0, shift))
    assert checkerboard_ratio(shifted) == pytest.approx(checkerboard_ratio(first), rel=0.25)
    only_board = (power_spectrum(np.roll(board(), by, (0, 1))) for by in (0, shift))
    assert np.allclose(*only_board)


def test_rows_and_columns_count_alike_and_brightness_and_gradients_not_at_all() -> None:
    picture = blobs() + 0.1 * board()
    spectrum = power_spectrum(picture)
    assert np.allclose(power_spectrum(picture.T), spectrum)
    plane = np.add.outer(np.arange(SIDE), 2 * np.arange(SIDE))
    assert np.allclose(power_spectrum(picture + plane), spectrum)


def test_contrast_changes_no_ratio_and_channels_are_averaged() -> None:
    picture = noise() + board()
    spectrum = power_spectrum(picture)
    assert checkerboard_ratio(power_spectrum(7 * picture)) == pytest.approx(checkerboard_ratio(spectrum))
    assert np.allclose(power_spectrum(np.dstack([picture, picture * 3])), 5 * spectrum)


def test_the_mean_power_of_noise_is_its_variance() -> None:
    assert power_spectrum(2 * noise())[2:-1].mean() == pytest.approx(4, rel=0.05)


def test_repeated_pixels_are_a_dip_and_no_checkerboard() -> None:
    repeated = noise(128).repeat(2, 0).repeat(2, 1)
    assert checkerboard_ratio(power_spectrum(repeated)) < 1 / ONE_DB


def test_an_uneven_transposed_convolution_prints_a_checkerboard() -> None:
    """Kernel 3, stride 2, all ones: Odena et al.'s uneven overlap, worked by hand along each axis."""
    grown = np.zeros((257, 257))
    small = cv2.GaussianBlur(noise(128), (0, 0), 4) + 1
    for down in range(3):
        for right in range(3):
            grown[down : down + 256 : 2, right : right + 256 : 2] += small
    assert checkerboard_ratio(power_spectrum(grown)) > 100


@pytest.mark.parametrize("value", [0.0, 3.3, -1e6])
def test_a_flat_picture_has_no_ratio(value: float) -> None:
    spectrum = power_spectrum(np.full((64, 64), value, np.float32))
    assert not spectrum.any()
    assert math.isnan(checkerboard_ratio(spectrum))
    assert math.isnan(checkerboard_energy(spectrum))


def test_a_picture_smaller_than_a_window_and_an_unknown_period_are_told() -> None:
    with pytest.raises(UserError, match="64x63"):
        power_spectrum(np.zeros((64, 63)))
    with pytest.raises(UserError, match="period"):
        checkerboard_ratio(np.ones(WINDOW), 3)
