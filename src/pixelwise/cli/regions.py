"""pixelwise regions"""

import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pixelwise.cli.options import AsJson, Device, Names
from pixelwise.errors import DataError, UserError

if TYPE_CHECKING:
    from pixelwise.labels import LabelMap
    from pixelwise.prediction.measuring import Measured, Measuring
    from pixelwise.prediction.sources import Source

EXAMPLE = "Example:  pixelwise regions holiday_photos --class Car --output cars.csv"
ENDINGS = (".csv", ".parquet", ".json", ".geojson")


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog=EXAMPLE)(regions)


def regions(  # noqa: PLR0913 - one parameter per option
    class_name: Annotated[str, typer.Option("--class", metavar="NAME", help="The class; of masks also its number.")],
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL] [INPUT]...", help="As `predict` takes them.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Measure these masks of class indices; no MODEL then.")
    ] = None,
    names: Names = None,
    pixel_size: Annotated[str | None, typer.Option(help="Side of a pixel, or height x width: 0.5um, 2x1mm")] = None,
    least: Annotated[int, typer.Option(min=1, help="Pixels below which a region is left out.")] = 1,
    split: Annotated[bool, typer.Option("--split", help="Part regions that touch, at their necks.")] = False,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a row per region: .csv, .parquet, .json, .geojson")
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Draw outlines and numbers over the photos.")
    ] = None,
    as_json: AsJson = False,
    device: Device = "auto",
) -> None:
    """Count and measure the regions of a class: cars in photos, cells under a microscope.

    A region is what is connected, at corners too. Photos are labelled by MODEL, without one by that of streets; or
    measured in masks of class indices that are there already (--labels), with their photos or without. GeoTIFF files
    are measured in metres, and their outlines are in their coordinates.
    """
    from pixelwise.cli.show_regions import as_json_of, show_regions
    from pixelwise.progress import track

    if output:
        _check_output(output)
    if labels:
        source, classes = _masks(labels, words or [], class_name, names)
    else:
        source, classes = _photos(words or [], device)
    measuring = _measuring(classes, class_name, pixel_size, least, split)
    outlines = output is not None and output.suffix.lower() == ".geojson"
    if outlines:
        _check_systems(source)
    found, failed = [], []
    for name in track(source.names, "measuring"):
        try:
            found.append(_measured(source, name, measuring, classes, pictures=pictures, outlines=outlines))
        except UserError as error:
            failed.append(str(error))
    _say_what_is_in_pixels(found)
    if output:
        _write(found, output)
    if as_json:
        print(json.dumps(as_json_of(found, measuring) | {"failed": failed}))
    else:
        show_regions(found, measuring, {"table": output, "pictures": pictures})
    if failed:
        print("\n".join(failed), file=sys.stderr)
        raise UserError(f"{len(failed)} of {len(source.names)} images could not be measured")


def _photos(words: list[str], device: str) -> "tuple[Source, LabelMap]":
    """Photos that a model labels."""
    from pixelwise import api
    from pixelwise.cli.predict import model_and_inputs
    from pixelwise.prediction.files import find_photos
    from pixelwise.prediction.sources import LabelledPhotos

    if not words:
        raise UserError("name photos: pixelwise regions photo.jpg --class Car; or masks, with --labels DIR")
    model, inputs = model_and_inputs(words, "regions")
    trained = api.load(model, device)
    return LabelledPhotos(trained.bundle, dict(find_photos(inputs))), trained.labels


def _masks(folder: Path, inputs: list[str], class_name: str, names: str | None) -> "tuple[Source, LabelMap]":
    """Masks in a folder; those of photos, where photos are named."""
    from pixelwise.cli.classes import label_map
    from pixelwise.evaluation.prediction_files import find_predictions
    from pixelwise.prediction.files import find_photos
    from pixelwise.prediction.sources import Masks, masks_in

    labels = label_map([class_name], names)
    if not inputs:
        return Masks(masks_in(folder)), labels
    photos = dict(find_photos(inputs, output=folder))
    return Masks(dict(zip(photos, find_predictions(folder, list(photos)), strict=True)), photos), labels


def _measuring(labels: "LabelMap", name: str, pixel_size: str | None, least: int, split: bool) -> "Measuring":
    from pixelwise.cli.lengths import parse_lengths
    from pixelwise.prediction.measuring import Measuring

    index = labels.index(name)
    if pixel_size is None:
        return Measuring(labels.names[index], index, least=least, split=split)
    sides, unit = parse_lengths(pixel_size, "--pixel-size", "0.5um or 2x1mm")
    if len(sides) > 2:
        raise UserError(
            f"--pixel-size '{pixel_size}': a pixel has one side, or a height and a width; write 0.5um or 2x1mm"
        )
    return Measuring(labels.names[index], index, (sides[0], sides[-1]), unit, least, split)


def _measured(
    source: "Source", name: str, measuring: "Measuring", labels: "LabelMap", *, pictures: Path | None, outlines: bool
) -> "Measured":
    """The regions of an image, drawn where that is asked for: over the photo, or over the label's colours."""
    from PIL import Image as Pillow

    from pixelwise.prediction.measuring import measure, number
    from pixelwise.prediction.writing import write_png
    from pixelwise.shapes import draw_regions

    image, label = source.read(name)
    numbered = number(label, measuring)
    found = measure(name, image, numbered, measuring, outlines=outlines, place=source.place(name))
    if pictures:
        drawn = draw_regions(labels.colorize(label) // 2 if image is None else image, numbered)
        write_png(Pillow.fromarray(drawn), pictures / f"{name}_regions.png")
    return found


def _check_output(path: Path) -> None:
    """Before anything is computed: whether it can be written so."""
    from pixelwise.data.layouts.table_rows import import_parquet

    if path.suffix.lower() not in ENDINGS:
        raise UserError(f"{path}: regions are written as {', '.join(ENDINGS)}; let the name end so")
    if path.suffix.lower() == ".parquet":
        import_parquet()


def _check_systems(source: "Source") -> None:
    """Before anything is computed: whether all images share a system of coordinates."""
    from pixelwise.prediction.measuring import system_of

    places = {}
    for name in source.names:
        with suppress(DataError):  # which is told when it is measured
            places[name] = source.place(name)
    system_of(places)


def _say_what_is_in_pixels(found: "Sequence[Measured]") -> None:
    """Which images have a place, but no lengths in metres."""
    from pixelwise.prediction.measuring import PX
    from pixelwise.progress import say

    troubled = [(one.name, one.place.trouble) for one in found if one.place and one.measuring.unit == PX]
    if troubled:
        (name, why), others = troubled[0], len(troubled) - 1
        more = f" (and {others} more)" if others else ""
        say(f"{name}{more}: lengths and areas are in pixels, for {why}; --pixel-size tells them")


def _write(found: "Sequence[Measured]", path: Path) -> None:
    from pixelwise.evaluation.image_rows import WRITERS, write_rows
    from pixelwise.files import replacing
    from pixelwise.prediction.measuring import COLUMNS, to_geojson

    rows = [row for one in found for row in one.rows()]
    if path.suffix.lower() in {".json", ".geojson"}:
        known = [row for one in found for row in one.known()]
        with replacing(path) as temporary:
            content = to_geojson(found) if path.suffix.lower() == ".geojson" else known
            temporary.write_text(json.dumps(content), encoding="utf-8")
    elif rows or path.suffix.lower() == ".parquet":
        write_rows(rows, path)
    else:
        WRITERS[".csv"]({name: [] for name in COLUMNS}, path)
