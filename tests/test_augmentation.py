"""Augmentation: image and label stay together, and chance follows from (seed, epoch, index) alone."""

import colorsys
import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy import ndimage
from small_data import held, label, photo
from torch import Tensor

from pixelwise.data import Sample, Split
from pixelwise.training import Recipe
from pixelwise.training.augmentation import LUMA, augment, draw_affine, draw_color, generator, turn_hue
from pixelwise.training.batches import batch_of_step, samples_of_step
from pixelwise.training.cache import PADDING, Cache, fill_cache

Floats = npt.NDArray[np.float64]
HEIGHT, WIDTH, CROP = 48, 64, (40, 56)
PLAIN = Recipe(size=CROP, zoom=(1, 1), rotation=0, flip=0, color=0, hue=0)
WILD = Recipe(size=CROP, zoom=(0.75, 2), rotation=30, flip=0.5, color=0.5, hue=40)
AS_IS = np.eye(2, 3)
SAME_COLORS = np.eye(3, 4)


def one(image: npt.NDArray[np.uint8], classes: npt.NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
    """One image and its label as a batch."""
    return torch.from_numpy(image).permute(2, 0, 1)[None], torch.from_numpy(classes)[None]


def apply(
    images: Tensor, labels: Tensor, affine: Floats = AS_IS, color: Floats = SAME_COLORS, crop: tuple[int, int] = CROP
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Augments a batch of one that fills the cache; gives (h, w, c) and (h, w)."""
    seen, found = augment(
        images,
        labels,
        torch.tensor(affine[None], dtype=torch.float32),
        torch.tensor(color[None], dtype=torch.float32),
        extents=torch.tensor([[images.shape[3], images.shape[2]]], dtype=torch.float32),
        crop=crop,
    )
    return seen[0].permute(1, 2, 0).numpy(), found[0].numpy()


def inner(found: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """The pixels whose whole neighbourhood is of one class: no bilinear weight reaches across an edge there."""
    same = ndimage.maximum_filter(found, 7) == ndimage.minimum_filter(found, 7)
    same[:3], same[-3:], same[:, :3], same[:, -3:] = False, False, False, False
    return same


class Loaded(np.random.Generator):
    """Dice that give what they were told: the end, or the middle, of every range."""

    def __init__(self, *shares: float) -> None:
        super().__init__(np.random.PCG64(0))
        self.shares = list(shares)

    def uniform(self, low: float, high: float, size: int | None = None) -> Floats | float:  # type: ignore[override]
        drawn = [self.shares.pop(0) for _ in range(size or 1)]
        return low + (high - low) * (np.array(drawn) if size else drawn[0])


def test_without_any_change_the_image_comes_back_exactly() -> None:
    image, classes = photo(0, HEIGHT, WIDTH), label(0, HEIGHT, WIDTH)
    affine = draw_affine(replace(PLAIN, size=(HEIGHT, WIDTH)), generator(PLAIN.seed, 0, 0), HEIGHT, WIDTH)
    color = draw_color(PLAIN, generator(PLAIN.seed, 0, 0))
    seen, found = apply(*one(image, classes), affine, color, crop=(HEIGHT, WIDTH))
    assert np.abs(seen - image).max() < 1e-2  # a step of 255 times the rounding of a coordinate
    assert np.array_equal(np.rint(seen), image)
    assert np.array_equal(found, classes)


def test_a_mirror_turns_image_and_label_alike() -> None:
    image, classes = photo(0, HEIGHT, WIDTH), label(0, HEIGHT, WIDTH)
    mirror = draw_affine(replace(PLAIN, size=(HEIGHT, WIDTH), flip=1), generator(PLAIN.seed, 0, 0), HEIGHT, WIDTH)
    seen, found = apply(*one(image, classes), mirror, crop=(HEIGHT, WIDTH))
    assert np.array_equal(np.rint(seen), image[:, ::-1])
    assert np.array_equal(found, classes[:, ::-1])


def test_a_shift_by_whole_pixels_cuts_out_that_part() -> None:
    image, classes = photo(0, HEIGHT, WIDTH), label(0, HEIGHT, WIDTH)
    shifted = np.array([[1.0, 0, 3], [0, 1, -2]])  # from a crop in the middle, 4 pixels from every edge
    seen, found = apply(*one(image, classes), shifted)
    assert np.array_equal(np.rint(seen), image[2:42, 7:63])
    assert np.array_equal(found, classes[2:42, 7:63])


def test_what_lies_outside_is_grey_and_ignored() -> None:
    image, classes = np.full((8, 8, 3), 200, np.uint8), np.zeros((8, 8), np.uint8)
    seen, found = apply(*one(image, classes), crop=(12, 16))
    inside = np.zeros((12, 16), bool)
    inside[2:10, 4:12] = True
    assert np.allclose(seen[~inside], 127.5)
    assert np.allclose(seen[inside], 200, atol=1e-3)
    assert np.array_equal(found, np.where(inside, 0, 255))


def test_another_ignored_value_is_used_outside() -> None:
    images, labels = one(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint8))
    settings = {"extents": torch.tensor([[4.0, 4.0]]), "crop": (4, 8), "ignore": 11}
    _, found = augment(images, labels, torch.eye(2, 3)[None], torch.eye(3, 4)[None], **settings)
    assert found.unique().tolist() == [0, 11]


@pytest.mark.parametrize("index", range(12))
def test_the_resampling_is_that_of_scipy(index: int) -> None:
    image, classes = photo(index, HEIGHT, WIDTH), label(index, HEIGHT, WIDTH)
    affine = draw_affine(WILD, generator(WILD.seed, 0, index), HEIGHT, WIDTH)
    seen, _ = apply(*one(image, classes), affine)
    turn = affine[::-1, 1::-1]  # (row, column) in the place of (x, y)
    middle_of_crop, middle = (np.array(size) / 2 - 0.5 for size in (CROP, (HEIGHT, WIDTH)))
    offset = middle + affine[::-1, 2] - turn @ middle_of_crop
    for channel in range(3):
        plane = image[..., channel].astype(float)
        expected = ndimage.affine_transform(plane, turn, offset, CROP, order=1, mode="grid-constant", cval=127.5)
        assert np.abs(seen[..., channel] - expected).max() < 0.05


@pytest.mark.parametrize("index", range(20))
def test_image_and_label_stay_aligned_whatever_is_drawn(index: int) -> None:
    classes = np.kron(label(index, HEIGHT // 2, WIDTH // 2), np.ones((2, 2), np.uint8))
    painted = np.where(classes == 255, 127, classes * 20).astype(np.uint8)[..., None].repeat(3, axis=2)
    seen, found = apply(*one(painted, classes), draw_affine(WILD, generator(WILD.seed, 3, index), HEIGHT, WIDTH))
    same = inner(found)
    assert same.mean() > 0.1
    decoded = np.rint(seen[..., 0] / 20).astype(int)
    known = same & (found != 255)
    assert np.array_equal(decoded[known], found[known])
    assert np.abs(seen[same & (found == 255)] - 127.25).max(initial=0) < 0.3  # 127 in the image, 127.5 outside


@pytest.mark.parametrize("index", range(10))
def test_a_crop_smaller_than_the_zoomed_image_lies_inside_it(index: int) -> None:
    recipe = replace(WILD, rotation=0, zoom=(1, 2))
    affine = draw_affine(recipe, generator(recipe.seed, 0, index), HEIGHT, WIDTH)
    corners = affine @ np.array([[x * CROP[1] / 2, y * CROP[0] / 2, 1] for x in (-1, 1) for y in (-1, 1)]).T
    assert np.abs(corners[0]).max() <= WIDTH / 2 + 1e-9
    assert np.abs(corners[1]).max() <= HEIGHT / 2 + 1e-9


@pytest.mark.parametrize("index", range(10))
def test_an_image_smaller_than_the_crop_lies_inside_it_whole(index: int) -> None:
    recipe = replace(PLAIN, zoom=(0.4, 0.6), flip=0.5)
    _, found = apply(
        *one(photo(0, HEIGHT, WIDTH), np.ones((HEIGHT, WIDTH), np.uint8)),
        affine := draw_affine(recipe, generator(recipe.seed, 0, index), HEIGHT, WIDTH),
    )
    zoom = 1 / abs(affine[0, 0])
    assert 0.4 <= zoom <= 0.6
    assert (found == 1).sum() == pytest.approx(HEIGHT * WIDTH * zoom**2, rel=0.12)


def test_zoom_rotation_and_mirror_stay_within_what_the_recipe_allows() -> None:
    for index in range(200):
        affine = draw_affine(WILD, generator(WILD.seed, 0, index), HEIGHT, WIDTH)[:, :2]
        zoom = abs(np.linalg.det(affine)) ** -0.5
        assert 0.75 <= zoom <= 2
        assert np.allclose(affine @ affine.T, np.eye(2) / zoom**2)  # neither shear nor stretch
        assert math.degrees(math.asin(abs(affine[0, 1]) * zoom)) <= 30
    mirrored = [np.linalg.det(draw_affine(WILD, generator(WILD.seed, 0, i), 9, 9)[:, :2]) < 0 for i in range(400)]
    assert np.mean(mirrored) == pytest.approx(0.5, abs=0.1)


def test_the_same_seed_epoch_and_index_give_the_same_bytes_and_others_do_not() -> None:
    def drawn(seed: int, epoch: int, index: int) -> bytes:
        recipe = replace(WILD, seed=seed)
        random = generator(recipe.seed, epoch, index)
        affine, color = draw_affine(recipe, random, HEIGHT, WIDTH), draw_color(recipe, random)
        seen, found = apply(*one(photo(0, HEIGHT, WIDTH), label(0, HEIGHT, WIDTH)), affine, color)
        return seen.tobytes() + found.tobytes()

    assert drawn(1, 2, 3) == drawn(1, 2, 3)
    assert len({drawn(1, 2, 3), drawn(0, 2, 3), drawn(1, 0, 3), drawn(1, 2, 0), drawn(3, 2, 1)}) == 5


def test_what_happens_to_an_image_does_not_depend_on_the_batch_it_is_in() -> None:
    cache = fill_cache(held(*"abcdef"), (24, 32), torch.device("cpu"))
    small, large = replace(WILD, batch=2), replace(WILD, batch=6)
    whole, _ = batch_of_step(large, 0, cache, 255)
    for step in range(3):
        assert samples_of_step(small, step, cache) == samples_of_step(large, 0, cache)[2 * step : 2 * step + 2]
        part, _ = batch_of_step(small, step, cache, 255)
        assert torch.allclose(part, whole[2 * step : 2 * step + 2], atol=1e-3)


def test_colours_stay_as_they_are_where_nothing_is_to_change() -> None:
    assert np.allclose(draw_color(PLAIN, generator(PLAIN.seed, 0, 0)), SAME_COLORS)


@pytest.mark.parametrize("saturation", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("hue", [0.0, 0.5, 0.9])
def test_saturation_and_hue_keep_grey_grey(saturation: float, hue: float) -> None:
    matrix = draw_color(replace(WILD, hue=180), Loaded(0.5, 0.5, saturation, hue))
    for grey in (0, 100, 255):
        assert np.allclose(matrix @ [grey, grey, grey, 1], grey)


def test_saturation_keeps_the_luma_of_a_colour_and_moves_it_along_the_line_to_grey() -> None:
    matrix = draw_color(replace(WILD, hue=0, color=math.log(2)), Loaded(0.5, 0.5, 0.0, 0.5))
    color = np.array([200.0, 80, 40])
    luma = LUMA @ color
    assert np.allclose(matrix @ [*color, 1], (color + luma) / 2)


def test_exposure_multiplies() -> None:
    matrix = draw_color(replace(WILD, hue=0, color=math.log(2)), Loaded(1.0, 0.5, 0.5, 0.5))
    assert np.allclose(matrix @ [10, 20, 30, 1], [20, 40, 60])


def test_contrast_stretches_around_middle_grey() -> None:
    matrix = draw_color(replace(WILD, hue=0, color=math.log(4)), Loaded(0.5, 1.0, 0.5, 0.5))
    assert np.allclose(matrix @ [127.5, 117.5, 137.5, 1], [127.5, 107.5, 147.5])


@pytest.mark.parametrize("thirds", [1, 2])
@pytest.mark.parametrize("color", [(1.0, 0.0, 0.0), (0.2, 0.9, 0.4), (0.5, 0.5, 0.5)])
def test_a_third_of_a_turn_of_hue_is_that_of_colorsys(thirds: int, color: tuple[float, float, float]) -> None:
    hue, saturation, value = colorsys.rgb_to_hsv(*color)
    expected = colorsys.hsv_to_rgb((hue + thirds / 3) % 1, saturation, value)
    assert np.allclose(turn_hue(thirds * 2 * math.pi / 3) @ color, expected)


def test_a_turn_of_hue_is_a_rotation() -> None:
    turn = turn_hue(0.4)
    assert np.allclose(turn @ turn.T, np.eye(3))
    assert np.linalg.det(turn) == pytest.approx(1)
    assert np.allclose(turn @ turn_hue(-0.4), np.eye(3))


def test_colours_are_cut_off_at_black_and_white() -> None:
    double = np.column_stack([2 * np.eye(3), np.full(3, -50.0)])
    seen, _ = apply(*one(np.full((4, 4, 3), 200, np.uint8), np.zeros((4, 4), np.uint8)), color=double, crop=(4, 4))
    assert np.allclose(seen, 255)
    seen, _ = apply(*one(np.full((4, 4, 3), 10, np.uint8), np.zeros((4, 4), np.uint8)), color=double, crop=(4, 4))
    assert np.allclose(seen, 0)


def test_images_of_another_number_of_channels_change_in_brightness() -> None:
    images = torch.full((1, 1, 4, 4), 50, dtype=torch.uint8)
    seen, _ = apply(images, torch.zeros(1, 4, 4, dtype=torch.uint8), color=2 * SAME_COLORS, crop=(4, 4))
    assert np.allclose(seen, 100)


@pytest.mark.parametrize("index", range(8))
def test_the_padding_of_a_smaller_image_in_the_cache_is_never_seen(index: int) -> None:
    cache = mixed_cache()
    random = generator(WILD.seed, 0, index)
    width, height = cache.extents[1].int().tolist()
    seen, found = augment(
        cache.images[1:],
        cache.labels[1:],
        torch.tensor(draw_affine(WILD, random, height, width)[None], dtype=torch.float32),
        torch.tensor(SAME_COLORS[None], dtype=torch.float32),
        extents=cache.extents[1:],
        crop=CROP,
    )
    assert set(found.unique().tolist()) <= {3, 255}
    pixels, classes = seen[0, 0].numpy(), found[0].numpy()
    assert np.abs(pixels[inner(classes) & (classes == 255)] - 127.75).max(initial=0) <= 0.3  # padded with 128
    assert np.abs(pixels[inner(classes) & (classes == 3)] - 60).max() < 0.01
    assert pixels.min() > 59.9
    assert pixels.max() < 128.1


@pytest.mark.parametrize("index", range(4))
def test_a_smaller_image_in_the_cache_is_augmented_as_if_it_were_alone(index: int) -> None:
    cache, alone = mixed_cache(), fill_cache(held("a"), (24, 32), torch.device("cpu"))
    cache.images[1, :, :24, :24], cache.labels[1, :24, :24] = alone.images[0, :, :, :24], alone.labels[0, :, :24]
    changes = {
        "affines": torch.tensor(draw_affine(WILD, generator(WILD.seed, 0, index), 24, 24)[None], dtype=torch.float32),
        "colors": torch.eye(3, 4)[None],
        "extents": torch.tensor([[24.0, 24.0]]),
        "crop": CROP,
    }
    cache.images[1, :, 24:], cache.labels[1, 24:] = PADDING, 255
    padded, classes = augment(cache.images[1:], cache.labels[1:], **changes)
    seen, found = augment(alone.images[..., :24], alone.labels[..., :24], **changes)
    assert torch.equal(classes, found)
    assert (padded - seen).abs().max() <= 0.51  # padded with 128, not 127.5


def mixed_cache() -> Cache:
    """A wide image and a tall one; the second is all of class 3 and of one colour."""
    first = Sample(photo(0, 24, 48), label(0, 24, 48), "wide")
    second = Sample(np.full((48, 24, 3), 60, np.uint8), np.full((48, 24), 3, np.uint8), "tall")
    wide, tall = held("wide").entries[0], held("tall").entries[0]
    wide.sample, tall.sample = first, second
    return fill_cache(Split((wide, tall)), (32, 36), torch.device("cpu"))
