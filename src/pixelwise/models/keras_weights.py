"""Networks trained in Keras: which one a file holds, and its weights in the same network here.

Known are the CARLA U-Net of the course notebook (models/unet_carla.py) and the 128x128 generators of the two Pix2Pix
notebooks (models/pix2pix.py). benchmarks/parity/ shows that both sides give the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pixelwise.errors import UserError
from pixelwise.labels import CITYSCAPES19
from pixelwise.models import Network, build_network
from pixelwise.models.keras_file import KerasFile, KerasLayer, open_keras
from pixelwise.models.painter import Painter
from pixelwise.models.unet import UNet

MEND = "give a CARLA U-Net or a 128x128 Pix2Pix generator as docs/models.md describes them"
TRAINED_AT = {"unet_carla": (96, 128), "pix2pix_128": (128, 128)}  # height, width; in the notebooks
ENDS = {"unet_carla": "softmax", "pix2pix_128": "tanh"}  # the activation at the end, if there is one
KINDS = {"InputLayer", "Conv2D", "Conv2DTranspose", "BatchNormalization", "Dropout", "ReLU", "Activation"}
KINDS |= {"MaxPooling2D", "UpSampling2D", "Concatenate"}
SETTINGS: dict[str, Any] = {
    "epsilon": 1e-3,
    "negative_slope": 0,
    "max_value": None,
    "threshold": 0,
    "interpolation": "nearest",
}
SETTINGS |= {"pool_size": [2, 2], "dilation_rate": [1, 1], "groups": 1, "data_format": "channels_last"}
LARGEST, LARGEST_SIDE = 1024, 2**14  # channels or classes; height or width

Wanted = dict[str, tuple[str, tuple[int, ...]]]  # Keras's name of an array: that in torch, and its shape in Keras


@dataclass(frozen=True)
class KerasNetwork:
    """A network with the weights of a Keras file. model, classes, options: as of `build_network`. size: height and
    width it was trained at. arrays: how many were read."""

    network: Network
    model: str
    classes: int
    options: dict[str, Any]
    size: tuple[int, int]
    arrays: int


def load_keras(path: Path) -> KerasNetwork:
    """The network whose weights lie in a .h5, .weights.h5 or .keras file; it is ready to label (evaluation mode).

    The U-Net takes images / 255, as in its notebook, the generators take them in [-1, 1]. The generators' colours are
    those of CITYSCAPES19. A file of weights alone does not say in which order skips are concatenated: then what came up
    is first, as in the notebooks.
    Raises UserError, which names the layer, for any other network, and for files that are damaged.
    """
    with open_keras(path) as file:
        model, classes, in_channels, options = _recognise(file)
        try:
            with torch.device("meta"):  # no memory until it is known that the weights fit
                network = build_network(model, classes, in_channels=in_channels, **options)
        except UserError as error:
            raise _misfit(file, str(error)) from error
        _check_description(file, model)
        weights = _weights(file, network.body, f"{model} of width {options['width']}")
        size = _size(file) or TRAINED_AT[model]
    _fill(network, weights)
    return KerasNetwork(network.eval(), model, classes, options, size, len(weights))


def _misfit(file: KerasFile, what: str) -> UserError:
    return UserError(f"{file.path}: {what}; {MEND}")


def _fill(network: Network, weights: dict[str, Tensor]) -> None:
    """Sets weights and preprocessing."""
    like, counts = network.mean, [name for name in network.state_dict() if name.endswith("num_batches_tracked")]
    mean, std = (127.5, 127.5) if isinstance(network, Painter) else (0.0, 255.0)
    buffers = {"mean": torch.full(like.shape, mean), "std": torch.full(like.shape, std)}
    if isinstance(network, Painter):
        buffers["colors"] = torch.tensor(CITYSCAPES19.colors, dtype=torch.float32)
    buffers |= {name: torch.tensor(0) for name in counts}
    network.load_state_dict({f"body.{name}": tensor for name, tensor in weights.items()} | buffers, assign=True)


# Which network --------------------------------------------------------------------------------------------------------


def _recognise(file: KerasFile) -> tuple[str, int, int, dict[str, Any]]:
    """Model, classes, channels of the image and options, from the shapes of its convolutions."""
    kernels = [(layer, shape) for layer in file.layers if len(shape := _kernel(layer)) == 4]
    plain = [(layer, shape) for layer, shape in kernels if "transpose" not in layer.name]
    if not plain:
        raise _misfit(file, "has no convolutions")
    (first, (*side, in_channels, width)), (last, (*_, classes)) = plain[0], plain[-1]
    for layer, channels in ((first, in_channels), (first, width), (last, classes)):
        if not 1 <= channels <= LARGEST:
            raise _misfit(file, f"layer '{layer.name}' has {channels} channels")
    if side == [3, 3]:
        return "unet_carla", classes, in_channels, {"width": width}
    if side == [4, 4]:
        stage = 2 if any(shape[:2] == (1, 1) for _, shape in kernels) else 1
        return "pix2pix_128", len(CITYSCAPES19), in_channels, {"stage": stage, "width": width}
    raise _misfit(file, f"its first convolution, layer '{first.name}', is {side[0]}x{side[1]}, not 3x3 or 4x4")


def _kernel(layer: KerasLayer) -> tuple[int, ...]:
    return layer.arrays["kernel"].shape or () if "kernel" in layer.arrays else ()


def _size(file: KerasFile) -> tuple[int, int] | None:
    """Height and width of the input, where the file has them."""
    for step in file.steps:
        match step.settings.get("batch_shape") or step.settings.get("batch_input_shape"):
            case [_, int(height), int(width), _] if 1 <= height <= LARGEST_SIDE and 1 <= width <= LARGEST_SIDE:
                return height, width
    return None


def _check_description(file: KerasFile, model: str) -> None:
    """Where the file describes its layers, they must be those of the notebooks: shapes alone do not show it."""
    for step in file.steps:
        if step.kind not in KINDS:
            raise _misfit(file, f"layer '{step.name}' is a {step.kind}, which {model} has not")
        padding = {"padding": "same"} if step.kind.startswith("Conv") else {}
        for name, value in (SETTINGS | padding).items():
            if step.settings.get(name, value) != value:
                raise _misfit(file, f"layer '{step.name}' has {name} {step.settings[name]}, not {value}")
        if (activation := step.settings.get("activation", "linear")) not in ("linear", "relu", ENDS[model]):
            raise _misfit(file, f"layer '{step.name}' has activation {activation}, which {model} has not")


# Layer by layer -------------------------------------------------------------------------------------------------------


def _weights(file: KerasFile, body: nn.Module, whole: str) -> dict[str, Tensor]:
    """The state of ``body`` from the file's layers. Raises UserError for the first that does not fit."""
    names, weights = {module: name for name, module in body.named_modules()}, {}
    turned = _skips_first(file) != isinstance(body, UNet)
    after_join = set(_after_join(body)) if turned else set()
    for module, found in _paired(file, list(_run(body))):
        if module is None:
            raise _misfit(file, f"has a layer '{found.name if found else ''}' that {whole} has not")
        layer = _check(file, found, module, whole)
        for theirs, (ours, shape) in _wanted(module).items():
            values = file.read(layer, theirs, shape)
            if theirs == "kernel":
                values = values.transpose(3, 2, 0, 1)
                inputs = 0 if isinstance(module, nn.ConvTranspose2d) else 1
                values = np.roll(values, values.shape[inputs] // 2, inputs) if module in after_join else values
            weights[f"{names[module]}.{ours}"] = torch.from_numpy(np.ascontiguousarray(values))
    return weights


def _run(body: nn.Module) -> Iterator[nn.Module]:
    """The modules with weights in the order in which an image passes them."""
    parts: list[nn.Module] = list(body.children())
    if isinstance(body, UNet):
        up = (part for pair in zip(reversed(body.grow), reversed(body.up), strict=True) for part in pair)
        parts = [*body.down, *up, body.classify]
    return (module for part in parts for module in part.modules() if _wanted(module))


def _wanted(module: nn.Module) -> Wanted:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):  # (out, in, h, w); transposed ones (in, out, h, w)
        outputs = module.out_channels
        return {"kernel": ("weight", tuple(module.weight.permute(2, 3, 1, 0).shape)), "bias": ("bias", (outputs,))}
    if isinstance(module, nn.BatchNorm2d):
        names = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
        return {theirs: (ours, (module.num_features,)) for theirs, ours in names.items()}
    return {}


