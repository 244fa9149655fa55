"""All ingredients of augmentation together: elastic shifts, crops over rare classes, parts of a batch, and chance."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy import ndimage
from small_data import Held, held, label, photo

from pixelwise.data import Sample, Split
from pixelwise.training import Recipe
from pixelwise.training.augmentation import INGREDIENTS, Drawn, affine_of, augmented, draw_affine, generator, lay_over
from pixelwise.training.cache import Cache, fill_cache

CPU = torch.device("cpu")
CROP = (40, 56)
STILL = Recipe(size=CROP, zoom=(1, 1), rotation=0, flip=0, color=0, hue=0)
OFF = {"elastic": 0.0, "blur": 0.0, "noise": 0.0, "jpeg": 0.0, "cutout": 0.0, "classmix": 0.0}
ALL = Recipe(size=CROP, rotation=20, elastic=3.0, blur=0.5, noise=8.0, jpeg=0.5, cutout=0.5, classmix=0.5)
SHAPES = ((48, 64), (64, 48), (20, 90), (30, 30), (48, 64))


def several(channels: int = 3) -> Cache:
    """Five images of several shapes, some smaller than a crop."""
    channel = (np.arange(channels) % 3).tolist()
    samples = [Sample(photo(i, *shape)[..., channel], label(i, *shape), "") for i, shape in enumerate(SHAPES)]
    return fill_cache(Split(tuple(Held(sample) for sample in samples)), (48, 64), CPU)


def batch(epoch: int = 0) -> list[Drawn]:
    return [Drawn(index, (0, epoch, index), rare=3 if index % 2 else None) for index in range(len(SHAPES))]


def keys(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The kernel of cubic convolution (Keys 1981) with a = -0.75, as the libraries have it."""
    x = np.abs(x)
    near, far = 1.25 * x**3 - 2.25 * x**2 + 1, -0.75 * (x**3 - 5 * x**2 + 8 * x - 4)
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def cubic(nodes: npt.NDArray[np.float64], height: int, width: int) -> npt.NDArray[np.float64]:
    """(3, 3) nodes -> (height, width), the outer nodes repeated beyond the edge."""
    padded = np.pad(nodes, 2, mode="edge")
    rows, columns = (keys(np.linspace(0, 2, side)[:, None] - np.arange(-2, 5)) for side in (height, width))
    return np.einsum("hi,ij,wj->hw", rows, padded, columns)


@pytest.mark.parametrize("index", range(3))
def test_elastic_shifts_are_bicubic_between_nine_random_vectors_in_pixels_of_the_crop(index: int) -> None:
    cache = fill_cache(held(*"abc"), CROP, CPU)
    drawn = Drawn(index, (5, 0, index))
    [seen], _ = augmented(replace(STILL, elastic=4.0), [drawn], cache, 255)
    across, down = (cubic(nodes, *CROP) for nodes in drawn.dice("elastic").normal(0, 4, (2, 3, 3)))
    stored = cache.images[index].numpy().astype(float)
    height, width = stored.shape[1:]
    x = np.arange(CROP[1]) + (width - CROP[1]) / 2 + across
    y = np.arange(CROP[0])[:, None] + (height - CROP[0]) / 2 + down
    # At a zoom of 1 the crop has no more play than the rounding of the working size.
    play = draw_affine(STILL, generator(*drawn.chance), height, width)[:, 2]
    for channel in range(3):
        expected = ndimage.map_coordinates(
            stored[channel], [y + play[1], x + play[0]], order=1, mode="grid-constant", cval=127.5
        )
        assert np.abs(seen[channel].numpy() - expected).max() < 0.1


def test_the_nodes_are_shifted_by_the_deviation_of_the_recipe() -> None:
    ramp = np.tile(np.arange(201, dtype=np.uint8), (201, 1))
    sample = Sample(ramp[..., None], np.zeros((201, 201), np.uint8), "")
    cache = fill_cache(Split((Held(sample),)), (201, 201), CPU)
    recipe = replace(STILL, size=(101, 101), elastic=6.0)
    still, bent = (
        torch.cat([augmented(one, [Drawn(0, (0, 0, number))], cache, 255)[0] for number in range(300)])
        for one in (replace(recipe, elastic=0.0), recipe)
    )
    shifted = (bent - still)[:, 0, 50, 50]  # a ramp shows by how many pixels
    assert float(shifted.std()) == pytest.approx(6, rel=0.15)
    assert abs(float(shifted.mean())) < 1.2


@pytest.mark.parametrize("index", range(5))
def test_image_and_label_stay_aligned_where_they_are_bent(index: int) -> None:
    classes = np.kron(label(index, 24, 32), np.ones((2, 2), np.uint8))
    painted = np.where(classes == 255, 127, classes * 20).astype(np.uint8)[..., None]
    cache = fill_cache(Split((Held(Sample(painted, classes, "")),)), CROP, CPU)
    recipe = Recipe(size=CROP, rotation=20, elastic=3.0, color=0, hue=0)
    seen, found = augmented(recipe, [Drawn(0, (0, 0, index))], cache, 255)
    there = found[0].numpy()
    same = ndimage.maximum_filter(there, 7) == ndimage.minimum_filter(there, 7)
    same[:3], same[-3:], same[:, :3], same[:, -3:] = False, False, False, False
    known = same & (there != 255)
    assert known.mean() > 0.05
    assert np.array_equal(np.rint(seen[0, 0].numpy()[known] / 20), there[known])


