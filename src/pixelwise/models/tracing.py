"""What a drawing of a network needs, seen while the network runs, so that the drawing cannot say anything else.

The network runs once on torch's "meta" device, which computes shapes and nothing else. Every operation is recorded
with the stages that its inputs came from; that is how skip connections are found.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from pixelwise.models.network import Network

RESAMPLING = {
    "max_pool2d_with_indices": "max pooling",
    "max_unpool2d": "unpooling",
    "avg_pool2d": "average pooling",
    "upsample_bilinear2d": "bilinear upsampling",
    "upsample_nearest2d": "nearest upsampling",
}
JOINS = {"cat": "concatenation", "add": "addition", "add_": "addition"}


@dataclass(frozen=True)
class Link:
    """Where a stage's input came from. source: place of that stage in the list.

    kind: "" for the only input, else how it joins the others: "concatenation", "addition" or "indices" (of pooling).
    """

    source: int
    kind: str = ""


@dataclass(frozen=True)
class Stage:
    """One block of a network, or one resampling between two blocks.

    name: of the module, "down.0" for one; a resampling has none, but for "logits" at the end. kind: "image", "block" or
    one of RESAMPLING's.
    convolutions: of the block, step after step; those of one step run side by side. "3x3" or "3x3 dilated" for one, or
    "nearest upsampling, 1x1" where the block itself resamples first.
    """

    name: str
    kind: str
    channels: int
    height: int
    width: int
    convolutions: tuple[tuple[str, ...], ...] = ()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True)
class _Origin:
    """Of a tensor: the links to the stages it was made from, how many convolutions followed each other since, and how
    it was upsampled since the last of them.
    """

    links: frozenset[Link]
    depth: int = 0
    upsampled: str = ""


def stages(network: Network, size: tuple[int, int]) -> list[Stage]:
    """The blocks of a network in the order in which they run, for one image of ``size`` (height, width).

    A block is an outermost module that has convolutions, takes one tensor and gives one; of an encoder, which gives
    several, or of a module that joins two, these are its parts. The first stage is the image as the body is given it,
    padded to a multiple of its stride.
    network: on the meta device, in evaluation mode.

    >>> from pixelwise.models.unet import UNet
    >>> with torch.device("meta"):
    ...     network = Network(UNet(3, 11, width=8, depth=1)).eval()
    >>> [(stage.name or stage.kind, stage.channels) for stage in stages(network, (32, 48))][:5]
    [('image', 3), ('down.0', 8), ('max pooling', 8), ('down.1', 16), ('grow.0', 8)]
    """
    image = torch.zeros(1, network.mean.numel(), *size, dtype=torch.uint8, device="meta")
    record = _Record()
    with torch.no_grad(), ExitStack() as hooks:
        blocks = _blocks(network, image)
        hooks.enter_context(network.body.register_forward_pre_hook(lambda _, given: record.begin(given[0])))
        for name, module in blocks.items():
            hooks.enter_context(module.register_forward_pre_hook(lambda *_: record.enter()))
            hooks.enter_context(module.register_forward_hook(lambda _, __, made, name=name: record.leave(name, made)))
        with record:
            network(image)
    if record.stages[-1].kind != "block":
        record.stages[-1] = replace(record.stages[-1], name="logits")
    return record.stages


def _blocks(network: Network, image: Tensor) -> dict[str, nn.Module]:
    """The outermost modules below the body that have convolutions, take one tensor and give one, by name."""
    simple: set[nn.Module] = set()

    def note(module: nn.Module, given: tuple[object, ...], made: object) -> None:
        if len(given) == 1 and isinstance(given[0], Tensor) and isinstance(made, Tensor):
            simple.add(module)

    with ExitStack() as hooks:
        for module in network.body.modules():
            hooks.enter_context(module.register_forward_hook(note))
        network(image)

    def below(parent: nn.Module, path: str) -> Iterator[tuple[str, nn.Module]]:
        for name, module in parent.named_children():
            if module not in simple:
                yield from below(module, f"{path}{name}.")
            elif any(isinstance(part, nn.Conv2d | nn.ConvTranspose2d) for part in module.modules()):
                yield f"{path}{name}", module

    return dict(below(network.body, ""))


class _Record(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees every operation. origins: of every tensor, with the tensor, so that its id stays its own."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.stages: list[Stage] = []
        self.origins: dict[int, tuple[Tensor, _Origin]] = {}
        self.inside = False  # a block
        self.steps: list[list[str]] = []  # of its convolutions

    def begin(self, image: Tensor) -> None:
        self._add("", "image", image, _Origin(frozenset()))

    def enter(self) -> None:
        self.inside, self.steps = True, []

    def leave(self, name: str, made: Tensor) -> None:
        self.inside = False
        self._add(name, "block", made, self.origins[id(made)][1])

    def _add(self, name: str, kind: str, made: Tensor, origin: _Origin) -> None:
        """A new stage, whose tensor comes from itself."""
        links = tuple(sorted(origin.links, key=lambda link: (link.source, link.kind)))
        channels, height, width = made.shape[1:]
        self.stages.append(Stage(name, kind, channels, height, width, tuple(map(tuple, self.steps)), links))
        self.steps = []
        self._set(made, _Origin(frozenset({Link(len(self.stages) - 1)})))

    def _set(self, tensor: Tensor, origin: _Origin) -> None:
        self.origins[id(tensor)] = tensor, origin

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401
        types: object,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        made = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        inputs = [tensor for tensor in _tensors(args) if id(tensor) in self.origins]
        if inputs:
            origin = _merged([self.origins[id(tensor)][1] for tensor in inputs], JOINS.get(name, ""))
            if name == "convolution":
                before = f"{origin.upsampled}, " if origin.upsampled else ""
                origin = replace(origin, depth=origin.depth + 1, upsampled="")
                self.steps += [[]] * (origin.depth - len(self.steps))
                self.steps[origin.depth - 1] = [*self.steps[origin.depth - 1], before + _convolution(*args)]
            if self.inside and name.startswith("upsample"):
                origin = replace(origin, upsampled=RESAMPLING[name])
            if name == "max_unpool2d":
                origin = _with_indices(*(self.origins[id(tensor)][1] for tensor in inputs))
            outputs = list(_tensors([made]))
            for tensor in outputs:
                self._set(tensor, origin)
            if name in RESAMPLING and not self.inside and outputs[0].shape != inputs[0].shape:
                self._add("", RESAMPLING[name], outputs[0], origin)
        return made


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


def _merged(origins: Sequence[_Origin], join: str) -> _Origin:
    """Of what is made of several: all their links, named where different stages are joined here."""
    links = frozenset(chain.from_iterable(origin.links for origin in origins))
    if join and len({frozenset(link.source for link in origin.links) for origin in origins}) > 1:
        links = frozenset(replace(link, kind=link.kind or join) for link in links)
    upsampled = next((origin.upsampled for origin in origins if origin.upsampled), "")
    return _Origin(links, max(origin.depth for origin in origins), upsampled)


def _with_indices(values: _Origin, indices: _Origin) -> _Origin:
    """The indices say where the maxima were in what was pooled."""
    places = {Link(link.source, "indices") for link in indices.links}
    return replace(values, links=values.links | places)


def _convolution(
    image: Tensor,
    weight: Tensor,
    bias: object,
    stride: object,
    padding: object,
    dilation: Sequence[int],
    *rest: Any,  # noqa: ANN401
) -> str:
    """Kernel size and what is special about it."""
    transposed, _, groups = rest
    height, width = weight.shape[2:]
    words = {"transposed": transposed, "depthwise": 1 < groups == weight.shape[0], "dilated": max(dilation) > 1}
    return " ".join([f"{height}x{width}", *(word for word, true in words.items() if true)])
