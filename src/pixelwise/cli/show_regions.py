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
    unit = unit_of(found, measuring)
    area = f"area {unit}²" if unit else "area"
    for column in ("regions", area, "mean area", "at the border"):
        table.add_column(column, justify="right")
    for one in found[:SHOWN]:
        table.add_row(escape(one.name), *_cells([one], unit is None))
    if len(found) > 1:
        table.add_section()
        table.add_row(f"all {len(found)}", *_cells(found, unit is None))
    console.print(table)
    if len(found) > SHOWN:
        print(f"the first {SHOWN} of {len(found)} images; --json and --output name all")
    for what, path in written.items():
        if path:
            print(f"{what:9s}{path}")


def _cells(found: Sequence[Measured], several: bool) -> list[str]:
    """several: whether images have several units, which then stand beside the areas."""
    count = sum(len(one.regions) for one in found)
    border = sum(region.touches_border for one in found for region in one.regions)
    return [str(count), _area(found, 1, several), _area(found, count, several), str(border)]


def _area(found: Sequence[Measured], count: int, several: bool) -> str:
    """Of all regions, divided by a count; nothing where that is 0, or areas in several units cannot be added."""
    units = {one.measuring.unit for one in found}
    if not count or len(units) > 1:
        return ""
    return number(sum(one.area for one in found) / count) + (f" {units.pop()}²" if several else "")


def unit_of(found: Sequence[Measured], measuring: Measuring) -> str | None:
    """Of all lengths; None where images have several. measuring: what was asked for."""
    units = {one.measuring.unit for one in found} or {measuring.unit}
    return units.pop() if len(units) == 1 else None


def number(value: float) -> str:
    """With at least four digits, and commas between thousands.

    >>> number(12345.6), number(0.0123456)
    ('12,346', '0.01235')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def as_json_of(found: Sequence[Measured], measuring: Measuring) -> dict[str, Any]:
    """The same for programs, with all regions."""
    images = [
        {"image": one.name, "regions": len(one.regions), "area": one.area, "unit": one.measuring.unit} for one in found
    ]
    rows = [row for one in found for row in one.known()]
    return {"class": measuring.class_name, "unit": unit_of(found, measuring), "images": images, "regions": rows}
