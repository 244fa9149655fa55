"""pixelwise predict"""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from pixelwise.cli.options import AsJson, Device, Model
from pixelwise.errors import UserError

EXAMPLE = "Example:  pixelwise predict runs/2026-11-20_unet_camvid street.jpg"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog=EXAMPLE)(predict)


def predict(
    model: Model,
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Photos, folders of them, or datasets.")],
    output: Annotated[Path, typer.Option(help="Where the pictures go.")] = Path("predictions"),
    as_json: AsJson = False,
    device: Device = "auto",
) -> None:
    """Label every pixel of photos of any size.

    Each photo gives NAME_label.png (class indices), NAME_color.png, NAME_overlay.png and NAME_side_by_side.png
    (photo, truth if the input is a dataset, prediction). A model that paints photos from coloured labels gives
    NAME_photo.png.
    """
    from pixelwise import api
    from pixelwise.prediction.files import find_photos, pictures_of, write_pictures
    from pixelwise.progress import track

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
