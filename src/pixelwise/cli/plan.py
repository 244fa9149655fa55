"""pixelwise plan"""

import time
from pathlib import Path
from typing import Annotated

import typer

from pixelwise.cli.options import (
    AsJson,
    Batch,
    Budget,
    Classes,
    Data,
    Device,
    Epochs,
    Layout,
    Network,
    Option,
    Seed,
    Settings,
    Size,
    Weights,
    request_of,
)
from pixelwise.errors import UserError

EXAMPLE = "Example:  pixelwise plan my_photos --budget 2h --show"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog=EXAMPLE)(plan)


def plan(  # noqa: PLR0913 - one parameter per option
    context: typer.Context,
    data: Data,
    model: Network = None,
    budget: Budget = None,
    epochs: Epochs = None,
    size: Size = None,
    batch: Batch = None,
    seed: Seed = 0,
    option: Option = None,
    weights: Weights = "",
    settings: Settings = None,
    layout: Layout = None,
    classes: Classes = None,
    device: Device = "auto",
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the recipe goes.")] = Path("recipe.yaml"),
    show: Annotated[bool, typer.Option("--show", help="Write a page of pictures of the augmentation too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Choose how to train on DATA, and write it down with the reasons.

    Looks at the images, the classes and this machine, and trains nothing.
    `pixelwise train` without a recipe does exactly this first.
    """
    began = time.monotonic()
    if output.exists():
        raise UserError(f"{output}: is there already; give another --output, or remove it")
    request = request_of(began, context.params)
    from pixelwise import api
    from pixelwise.cli.show_plan import show_plan

    dataset = api.open_dataset(data, layout, classes)
    planned, dataset = api.plan_request(dataset, request, device=device)
    api.save_plan(planned, dataset, output)
    page = output.with_name(f"{output.stem}_augmentation.html") if show else None
    if page:
        api.show_augmentation(planned.recipe, dataset, page)
    show_plan(planned, output, page, as_json=as_json)
