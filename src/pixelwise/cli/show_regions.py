"""What `pixelwise regions` prints."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pixelwise.prediction.measuring import Measured, Measuring

SHOWN = 20  # images


def show_regions(found: Sequence[Measured], measuring: Measuring, written: Mapping[str, Path | None]) -> None:
    """A line for each of the first images, one for all, and where files were written."""
    console = Console()
    table = Table(title=f"regions of {escape(measuring.class_name)}", title_justify="left")
    table.add_column("image", overflow="fold")
    area = f"area {measuring.unit}²" if measuring.unit else "area"
    for column in ("regions", area, "mean area", "at the border"):
        table.add_column(column, justify="right")
    for one in found[:SHOWN]:
        table.add_row(escape(one.name), *_cells([one]))
    if len(found) > 1:
        table.add_section()
        table.add_row(f"all {len(found)}", *_cells(found))
    console.print(table)
    if len(found) > SHOWN:
        print(f"the first {SHOWN} of {len(found)} images; --json and --output name all")
    for what, path in written.items():
        if path:
            print(f"{what:9s}{path}")


def _cells(found: Sequence[Measured]) -> list[str]:
    count = sum(len(one.regions) for one in found)
    area = sum(one.area for one in found)
    border = sum(region.touches_border for one in found for region in one.regions)
    return [str(count), number(area), number(area / count) if count else "", str(border)]


def number(value: float) -> str:
    """With at least four digits, and commas between thousands.

    >>> number(12345.6), number(0.0123456)
    ('12,346', '0.01235')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def as_json_of(found: Sequence[Measured], measuring: Measuring) -> dict[str, Any]:
    """The same for programs, with all regions."""
    images = [{"image": one.name, "regions": len(one.regions), "area": one.area} for one in found]
    rows = [row for one in found for row in one.known()]
    return {"class": measuring.class_name, "unit": measuring.unit, "images": images, "regions": rows}
