"""How fast is learnt at which step."""

import math
from collections.abc import Callable

import torch

from pixelwise.training.recipe import Recipe

# What is left of the learning rate, by the share of the steps after the warm-up that is done.
FALLS: dict[str, Callable[[float], float]] = {
    "cosine": lambda done: (1 + math.cos(math.pi * done)) / 2,  # Loshchilov and Hutter 2017
    "one_cycle": lambda done: (1 + math.cos(math.pi * done)) / 2,  # Smith and Topin 2018
    "poly": lambda done: (1 - done) ** 0.9,  # DeepLab, Chen et al. 2017
    "constant": lambda done: 1.0,
}


CYCLED = 0.1  # of the momentum, in one cycle


def learning_rate(recipe: Recipe, step: int) -> float:
    """A linear rise, then what the recipe's schedule says.

    >>> recipe = Recipe(steps=100, learning_rate=1.0)
    >>> [round(learning_rate(recipe, step), 2) for step in (0, 9, 55, 99)]
    [0.1, 1.0, 0.5, 0.0]
    """
    rise = max(1.0, recipe.warm_up * recipe.steps)
    if step < rise:
        return recipe.learning_rate * min(1.0, (step + 1) / rise)
    return recipe.learning_rate * FALLS[recipe.schedule]((step - rise) / (recipe.steps - rise))


def momentum(recipe: Recipe, step: int) -> float:
    """beta1; in one cycle it is a tenth lower where the learning rate is highest (Smith and Topin 2018)."""
    if recipe.schedule != "one_cycle":
        return recipe.beta1
    return max(0.0, recipe.beta1 - CYCLED * learning_rate(recipe, step) / recipe.learning_rate)


def set_rates(optimizer: torch.optim.Optimizer, recipe: Recipe, step: int) -> None:
    """Gives every group of parameters its learning rate and momentum; group["rate"] is times the recipe's."""
    for group in optimizer.param_groups:
        group["lr"] = group["rate"] * learning_rate(recipe, step)
        if "betas" in group:
            group["betas"] = (momentum(recipe, step), group["betas"][1])
        else:
            group["momentum"] = momentum(recipe, step)


def frozen(recipe: Recipe, step: int) -> bool:
    """Whether the pretrained encoder stays as it is in a step.

    >>> [frozen(Recipe(weights="a.safetensors", freeze=0.5, steps=4), step) for step in range(4)]
    [True, True, False, False]
    """
    return step < recipe.freeze * recipe.steps
