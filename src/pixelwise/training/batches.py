"""What a step sees, and by what chance: all of it follows from (seed, step) alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from pixelwise.training.augmentation import augment, draw_affine, draw_color, generator
from pixelwise.training.cache import TrainingImages
from pixelwise.training.recipe import Recipe

AHEAD = 4  # steps whose images may be read before they are needed
ORDER, DROPOUT = 2**32 - 1, 2**32 - 2  # in the place of an image's index: what the order, and dropout, are drawn by


def class_weights(cache: TrainingImages, classes: int, balance: float) -> Float[Tensor, " k"]:
    """Weights (class share) ** -balance, scaled so that the mean over the pixels is one; 0 for absent classes."""
    counts = cache.class_counts(classes).double()
    share = counts / counts.sum().clamp(min=1)
    weights = torch.where(share > 0, share.clamp(min=1e-4) ** -balance, 0.0)
    return (weights / (weights * share).sum().clamp(min=1e-12)).float()


def samples_of_step(recipe: Recipe, step: int, images: int) -> list[tuple[int, int]]:
    """(epoch, index) of the images of one step; every epoch is a new order of all of them.

    >>> [samples_of_step(Recipe(batch=2), step, 4) for step in (0, 1)]
    [[(0, 2), (0, 1)], [(0, 3), (0, 0)]]
    """
    places = [divmod(step * recipe.batch + place, images) for place in range(recipe.batch)]
    return [(epoch, int(order_of_epoch(recipe.seed, epoch, images)[place])) for epoch, place in places]


@lru_cache(maxsize=4)
def order_of_epoch(seed: int, epoch: int, images: int) -> Int64[np.ndarray, " images"]:
    """The order in which an epoch goes through the images."""
    return generator(seed, epoch, ORDER).permutation(images)


def batch_of_step(recipe: Recipe, step: int, cache: TrainingImages, ignore: int) -> tuple[Tensor, Tensor]:
    """The augmented images and labels of one step; follows from (seed, step) alone."""
    coming = [samples_of_step(recipe, step + ahead, len(cache)) for ahead in range(AHEAD + 1)]
    cache.expect(index for samples in coming for _, index in samples)
    images, labels, extents = cache.batch([index for _, index in coming[0]])
    affines, colors = [], []
    for (epoch, index), (width, height) in zip(coming[0], extents.int().tolist(), strict=True):
        random = generator(recipe.seed, epoch, index)
        affines.append(draw_affine(recipe, random, height, width))
        colors.append(draw_color(recipe, random))
    return augment(
        images,
        labels,
        extents.new_tensor(np.array(affines)),
        extents.new_tensor(np.array(colors)),
        extents=extents,
        crop=recipe.size,
        ignore=ignore,
    )


@contextmanager
def chance(seed: int, step: int, device: torch.device) -> Iterator[None]:
    """What dropout draws in a step follows from (seed, step) alone, so that a resumed run draws the same."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(int(generator(seed, step, DROPOUT).integers(2**63)))
        yield
