"""OpenCV's resampling and torch's are the same; test_augmentation.py checks the one in use against scipy."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import ndimage
from small_data import Held, label, photo
from torch import Tensor
from torch.nn import functional as F

from pixelwise.data import Sample, Split
from pixelwise.training import Recipe
from pixelwise.training.augmentation import draw_affine, generator
from pixelwise.training.cache import fill_cache
from pixelwise.training.resampling import EXACT, by_grid_sample, by_opencv, recolor, resample

pytestmark = pytest.mark.skipif(not EXACT, reason="this OpenCV is older than 5 and not used for resampling")
Pair = tuple[Tensor, Tensor]
SHAPES = ((96, 128), (128, 96), (80, 80), (97, 121))
WILD = Recipe(size=(72, 88), zoom=(0.5, 2), rotation=45)


def bends(seed: int, n: int, deviation: float) -> Tensor:
    """Smooth elastic shifts of n crops of WILD's size."""
    nodes = torch.tensor(np.random.default_rng(seed).normal(0, deviation, (n, 2, 3, 3)), dtype=torch.float32)
    return F.interpolate(nodes, WILD.size, mode="bicubic", align_corners=True)


def both(channels: int, seed: int, elastic: float) -> list[Pair]:
    """The same four images of several shapes, resampled either way; the padding beyond a smaller one is grey."""
    samples = [Sample(photo(i, *shape)[..., [0] * channels], label(i, *shape), "") for i, shape in enumerate(SHAPES)]
    cache = fill_cache(Split(tuple(Held(sample) for sample in samples)), (96, 128), torch.device("cpu"), ignore=200)
    affines = [
        draw_affine(WILD, generator(WILD.seed, seed, index), int(height), int(width))
        for index, (width, height) in enumerate(cache.extents)
    ]
    images, labels, extents = cache.batch(range(4))
    arguments = (images, labels, torch.tensor(np.array(affines), dtype=torch.float32))
    shifts = bends(seed, 4, elastic) if elastic else None
    rest = {"extents": extents, "crop": WILD.size, "ignore": 200, "shifts": shifts}
    return [way(*arguments, **rest) for way in (by_opencv, by_grid_sample)]


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("elastic", [0, 6])
def test_both_ways_give_the_same_images_within_rounding_and_the_same_labels_but_for_ties(
    channels: int, seed: int, elastic: int
) -> None:
    (seen, found), (expected, wanted) = both(channels, seed, elastic)
    assert seen.shape == expected.shape
    assert (seen.dtype, found.dtype) == (expected.dtype, wanted.dtype)
    assert (seen - expected).abs().max() < 0.55  # a padded pixel is 128, what lies outside 127.5
    assert (seen - expected).abs().mean() < 0.05
    assert (found != wanted).float().mean() < 1e-3


@pytest.mark.parametrize("seed", range(5))
def test_images_of_one_size_differ_by_less_than_a_twentieth_of_a_grey_level(seed: int) -> None:
    image, classes = torch.from_numpy(photo(seed, 96, 128)).permute(2, 0, 1)[None], torch.from_numpy(label(0, 96, 128))
    affine = torch.tensor(draw_affine(WILD, generator(WILD.seed, seed, 0), 96, 128)[None], dtype=torch.float32)
    rest = {"extents": torch.tensor([[128.0, 96.0]]), "crop": WILD.size, "ignore": 255}
    (seen, _), (expected, _) = (way(image, classes[None], affine, **rest) for way in (by_opencv, by_grid_sample))
    assert (seen - expected).abs().max() < 0.05


@pytest.mark.parametrize("way", [by_opencv, by_grid_sample])
@pytest.mark.parametrize("seed", range(3))
def test_an_elastic_resampling_is_that_of_scipy_at_the_shifted_places(way: Callable[..., Pair], seed: int) -> None:
    image, classes = photo(seed, 96, 128), label(seed, 96, 128)
    affine = draw_affine(WILD, generator(0, seed, 0), 96, 128)
    shift = bends(seed, 1, 8)
    rest = {"extents": torch.tensor([[128.0, 96.0]]), "crop": WILD.size, "ignore": 255, "shifts": shift}
    batch = torch.from_numpy(image).permute(2, 0, 1)[None], torch.from_numpy(classes)[None]
    seen, found = way(*batch, torch.tensor(affine[None], dtype=torch.float32), **rest)
    height, width = WILD.size
    across, down = np.meshgrid(np.arange(width) - (width - 1) / 2, np.arange(height) - (height - 1) / 2)
    places = np.stack([across, down, np.ones_like(across)]) + np.concatenate([shift[0].numpy(), 0 * across[None]])
    x, y = np.einsum("ij,jhw->ihw", affine, places) + np.array([63.5, 47.5])[:, None, None]
    for channel in range(3):
        plane = image[..., channel].astype(float)
        expected = ndimage.map_coordinates(plane, [y, x], order=1, mode="grid-constant", cval=127.5)
        assert np.abs(seen[0, channel].numpy() - expected).max() < 0.05
    nearest = ndimage.map_coordinates(classes, [y, x], order=0, mode="grid-constant", cval=255)
    assert np.mean(found[0].numpy() != nearest) < 1e-3


@pytest.mark.parametrize("way", [by_opencv, by_grid_sample])
def test_shifts_of_nothing_change_nothing(way: Callable[..., Pair]) -> None:
    image, classes = torch.from_numpy(photo(0, 96, 128)).permute(2, 0, 1)[None], torch.from_numpy(label(0, 96, 128))
    affine = torch.tensor(draw_affine(WILD, generator(0, 0, 0), 96, 128)[None], dtype=torch.float32)
    rest = {"extents": torch.tensor([[128.0, 96.0]]), "crop": WILD.size, "ignore": 255}
    seen, found = way(image, classes[None], affine, **rest, shifts=torch.zeros(1, 2, *WILD.size))
    expected, wanted = way(image, classes[None], affine, **rest)
    assert (seen - expected).abs().max() < 0.02
    assert (found != wanted).float().mean() < 1e-3


@pytest.mark.parametrize("channels", [2, 6])
def test_images_of_a_number_of_channels_that_opencv_rounds_are_resampled_exactly_all_the_same(channels: int) -> None:
    images = torch.randint(0, 256, (1, channels, 24, 32), dtype=torch.uint8)
    settings = {"extents": torch.tensor([[32.0, 24.0]]), "crop": (24, 32), "ignore": 255}
    seen, _ = resample(images, torch.zeros(1, 24, 32, dtype=torch.uint8), torch.eye(2, 3)[None], **settings)
    assert torch.allclose(seen, images.float(), atol=1e-2)
    rest = settings | {"crop": (20, 40)}
    turn = torch.tensor([[[0.8, 0.3, 0.37], [-0.3, 0.8, 1.21]]])
    labels = torch.zeros(1, 24, 32, dtype=torch.uint8)
    expected = torch.cat([by_opencv(images[:, [c]], labels, turn, **rest)[0] for c in range(channels)], 1)
    assert (resample(images, labels, turn, **rest)[0] - expected).abs().max() < 0.05


def test_colours_become_what_their_matrix_says() -> None:
    images, colors = torch.rand(2, 3, 5, 7) * 255, torch.rand(2, 3, 4) - 0.2
    expected = torch.einsum("nij,njhw->nihw", colors[..., :3], images) + colors[..., 3][..., None, None]
    assert not torch.equal(expected, expected := expected.clamp(0, 255))
    for laid_out in (images, images.contiguous(memory_format=torch.channels_last)):
        assert torch.allclose(recolor(laid_out, colors), expected, atol=1e-3)
