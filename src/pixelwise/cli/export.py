"""pixelwise export"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pixelwise.cli.options import AsJson, Classes, Layout, Model
from pixelwise.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pixelwise.data.dataset import Image, Split
    from pixelwise.export.export import Agreement

EXAMPLE = "Example:  pixelwise export street street.onnx"
COMPARED, CALIBRATING = 4, 32  # images of a dataset: on which the two are compared, and that set the ranges of int8


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog=EXAMPLE)(export)


def export(  # noqa: PLR0913 - one parameter per option
    model: Model,
    output: Annotated[Path, typer.Argument(metavar="FILE", help="To write: NAME.onnx, NAME.xml or NAME.pt2")],
    photos: Annotated[
        list[Path] | None,
        typer.Option("--photo", metavar="PHOTO", help="To compare on; repeatable  [default: rendered streets]"),
    ] = None,
    data: Annotated[
        str | None, typer.Option(metavar="DATA", help="To compare on, and to set the ranges of --int8 and score it.")
    ] = None,
    int8: Annotated[bool, typer.Option("--int8", help="Multiply in 8 bits: .onnx and .xml; needs --data.")] = False,
    half: Annotated[bool, typer.Option("--half", help="Store the weights of .xml as float16.")] = False,
    layout: Layout = None,
    classes: Classes = None,
    as_json: AsJson = False,
) -> None:
    """Make one file for another runtime, if it labels as the model does.

    .onnx is for ONNX Runtime, .xml with its .bin for OpenVINO, .pt2 for torch.export. The file takes uint8 images
    (n, height, width, channels) of any size as they were decoded, and gives `label` and `probabilities` at that size.
    It is run beside the original, and not written where more than 0.1 % of the pixels get another class, ties apart.

    --int8 sets its ranges by training images of DATA, and says how much mean IoU it loses on the others.
    """
    from pixelwise import api
    from pixelwise.data.files.images import read_image
    from pixelwise.evaluation import check_classes

    if int8 and not data:
        raise UserError("--int8: needs images as those that it will see; add --data and the model's training data")
    if photos and data:
        raise UserError("--photo and --data both say what to compare on; leave one out")
    trained = api.load(model, "cpu")
    dataset = api.open_dataset(data, layout, classes) if data else None
    images = [read_image(photo, trained.bundle.format) for photo in photos or []]
    ranges, scores = None, []
    if dataset:
        if int8:
            check_classes(trained.labels, dataset.labels)
        split = api.default_split(dataset)
        images = _images(dataset.split(split), COMPARED)
        ranges = _images(dataset.train or dataset.split(split), CALIBRATING) if int8 else None
    found = trained.export(output, images=images or None, half=half, int8=ranges)
    if dataset and int8:
        scores = [api.evaluate(one, dataset, split).mean_iou for one in (trained, output)]
    size = sum(part.stat().st_size for part in parts_of(output))
    if as_json:
        agreement = [asdict(one) for one in found]
        known = {"file": str(output), "bytes": size, "agreement": agreement}
        print(json.dumps(known | {"mean_iou": {"model": scores[0], "file": scores[1]} if scores else None}))
        return
    _show(found)
    if scores:
        before, after = scores
        print(f"mean IoU on the {split} split: {before:.4f} by the model, {after:.4f} in int8: {after - before:+.4f}")
    print(f"written: {output}, {size / 1e6:.1f} MB")


def parts_of(output: Path) -> list[Path]:
    """The file, and that of an .xml file's weights."""
    return [output, *([output.with_suffix(".bin")] if output.suffix == ".xml" else [])]


def _images(split: "Split", count: int) -> "list[Image]":
    from pixelwise.data.sampling import even_sample

    return [sample.image for sample in even_sample(split, count)]


def _show(found: "Sequence[Agreement]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("height x width", "pixels alike", "largest difference of a probability", "ms", "ms of the model")
    for one in found:
        size = "{} x {}".format(*one.size)
        milliseconds = f"{one.milliseconds:.0f}", f"{one.original:.0f}"
        table.add_row(size, f"{one.equal:.3%}", f"{one.difference:.2g}", *milliseconds)
    Console().print(table)
