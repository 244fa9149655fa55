"""pixelwise train"""

import time
from pathlib import Path
from typing import Annotated

import typer

from pixelwise.cli.options import Device, Run
from pixelwise.errors import UserError

EXAMPLE = "Example:  pixelwise train my_photos --model unet --budget 30m"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog=EXAMPLE)(train)


def train(  # noqa: PLR0913 - one parameter per option
    data: Annotated[str | None, typer.Argument(help="A folder of images and masks, or `streets`.")] = None,
    model: Annotated[str, typer.Option(help="unet or segnet")] = "unet",
    budget: Annotated[str | None, typer.Option(help="Time until all is done: 90s, 30m, 2h  [default: 30m]")] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over the images, instead of a budget.")] = None,
    size: Annotated[str | None, typer.Option(help="HEIGHTxWIDTH of the training crop  [default: planned]")] = None,
    batch: Annotated[int, typer.Option(min=1, help="Images per step.")] = 8,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, order and augmentation.")] = 0,
    device: Device = "auto",
    run: Run = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the run in this folder.")] = None,
) -> None:
    """Train a model on DATA within a budget, score it and write its report.

    With a budget, resolution, width and number of steps are chosen for this machine.
    """
    began = time.monotonic()
    from pixelwise import api
    from pixelwise.cli.show import show_trained
    from pixelwise.training import Request
    from pixelwise.training.plan import parse_duration, parse_size

    if resume is not None:
        trained = api.resume(resume, device)
        show_trained(trained, trained.evaluation, "DATA")
        return
    if data is None:
        raise UserError("train needs DATA: a folder of images and masks, or `streets` for the built-in scenes")
    if budget and epochs:
        raise UserError("--budget and --epochs both say how long to train; give one of them")
    crop = parse_size(size) if size else None
    seconds = None if epochs else parse_duration(budget or "30m")
    dataset = api.open_dataset(data)
    print(dataset)
    request = Request(model, seconds, began, epochs=epochs, size=crop, batch=batch, seed=seed)
    trained = api.train_request(dataset, request, device=device, run=run)
    show_trained(trained, trained.evaluation, data)
