"""pixelwise predict: which inputs are too large to be seen whole, and of which only the label is written."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pixelwise.data.files.images import MOST_PIXELS
from pixelwise.data.files.windows import pixels_of_tiff
from pixelwise.errors import DataError, UserError
from pixelwise.progress import say

if TYPE_CHECKING:
    from pixelwise.prediction.files import Photo
    from pixelwise.prediction.many import Many

MANY = 100_000_000  # pixels of a photo that is more likely an aerial image


def check_alone(many: "Many", photos: "Iterable[Photo]") -> None:
    """Before anything is labelled: whether more than a label is asked for of what gives the label alone.

    Raises UserError where it is.
    """
    if any(many.gives_label_alone(photo) for photo in photos):
        what = "--tile and --scale write" if many.tiles else "stacks of slices give"
        raise UserError(f"{what} the label alone; leave --write and --simplify out")


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
