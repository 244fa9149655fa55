"""Cutout and ClassMix: what they change, how much of it, and that the rest stays as it was."""

import numpy as np
import pytest
import torch
from small_data import held

from pixelwise.training import Recipe
from pixelwise.training.augmentation import Drawn, augmented
from pixelwise.training.cache import fill_cache
from pixelwise.training.mixing import CUT, draw_box, draw_classes, paste

CROP = (40, 56)
PLAIN = Recipe(size=CROP, batch=4)
BATCH = [Drawn(index, (0, 0, index)) for index in range(4)]


def both(mixed: Recipe) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Images and labels of a batch with a recipe, and with the plain one."""
    cache = fill_cache(held(*"abcd"), CROP, torch.device("cpu"))
    return *augmented(mixed, BATCH, cache, 255), *augmented(PLAIN, BATCH, cache, 255)


def test_cutout_makes_one_rectangle_grey_and_ignored_and_leaves_the_rest() -> None:
    images, labels, plain, plain_labels = both(Recipe(size=CROP, batch=4, cutout=1.0))
    for drawn, image, label, before, before_label in zip(BATCH, images, labels, plain, plain_labels, strict=True):
        random = drawn.dice("cutout")
        random.random()  # by which it was decided
        cut = torch.zeros(CROP, dtype=torch.bool)
        cut[draw_box(random, *CROP)] = True
        assert cut.any()
        assert torch.equal(image, torch.where(cut, 127.5, before))
        assert torch.equal(label, torch.where(cut, 255, before_label))


def test_a_rectangle_has_the_sides_it_may_have_and_lies_anywhere() -> None:
    random = np.random.default_rng(0)
    covered = np.zeros((100, 200))
    for _ in range(2000):
        rows, columns = draw_box(random, 100, 200)
        assert 0 <= rows.start <= rows.stop
        assert rows.stop - rows.start <= round(CUT[1] * 100) + 1
        assert columns.stop - columns.start <= round(CUT[1] * 200) + 1
        covered[rows, columns] += 1
    assert covered.min() > 40  # a corner too
    assert covered[50, 100] / 2000 == pytest.approx(0.3 * 0.3, abs=0.03)  # the mean share of the sides


def test_half_of_the_classes_are_drawn_and_never_what_is_ignored() -> None:
    label = torch.tensor([[0, 3, 7, 9, 255]])
    drawn = {tuple(draw_classes(np.random.default_rng(seed), label, ignore=255)) for seed in range(200)}
    assert drawn == {(0, 3), (0, 7), (0, 9), (3, 7), (3, 9), (7, 9)}
    assert draw_classes(np.random.default_rng(0), torch.tensor([[2, 255]]), ignore=255) == []
    assert draw_classes(np.random.default_rng(0), torch.tensor([[255, 255]]), ignore=255) == []


def test_pasted_pixels_are_those_of_the_classes_alone() -> None:
    image, other = torch.rand(3, 6, 8), torch.rand(3, 6, 8)
    label, other_label = torch.randint(5, (6, 8)), torch.randint(5, (6, 8))
    found, found_label = image.clone(), label.clone()
    paste(found, found_label, other, other_label, [1, 4])
    for row, column in np.ndindex(6, 8):
        from_other = int(other_label[row, column]) in (1, 4)
        assert torch.equal(found[:, row, column], (other if from_other else image)[:, row, column])
        assert found_label[row, column] == (other_label if from_other else label)[row, column]


def test_classmix_pastes_from_the_next_image_of_the_batch_as_it_was_before_it_was_mixed_itself() -> None:
    images, labels, plain, plain_labels = both(Recipe(size=CROP, batch=4, classmix=1.0))
    for place in range(4):
        partner = (place + 1) % 4
        pasted = (images[place] != plain[place]).any(0)
        assert pasted.any()
        assert torch.equal(images[place][:, pasted], plain[partner][:, pasted])
        assert torch.equal(labels[place][pasted], plain_labels[partner][pasted])
        assert torch.equal(labels[place][~pasted], plain_labels[place][~pasted])
        shown = set(plain_labels[partner].unique().tolist()) - {255}
        assert len(set(labels[place][pasted].tolist())) == len(shown) // 2


def test_classmix_happens_as_often_as_the_recipe_says() -> None:
    happened = [Drawn(0, (0, 0, number)).happens("classmix", 0.25) is not None for number in range(800)]
    assert np.mean(happened) == pytest.approx(0.25, abs=0.05)


def test_a_batch_of_one_has_nobody_to_mix_with() -> None:
    cache = fill_cache(held("a"), CROP, torch.device("cpu"))
    mixed, _ = augmented(Recipe(size=CROP, batch=1, classmix=1.0), BATCH[:1], cache, 255)
    assert torch.equal(mixed, augmented(Recipe(size=CROP, batch=1), BATCH[:1], cache, 255)[0])
