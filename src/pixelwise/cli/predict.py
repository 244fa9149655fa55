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
    (photo, truth if the input is a dataset, prediction).
    """
    from pixelwise import api
    from pixelwise.prediction.files import find_photos, label_photo, write_pictures
    from pixelwise.progress import track

    trained = api.load(model, device)
    shares, failed = {}, []
    for name, photo in track(find_photos(inputs), "labelling"):
        try:
            found, truth = label_photo(trained.bundle, photo, name)
        except UserError as error:
            failed.append(str(error))
            continue
        write_pictures(found, truth, output)  # where that fails, so would the next
        shares[name] = found.shares()
    if as_json:
        print(json.dumps({"output": str(output), "photos": shares, "failed": failed}))
    else:
        for name, classes in shares.items():
            print(f"{name}: {', '.join(f'{label} {share:.0%}' for label, share in classes.items() if share >= 0.005)}")
        print(f"{len(shares)} photos labelled; the pictures are in {output}")
    if failed:
        print("\n".join(failed), file=sys.stderr)
        raise UserError(f"{len(failed)} of {len(failed) + len(shares)} photos could not be labelled")
