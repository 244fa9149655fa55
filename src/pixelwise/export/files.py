"""The graph of a model as a file of each kind, with its card inside."""

from pathlib import Path
from typing import Any

import torch

from pixelwise.errors import UserError
from pixelwise.export.card import KEY, Card
from pixelwise.export.graph import LabelImages
from pixelwise.export.quiet import quiet
from pixelwise.export.runtime import INSTALL

EXAMPLE = (2, 100, 140)  # images of this size are followed through the graph; any other will do


def trace(graph: LabelImages) -> torch.export.ExportedProgram:
    """The graph of any batch, height and width."""
    image = torch.zeros(*EXAMPLE, graph.network.mean.numel(), dtype=torch.uint8)
    anything = dict.fromkeys(range(3), torch.export.Dim.DYNAMIC)
    with torch.no_grad():
        return torch.export.export(graph.eval(), (image,), dynamic_shapes={"image": anything}, strict=False)


def write_torch(program: torch.export.ExportedProgram, path: Path, card: Card) -> None:
    """A .pt2 file. torch.export.load runs no code of it, but reads parts with pickle: take it from no stranger."""
    with quiet():
        torch.export.save(program, path, extra_files={f"{KEY}.json": card.model_dump_json()})


def write_onnx(program: torch.export.ExportedProgram, path: Path, card: Card) -> None:
    """One .onnx file with its weights inside. Raises UserError where onnx is missing."""
    try:
        import onnx
        import onnxscript  # noqa: F401 - torch needs it
    except ImportError as error:
        raise UserError(f"{path}: needs onnx and onnxscript; run `{INSTALL}`") from error
    with quiet():  # torch warns of its own insides
        made: Any = torch.onnx.export(
            program, input_names=["image"], output_names=["label", "probabilities"], dynamo=True, verbose=False
        )
    model = made.model_proto
    for place in (*model.graph.input, *model.graph.output):
        for dimension, name in zip(place.type.tensor_type.shape.dim, _axes(place.name), strict=True):
            if dimension.dim_param:
                dimension.dim_param = name
    onnx.save(model, path)
    put_card(path, card)


def put_card(path: Path, card: Card) -> None:
    """Lays the card into an ONNX file, in the place of one that is there."""
    import onnx

    model = onnx.load(path)
    onnx.helper.set_model_props(model, {KEY: card.model_dump_json()})
    onnx.save(model, path)


def _axes(name: str) -> tuple[str, ...]:
    axes = {"image": ("n", "height", "width", "channels"), "label": ("n", "height", "width")}
    return axes.get(name, ("n", "classes", "height", "width"))


def write_openvino(onnx_file: Path, path: Path, card: Card, *, half: bool = False) -> None:
    """An .xml file with its .bin beside it, from the ONNX file. half: weights are stored as float16."""
    try:
        import openvino
    except ImportError as error:
        raise UserError(f"{path}: needs openvino; run `{INSTALL}`") from error
    model = openvino.Core().read_model(onnx_file)
    model.set_rt_info(card.model_dump_json(), KEY)
    openvino.save_model(model, path, compress_to_fp16=half)