def _paired(
    file: KerasFile, modules: list[nn.Module]
) -> Iterator[tuple[nn.Module, KerasLayer | None] | tuple[None, KerasLayer]]:
    """Each module with its layer; what is left over comes last, with None."""
    if file.in_order:
        yield from zip_longest(modules, file.layers)
        return
    rest: dict[type, list[KerasLayer]] = {nn.Conv2d: [], nn.ConvTranspose2d: [], nn.BatchNorm2d: []}
    for layer in file.layers:
        convolution = nn.ConvTranspose2d if "transpose" in layer.name else nn.Conv2d
        rest[convolution if "kernel" in layer.arrays else nn.BatchNorm2d].append(layer)
    for module in modules:
        mine = next(layers for kind, layers in rest.items() if isinstance(module, kind))
        yield module, mine.pop(0) if mine else None
    yield from ((None, layer) for layers in rest.values() for layer in layers)


def _check(file: KerasFile, layer: KerasLayer | None, module: nn.Module, whole: str) -> KerasLayer:
    """The layer. Raises UserError where it is missing, or its arrays or its stride are others than the module's."""
    wanted = {name: shape for name, (_, shape) in _wanted(module).items()}
    if layer is None:
        raise _misfit(file, f"lacks a layer that {whole} has, with {_listed(wanted)}")
    found = {name: layer.arrays[name].shape for name in sorted(layer.arrays, key=[*wanted, *layer.arrays].index)}
    if found != wanted:
        raise _misfit(file, f"layer '{layer.name}' has {_listed(found)}, but {whole} has {_listed(wanted)} there")
    stride = list(module.stride) if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) else None
    if stride and layer.settings.get("strides", stride) != stride:
        raise _misfit(file, f"layer '{layer.name}' has strides {layer.settings['strides']}, not {stride}")
    return layer


def _listed(shapes: dict[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in shapes.items())[:200]


# Skips ----------------------------------------------------------------------------------------------------------------


def _skips_first(file: KerasFile) -> bool:
    """Whether the file's network concatenates the skip before what came up; a skip is the earlier layer."""
    joined = [step.inputs for step in file.steps if step.kind == "Concatenate"]
    orders = {len(places) == 2 and places[0] < places[1] for places in joined}
    if len(orders) > 1 or any(len(places) != 2 for places in joined):
        raise _misfit(file, "does not concatenate what came up and the skip in the same way everywhere")
    return orders == {True}


def _after_join(body: nn.Module) -> Iterator[nn.Module]:
    """The modules that take what came up and the skip, in halves: the first of every block but the innermost."""
    blocks = body.up if isinstance(body, UNet) else [*body.up[1:], body.paint]  # type: ignore[index]
    return (next(module for module in block.modules() if _wanted(module)) for block in blocks)
