"""pixelwise compare"""

import json
from pathlib import Path
from typing import Annotated

import typer

from pixelwise.cli.options import AsJson, Classes, Device, Layout, Split
from pixelwise.errors import UserError

EXAMPLE = "Example:  pixelwise compare street runs/2026-11-20_unet_camvid --data camvid"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog=EXAMPLE)(compare)


def compare(  # noqa: PLR0913 - one parameter per option
    data: Annotated[str, typer.Option(metavar="DATA", help="A folder, dataset.yaml or table; or `streets`.")],
    models: Annotated[
        list[str] | None, typer.Argument(metavar="MODEL", help="Model files, run folders, or `street`.")
    ] = None,
    split: Split = None,
    predictions: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="Labels that another program predicted; repeatable.")
    ] = None,
    name: Annotated[
        list[str] | None, typer.Option(help="Of each --predictions, in their order  [default: the folder's]")
    ] = None,
    output: Annotated[Path, typer.Option(help="The page that is written.")] = Path("compare.html"),
    blocks: Annotated[
        int, typer.Option(min=1, help="Images that are resampled together: more than a scene has, for films.")
    ] = 1,
    no_speed: Annotated[bool, typer.Option("--no-speed", help="Measure no time and no memory.")] = False,
    layout: Layout = None,
    classes: Classes = None,
    as_json: AsJson = False,
    device: Device = "auto",
) -> None:
    """Compare models on the same images of DATA.

    Which one is better, and whether that can be told; class by class, speed and size; and the images on which they
    disagree, on one page.
    """
    from pixelwise import api
    from pixelwise.cli.show_compare import show_comparison

    folders = _named(predictions or [], name or [])
    dataset = api.open_dataset(data, layout, classes)
    found = api.compare(
        models or [], dataset, split, predictions=folders, blocks=blocks, speed=not no_speed, device=device
    )
    found.save(output)
    if as_json:
        print(json.dumps(found.to_dict() | {"page": str(output)}))
    else:
        show_comparison(found)
        print(f"\npage     {output}")


def _named(folders: list[Path], names: list[str]) -> dict[str, Path]:
    """Each folder by its name, or that of the folder."""
    if len(names) > len(folders):
        raise UserError(f"{len(names)} names for {len(folders)} folders of predictions; give --name once for each")
    given = [*names, *(folder.resolve().name for folder in folders[len(names) :])]
    twice = next((name for name in given if given.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"two folders of predictions are called '{twice}'; tell them apart with --name")
    return dict(zip(given, folders, strict=True))
