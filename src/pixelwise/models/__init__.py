"""The networks, one file per paper; MODELS lists them by the name a user writes."""

import inspect
from collections.abc import Callable
from typing import Any

from torch import nn

from pixelwise.errors import UserError, unknown
from pixelwise.models.deeplabv3plus import DeepLabV3Plus
from pixelwise.models.encoder_street import EncoderStreet
from pixelwise.models.encoder_unet import EncoderUNet
from pixelwise.models.network import Network
from pixelwise.models.painter import PAINTED, Painter
from pixelwise.models.pix2pix import PatchGAN, PatchGAN128, Pix2Pix, Pix2Pix128
from pixelwise.models.segnet import SegNet, SegNetBasic
from pixelwise.models.street import Street
from pixelwise.models.unet import UNet
from pixelwise.models.unet_carla import unet_carla

__all__ = [
    "MODELS",
    "PAINTERS",
    "SOURCES",
    "DeepLabV3Plus",
    "EncoderStreet",
    "EncoderUNet",
    "Network",
    "Painter",
    "Pix2Pix",
    "Pix2Pix128",
    "SegNet",
    "SegNetBasic",
    "Street",
    "UNet",
    "build_discriminator",
    "build_network",
    "options_of",
    "unet_carla",
]

MODELS: dict[str, Callable[..., nn.Module]] = {
    "unet": UNet,
    "unet_carla": unet_carla,
    "segnet": SegNet,
    "segnet_basic": SegNetBasic,
    "encoder_unet": EncoderUNet,
    "deeplabv3plus": DeepLabV3Plus,
    "street": Street,
    "encoder_street": EncoderStreet,
    "pix2pix": Pix2Pix,
    "pix2pix_128": Pix2Pix128,
    "pix2pix_softmax": Pix2Pix,
}
PAINTERS = ("pix2pix", "pix2pix_128")  # these paint the label, or the photo; the others give logits
SOURCES = {
    "unet": "Ronneberger et al. 2015",
    "unet_carla": "course notebook, after Ronneberger et al. 2015",
    "segnet": "Badrinarayanan et al. 2017",
    "segnet_basic": "Badrinarayanan et al. 2017",
    "encoder_unet": "U-Net over a pretrained encoder",
    "deeplabv3plus": "Chen et al. 2018",
    "street": "pixelwise",
    "encoder_street": "street over a pretrained encoder, after Zhou et al. 2018",
    "pix2pix": "Isola et al. 2017",
    "pix2pix_128": "two notebooks, after Isola et al. 2017",
    "pix2pix_softmax": "the generator of Isola et al. 2017 with logits",
}
LARGEST = {"width": 4096, "depth": 10}  # beyond any machine; a damaged file may say anything


def options_of(model: str) -> dict[str, Any]:
    """The options of one of MODELS with their defaults. Raises UserError for an unknown model.

    >>> options_of("segnet")
    {'width': 64}
    """
    if model not in MODELS:
        raise unknown("model", model, MODELS)
    parameters = inspect.signature(MODELS[model]).parameters.values()
    options = {option.name: option.default for option in parameters if option.kind is option.KEYWORD_ONLY}
    return options | ({"paints": PAINTED[0]} if model in PAINTERS else {})


def build_network(model: str, classes: int, *, in_channels: int = 3, **options: Any) -> Network:  # noqa: ANN401
    """A network with fresh weights. model: one of MODELS. options: of that model, ``width`` for one.

    Raises UserError for an unknown model, an option that the model has not, or a value that it cannot have.

    >>> build_network("unet", 11, width=8).stride
    16
    """
    known = options_of(model)
    for option in options:
        if option not in known:
            raise unknown(f"option of {model}", option, known)
    for option, largest in LARGEST.items():
        value = options.get(option, 1)
        if not isinstance(value, int) or not 1 <= value <= largest:
            raise UserError(f"{option} of {model} is {value!r}; give a whole number from 1 to {largest}")
    try:
        if model in PAINTERS:
            paints = options.pop("paints", PAINTED[0])
            return Painter(MODELS[model](in_channels, 3, **options), classes, in_channels=in_channels, paints=paints)
        return Network(MODELS[model](in_channels, classes, **options), in_channels=in_channels)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"{model} cannot be built with {options}: {error}") from error


def build_discriminator(
    model: str,
    channels: int,
    *,
    gan: str,
    width: int = 64,
    norm: str = "batch",
    **_: Any,  # noqa: ANN401
) -> nn.Module:
    """The rival of one of PAINTERS, as wide as it.

    channels: of photo and picture together. gan: of the recipe.

    Takes the painter's options and leaves aside those that are not its own.
    """
    if model == "pix2pix_128":
        return PatchGAN128(channels, width=width, tanh=gan == "least_squares")
    return PatchGAN(channels, width=width, norm=norm)
