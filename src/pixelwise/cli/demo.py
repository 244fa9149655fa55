"""pixelwise demo"""

import time
from pathlib import Path
from typing import Annotated

import typer

from pixelwise.cli.options import Device, Run

EXAMPLE = "Example:  pixelwise demo --write streets_folder --count 20 --layout pairs"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog=EXAMPLE)(demo)


def demo(
    budget: Annotated[str, typer.Option(help="Time until all is done: 90s, 4m ...")] = "4.5m",
    device: Device = "auto",
    run: Run = None,
    write: Annotated[Path | None, typer.Option(help="Write the scenes here instead of training on them.")] = None,
    count: Annotated[int, typer.Option(min=1, help="With --write: how many scenes in all.")] = 100,
    layout: Annotated[str, typer.Option(help="With --write: folders, camvid or pairs.")] = "folders",
    seed: Annotated[int, typer.Option(min=0, help="Other seeds give other scenes.")] = 0,
) -> None:
    """Watch a U-Net learn to label rendered streets, offline and with no data at all.

    The scores at the end are those of scenes it has never seen. With --write, write the scenes as a dataset.
    """
    began = time.monotonic()
    if write is not None:
        _write(write, count, layout, seed)
        return
    from pixelwise import api
    from pixelwise.cli.show import show_trained
    from pixelwise.training import Request
    from pixelwise.training.plan import parse_duration

    dataset = api.open_dataset("streets")
    print(dataset)
    request = Request("unet", parse_duration(budget), began, seed=seed)
    trained = api.train_request(dataset, request, device=device, run=run)
    show_trained(trained, api.evaluate(trained, dataset, "test"), "streets")


def _write(folder: Path, count: int, layout: str, seed: int) -> None:
    from pixelwise.data.layouts.streets_default import streets
    from pixelwise.data.writers import write_dataset

    val = test = count // 5
    write_dataset(streets(count - val - test, val, test, seed=seed), folder, layout)
    print(f"{count} scenes written to {folder} in the {layout} layout\n\nnext:\n  pixelwise train {folder}")
