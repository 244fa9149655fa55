"""pixelwise predict --tile: images of any size, each into one label file."""

import json
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pixelwise.cli.show_predict import show_photos
from pixelwise.data.files.images import MOST_PIXELS
from pixelwise.data.files.windows import pixels_of_tiff, rows_of
from pixelwise.errors import DataError, UserError
from pixelwise.prediction.label_files import label_file
from pixelwise.progress import say

if TYPE_CHECKING:
    from pixelwise.bundle import Bundle
    from pixelwise.prediction.files import Photo
    from pixelwise.prediction.labelling import View
    from pixelwise.prediction.tiles import Tiles

MANY = 100_000_000  # pixels of a photo that is more likely an aerial image


def predict_tiles(
    bundle: "Bundle",
    photos: "Mapping[str, Photo]",
    output: Path,
    tiles: "Tiles",
    *,
    view: "View",
    as_json: bool,
    json_lines: bool,
) -> None:
    """Labels the photos and prints their classes. Raises UserError in the end where some could not be labelled."""

    def label(name: str) -> tuple[Path, dict[str, float]]:
        photo, path = photos[name], output / f"{name}_label.tif"
        source = photo if isinstance(photo, Path) else rows_of(photo.read().image)
        return path, label_file(bundle, source, path, tiles, view=view, what=f"labelling {name}")

    label_each(photos, label, output, noun="photos", as_json=as_json, json_lines=json_lines)


def label_each(
    names: Collection[str],
    label: Callable[[str], tuple[Path, dict[str, float]]],
    output: Path,
    *,
    noun: str,
    as_json: bool,
    json_lines: bool,
) -> None:
    """Labels each and prints its classes. label: name -> the file that is written, and class -> share of the pixels.

    noun: what they are. Raises UserError in the end where some could not be labelled.
    """
    shares: dict[str, dict[str, float]] = {}
    failed: list[str] = []
    for name in names:
        found: dict[str, Any]
        try:
            path, shares[name] = label(name)
            found = {"classes": shares[name], "files": [str(path)]}
        except DataError as error:
            failed.append(str(error))
            found = {"failed": str(error)}
        if json_lines:
            print(json.dumps({"name": name, **found}), flush=True)
    if as_json and not json_lines:
        print(json.dumps({"output": str(output), noun: shares, "failed": failed}))
    elif not json_lines:
        show_photos(shares, "labelled", output, noun=noun)
    if failed:
        print("\n".join(failed), file=sys.stderr)
        raise UserError(f"{len(failed)} of {len(names)} {noun} could not be labelled")


def check_fitting(photos: "Iterable[Photo]") -> None:
    """Before anything is labelled whole: says which photos look like aerial images, for which tiles are meant.

    Raises UserError where one cannot be held whole.
    """
    for photo in photos:
        if isinstance(photo, Path) and photo.suffix.lower() in {".tif", ".tiff"}:
            pixels = 0
            with suppress(DataError):  # which is told when it is read
                pixels = pixels_of_tiff(photo)
            what = f"{photo}: has {pixels / 1e6:.0f} million pixels"
            if pixels > MOST_PIXELS:
                raise UserError(f"{what}; add --scale 1 to label it tile by tile, at its own scale")
            if pixels > MANY:
                say(f"{what}, and is shrunk to the size that the model was trained at; --scale 1 labels each as it is")
