"""pixelwise evaluate"""

import json
from pathlib import Path
from typing import Annotated

import typer

from pixelwise.cli.options import AsJson, Classes, Data, Device, Layout, Model, Split

EXAMPLE = "Example:  pixelwise evaluate runs/2026-11-20_unet_camvid camvid --split val"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog=EXAMPLE)(evaluate)


def evaluate(
    model: Model,
    data: Data,
    split: Split = None,
    output: Annotated[Path | None, typer.Option(help="Write evaluation.json and report.html here.")] = None,
    layout: Layout = None,
    classes: Classes = None,
    as_json: AsJson = False,
    device: Device = "auto",
) -> None:
    """Score a model on DATA.

    Every labelled pixel counts once, at its own resolution, in one confusion matrix.
    """
    from pixelwise import api
    from pixelwise.cli.show import show_evaluation

    trained, dataset = api.load(model, device), api.open_dataset(data, layout, classes)
    evaluation = api.evaluate(trained, dataset, split)
    if as_json:
        print(json.dumps(evaluation.to_dict()))
    else:
        show_evaluation(evaluation)
    if output:
        api.save_evaluation(evaluation, trained, dataset, output)
