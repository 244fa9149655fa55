"""What `pixelwise surfaces` prints."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pixelwise.cli.show_regions import number
from pixelwise.volumes import Mesh

Steps = tuple[float, float, float]


def show_surfaces(meshes: Mapping[str, Mesh], spacing: Steps, unit: str, written: Mapping[str, Path | None]) -> None:
    """Volume and area of every class, and where files were written. spacing: between slices, rows and columns."""
    steps = " x ".join(f"{step:.4g}" for step in spacing)
    table = Table(title=f"voxels of {steps} {unit}", title_justify="left")
    for column in ("class", f"volume {unit}³", f"area {unit}²", "triangles"):
        table.add_column(column, justify="left" if column == "class" else "right")
    for name, mesh in meshes.items():
        table.add_row(escape(name), number(mesh.volume), number(mesh.area), f"{len(mesh.faces):,}")
    Console().print(table)
    for what, path in written.items():
        if path:
            print(f"{what:9s}{path}")


def as_json_of(meshes: Mapping[str, Mesh], spacing: Steps, unit: str, slices: int) -> dict[str, Any]:
    """The same for programs."""
    measures = {
        name: {"volume": mesh.volume, "area": mesh.area, "triangles": len(mesh.faces), "closed": mesh.is_closed}
        for name, mesh in meshes.items()
    }
    return {"unit": unit, "spacing": list(spacing), "slices": slices, "classes": measures}
