"""pixelwise evaluate"""

import json
from pathlib import Path
from typing import Annotated

import typer

from pixelwise.cli.options import AsJson, Classes, Device, Layout, Protocol, Split
from pixelwise.cli.views import Flip, Scales, view_of
from pixelwise.errors import UserError

EXAMPLE = "Example:  pixelwise evaluate runs/2026-11-20_unet_camvid camvid --split val"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog=EXAMPLE)(evaluate)


def evaluate(  # noqa: PLR0913 - one parameter per option
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL", help="A model file, exported or not, a run folder, or `street`.", show_default=False
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Argument(metavar="DATA", help="A folder, dataset.yaml or table; or `streets`.", show_default=False),
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Score the predicted masks in this folder, whoever made them, not a MODEL."),
    ] = None,
    named_data: Annotated[
        str | None, typer.Option("--data", metavar="DATA", help="DATA, not as the last word.")
    ] = None,
    split: Split = None,
    protocol: Protocol = "default",
    values: Annotated[
        str | None,
        typer.Option(help="What --predictions hold: indices, ids (Cityscapes) or colors  [default: guessed]"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Write evaluation.json here, and of a MODEL that is not exported report.html.")
    ] = None,
    rows: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a row per image to this .csv or .parquet.")
    ] = None,
    flip: Flip = False,
    scales: Scales = None,
    layout: Layout = None,
    classes: Classes = None,
    as_json: AsJson = False,
    device: Device = "auto",
) -> None:
    """Score a model on DATA; or anybody's predicted masks: pixelwise evaluate DATA --predictions DIR

    Every labelled pixel counts once, at its own resolution, in one confusion matrix.
    """
    from pixelwise import api
    from pixelwise.cli.show import show_evaluation
    from pixelwise.evaluation.image_rows import write_rows
    from pixelwise.evaluation.protocols import find_protocol
    from pixelwise.export.runtime import is_exported
    from pixelwise.machine import pick_device
    from pixelwise.processes import joined, own_device
    from pixelwise.progress import speaks

    words = [word for word in (model, data, named_data) if word is not None]
    _check_words(words, predictions, values)
    find_protocol(protocol)
    view, exported = view_of(flip, scales), not predictions and is_exported(words[0])
    if predictions and (flip or scales):
        raise UserError("--flip and --scales say how a model looks at images; leave them out, or name a MODEL")
    if rows:
        _check_rows(rows)
    if predictions:
        dataset = api.open_dataset(words[0], layout, classes)
        evaluation = api.evaluate_predictions(predictions, dataset, split, protocol=protocol, values=values)
    elif exported:
        dataset = api.open_dataset(words[1], layout, classes)
        evaluation = api.evaluate(words[0], dataset, split, protocol=protocol, view=view)
    else:
        where = pick_device(device)
        with joined(where):
            trained, dataset = api.load(words[0], str(own_device(where))), api.open_dataset(words[1], layout, classes)
            evaluation = api.evaluate(trained, dataset, split, protocol=protocol, view=view, together=True)
    if not speaks():
        return
    if as_json:
        print(json.dumps(evaluation.to_dict()))
    else:
        show_evaluation(evaluation)
    if rows:
        write_rows(evaluation.rows(), rows)
    if output and (predictions or exported):
        evaluation.save(output / api.EVALUATION)
    elif output:
        api.save_evaluation(evaluation, trained, dataset, output)


def _check_words(words: list[str], predictions: Path | None, values: str | None) -> None:
    if predictions and len(words) != 1:
        said = "name the data too" if not words else f"it takes one DATA and no MODEL, not {' '.join(words)}"
        raise UserError(f"--predictions: {said}: pixelwise evaluate DATA --predictions {predictions}")
    if not predictions and len(words) != 2:
        raise UserError(
            "name one model and one dataset: pixelwise evaluate MODEL DATA; "
            "or the predictions of another program: pixelwise evaluate DATA --predictions DIR"
        )
    if values and not predictions:
        raise UserError("--values says what the masks of --predictions hold; leave it out, or name their folder")


def _check_rows(path: Path) -> None:
    """Before anything is computed: whether a table can be written so."""
    from pixelwise.data.layouts.table_rows import import_parquet
    from pixelwise.evaluation.image_rows import WRITERS

    if path.suffix.lower() not in WRITERS:
        raise UserError(f"{path}: a table is written as {' or '.join(WRITERS)}; let the name end so")
    if path.suffix.lower() == ".parquet":
        import_parquet()
