"""The networks, one file per paper; MODELS lists them by the name a user writes."""

import inspect
from collections.abc import Callable
from typing import Any

from torch import nn

from pixelwise.errors import UserError, unknown
from pixelwise.models.network import Network
from pixelwise.models.segnet import SegNet
from pixelwise.models.unet import UNet

__all__ = ["MODELS", "Network", "SegNet", "UNet", "build_network"]

MODELS: dict[str, Callable[..., nn.Module]] = {"unet": UNet, "segnet": SegNet}
LARGEST = {"width": 4096, "depth": 10}  # beyond any machine; a damaged file may say anything


def build_network(model: str, classes: int, *, in_channels: int = 3, **options: Any) -> Network:  # noqa: ANN401
    """A network with fresh weights. model: one of MODELS. options: of that model, ``width`` for one.

    Raises UserError for an unknown model, an option that the model has not, or a value that it cannot have.

    >>> build_network("unet", 11, width=8).stride
    16
    """
    if model not in MODELS:
        raise unknown("model", model, MODELS)
    known = set(inspect.signature(MODELS[model]).parameters) - {"in_channels", "classes"}
    for option in options:
        if option not in known:
            raise unknown(f"option of {model}", option, known)
    for option, largest in LARGEST.items():
        value = options.get(option, 1)
        if not isinstance(value, int) or not 1 <= value <= largest:
            raise UserError(f"{option} of {model} is {value!r}; give a whole number from 1 to {largest}")
    try:
        return Network(MODELS[model](in_channels, classes, **options), in_channels=in_channels)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"{model} cannot be built with {options}: {error}") from error
