"""pixelwise predict"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pixelwise.cli.options import AsJson, Device
from pixelwise.cli.predict_exported import check_options, predict_exported, wanted_of
from pixelwise.cli.predict_ray import Engine, Workers, predict_ray, wants_ray
from pixelwise.cli.predict_video import Every, Seconds, Smooth
from pixelwise.cli.views import Flip, Overlap, Scale, Scales, Tile, tiles_of, view_of
from pixelwise.errors import UserError

if TYPE_CHECKING:
    from pixelwise.bundle import Bundle
    from pixelwise.prediction.writing import Wanted

EXAMPLE = "Example:  pixelwise predict street.jpg"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog=EXAMPLE)(predict)


def predict(  # noqa: PLR0913 - one parameter per option
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[MODEL] INPUT...", help='Photos, films, folders, "*.jpg", datasets; - lists files on stdin.'
        ),
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
    smooth: Smooth = 0,
    every: Every = 1,
    seconds: Seconds = None,
    as_json: AsJson = False,
    json_lines: Annotated[
        bool, typer.Option("--json-lines", help="Print a line of JSON for each photo, when it is done.")
    ] = False,
    engine: Engine = "local",
    workers: Workers = None,
    device: Device = "auto",
) -> None:
    """Label every pixel of photos of any size.

    MODEL is a model file or a run folder; without one the model that comes with pixelwise labels streets. Each photo
    gives NAME_label.png (class indices), NAME_color.png, NAME_overlay.png and NAME_side_by_side.png (photo, truth if
    the input is a dataset, prediction). A model that paints photos from coloured labels gives NAME_photo.png.

    KINDS, with commas between them: label, color, overlay, side_by_side, cutout:CLASS, confidence, probabilities,
    geojson, svg, labelme, and coco, one file for all photos. What is done already is left out.

    Photos are brought to the size that the model was trained at. With --tile or --scale they are labelled at their own
    scale, however large, tile by tile into NAME_label.tif; a GeoTIFF file keeps its place. Stacks of slices, NIfTI or
    TIFF files of many pages, are labelled slice by slice into NAME_label.nii.gz or NAME_label.tif.

    A film, or a camera (camera:0, /dev/video0), gives NAME_overlay.mp4; KINDS of films are overlay, side_by_side, color
    and label, a folder with a file for each frame.

    MODEL may be an exported .onnx or .xml file, which needs no torch and labels photos whole.
    """
    from pixelwise.export.runtime import is_exported

    show = {"as_json": as_json, "json_lines": json_lines}
    if is_exported(words[0]):
        others = {"--tile": tile, "--overlap": overlap, "--scale": scale, "--flip": flip, "--scales": scales}
        others |= {"--smooth": smooth, "--every": every != 1, "--seconds": seconds, "--workers": workers}
        others |= {"--engine": engine != "local", "--device": device not in {"auto", "cpu"}}
        check_options([name for name, asked in others.items() if asked])
        predict_exported(words, output, write=write, simplify=simplify, again=again, **show)
        return
    from pixelwise import api
    from pixelwise.cli.predict_large import check_alone, check_fitting
    from pixelwise.cli.predict_photos import predict_photos
    from pixelwise.cli.predict_video import filming_of, predict_films
    from pixelwise.model import file_of
    from pixelwise.prediction.files import find_photos
    from pixelwise.prediction.films import part_films
    from pixelwise.prediction.many import Many
    from pixelwise.prediction.many_photos import fingerprint

    tiles, view = tiles_of(tile, overlap, scale), view_of(flip, scales)
    model, inputs = model_and_inputs(words, "predict")
    if wants_ray(engine, workers, photos_alone=not tiles and (smooth, every, seconds) == (0, 1, None)):
        bundle, file = (loaded := api.load(model, "cpu")).bundle, loaded.file or file_of(model)
        many = Many(bundle, _wanted(write, simplify, bundle), output, fingerprint(file), view)
        predict_ray(many, file, inputs, workers, device=device, again=again, **show)
        return
    films, inputs = part_films(inputs)
    filming = filming_of(write, view, films, smooth=smooth, every=every, seconds=seconds, tiles=bool(tiles))
    trained = api.load(model, device)
    wanted = _wanted(write, simplify, trained.bundle)
    photos = dict(find_photos(inputs, output=output))
    many = Many(trained.bundle, wanted, output, fingerprint(trained.file or file_of(model)), view, tiles)
    if write or simplify:
        check_alone(many, photos.values())
    told = predict_films(trained.bundle, films, output, filming, alone=not photos, **show)
    if films and not photos:
        return
    if not tiles:
        check_fitting(photos.values())
    predict_photos(many, photos, told, again=again, **show)
    told.check()


def _wanted(write: str | None, simplify: float, bundle: "Bundle") -> "Wanted":
    if write is not None and bundle.paints_photos:
        raise UserError("--write: the model paints photos, and that is all it writes; leave the option out")
    return wanted_of(write, simplify, bundle.labels)


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
