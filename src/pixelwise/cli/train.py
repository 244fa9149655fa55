"""pixelwise train"""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pixelwise.cli.options import AsJson, Classes, Device, Layout, Option, Run
from pixelwise.errors import UserError

if TYPE_CHECKING:
    from pixelwise.api import Model
    from pixelwise.training import Request

EXAMPLE = "Example:  pixelwise train my_photos --budget 30m"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog=EXAMPLE)(train)


def train(  # noqa: PLR0913 - one parameter per option
    data: Annotated[
        str | None, typer.Argument(metavar="DATA", help="A folder, dataset.yaml or table; or `streets`.")
    ] = None,
    model: Annotated[str, typer.Option(help="One of `pixelwise models`.")] = "street",
    budget: Annotated[str | None, typer.Option(help="Time until all is done: 90s, 30m, 2h  [default: 30m]")] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over the images, instead of a budget.")] = None,
    size: Annotated[str | None, typer.Option(help="HEIGHTxWIDTH of the training crop  [default: planned]")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Images per step  [default: 4; of pix2pix 1]")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, order and augmentation.")] = 0,
    option: Option = None,
    weights: Annotated[str, typer.Option(help="Of a pretrained encoder: FILE.safetensors, hf:OWNER/NAME.")] = "",
    encoder_rate: Annotated[float, typer.Option(help="Learning rate of that encoder, times the others'.")] = 0.1,
    freeze: Annotated[bool, typer.Option("--freeze", help="Keep that encoder as it was loaded.")] = False,
    gan: Annotated[
        str | None, typer.Option(help="Of pix2pix: none, vanilla, least_squares  [default: its own]")
    ] = None,
    l1: Annotated[float | None, typer.Option(min=0, help="Of pix2pix: weight of L1  [default: 100]")] = None,
    layout: Layout = None,
    classes: Classes = None,
    device: Device = "auto",
    run: Run = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the run in this folder.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train a model on DATA and score it.

    Ends with the scores on the validation split, a report and a model.
    With a budget, resolution, width and number of steps are chosen for this machine.
    """
    began = time.monotonic()
    from pixelwise.training import Request
    from pixelwise.training.parsing import parse_duration, parse_option, parse_size

    if resume is not None:
        asked = (data, budget, epochs, size, run, layout, classes, option, weights or None, freeze or None, gan, l1)
        if any(given is not None for given in asked):
            raise UserError("--resume goes on with the run's own data and recipe; leave the other options out")
        _resume(resume, device, as_json)
        return
    if data is None:
        raise UserError("train needs DATA: a folder of images and masks, or `streets` for the built-in scenes")
    crop = parse_size(size) if size else None
    seconds = parse_duration(budget) if budget else None
    request = Request(
        model,
        seconds,
        began,
        epochs=epochs,
        size=crop,
        options=dict(map(parse_option, option or [])),
        weights=weights,
        encoder_rate=encoder_rate,
        freeze=freeze,
        gan=gan,
        l1=l1,
        batch=batch,
        seed=seed,
    )
    _train((data, layout, classes), request, device, run, as_json=as_json)


def _train(
    source: tuple[str, str | None, str | None], request: "Request", device: str, run: Path | None, *, as_json: bool
) -> None:
    from pixelwise import api

    dataset = api.open_dataset(*source)
    if not as_json:
        print(dataset)
    _show(api.train_request(dataset, request, device=device, run=run), source[0], as_json)


def _resume(folder: Path, device: str, as_json: bool) -> None:
    from pixelwise import api
    from pixelwise.training import load_recipe

    _, data = load_recipe(folder / api.RECIPE)
    _show(api.resume(folder, device), data.path, as_json)


def _show(trained: "Model", data: str, as_json: bool) -> None:
    from pixelwise.cli.show import show_trained, trained_as_json

    if as_json:
        print(trained_as_json(trained))
    else:
        show_trained(trained, trained.evaluation, data)
