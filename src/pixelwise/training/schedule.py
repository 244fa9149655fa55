"""How fast is learnt at which step."""

import math

import torch

from pixelwise.training.recipe import Recipe

WARM_UP = 0.1  # share of the steps in which the learning rate rises


def learning_rate(recipe: Recipe, step: int) -> float:
    """One cycle (Smith and Topin 2018): a linear rise, then half a cosine down to zero.

    >>> recipe = Recipe(steps=100, learning_rate=1.0)
    >>> [round(learning_rate(recipe, step), 2) for step in (0, 9, 55, 99)]
    [0.1, 1.0, 0.5, 0.0]
    """
    rise = max(1.0, WARM_UP * recipe.steps)
    if step < rise:
        return recipe.learning_rate * min(1.0, (step + 1) / rise)
    return recipe.learning_rate * (1 + math.cos(math.pi * (step - rise) / (recipe.steps - rise))) / 2


def set_rates(optimizer: torch.optim.Optimizer, recipe: Recipe, step: int) -> None:
    """Gives every group of parameters its learning rate; group["rate"] is times the recipe's."""
    for group in optimizer.param_groups:
        group["lr"] = group["rate"] * learning_rate(recipe, step)
