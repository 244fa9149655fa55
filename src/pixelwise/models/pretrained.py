"""Weights to start from, for the encoder of a network or for all of it, with the preprocessing that goes with them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydantic
import torch
from torch import Tensor

from pixelwise.errors import UserError
from pixelwise.hub import MODEL, Place, download, is_hub, place_of
from pixelwise.models.efficientnet_lite import EfficientNetLite
from pixelwise.models.encoders import Encoder
from pixelwise.models.network import Network
from pixelwise.models.squeezenet import SqueezeNet
from pixelwise.models.timm_encoder import TimmEncoder
from pixelwise.tensors import load_metadata, load_tensors
from pixelwise.weights import MARK, shipped

SHORT = "hf:"  # before a repository of an encoder's weights; a model of pixelwise is hf://user/name
CONFIG = "config.json"  # as the hub's repositories of timm networks name it


def load_pretrained(network: Network, weights: str) -> int:
    """Puts weights into ``network`` and has it normalise images as these weights want it; gives how many stay fresh.

    weights: of the encoder: a .safetensors file, or a repository on the Hugging Face hub, "hf:OWNER/NAME" or, where no
    such file is, "OWNER/NAME". Every name and shape must match those of the encoder and its classifier, which is left
    out. Or of a model of pixelwise, its file, the name of one that ships, or "hf://user/name": all that have the same
    name and shape, so that another width or other classes keep what they share; the rest stays fresh.
    An image with another number of channels than 3: the first convolution gets the mean of its three channels' weights
    in every channel, times 3 / channels; timm sums up or repeats them; mean and standard deviation become the average
    of the three.
    Raises UserError for a network without such an encoder, and for weights that are not there or do not fit.
    """
    if (model := model_file(weights)) is not None:
        return _load_model(network, model)
    encoder = getattr(network.body, "encoder", None)
    if not isinstance(encoder, Encoder):
        name = type(network.body).__name__.lower()
        raise UserError(f"{name} has no pretrained encoder; use encoder_street, encoder_unet or deeplabv3plus")
    path = _find(weights)
    tensors, _ = load_tensors(path)
    try:
        if isinstance(encoder, SqueezeNet):
            mean, std = _load_squeezenet(encoder, tensors)
        elif isinstance(encoder, EfficientNetLite):
            mean, std = _load_lite(encoder, tensors)
        else:
            mean, std = _load_timm(encoder, tensors, path)
    except (ValueError, RuntimeError, KeyError) as error:
        what = " ".join(str(error).split())
        raise UserError(
            f"{path}: its weights do not fit the encoder: {what[:300]}; give those of this very network"
        ) from error
    network.mean.copy_(_per_channel(mean, network.mean))
    network.std.copy_(_per_channel(std, network.std))
    return 0


def model_file(weights: str) -> Path | None:
    """The file of a model of pixelwise, from which any network of its kind can start, if these weights are one.

    >>> model_file("street").name, model_file("hf:timm/resnet34.a1_in1k")
    ('street.safetensors', None)
    """
    if weights in shipped():
        return shipped()[weights]
    path = download(place_of(weights)) if is_hub(weights) else Path(weights)
    return path if path.is_file() and MARK in load_metadata(path) else None


def _load_model(network: Network, path: Path) -> int:
    """Takes over what fits; gives how many tensors stay fresh."""
    tensors, _ = load_tensors(path)
    own = network.state_dict()
    same = {name: tensor.to(own[name].dtype) for name, tensor in tensors.items() if name in own}
    fit = {name: tensor for name, tensor in same.items() if tensor.shape == own[name].shape}
    if not any(tensor.dim() > 1 for name, tensor in fit.items() if name not in ("mean", "std")):
        raise UserError(f"{path}: is a model of another kind, nothing fits; leave --model out to go on from it")
    network.load_state_dict(fit, strict=False)
    return len(own) - len(fit)


def _per_channel(values: Sequence[float], like: Tensor) -> Tensor:
    """For RGB as it is, for any other image the average; (channels, 1, 1)."""
    three = torch.tensor(values, dtype=like.dtype, device=like.device).view(3, 1, 1)
    return three if len(like) == 3 else three.mean(dim=0, keepdim=True)


# Files ----------------------------------------------------------------------------------------------------------------


def _find(weights: str) -> Path:
    """The file, downloaded where it is the name of a repository."""
    path, name = Path(weights), weights.removeprefix(SHORT)
    if path.is_file():
        return path
    if re.fullmatch(r"[\w.-]+/[\w.-]+", name) and not name.endswith(".safetensors") and not path.is_dir():
        return _download(name)
    raise UserError(f"{weights}: there is no such file; give a .safetensors file or hf:OWNER/NAME")


def _download(repository: str) -> Path:
    """model.safetensors of a repository, with config.json beside it; never the pickled weights."""
    download(Place(repository), CONFIG)
    return download(Place(repository))


# SqueezeNet -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Convention:
    """How a framework names and feeds SqueezeNet; mean and std are of RGB images in [0, 255]."""

    names: Mapping[str, str]  # of layers; all others are named as in SqueezeNet
    classifier: str
    bgr: bool
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


CAFFE = _Convention({}, "conv10", bgr=True, mean=(123.0, 117.0, 104.0), std=(1.0, 1.0, 1.0))
TORCHVISION = _Convention(
    {"features.0": "conv1"} | {f"features.{at}": f"fire{2 + n}" for n, at in enumerate((3, 4, 5, 7, 8, 9, 10, 12))},
    "classifier.1",
    bgr=False,
    mean=(255 * 0.485, 255 * 0.456, 255 * 0.406),
    std=(255 * 0.229, 255 * 0.224, 255 * 0.225),
)


def _load_squeezenet(encoder: SqueezeNet, tensors: dict[str, Tensor]) -> tuple[Sequence[float], Sequence[float]]:
    """Returns mean and std of RGB images in [0, 255]; ValueError where a name or shape does not match."""
    convention = TORCHVISION if any(name.startswith("features.") for name in tensors) else CAFFE
    classifier = {f"{convention.classifier}.{kind}" for kind in ("weight", "bias")}
    weights = {_name(name, convention): tensor for name, tensor in tensors.items() if name not in classifier}
    _put(encoder, weights, "conv1.weight", classifier - set(tensors), bgr=convention.bgr)
    return convention.mean, convention.std


def _put(
    encoder: Encoder, weights: dict[str, Tensor], first: str, no_classifier: set[str], *, bgr: bool = False
) -> None:
    """Loads weights by the encoder's own names. first: the one that sees the image, of three channels."""
    wanted = {name: list(tensor.shape) for name, tensor in encoder.state_dict().items()}
    in_channels = wanted[first][1]
    wanted[first][1] = 3
    _match(wanted, {name: list(tensor.shape) for name, tensor in weights.items()}, no_classifier)
    seen = weights[first].flip(1) if bgr else weights[first]
    if in_channels != 3:
        seen = seen.mean(dim=1, keepdim=True).repeat(1, in_channels, 1, 1) * 3 / in_channels
    encoder.load_state_dict(weights | {first: seen})


