"""What a user asks of a training run; the plan decides the rest."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from pixelwise.bundle import network_in
from pixelwise.errors import UserError, unknown
from pixelwise.models import Network, build_network
from pixelwise.models.pretrained import model_file
from pixelwise.training.adversarial import GAMES
from pixelwise.training.recipe import MEANINGS, Recipe, recipe_of

DEFAULT = "street"
SIZE_STEP = 32  # sizes are multiples of this, so that every model can halve them as often as it likes
OWN = ("model", "options", "size", "weights", "seed")  # settings that Request has fields for


def network_asked(model: str | None, options: Mapping[str, Any], weights: str) -> tuple[str, Mapping[str, Any]]:
    """Model and options, where no model is named those of the weights, if a whole model is given to start from.

    >>> network_asked(None, {}, ""), network_asked(None, {"width": 8}, "street")
    (('street', {}), ('encoder_street', {'width': 8}))
    """
    if model is None and weights and (file := model_file(weights)):
        model, own = network_in(file)
        return model, own | dict(options)
    return model or DEFAULT, options


@dataclass(frozen=True)
class Request:
    """What the user asked for; what is None or not in ``settings`` is left to the plan.

    budget: seconds from ``began`` (of time.monotonic) until all is done. epochs: passes over the training images;
    without either, and without steps in ``settings``, the budget is half an hour. size: height and width. options: of
    the model. weights: of its pretrained encoder. settings: others of a Recipe, by name.

    Raises UserError for what cannot be trained, before any data is read.
    """

    model: str = DEFAULT
    budget: float | None = None
    began: float = field(default_factory=time.monotonic)
    epochs: float | None = None
    size: tuple[int, int] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    weights: str = ""
    seed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuses what cannot be trained before any data is read."""
        for name in self.settings:
            if name in OWN or name not in MEANINGS:
                raise unknown("setting", name, [known for known in MEANINGS if known not in OWN])
        network = self.network()
        if self.weights and not hasattr(network.body, "encoder") and model_file(self.weights) is None:
            if self.weights.endswith(".safetensors") and not Path(self.weights).exists():
                raise UserError(f"{self.weights}: there is no such file; check the path")
            raise UserError(
                f"{self.model} has no encoder that takes weights; give those of a {self.model} that pixelwise trained, "
                "or use encoder_street, encoder_unet or deeplabv3plus"
            )
        recipe = self.recipe()
        if recipe.freeze and not hasattr(network.body, "encoder"):
            raise UserError(f"{self.model} has no encoder to freeze; leave freeze out")
        if sum(length is not None for length in (self.budget, self.epochs, self.settings.get("steps"))) > 1:
            raise UserError("budget, epochs and steps all say how long to train; give one of them")
        if self.epochs is not None and not 0 < self.epochs < math.inf:
            raise UserError(f"{self.epochs} epochs cannot be trained; give a number above 0")
        if self.size and min(self.size) < SIZE_STEP:
            raise UserError(f"a size of {self.size[0]}x{self.size[1]} is too small; give at least {SIZE_STEP} pixels")

    def network(self) -> Network:
        """The network without numbers. Raises UserError that names the option that is wrong."""
        with torch.device("meta"):
            return build_network(self.model, 2, **self.options)

    def recipe(self) -> Recipe:
        """What is asked of the recipe itself; the plan adds the rest."""
        own = {"model": self.model, "options": dict(self.options), "weights": self.weights, "seed": self.seed}
        size = {} if self.size is None else {"size": self.size}
        return recipe_of(GAMES.get(self.model, {}) | own | size | dict(self.settings), "the settings")
