"""Options that several commands share."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from pixelwise.training import Request

Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 ...")]
Split = Annotated[str | None, typer.Option(help="train, val or test  [default: val, else test, else train]")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of tables.")]
# torchrun takes --run for a beginning of its own --run-path; hence the longer name.
Run = Annotated[
    Path | None, typer.Option("--run", "--run-folder", help="The run folder  [default: runs/DATE_MODEL_DATA]")
]
Model = Annotated[str, typer.Argument(metavar="MODEL", help="A model file, a run folder, or `street`.")]
Data = Annotated[str, typer.Argument(metavar="DATA", help="A folder, dataset.yaml or table; or `streets`.")]
Layout = Annotated[str | None, typer.Option(help="How DATA lies: voc, coco, ...  [default: recognised]")]
Option = Annotated[
    list[str] | None, typer.Option(metavar="NAME=VALUE", help="Of the model: width=64 ...  [see `pixelwise models`]")
]
Classes = Annotated[str | None, typer.Option(help="Merge classes: camvid32-to-11 ...  [default: as they are]")]
Protocol = Annotated[
    str, typer.Option(help="Score as others do too: cityscapes, voc, camvid11 or pix2pix  [see docs/evaluation.md]")
]
Names = Annotated[
    str | None,
    typer.Option(metavar="WHERE", help="Whose classes masks hold: camvid11, a model's, ...  [default: numbers]"),
]

# What both `plan` and `train` are asked.
Network = Annotated[
    str | None, typer.Option("--model", help="One of `pixelwise models`  [default: that of --weights, else street]")
]
Budget = Annotated[str | None, typer.Option(help="Time until all is done: 90s, 30m, 2h  [default: 30m]")]
Epochs = Annotated[float | None, typer.Option(help="Passes over the images, instead of a budget.")]
Size = Annotated[str | None, typer.Option(help="HEIGHTxWIDTH images are brought to  [default: planned]")]
Batch = Annotated[int | None, typer.Option(min=1, help="Images per step  [default: 4; of pix2pix 1]")]
Seed = Annotated[int, typer.Option(min=0, help="Of weights, order and augmentation.")]
Weights = Annotated[
    str, typer.Option(help="To start from: a model, or an encoder's FILE.safetensors or hf:OWNER/NAME.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help='Of the recipe: "loss=ce + dice", ema=0 ...  [see `plan`]'),
]


def request_of(began: float, typed: Mapping[str, Any]) -> "Request":
    """What was asked of a plan. typed: the options above, by name. began: when, of time.monotonic.

    Raises UserError for what cannot be read or trained.
    """
    from pixelwise.training import Request, network_asked
    from pixelwise.training.parsing import parse_duration, parse_option, parse_size

    budget, size, batch = typed["budget"], typed["size"], typed["batch"]
    settings = dict(map(parse_option, typed["settings"] or []))
    model, options = network_asked(typed["model"], dict(map(parse_option, typed["option"] or [])), typed["weights"])
    return Request(
        model,
        parse_duration(budget) if budget else None,
        began,
        epochs=typed["epochs"],
        size=parse_size(size) if size else None,
        options=options,
        weights=typed["weights"],
        seed=typed["seed"],
        settings=settings | ({} if batch is None else {"batch": batch}),
    )