def _name(name: str, convention: _Convention) -> str:
    """As the layer is called in SqueezeNet, "fire2.squeeze1x1.weight" for one."""
    layer = ".".join(name.split(".")[:2])
    renamed = name.replace("/", ".").replace(layer, convention.names.get(layer, layer), 1)
    return renamed.replace(".squeeze.", ".squeeze1x1.")


def _match(wanted: Mapping[str, list[int]], found: Mapping[str, list[int]], no_classifier: set[str]) -> None:
    faults = {
        "missing": sorted(set(wanted) - set(found) | no_classifier),
        "unexpected": sorted(set(found) - set(wanted)),
        "of another shape": [
            f"{name} {found[name]} instead of {shape}"
            for name, shape in wanted.items()
            if found.get(name, shape) != shape
        ],
    }
    if any(faults.values()):
        raise ValueError(
            ", ".join(f"{len(names)} {what} ({', '.join(names[:3])})" for what, names in faults.items() if names)
        )


# EfficientNet-Lite ----------------------------------------------------------------------------------------------------

LITE_MEAN, LITE_STD = (127.0,) * 3, (128.0,) * 3  # of RGB images in [0, 255]
LITE_HEAD = ("conv_head.", "bn2.", "classifier.")
# timm's names of a block's layers; of the first stage, which widens nothing, and of the others.
FIRST_STAGE = {"conv_dw": "depthwise.0", "bn1": "depthwise.1", "conv_pw": "project.0", "bn2": "project.1"}
OTHER_STAGES = {"conv_pw": "expand.0", "bn1": "expand.1", "conv_dw": "depthwise.0", "bn2": "depthwise.1"}
OTHER_STAGES |= {"conv_pwl": "project.0", "bn3": "project.1"}


def _load_lite(encoder: EfficientNetLite, tensors: dict[str, Tensor]) -> tuple[Sequence[float], Sequence[float]]:
    """Returns mean and std of RGB images in [0, 255]; ValueError where a name or shape does not match."""
    weights = {_lite_name(name): tensor for name, tensor in tensors.items() if not name.startswith(LITE_HEAD)}
    _put(encoder, weights, "stem.0.weight", {"classifier.weight"} - set(tensors))
    return LITE_MEAN, LITE_STD


def _lite_name(name: str) -> str:
    """As the layer is called in EfficientNetLite.

    >>> _lite_name("blocks.1.0.conv_dw.weight"), _lite_name("bn1.bias")
    ('stages.1.0.depthwise.0.weight', 'stem.1.bias')
    """
    if (parts := re.fullmatch(r"blocks\.(\d+)\.(\d+)\.(\w+)\.(\w+)", name)) is None:
        return name.replace("conv_stem.", "stem.0.", 1).replace("bn1.", "stem.1.", 1)
    stage, block, layer, kind = parts.groups()
    known = OTHER_STAGES if int(stage) else FIRST_STAGE
    return f"stages.{stage}.{block}.{known.get(layer, layer)}.{kind}"


# timm -----------------------------------------------------------------------------------------------------------------


class _Preprocessing(pydantic.BaseModel):
    mean: tuple[float, float, float]
    std: tuple[pydantic.PositiveFloat, pydantic.PositiveFloat, pydantic.PositiveFloat]


class _Config(pydantic.BaseModel):
    """The part of the hub's config.json that says what the weights are."""

    architecture: str
    pretrained_cfg: _Preprocessing


def _load_timm(encoder: TimmEncoder, tensors: dict[str, Tensor], path: Path) -> tuple[list[float], list[float]]:
    """Returns mean and std of RGB images in [0, 255]."""
    about: dict[str, Any] = {}
    config = path.with_name(CONFIG)
    if path.name == MODEL and config.is_file():
        try:
            described = _Config.model_validate_json(config.read_bytes())
        except pydantic.ValidationError as error:
            raise UserError(f"{config}: does not describe weights of timm's; give a repository of those") from error
        if described.architecture != encoder.architecture:
            raise ValueError(f"{config} says that they are of {described.architecture}, not {encoder.architecture}")
        about = described.pretrained_cfg.model_dump()
    mean, std = encoder.load(tensors, about)
    return [255.0 * value for value in mean], [255.0 * value for value in std]
