"""Options of how a network looks at an image."""

from typing import TYPE_CHECKING, Annotated

import typer

from pixelwise.errors import UserError

if TYPE_CHECKING:
    from pixelwise.prediction.tiles import Tiles
    from pixelwise.prediction.view import View

Flip = Annotated[bool, typer.Option("--flip", help="Look at the mirror image, too.")]
Scales = Annotated[str | None, typer.Option(help="Look at several sizes: 0.75,1,1.25 ...  [default: 1]")]
Tile = Annotated[
    str | None, typer.Option(metavar="HEIGHTxWIDTH", help="Label tile by tile, at the image's own scale: 1024x1024 ...")
]
Overlap = Annotated[float | None, typer.Option(help="Share of a tile that the next one sees, too  [default: 0.16]")]
Scale = Annotated[float | None, typer.Option(help="Label tile by tile, the image so many times its size; 1: as it is.")]


def view_of(flip: bool, scales: str | None) -> "View":
    """Raises UserError for scales that cannot be read.

    >>> print(view_of(True, None))
    mean logits of the image and of the mirror image
    """
    from pixelwise.prediction.view import View

    try:
        return View(flip, scales=tuple(float(word) for word in scales.split(","))) if scales else View(flip)
    except ValueError as error:
        raise UserError(f"--scales: '{scales}' are no numbers; write 0.75,1,1.25") from error


def tiles_of(tile: str | None, overlap: float | None, scale: float | None) -> "Tiles | None":
    """None where photos are seen whole. Raises UserError for what cannot be.

    >>> tiles_of("512x1024", None, None)
    Tiles(tile=(512, 1024), overlap=0.16, scale=1.0)
    """
    from pixelwise.prediction.tiles import OVERLAP, Tiles
    from pixelwise.training.parsing import parse_size

    if tile is None and scale is None:
        if overlap is not None:
            raise UserError("--overlap: is of tiles; add --tile 1024x1024 or --scale 1, or leave it out")
        return None
    size = parse_size(tile) if tile else None
    return Tiles(size, OVERLAP if overlap is None else overlap, 1.0 if scale is None else scale)
