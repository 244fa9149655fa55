"""The one-file model: weights, architecture, label map, preprocessing, provenance and scores in one safetensors file.

Nothing is unpickled: the weights are plain numbers, the rest is JSON in the header.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import pydantic
import torch

from pixelwise.data.dataset import RGB, Format
from pixelwise.errors import UserError
from pixelwise.files import replacing
from pixelwise.labels import IGNORE, Color, LabelMap
from pixelwise.models import Network, Painter, build_network
from pixelwise.tensors import load_metadata, load_tensors, save_tensors
from pixelwise.weights import MARK

FORMAT = 2  # 2: offsets of classes
OFFSETS = "offsets"  # of a network that has them


@dataclass
class Bundle:
    """A network with all that is needed to use it and to know where it comes from.

    network: takes images in [0, 255]. model, options: how it was built. labels: what its classes are.
    size: height and width it was trained at; images are brought to this area before they are labelled.
    provenance: recipe, data, machine. scores: as measured, with their conditions. bits: that the values of its image
    files use, of which it sees the upper 8.
    """

    network: Network
    model: str
    options: dict[str, Any]
    labels: LabelMap
    size: tuple[int, int]
    provenance: dict[str, Any] = field(default_factory=dict)
    scores: dict[str, Any] = field(default_factory=dict)
    bits: int = RGB.bits

    @property
    def format(self) -> Format:
        """How image files are read for it."""
        return Format(self.network.mean.numel(), self.bits)

    @property
    def offsets(self) -> dict[str, float]:
        """What the offsets of the network's classes brought, "without" and "crosswise"; empty where it has none."""
        return self.provenance.get(OFFSETS, {}) if self.network.offsets is not None else {}

    @property
    def painter(self) -> Painter | None:
        """The network, if it paints its answer."""
        return self.network if isinstance(self.network, Painter) else None

    @property
    def paints_photos(self) -> bool:
        """Whether it makes photos from coloured labels, and so labels nothing."""
        return self.painter is not None and self.painter.paints == "photo"

    def save(self, path: str | Path, *, half: bool = False) -> None:
        """Writes the file whole or not at all.

        half: filters are stored as float16, of 11 significant bits, where all fit into its range; what is read back is
        float32 again. Biases and the numbers of batch norm stay as they are. Raises UserError where it cannot be
        written.
        """
        weights = {name: tensor.detach().cpu().contiguous() for name, tensor in self.network.state_dict().items()}
        if half:
            weights = {name: _halved(tensor) for name, tensor in weights.items()}
        with replacing(Path(path)) as temporary:
            save_tensors(weights, temporary, {MARK: json.dumps(self._header())})

    def _header(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "model": self.model,
            "options": self.options,
            "in_channels": self.format.channels,
            "bits": self.bits,
            "names": self.labels.names,
            "colors": self.labels.colors,
            "ignore": self.labels.ignore,
            "size": self.size,
            "provenance": self.provenance,
            "scores": self.scores,
        }


def _halved(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor as float16 where it is a filter or a matrix that fits."""
    fits = tensor.is_floating_point() and tensor.dim() > 1 and bool(tensor.half().isfinite().all())
    return tensor.half() if fits else tensor


Side = Annotated[int, pydantic.Field(ge=1, le=16384)]


class _Version(pydantic.BaseModel):
    format: pydantic.PositiveInt


class _Header(pydantic.BaseModel):
    model: str
    options: dict[str, Any]
    in_channels: int = pydantic.Field(ge=1, le=1024)
    names: tuple[str, ...]
    colors: tuple[Color, ...]
    ignore: int = IGNORE
    size: tuple[Side, Side]
    provenance: dict[str, Any] = {}
    scores: dict[str, Any] = {}
    bits: int = pydantic.Field(RGB.bits, ge=8, le=16)


def load_bundle(path: str | Path, device: str | torch.device = "cpu") -> Bundle:
    """Reads a model file; the network is ready to label (evaluation mode).

    Raises UserError where the file is missing, cut off, or not a pixelwise model.
    """
    stored, metadata = load_tensors(Path(path))
    weights = {name: tensor.float() if tensor.dtype == torch.float16 else tensor for name, tensor in stored.items()}
    header = _read_header(Path(path), metadata)
    try:
        labels = LabelMap(header.names, header.colors, header.ignore)
        with torch.device("meta"):  # no memory until it is known that the weights fit
            network = build_network(header.model, len(labels), in_channels=header.in_channels, **header.options)
            network.offsets = torch.empty(len(labels), 1, 1) if OFFSETS in weights else None
    except (UserError, TypeError) as error:
        raise UserError(f"{path}: {error}") from error
    if _shapes(weights) != _shapes(network.state_dict()):
        raise UserError(f"{path}: its weights do not fit its architecture {header.model}; train it again")
    network.load_state_dict(weights, assign=True)
    network.to(device=device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    return Bundle(
        network, header.model, header.options, labels, header.size, header.provenance, header.scores, header.bits
    )


def network_in(path: Path) -> tuple[str, dict[str, Any]]:
    """Model and options of a model file, without its weights. Raises UserError where it is not a pixelwise model."""
    header = _read_header(path, load_metadata(path))
    return header.model, header.options


def _shapes(weights: Mapping[str, torch.Tensor]) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {name: (tensor.shape, tensor.dtype) for name, tensor in weights.items()}


def _read_header(path: Path, metadata: Mapping[str, str]) -> _Header:
    if MARK not in metadata:
        raise UserError(f"{path}: holds weights, but was not written by pixelwise; give a model that `train` made")
    try:
        written = _Version.model_validate_json(metadata[MARK])
        if written.format > FORMAT:
            raise UserError(f"{path}: was written by a newer pixelwise (format {written.format}); upgrade pixelwise")
        return _Header.model_validate_json(metadata[MARK])
    except pydantic.ValidationError as error:
        raise UserError(f"{path}: its header is damaged ({error.error_count()} errors); train it again") from error
