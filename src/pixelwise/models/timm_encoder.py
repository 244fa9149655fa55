"""Any of timm's networks that give feature maps, as an encoder: https://github.com/huggingface/pytorch-image-models."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.errors import UserError
from pixelwise.models.layers import CarefulConv2d

INSTALL = "run `pip install 'pixelwise[pretrained]'`"
INSTEAD = "choose a convolutional network, timm:resnet34 for one"


class TimmEncoder(nn.Module):
    """One of timm's networks without its head; nothing is downloaded, the weights start as timm starts them.

    name: timm's, with or without the tag of weights ("resnet34", "resnet34.a1_in1k"). in_channels: of the image.
    output_stride: what the largest stride shall be (16 for DeepLab), where the network can. channels, strides: of the
    features, finest first.
    Raises UserError where timm is missing, does not know the name, or the network does not fit: it takes one image
    size only or gives no maps (most transformers), or it keeps tables that are not saved with its weights.
    """

    def __init__(self, name: str, in_channels: int, *, output_stride: int | None = None) -> None:
        super().__init__()
        self.name, self.architecture = name, name.partition(".")[0]
        self.in_channels = in_channels
        self.features = _fresh(name, in_channels, output_stride)
        for layer in self.features.modules():
            if type(layer) is nn.Conv2d and not isinstance(layer.padding, str):
                layer.__class__ = CarefulConv2d  # the same but for its gradient
        self.channels, self.strides = _sizes(self.features, name, in_channels)
        if output_stride not in (None, max(self.strides)):
            raise UserError(f"timm:{name} cannot have an output stride of {output_stride}; {INSTEAD}")

    def forward(self, image: Float[Tensor, "n c h w"]) -> list[Tensor]:
        """(n, in_channels, h, w), h and w multiples of the largest stride -> features, finest first."""
        return list(self.features(image))

    def load(self, weights: dict[str, Tensor], about: Mapping[str, Any]) -> tuple[list[float], list[float]]:
        """Takes the weights of the whole timm network, its head left out.

        weights: by timm's names. about: what is known of them beside timm's own description (``pretrained_cfg``).
        Returns the mean and standard deviation that they want of RGB images in [0, 1]; timm's grey and
        many-channelled first convolutions sum up and repeat those for RGB. Raises ValueError, RuntimeError or KeyError
        where a name or shape does not match.
        """
        whole = _whole(self.name, self.in_channels, weights, about)
        known = {_plain(name): tensor for name, tensor in whole.state_dict().items()}
        wanted = self.features.state_dict()
        self.features.load_state_dict({name: known[_plain(name)] for name in wanted})
        described = cast(dict[str, Any], whole.pretrained_cfg)
        return [float(value) for value in described["mean"]], [float(value) for value in described["std"]]


def _whole(name: str, in_channels: int, weights: dict[str, Tensor], about: Mapping[str, Any]) -> nn.Module:
    """With its head: only this one does timm load strictly, if it has as many classes as the weights."""
    timm = _timm()
    head = timm.models.get_pretrained_cfg(name).classifier  # a name, or several where it has several
    weight = weights.get(f"{head if isinstance(head, str) else head[0]}.weight") if head else None
    classes = 0 if weight is None else len(weight)
    overlay = {**about, "state_dict": dict(weights), "num_classes": classes, "label_offset": 0}
    return cast(
        nn.Module,
        timm.create_model(
            name, pretrained=True, in_chans=in_channels, num_classes=classes, pretrained_cfg_overlay=overlay
        ),
    )


def _plain(name: str) -> str:
    """timm's feature networks hold the same layers, with "_" for some "." and "model." before all in some."""
    return name.removeprefix("model.").replace(".", "_")


def _sizes(features: nn.Module, name: str, in_channels: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Channels and strides as timm's table has them, which is put to the test with an oblong image."""
    info: Any = features.feature_info
    channels, strides = tuple(info.channels()), tuple(info.reduction())
    height, width = 2 * max(strides), 3 * max(strides)
    try:
        with torch.no_grad():
            maps = features.eval()(torch.zeros(1, in_channels, height, width))
    except (RuntimeError, ValueError, AssertionError) as error:
        raise UserError(f"timm:{name} does not take images of any size ({_line(error)}); {INSTEAD}") from error
    finally:
        features.train()
    for feature, channel, stride in zip(maps, channels, strides, strict=True):
        wanted = (1, channel, height // stride, width // stride)
        if feature.shape != wanted:
            raise UserError(f"timm:{name} gives a feature of shape {tuple(feature.shape)}, not {wanted}; {INSTEAD}")
    if {buffer for buffer, _ in features.named_buffers()} - set(features.state_dict()):
        raise UserError(f"timm:{name} keeps tables that are not saved with its weights; {INSTEAD}")
    return channels, strides


def _fresh(name: str, in_channels: int, output_stride: int | None) -> nn.Module:
    timm = _timm()
    architecture = name.partition(".")[0]
    if not timm.is_model(architecture):
        close = get_close_matches(architecture, timm.list_models(), n=1)
        hint = f"did you mean '{close[0]}'? " if close else ""
        raise UserError(f"timm has no network '{architecture}'; {hint}`timm.list_models()` lists them")
    stride = {} if output_stride is None else {"output_stride": output_stride}
    try:
        return cast(nn.Module, timm.create_model(name, in_chans=in_channels, features_only=True, **stride))
    except (TypeError, AssertionError, RuntimeError, ValueError, AttributeError) as error:
        wanted = f" with an output stride of {output_stride}" if stride else ""
        raise UserError(f"timm:{name} cannot be built{wanted} ({_line(error)}); {INSTEAD}") from error


def _timm() -> Any:  # noqa: ANN401
    """The package, imported only here."""
    try:
        import timm
        import timm.models
    except ImportError as error:
        raise UserError(f"encoders named timm:... need timm, which cannot be imported ({error}); {INSTALL}") from error
    except RuntimeError as error:  # torchvision, which timm imports, was built for another torch
        raise UserError(
            f"encoders named timm:... need timm, whose import fails ({_line(error)}); "
            "install the torchvision that was built for this torch"
        ) from error
    return timm


def _line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