@pytest.mark.parametrize("rotation", [0, 30])
@pytest.mark.parametrize("zoom", [0.5, 1.0, 2.5])
@pytest.mark.parametrize("mirror", [-1.0, 1.0])
def test_a_crop_laid_over_a_pixel_covers_it_wherever_it_is(rotation: int, zoom: float, mirror: float) -> None:
    random = np.random.default_rng(0)
    for row, column in ((0, 0), (0, 63), (47, 0), (47, 63), (20, 31)):
        there = torch.zeros(48, 64, dtype=torch.bool)
        there[row, column] = True
        affine = affine_of(zoom, np.radians(rotation), mirror, np.zeros(2))
        laid = lay_over(affine, there, CROP, random=random)
        place = np.linalg.solve(laid[:, :2], [column - 31.5, row - 23.5] - laid[:, 2])
        assert abs(place[0]) <= (CROP[1] - 1) / 2 + 1e-9
        assert abs(place[1]) <= (CROP[0] - 1) / 2 + 1e-9
        assert np.array_equal(laid[:, :2], affine[:, :2])
        if not rotation:  # no further out of the image than any other crop
            play = np.abs([64 - CROP[1] / zoom, 48 - CROP[0] / zoom]) / 2
            assert (np.abs(laid[:, 2]) <= play + 1e-9).all()


def test_every_pixel_of_the_class_is_covered_now_and_then_anywhere_in_the_crop() -> None:
    there = torch.zeros(480, 640, dtype=torch.bool)
    there[100, 200] = there[300, 400] = True
    affine = affine_of(1.0, 0.0, 1.0, np.zeros(2))
    random = np.random.default_rng(0)
    shifts = np.array([lay_over(affine, there, CROP, random=random)[:, 2] for _ in range(600)])
    first = shifts[:, 0] < 0
    assert first.mean() == pytest.approx(0.5, abs=0.07)
    spread = shifts[first] - [200 - 319.5, 100 - 239.5]
    assert np.abs(spread).max(0) == pytest.approx([27.5, 19.5], rel=0.03)
    assert np.abs(spread.mean(0)).max() < 3


def test_an_image_without_the_class_is_cropped_as_ever() -> None:
    cache = fill_cache(held("a"), CROP, CPU)
    plain, wanting = (augmented(ALL, [Drawn(0, (0, 0, 0), rare)], cache, 255) for rare in (None, 77))
    assert torch.equal(plain[0], wanting[0])
    assert torch.equal(plain[1], wanting[1])


def test_a_class_that_is_asked_for_is_seen() -> None:
    classes = np.zeros((48, 64), np.uint8)
    classes[44, 61] = 9  # one pixel in a corner
    samples = Split((Held(Sample(photo(0, 48, 64), classes, "")),))
    cache = fill_cache(samples, (48, 64), CPU)
    recipe = Recipe(size=(48, 64), zoom=(1.5, 2.5), rotation=10)
    seen = [
        [9 in augmented(recipe, [Drawn(0, (0, 0, number), rare)], cache, 255)[1] for number in range(60)]
        for rare in (9, None)
    ]
    assert all(seen[0])
    assert np.mean(seen[1]) < 0.7


@pytest.mark.parametrize("epoch", range(3))
def test_the_parts_of_a_batch_are_the_whole_batch(epoch: int) -> None:
    cache = several()
    images, labels = augmented(ALL, batch(epoch), cache, 255)
    for places in (range(0, 2), range(2, 3), range(3, 5), range(4, 5), range(0, 5)):
        part, part_labels = augmented(ALL, batch(epoch), cache, 255, places=places)
        assert torch.equal(part, images[places.start : places.stop])
        assert torch.equal(part_labels, labels[places.start : places.stop])


@pytest.mark.parametrize("channels", [1, 2, 3, 6])
def test_images_of_any_channels_and_sizes_go_through_all_of_it(channels: int) -> None:
    images, labels = augmented(ALL, batch(), several(channels), 255)
    assert images.shape == (5, channels, *CROP)
    assert labels.shape == (5, *CROP)
    assert (images.dtype, labels.dtype) == (torch.float32, torch.int64)
    assert float(images.min()) >= 0
    assert float(images.max()) <= 255
    assert set(labels.unique().tolist()) <= {*range(11), 255}


def test_a_crop_larger_than_every_image_goes_through_all_of_it() -> None:
    images, labels = augmented(replace(ALL, size=(80, 100)), batch(), several(), 200)
    assert images.shape == (5, 3, 80, 100)
    assert (labels == 200).float().mean() > 0.3


def test_what_happens_follows_from_the_drawn_numbers_alone() -> None:
    cache = several()
    np.random.seed(1)
    torch.manual_seed(1)
    first = augmented(ALL, batch(), cache, 255)
    np.random.seed(2)
    torch.manual_seed(2)
    again, other = augmented(ALL, batch(), cache, 255), augmented(ALL, batch(1), cache, 255)
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])


@pytest.mark.parametrize("name", OFF)
def test_an_ingredient_that_is_turned_off_changes_no_draw_of_the_others(name: str) -> None:
    dice = {one: Drawn(0, (1, 2, 3)).dice(one).random() for one in INGREDIENTS}
    assert len({*dice.values(), generator(1, 2, 3).random()}) == len(INGREDIENTS) + 1
    cache = several()
    alone = replace(ALL, **OFF | {name: getattr(ALL, name)})
    plain, changed = augmented(replace(ALL, **OFF), batch(), cache, 255), augmented(alone, batch(), cache, 255)
    assert not torch.equal(plain[0], changed[0])
    if name in ("blur", "noise", "jpeg"):
        assert torch.equal(plain[1], changed[1])
        assert (plain[0] - changed[0]).abs().mean() < 40
