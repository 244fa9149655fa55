"""pixelwise surfaces"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pixelwise.cli.options import AsJson, Device, Names
from pixelwise.errors import UserError

if TYPE_CHECKING:
    from pixelwise.data.files.nifti_files import Spacing
    from pixelwise.labels import Label, LabelMap
    from pixelwise.volumes import Mesh

EXAMPLE = "Example:  pixelwise surfaces scan --class 1 --spacing 2x1x1 --output 1.glb"
ENDINGS = (".glb", ".stl", ".ply")
UNIT = "mm"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog=EXAMPLE)(surfaces)


def surfaces(
    words: Annotated[
        list[str], typer.Argument(metavar="[MODEL] STACK", help="A folder of slices, TIFF of many pages, or NIfTI.")
    ],
    classes: Annotated[
        list[str], typer.Option("--class", metavar="NAME", help="A class; of masks also its number; repeatable.")
    ],
    spacing: Annotated[
        str | None,
        typer.Option(help="Between slices, rows and columns: 3x0.7x0.7um  [default: the file's, else 1x1x1; mm]"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the surfaces: .glb; of one class also .stl or .ply")
    ] = None,
    picture: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw them into this PNG file.")] = None,
    names: Names = None,
    as_json: AsJson = False,
    device: Device = "auto",
) -> None:
    """Make closed surfaces of classes in a stack of slices, and measure volume and area.

    STACK holds masks of class indices, or photos, if a MODEL comes before it, which then labels them slice by slice.
    """
    from pixelwise.cli.show_surfaces import as_json_of, show_surfaces
    from pixelwise.volumes import surfaces as surfaces_of

    given = _parse_spacing(spacing) if spacing else None
    _check_files(output, picture, classes)
    stack, labels = _labelled(words, classes, names, device)
    steps, unit = given or _spacing_in(Path(words[-1]))
    unit = unit or UNIT
    meshes = surfaces_of(stack, labels, steps, names=[labels.names[labels.index(name)] for name in classes])
    _write(meshes, labels, output, picture, unit)
    if as_json:
        print(json.dumps(as_json_of(meshes, steps, unit, len(stack))))
    else:
        show_surfaces(meshes, steps, unit, {"surface": output, "picture": picture})


def _parse_spacing(text: str) -> "tuple[Spacing, str]":
    from pixelwise.cli.lengths import parse_lengths

    steps, unit = parse_lengths(text, "--spacing", "3x0.7x0.7mm")
    if len(steps) != 3:
        raise UserError(f"--spacing '{text}': has three lengths, between slices, rows and columns: 3x0.7x0.7mm")
    return steps, unit


def _spacing_in(path: Path) -> "tuple[Spacing, str]":
    """What the stack itself says."""
    from pixelwise.prediction.stacks import spacing_of

    spacing, unit = spacing_of(path)
    return spacing or (1.0, 1.0, 1.0), unit


def _check_files(output: Path | None, picture: Path | None, classes: Sequence[str]) -> None:
    """Before anything is computed: whether it can be written so."""
    if output and output.suffix.lower() not in ENDINGS:
        raise UserError(f"{output}: surfaces are written as {', '.join(ENDINGS)}; let the name end so")
    if output and output.suffix.lower() != ".glb" and len(set(classes)) > 1:
        raise UserError(f"{output}: holds one surface; write .glb, or name one --class at a time")
    if picture and picture.suffix.lower() != ".png":
        raise UserError(f"{picture}: pictures are written as .png; let the name end so")


def _labelled(
    words: Sequence[str], classes: Sequence[str], names: str | None, device: str
) -> "tuple[list[Label], LabelMap]":
    """The labels of all slices, and what their classes are."""
    from pixelwise import api
    from pixelwise.cli.classes import label_map
    from pixelwise.prediction.stacks import open_stack
    from pixelwise.progress import track

    if len(words) > 2 or (len(words) == 2 and not api.is_model(words[0])):
        raise UserError(f"name one stack, and a model before it if it holds photos, not {' '.join(words)}")
    trained = api.load(words[0], device) if len(words) == 2 else None
    labels = trained.labels if trained else label_map(classes, names)
    for name in classes:
        labels.index(name)
    source = open_stack(Path(words[-1]), trained.bundle if trained else None)
    return [source.read(name)[1] for name in track(source.names, "reading")], labels


def _write(
    meshes: "Mapping[str, Mesh]", labels: "LabelMap", output: Path | None, picture: Path | None, unit: str
) -> None:
    from pixelwise.volumes import write_glb, write_picture, write_ply, write_stl

    [(name, mesh), *_] = meshes.items()
    if output and output.suffix.lower() == ".glb":
        write_glb(output, meshes, labels, unit=unit)
    elif output and output.suffix.lower() == ".stl":
        write_stl(output, mesh, unit=unit)
    elif output:
        write_ply(output, mesh, labels.colors[labels.index(name)], unit=unit)
    if picture:
        write_picture(picture, meshes, labels)
