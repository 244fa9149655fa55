"""What `pixelwise models` prints."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pixelwise import machine
from pixelwise.errors import UserError
from pixelwise.models import options_of
from pixelwise.models.survey import Description, idea, meanings

NUMBERS = ("parameters", "GFLOPs", "ms per image")
DASH = "–"


def show_models(found: Mapping[str, Description | UserError], conditions: Mapping[str, str]) -> None:
    """A row per model, under which conditions they were measured, and why some have no numbers."""
    table = Table(title="models", title_justify="left")
    table.add_column("name", no_wrap=True)
    for column in NUMBERS:
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("source")
    for name, description in found.items():
        table.add_row(name, *_cells(description))
    Console().print(table)
    _show_conditions(conditions)
    for name, reason in found.items():
        if isinstance(reason, UserError):
            print(f"{name}: {reason}")
    print("\nnext:")
    print("  pixelwise models NAME              its idea and its options")
    print("  pixelwise train DATA --model NAME")


def _cells(description: Description | UserError) -> tuple[str, ...]:
    if isinstance(description, UserError):
        return DASH, DASH, DASH, "not here, see below"
    return f"{description.parameters:,}", f"{description.gflops:.1f}", _time(description), escape(description.source)


def _time(description: Description) -> str:
    time = description.milliseconds
    return DASH if time is None else f"{time:.0f}" if time >= 10 else f"{time:.1f}"


def show_model(found: Description, conditions: Mapping[str, str]) -> None:
    """Its idea, its numbers, its options with their defaults and meanings."""
    print(f"{found.title}: {idea(found.name)}\n{found.source}\n")
    print(f"{found.parameters:,} parameters, {found.convolutions} convolutions")
    print(f"{found.gflops:.1f} GFLOPs per image" + (f", {_time(found)} ms" if found.milliseconds else ""))
    _show_conditions(conditions)
    table = Table(title="\noptions", title_justify="left")
    for column in ("option", "default", "meaning"):
        table.add_column(column)
    said = meanings(found.name)
    for option, default in options_of(found.name).items():
        table.add_row(option, escape(str(default)), escape(said[option]) or DASH)
    Console().print(table)


def conditions_of(size: tuple[int, int], channels: int, classes: int, device: torch.device | None) -> dict[str, str]:
    """What the numbers hold for. device: where the time was measured; None where it was not."""
    conditions = {
        "image": f"{size[0]}x{size[1]}, {channels} channel{'s' * (channels != 1)}",
        "classes": str(classes),
        "operations": "of the convolutions; one multiplication with its addition is two",
    }
    if device is None:
        return conditions
    here = machine.describe(device)
    return conditions | {
        "time": "uint8 image to class indices, batch 1, median of at least five runs",
        "machine": f"{here['processor']}, {torch.get_num_threads()} threads" * (device.type == "cpu")
        or here["processor"],
        "precision": here["precision"],
        "torch": here["torch"],
    }


def _show_conditions(conditions: Mapping[str, str]) -> None:
    line = "; ".join(f"{what}: {how}" for what, how in conditions.items())
    Console().print(line, style="dim", highlight=False)


def as_dict(name: str, found: Description | UserError) -> dict[str, Any]:
    """The same for programs; "error" in the place of the numbers where it cannot be built."""
    about = {"idea": idea(name), "defaults": options_of(name)}
    return {"name": name, "error": str(found)} | about if isinstance(found, UserError) else asdict(found) | about
