"""pixelwise predict"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pixelwise.cli.options import AsJson, Device
from pixelwise.cli.views import Flip, Overlap, Scale, Scales, Tile, tiles_of, view_of
from pixelwise.errors import UserError

if TYPE_CHECKING:
    from pixelwise.bundle import Bundle
    from pixelwise.prediction.files import Photo
    from pixelwise.prediction.many import Many
    from pixelwise.prediction.writing import Wanted

EXAMPLE = "Example:  pixelwise predict street.jpg"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog=EXAMPLE)(predict)


def predict(  # noqa: PLR0913 - one parameter per option
    words: Annotated[
        list[str],
        typer.Argument(metavar="[MODEL] INPUT...", help='Photos, folders, "*.jpg", datasets; - lists files on stdin.'),
    ],
    output: Annotated[Path, typer.Option(help="Where the pictures go.")] = Path("predictions"),
    write: Annotated[
        str | None, typer.Option(metavar="KINDS", help="What is written: label,geojson,cutout:Car ...  [see above]")
    ] = None,
    simplify: Annotated[float, typer.Option(min=0, help="Pixels that outlines may be off the pixels' edges.")] = 0,
    again: Annotated[bool, typer.Option("--again", help="Label what is done already, too.")] = False,
    tile: Tile = None,
    overlap: Overlap = None,
    scale: Scale = None,
    flip: Flip = False,
    scales: Scales = None,
    as_json: AsJson = False,
    json_lines: Annotated[
        bool, typer.Option("--json-lines", help="Print a line of JSON for each photo, when it is done.")
    ] = False,
    device: Device = "auto",
) -> None:
    """Label every pixel of photos of any size.

    MODEL is a model file or a run folder; without one the model that comes with pixelwise labels streets. Each photo
    gives NAME_label.png (class indices), NAME_color.png, NAME_overlay.png and NAME_side_by_side.png (photo, truth if
    the input is a dataset, prediction). A model that paints photos from coloured labels gives NAME_photo.png.

    KINDS, with commas between them: label, color, overlay, side_by_side, cutout:CLASS, confidence, probabilities,
    geojson, svg, labelme, and coco, one file for all photos. What is done already is left out.

    Photos are brought to the size that the model was trained at. With --tile or --scale they are labelled at their own
    scale, however large, tile by tile into NAME_label.tif; a GeoTIFF file keeps its place.
    """
    from pixelwise import api
    from pixelwise.cli.predict_tiles import check_fitting, predict_tiles
    from pixelwise.cli.show_predict import show_photos
    from pixelwise.model import file_of
    from pixelwise.prediction.files import find_photos
    from pixelwise.prediction.many import Many, fingerprint
    from pixelwise.progress import say

    tiles, view = tiles_of(tile, overlap, scale), view_of(flip, scales)
    model, inputs = model_and_inputs(words, "predict")
    trained = api.load(model, device)
    wanted = _wanted(write, simplify, trained.bundle)
    photos = dict(find_photos(inputs, output=output))
    if tiles:
        if write or simplify or again:
            raise UserError("--tile and --scale write the label alone; leave --write, --simplify and --again out")
        predict_tiles(trained.bundle, photos, output, tiles, view=view, as_json=as_json, json_lines=json_lines)
        return
    check_fitting(photos.values())
    many = Many(trained.bundle, wanted, output, fingerprint(file_of(model)), view)
    done = many.start(photos, again=again)
    if done:
        say(f"{len(done)} of {len(photos)} photos are done already and left as they are; --again labels them anew")
    shares, failed = {}, {}
    for name, found in _labelled(many, photos, done):
        if isinstance(found, str):
            failed[name] = found
        else:
            shares[name] = found
        if json_lines:
            print(json.dumps(_line(many, name, photos[name], found) | {"before": name in done}), flush=True)
    many.finish(photos)
    shares = {name: shares[name] for name in photos if name in shares}
    if as_json and not json_lines:
        print(json.dumps({"output": str(output), "photos": shares, "failed": list(failed.values())}))
    elif not json_lines:
        show_photos(shares, "painted" if trained.bundle.paints_photos else "labelled", output, before=done)
    if failed:
        print("\n".join(failed.values()), file=sys.stderr)
        raise UserError(f"{len(failed)} of {len(photos)} photos could not be labelled")


def _labelled(
    many: "Many", photos: "Mapping[str, Photo]", done: "Mapping[str, dict[str, float]]"
) -> "Iterator[tuple[str, dict[str, float] | str]]":
    """The name of every photo with the shares of its classes, or with what is wrong with it; first what is done."""
    from pixelwise.progress import track

    yield from ((name, done[name]) for name in photos if name in done)
    for name in track([name for name in photos if name not in done], "labelling"):
        try:
            seen = many.see(name, photos[name])
        except UserError as error:
            yield name, str(error)
            continue
        except MemoryError:
            yield name, f"{name}: needs more memory than there is; cut it into parts"
            continue
        many.keep(seen)  # where that fails, so would the next
        yield name, seen.done.shares


def _line(many: "Many", name: str, photo: "Photo", found: dict[str, float] | str) -> dict[str, Any]:
    """What --json-lines says of a photo."""
    from pixelwise.prediction.record import stamps

    read = {"name": name, "photo": next((path for path, _, _ in stamps(photo)), None)}
    if isinstance(found, str):
        return read | {"failed": found}
    return read | {"classes": found, "files": [str(many.folder / file) for file in many.files(name, photo)]}


def _wanted(write: str | None, simplify: float, bundle: "Bundle") -> "Wanted":
    from pixelwise.prediction.writing import Wanted, parse_kinds

    if write is None:
        return Wanted(simplify=simplify)
    if bundle.paints_photos:
        raise UserError("--write: the model paints photos, and that is all it writes; leave the option out")
    return Wanted(parse_kinds(write, bundle.labels), simplify)


def model_and_inputs(words: list[str], command: str) -> tuple[str, list[str]]:
    """The model to use and what it is to label. command: for messages."""
    from pixelwise.api import is_model
    from pixelwise.progress import say
    from pixelwise.weights import DEFAULT

    model, *inputs = words
    if is_model(model):
        if not inputs:
            raise UserError(f"{model}: is a model; name what it is to label: pixelwise {command} {model} photo.jpg")
        return model, inputs
    say(f"labelled by `{DEFAULT}`, the model of streets that comes with pixelwise; name another before the photos")
    return DEFAULT, words
