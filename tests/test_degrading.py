"""Blur, noise and JPEG: against scipy and Pillow, and as often and as strong as the recipe says."""

import io
from functools import partial

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image as Pillow
from scipy import ndimage
from small_data import photo

from pixelwise.training import Recipe
from pixelwise.training.augmentation import Drawn
from pixelwise.training.degrading import BLUR, QUALITY, Step, blurred, compressed, degrade, draw_degrading, noisy

Pixels = npt.NDArray[np.float32]


def smooth(channels: int = 3) -> Pixels:
    """Something like a photo, between black and white."""
    waves = np.indices((48, 64)).sum(0)[..., None] / np.arange(5, 5 + channels)
    return np.asarray(127 + 100 * np.sin(waves), np.float32)


def drawn(recipe: Recipe, images: int) -> list[list[Step]]:
    return [draw_degrading(recipe, Drawn(0, (0, 0, number)).happens) for number in range(images)]


def values(recipe: Recipe, key: str) -> list[float]:
    """What was drawn for 600 images, of those to which it happens."""
    steps = [step for one in drawn(recipe, 600) for step in one]
    return [step.keywords[key] for step in steps if isinstance(step, partial)]


@pytest.mark.parametrize("channels", [1, 2, 3, 6])
@pytest.mark.parametrize("sigma", [0.5, 1.3, 2.0])
def test_a_blur_is_the_gaussian_of_scipy(channels: int, sigma: float) -> None:
    pixels = photo(0, 24, 32)[..., [0, 1, 2, 0, 1, 2][:channels]].astype(np.float32)
    expected = ndimage.gaussian_filter(pixels, (sigma, sigma, 0), mode="mirror")
    assert np.abs(blurred(pixels, sigma) - expected).max() < 0.1


@pytest.mark.parametrize("channels", [1, 3, 6])
def test_noise_has_its_deviation_and_is_another_in_every_pixel_and_channel(channels: int) -> None:
    noise = noisy(np.full((100, 120, channels), 127, np.float32), 9.0, np.random.default_rng(1)) - 127
    assert noise.std() == pytest.approx(9, rel=0.03)
    assert abs(noise.mean()) < 0.3
    between = np.corrcoef(noise.reshape(-1, channels).T) if channels > 1 else np.eye(1)
    assert np.abs(between - np.eye(channels)).max() < 0.05
    assert abs(np.corrcoef(noise[1:].ravel(), noise[:-1].ravel())[0, 1]) < 0.05


def test_noise_leaves_nothing_below_black_or_above_white() -> None:
    pixels = np.array([0, 255], np.float32).repeat(3000).reshape(2, 1000, 3)
    changed = noisy(pixels, 30.0, np.random.default_rng(0))
    assert (changed.min(), changed.max()) == (0, 255)


@pytest.mark.parametrize("quality", [30, 60, 95])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_jpeg_is_that_of_pillow(quality: int, channels: int) -> None:
    pixels = smooth(channels)
    whole = np.rint(pixels).astype(np.uint8)
    file = io.BytesIO()
    Pillow.fromarray(whole if channels == 3 else whole[..., 0]).save(file, "JPEG", quality=quality)
    expected = np.asarray(Pillow.open(file)).reshape(pixels.shape)
    found = compressed(pixels, quality)
    assert np.abs(found - expected).mean() < 0.7
    assert np.abs(found - pixels).mean() < 15


def test_a_lower_quality_spoils_more() -> None:
    pixels = photo(3, 48, 64).astype(np.float32)
    lost = [float(np.abs(compressed(pixels, quality) - pixels).mean()) for quality in (95, 60, 30)]
    assert lost == sorted(lost)


@pytest.mark.parametrize("channels", [2, 4, 6])
def test_pictures_of_other_channels_are_not_compressed(channels: int) -> None:
    pixels = smooth(channels)
    assert compressed(pixels, 30) is pixels


@pytest.mark.parametrize("name", ["blur", "jpeg"])
def test_they_happen_as_often_as_the_recipe_says(name: str) -> None:
    share = np.mean([len(steps) for steps in drawn(Recipe(**{name: 0.3}), 600)])
    assert share == pytest.approx(0.3, abs=0.06)
    assert all(drawn(Recipe(**{name: 1.0}), 100))
    assert not any(drawn(Recipe(), 100))


def test_what_is_drawn_fills_the_range_and_never_leaves_it() -> None:
    sigmas, qualities = values(Recipe(blur=1.0), "sigma"), values(Recipe(jpeg=1.0), "quality")
    deviations = values(Recipe(noise=8.0), "deviation")
    assert BLUR[0] <= min(sigmas) < 0.52 < 1.9 < max(sigmas) <= BLUR[1]
    assert np.median(sigmas) == pytest.approx(1, abs=0.1)  # log-uniform
    assert (min(qualities), max(qualities)) == QUALITY
    assert 0 <= min(deviations) < 0.2 < 7.8 < max(deviations) <= 8


def test_blur_comes_first_then_noise_then_jpeg() -> None:
    [steps] = drawn(Recipe(blur=1.0, noise=8.0, jpeg=1.0), 1)
    assert [step.func for step in steps if isinstance(step, partial)] == [blurred, noisy, compressed]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_every_image_gets_its_own_steps_and_one_without_stays_as_it_is(layout: torch.memory_format) -> None:
    pixels = np.stack([smooth(), smooth()[::-1]])
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(memory_format=layout).clone()
    degrade(images, [[], [partial(blurred, sigma=1.5), partial(compressed, quality=50)]])
    found = images.permute(0, 2, 3, 1).numpy()
    assert np.array_equal(found[0], pixels[0])
    assert np.array_equal(found[1], compressed(blurred(pixels[1], 1.5), 50))
