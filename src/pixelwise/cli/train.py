"""pixelwise train"""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pixelwise.cli.options import (
    AsJson,
    Batch,
    Budget,
    Classes,
    Device,
    Epochs,
    Layout,
    Network,
    Option,
    Run,
    Seed,
    Settings,
    Size,
    Weights,
    request_of,
)
from pixelwise.errors import UserError

if TYPE_CHECKING:
    from pixelwise.api import Model
    from pixelwise.training import Request

EXAMPLE = "Example:  pixelwise train my_photos --budget 30m"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog=EXAMPLE)(train)


def train(  # noqa: PLR0913 - one parameter per option
    context: typer.Context,
    data: Annotated[
        str | None, typer.Argument(metavar="DATA", help="A folder, dataset.yaml or table; or `streets`.")
    ] = None,
    model: Network = None,
    budget: Budget = None,
    epochs: Epochs = None,
    size: Size = None,
    batch: Batch = None,
    seed: Seed = 0,
    option: Option = None,
    weights: Weights = "",
    settings: Settings = None,
    recipe: Annotated[Path | None, typer.Option(help="Do what this recipe.yaml of `plan` says.")] = None,
    layout: Layout = None,
    classes: Classes = None,
    device: Device = "auto",
    run: Run = None,
    track: Annotated[str, typer.Option(help="Tell tensorboard or mlflow how it goes.")] = "",
    resume: Annotated[Path | None, typer.Option(help="Go on with the run in this folder.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train a model on DATA and score it.

    Ends with the scores on the validation split, a report and a model.
    What is not asked for is planned from the data, the machine and the budget, as `pixelwise plan` shows.
    """
    began = time.monotonic()
    planned = (model, budget, epochs, size, batch, option, weights or None, settings)
    if resume is not None:
        _alone("--resume", "run's own data and recipe", (data, recipe, run, layout, classes, *planned))
        _resume(resume, device, track, as_json)
        return
    if recipe is not None:
        _alone("--recipe", "settings of that file", planned)
        _follow(recipe, (data, layout, classes), device, run, track, as_json=as_json)
        return
    if data is None:
        raise UserError("train needs DATA: a folder of images and masks, or `streets` for the built-in scenes")
    request = request_of(began, context.params)
    _train((data, layout, classes), request, device, run, track, as_json=as_json)


def _alone(option: str, what: str, others: tuple[object, ...]) -> None:
    """Refuses options that would be left aside."""
    if any(given is not None for given in others):
        raise UserError(f"{option} goes by the {what}; leave the other options out")


Source = tuple[str, str | None, str | None]


def _train(source: Source, request: "Request", device: str, run: Path | None, track: str, *, as_json: bool) -> None:
    from pixelwise import api

    dataset = api.open_dataset(*source)
    _tell(dataset, as_json)
    _show(api.train_request(dataset, request, device=device, run=run, track=track), source[0], as_json)


def _follow(
    recipe: Path,
    source: tuple[str | None, str | None, str | None],
    device: str,
    run: Path | None,
    track: str,
    *,
    as_json: bool,
) -> None:
    from pixelwise import api
    from pixelwise.training import load_recipe

    path, layout, classes = source
    dataset = api.open_dataset(*load_recipe(recipe)[1]) if path is None else api.open_dataset(path, layout, classes)
    _tell(dataset, as_json)
    trained = api.train_recipe(recipe, dataset, device=device, run=run, track=track)
    _show(trained, dataset.source.path, as_json)


def _resume(folder: Path, device: str, track: str, as_json: bool) -> None:
    from pixelwise import api
    from pixelwise.training import load_recipe
    from pixelwise.training.folders import RECIPE

    _, data = load_recipe(folder / RECIPE)
    _show(api.resume(folder, device, track), data.path, as_json)


def _tell(dataset: Any, as_json: bool) -> None:  # noqa: ANN401 - a Dataset, which loads slowly
    from pixelwise.progress import speaks

    if speaks() and not as_json:
        print(dataset)


def _show(trained: "Model", data: str, as_json: bool) -> None:
    from pixelwise.cli.show import show_trained, trained_as_json
    from pixelwise.progress import speaks

    if not speaks():
        return
    if as_json:
        print(trained_as_json(trained))
    else:
        show_trained(trained, trained.evaluation, data)
