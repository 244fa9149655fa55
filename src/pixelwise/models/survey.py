"""How large, how costly and how fast a model is; what its options mean."""

import inspect
import re
import statistics
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from pixelwise.errors import UserError
from pixelwise.machine import mixed_precision
from pixelwise.models import MODELS, PAINTERS, SOURCES, Network, Painter, build_network, options_of
from pixelwise.progress import track

WARM_RUNS, TIMED_RUNS, TIMED_SECONDS = 2, 5, 1.0


@dataclass(frozen=True)
class Description:
    """A model in numbers.

    parameters: those that are learnt. convolutions: layers, transposed ones too. gflops: 10^9 floating point operations
    of the convolutions for one image, where a multiplication with an addition counts as two. size: of that image,
    height and width. options: those that are not the default. milliseconds: median time to label it, if measured.
    """

    name: str
    source: str
    parameters: int
    convolutions: int
    gflops: float
    size: tuple[int, int]
    options: Mapping[str, Any] = field(default_factory=dict)
    milliseconds: float | None = None

    @property
    def title(self) -> str:
        """The name, and the options that are not the default."""
        return " ".join([self.name, *(f"{option}={value}" for option, value in self.options.items())])

    def __str__(self) -> str:
        height, width = self.size
        return (
            f"{self.source} · {self.parameters:,} parameters · {self.convolutions} convolutions · "
            f"{self.gflops:.1f} GFLOPs at {height}x{width}"
        )


def survey(
    models: Collection[str],
    classes: int,
    size: tuple[int, int],
    *,
    in_channels: int = 3,
    options: Mapping[str, Any] | None = None,
    device: torch.device | None = None,
) -> dict[str, Description | UserError]:
    """Every model in numbers, or why it cannot be built here: what it needs may not be installed.

    options: of the models, where they are not the default. device: where the time is measured; None leaves it out.
    """
    built = {"in_channels": in_channels, **(options or {})}
    found: dict[str, Description | UserError] = {}
    for model in track(models, "measuring models"):
        try:
            description = describe(model, classes, size, **built)
            if device:
                network = build_network(model, classes, **built)
                network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
                description = replace(description, milliseconds=milliseconds(network, size))
            found[model] = description
        except UserError as error:
            found[model] = error
    return found


def describe(
    model: str,
    classes: int,
    size: tuple[int, int],
    *,
    in_channels: int = 3,
    **options: Any,  # noqa: ANN401
) -> Description:
    """Counted on torch's meta device, which needs neither memory nor time.

    model: one of MODELS, with its options. Raises UserError as `build_network` does.

    >>> found = describe("unet", 2, (388, 388), in_channels=1, padding="valid", batch_norm=False)
    >>> found.parameters, found.convolutions
    (31030658, 23)
    """
    network = on_meta(model, classes, in_channels=in_channels, **options)
    image = torch.zeros(1, in_channels, *size, dtype=torch.uint8, device="meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network.outputs(image)
    layers = sum(isinstance(module, nn.Conv2d | nn.ConvTranspose2d) for module in network.modules())
    parameters = sum(weights.numel() for weights in network.parameters())
    gflops = counter.get_total_flops() / 1e9
    return Description(model, SOURCES.get(model, ""), parameters, layers, gflops, size, options)


def on_meta(model: str, classes: int, *, in_channels: int = 3, **options: Any) -> Network:  # noqa: ANN401
    """The network in evaluation mode on the meta device: all shapes and no numbers."""
    with torch.device("meta"):
        return build_network(model, classes, in_channels=in_channels, **options).eval()


def milliseconds(network: Network, size: tuple[int, int]) -> float:
    """Median time to label one image of ``size`` (height, width): of five runs or a second, after two that warm up.

    From the uint8 image in memory to the class indices, one image at a time, in bf16 where the network's device
    multiplies it in hardware.

    >>> milliseconds(build_network("unet", 2, width=2), (16, 16)) > 0
    True
    """
    image = torch.randint(256, (1, network.mean.numel(), *size), dtype=torch.uint8)
    network.eval()
    times: list[float] = []
    with torch.inference_mode(), mixed_precision(network.mean.device):
        while len(times) < WARM_RUNS + TIMED_RUNS or sum(times[WARM_RUNS:]) < TIMED_SECONDS:
            began = time.perf_counter()
            network(image.to(network.mean.device)).argmax(1).cpu()
            times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times[WARM_RUNS:])


def idea(model: str) -> str:
    """The first paragraph of what the model's code says about it.

    >>> idea("segnet")
    '13 convolutions down, 13 up, batch norm and ReLU after each; pooling indices and no skips.'
    """
    return " ".join(_documentation(model).split("\n\n")[0].split())


def meanings(model: str) -> dict[str, str]:
    """What each option of the model means, from what its code says: "width: filters of the first stage" for one.

    >>> meanings("segnet")
    {'width': 'filters of the first stage (64 in the paper)'}
    """
    known = options_of(model)
    ends = "|".join([r"\.\s+[A-Z]", r"\.\n\w+: ", r"\n\n", *(rf"{name}: " for name in known), r"\Z"])
    found = {name: re.search(rf"\b{name}: (.*?)(?={ends})", _documentation(model), re.DOTALL) for name in known}
    return {name: " ".join(match[1].split()).rstrip(".") if match else "" for name, match in found.items()}


def _documentation(model: str) -> str:
    """Of its code, and of what paints with it."""
    options_of(model)  # refuses an unknown one
    parts = (MODELS[model], Painter) if model in PAINTERS else (MODELS[model],)
    return "\n\n".join(inspect.getdoc(part) or "" for part in parts)
