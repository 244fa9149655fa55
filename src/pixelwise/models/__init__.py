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


def build_network(model: str, classes: int, *, in_channels: int = 3, **options: Any) -> Network:  # noqa: ANN401
    """A network with fresh weights. model: one of MODELS. options: of that model, ``width`` for one.

    Raises UserError for an unknown model or an option that the model has not.

    >>> build_network("unet", 11, width=8).stride
    16
    """
    if model not in MODELS:
        raise unknown("model", model, MODELS)
    known = set(inspect.signature(MODELS[model]).parameters) - {"in_channels", "classes"}
    for option in options:
        if option not in known:
            raise unknown(f"option of {model}", option, known)
    try:
        return Network(MODELS[model](in_channels, classes, **options), in_channels=in_channels)
    except (TypeError, ValueError) as error:
        raise UserError(f"{model} cannot be built with {options}: {error}") from error
