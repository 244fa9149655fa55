"""pixelwise demo"""

import time
from pathlib import Path
from typing import Annotated

import typer

from pixelwise.cli.options import Device, Run

EXAMPLE = "Example:  pixelwise demo --write my_streets --count 20 --layout pairs"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog=EXAMPLE)(demo)


def demo(
    budget: Annotated[str, typer.Option(help="Time until all is done: 90s, 4m ...")] = "4.75m",
    device: Device = "auto",
    run: Run = None,
    write: Annotated[Path | None, typer.Option(help="Write the scenes into this new folder; train nothing.")] = None,
    count: Annotated[int, typer.Option(min=1, help="With --write: how many scenes in all.")] = 100,
    layout: Annotated[str, typer.Option(help="With --write: folders, camvid, voc, pairs ...")] = "folders",
    seed: Annotated[int, typer.Option(min=0, help="Of the training; with --write: of the scenes.")] = 0,
) -> None:
    """Watch a U-Net learn to label rendered streets.

    It needs no data and no network. The scores at the end are those of scenes it has never seen.
    With --write, write the scenes as a dataset.
    """
    began = time.monotonic()
    if write is not None:
        _write(write, count, layout, seed)
        return
    from pixelwise import api
    from pixelwise.cli.show import show_trained
    from pixelwise.training import Request
    from pixelwise.training.parsing import parse_duration

    request = Request("unet", parse_duration(budget), began, seed=seed)
    dataset = api.open_dataset("streets")
    print(dataset)
    trained = api.train_request(dataset, request, device=device, run=run)
    held_out = api.evaluate(trained, dataset, "test")
    if trained.run:
        api.save_evaluation(held_out, trained, dataset, trained.run)
    show_trained(trained, held_out, "streets")


def _write(folder: Path, count: int, layout: str, seed: int) -> None:
    from pixelwise.data.layouts.streets_default import streets
    from pixelwise.data.writers import write_dataset
    from pixelwise.progress import track

    val = test = count // 5
    scenes = streets(count - val - test, val, test, seed=seed)
    bar = track(range(count), "writing scenes")

    def written(*_: int) -> None:
        next(bar, None)

    written()  # the bar stands at nought
    write_dataset(scenes, folder, layout, progress=written)
    print(f"{count} scenes written to {folder} in the {layout} layout\n\nnext:\n  pixelwise train {folder}")
