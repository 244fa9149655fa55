"""What a step sees, and by what chance: all of it follows from (seed, step) alone."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from pixelwise.processes import own_share
from pixelwise.training.augmentation import Drawn, augmented, generator
from pixelwise.training.cache import TrainingImages
from pixelwise.training.recipe import Recipe

AHEAD = 4  # steps whose images may be read before they are needed
# In the place of an image's index: what the order, dropout and images of rare classes are drawn by.
ORDER, DROPOUT, RARE = 2**32 - 1, 2**32 - 2, 2**31


def class_weights(cache: TrainingImages, classes: int, balance: float) -> Float[Tensor, " k"]:
    """Weights (class share) ** -balance, scaled so that the mean over the pixels is one; 0 for absent classes."""
    counts = cache.class_counts(classes).double()
    share = counts / counts.sum().clamp(min=1)
    weights = torch.where(share > 0, share.clamp(min=1e-4) ** -balance, 0.0)
    return (weights / (weights * share).sum().clamp(min=1e-12)).float()


def samples_of_step(recipe: Recipe, step: int, cache: TrainingImages) -> list[Drawn]:
    """The images of one step. Every epoch is a new order of all of them, but for those drawn for a rare class."""
    places = [divmod(step * recipe.batch + place, len(cache)) for place in range(recipe.batch)]
    return [_rare(recipe, epoch, place, cache) or _in_order(recipe, epoch, place, cache) for epoch, place in places]


def _in_order(recipe: Recipe, epoch: int, place: int, cache: TrainingImages) -> Drawn:
    index = int(order_of_epoch(recipe.seed, epoch, len(cache))[place])
    return Drawn(index, (recipe.seed, epoch, index))


def _rare(recipe: Recipe, epoch: int, place: int, cache: TrainingImages) -> Drawn | None:
    """An image that holds a class drawn evenly from all that occur; None where the place is left to the order."""
    if not recipe.rare_sampling:
        return None
    chance = (recipe.seed, epoch, RARE + place)
    random = generator(*chance)
    if random.random() >= recipe.rare_sampling:
        return None
    holders = cache.holders
    rare = int(random.choice(sorted(holders)))
    return Drawn(int(random.choice(holders[rare])), chance, rare)


@lru_cache(maxsize=4)
def order_of_epoch(seed: int, epoch: int, images: int) -> Int64[np.ndarray, " images"]:
    """The order in which an epoch goes through the images."""
    return generator(seed, epoch, ORDER).permutation(images)


def seen_by(places: range, samples: Sequence[Drawn]) -> list[Drawn]:
    """The images at some places of a batch, and the one after the last, which may be mixed in.

    >>> [drawn.index for drawn in seen_by(range(1, 3), [Drawn(index, (0, 0, index)) for index in range(3)])]
    [1, 2, 0]
    """
    return [
        samples[place % len(samples)]
        for place in range(places.start, min(places.stop + 1, places.start + len(samples)))
    ]


def batch_of_step(recipe: Recipe, step: int, cache: TrainingImages, ignore: int) -> tuple[Tensor, Tensor]:
    """The augmented images and labels of this process's share of a step; follows from (seed, step) alone."""
    places, steps = own_share(recipe.batch), range(step, step + AHEAD + 1)
    coming = (seen_by(places, samples_of_step(recipe, soon, cache)) for soon in steps)
    cache.expect(drawn.index for samples in coming for drawn in samples)  # where all are here nothing is worked out
    return augmented(recipe, samples_of_step(recipe, step, cache), cache, ignore, places=places)


@contextmanager
def chance(seed: int, step: int, device: torch.device, part: int = 0) -> Iterator[None]:
    """What dropout draws in a part of a step follows from (seed, step, part) alone: a resumed run draws the same."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(int(generator(seed, step, DROPOUT - part).integers(2**63)))
        yield
