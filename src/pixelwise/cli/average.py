"""pixelwise average"""

from typing import Annotated

import typer

from pixelwise.cli.options import AsJson, Classes, Device, Layout, Run

EXAMPLE = "Example:  pixelwise average runs/first runs/second --data camvid"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog=EXAMPLE)(average)


def average(
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL", help="Two or more model files, run folders, or `street`.")
    ],
    data: Annotated[str, typer.Option(metavar="DATA", help="A folder, dataset.yaml or table; or `streets`.")],
    run: Run = None,
    layout: Layout = None,
    classes: Classes = None,
    as_json: AsJson = False,
    device: Device = "auto",
) -> None:
    """Average the weights of models that went on from one another.

    The average takes no longer than one of them. All are scored on the validation images of DATA, so that one sees
    whether it is better than the best of them. A model that is named twice counts twice.
    """
    from pixelwise import api
    from pixelwise.cli.show import show_averaged, trained_as_json

    dataset = api.open_dataset(data, layout, classes)
    model = api.average(models, dataset, run=run, device=device)
    if as_json:
        print(trained_as_json(model))
    else:
        show_averaged(model, data)
