"""What `pixelwise plan` prints."""

import json
import shlex
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pixelwise.training import Plan


def show_plan(plan: Plan, path: Path, page: Path | None, *, as_json: bool) -> None:
    """The settings that were chosen, with their reasons, and what to type next; or all of it for programs."""
    settings = asdict(plan.recipe)
    if as_json:
        answer = {"recipe": str(path), "page": str(page) if page else None, "settings": settings}
        print(json.dumps(answer | {"reasons": plan.reasons}))
        return
    console = Console()
    console.print(plan.about, highlight=False)
    table = Table("setting", "value", "because", box=None, pad_edge=False)
    for name, value in settings.items():
        if name in plan.reasons:
            table.add_row(name, _short(value), plan.reasons[name])
    console.print(table)
    print(f"\nrecipe   {path}")
    if page:
        print(f"page     {page}")
    print(f"\nnext:\n  pixelwise train --recipe {shlex.quote(str(path))}")


def _short(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={one}" for name, one in value.items())
    if isinstance(value, tuple):
        return " x ".join(f"{one:g}" for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
