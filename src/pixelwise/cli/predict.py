"""pixelwise predict"""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from pixelwise.cli.options import AsJson, Device
from pixelwise.errors import UserError

EXAMPLE = "Example:  pixelwise predict street.jpg"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog=EXAMPLE)(predict)


def predict(
    words: Annotated[
        list[str], typer.Argument(metavar="[MODEL] INPUT...", help="Photos, folders of them, or datasets.")
    ],
    output: Annotated[Path, typer.Option(help="Where the pictures go.")] = Path("predictions"),
    as_json: AsJson = False,
    device: Device = "auto",
) -> None:
    """Label every pixel of photos of any size.

    MODEL is a model file or a run folder; without one the model that comes with pixelwise labels streets. Each photo
    gives NAME_label.png (class indices), NAME_color.png, NAME_overlay.png and NAME_side_by_side.png (photo, truth if
    the input is a dataset, prediction). A model that paints photos from coloured labels gives NAME_photo.png.
    """
    from pixelwise import api
    from pixelwise.prediction.files import find_photos, pictures_of, write_pictures
    from pixelwise.progress import track

    model, inputs = _model_and_inputs(words)
    trained = api.load(model, device)
    shares, failed = {}, []
    for name, photo in track(find_photos(inputs), "labelling"):
        try:
            pictures = pictures_of(trained.bundle, photo, name)
        except UserError as error:
            failed.append(str(error))
            continue
        write_pictures(pictures, name, output)  # where that fails, so would the next
        shares[name] = pictures.shares
    if as_json:
        print(json.dumps({"output": str(output), "photos": shares, "failed": failed}))
    else:
        for name, classes in shares.items():
            if large := [f"{label} {share:.0%}" for label, share in classes.items() if share >= 0.005]:
                print(f"{name}: {', '.join(large)}")
        done = "painted" if trained.bundle.paints_photos else "labelled"
        print(f"{len(shares)} photos {done}; the pictures are in {output}")
    if failed:
        print("\n".join(failed), file=sys.stderr)
        raise UserError(f"{len(failed)} of {len(failed) + len(shares)} photos could not be labelled")


def _model_and_inputs(words: list[str]) -> tuple[str, list[str]]:
    """The model to use and what it is to label."""
    from pixelwise.api import is_model
    from pixelwise.progress import say
    from pixelwise.weights import DEFAULT

    model, *inputs = words
    if is_model(model):
        if not inputs:
            raise UserError(f"{model}: is a model; name what it is to label: pixelwise predict {model} photo.jpg")
        return model, inputs
    say(f"labelled by `{DEFAULT}`, the model of streets that comes with pixelwise; name another before the photos")
    return DEFAULT, words
