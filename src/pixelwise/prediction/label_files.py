"""Images of any size in, label files out, neither ever whole in memory."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from pixelwise.bundle import Bundle
from pixelwise.data.files.geotiff import Georeference, read_georeference
from pixelwise.data.files.windows import Rows, open_rows
from pixelwise.errors import UserError
from pixelwise.files import replacing
from pixelwise.labels import LabelMap
from pixelwise.machine import reuse_memory
from pixelwise.prediction.segmentation import shares_of
from pixelwise.prediction.tiles import Tiles, label_rows
from pixelwise.prediction.view import WHOLE, View

SIDE = 256  # pixels of a tile of the file

Band = UInt8[np.ndarray, "_ _"]  # each of its own height


def label_file(
    bundle: Bundle, photo: str | Path | Rows, path: Path, tiles: Tiles, *, view: View = WHOLE, what: str = ""
) -> dict[str, float]:
    """Labels an image tile by tile at its own scale, or that of ``tiles``, and writes the classes as `write_label`.

    photo: a file, or rows. Where it is a GeoTIFF, the label is one of the same place. view, what: as of `label_rows`.
    Gives class name -> share of the pixels, the largest first, absent classes left out.
    Raises UserError where the photo cannot be read or labelled, or the file cannot be written.
    """
    if bundle.paints_photos:
        raise UserError(f"this {bundle.model} paints photos from coloured labels, and labels none")
    reuse_memory()  # of one tile for the next
    rows = photo if isinstance(photo, Rows) else open_rows(Path(photo), bundle.format)
    place = None if isinstance(photo, Rows) else read_georeference(Path(photo))
    counts = np.zeros(len(bundle.labels), np.int64)

    def counted() -> Iterator[Band]:
        for band, _ in label_rows(bundle.network, rows, tiles, view=view, what=what):
            for row in band:  # not all at once, for it makes eight bytes of each
                counts[:] += np.bincount(row, minlength=len(counts))
            yield band

    write_label(path, counted(), (rows.height, rows.width), bundle.labels, place=place)
    return shares_of(counts, bundle.labels)


def write_label(
    path: Path, bands: Iterable[Band], shape: tuple[int, int], labels: LabelMap, *, place: Georeference | None = None
) -> None:
    """Class indices as a TIFF file in tiles of 256 x 256, deflated, with the classes' colours as palette.

    bands: (h, w) rows of the label, from top to bottom; they are taken one by one. shape: (height, width) of the whole.
    place: of the pixels, written as GeoTIFF has it. Where the label has 4 gigabytes, it is a BigTIFF file.
    The file is whole or not there at all. Raises UserError where it cannot be written.
    """
    more = {"tile": (SIDE, SIDE), "extratags": place.extra_tags if place else ()}
    write_palette_tiff(path, _squares(bands, shape[1]), shape, labels, more)


def write_palette_tiff(
    path: Path, parts: Iterator[Band], shape: tuple[int, ...], labels: LabelMap, more: Mapping[str, Any]
) -> None:
    """Class indices as a deflated TIFF file with the classes' colours as palette, whole or not there at all.

    parts: the tiles or pages of the file, taken one by one. more: of tifffile's settings.
    Raises UserError where it cannot be written.
    """
    import tifffile  # an eighth of a second, for files that few want

    with replacing(path) as temporary:
        tifffile.imwrite(
            temporary,
            parts,
            shape=shape,
            dtype=np.uint8,
            photometric="palette",
            colormap=labels.palette[:256].T.astype(np.uint16) * 257,
            compression="zlib",
            metadata=None,
            software="pixelwise",
            maxworkers=1,  # more would ask for many parts before they are wanted
            **more,
        )


def _squares(bands: Iterable[Band], width: int) -> Iterator[Band]:
    """The tiles of a file, row after row; those at the right and lower edge are filled up with zeros."""
    rest = np.zeros((0, width), np.uint8)
    for band in bands:
        rest = np.concatenate([rest, band])
        whole = len(rest) // SIDE * SIDE
        yield from _cut(rest[:whole])
        rest = rest[whole:]
    if len(rest):
        yield from _cut(np.pad(rest, ((0, SIDE - len(rest)), (0, 0))))


def _cut(rows: Band) -> Iterator[Band]:
    for top in range(0, len(rows), SIDE):
        for left in range(0, rows.shape[1], SIDE):
            square = rows[top : top + SIDE, left : left + SIDE]
            yield np.ascontiguousarray(np.pad(square, ((0, 0), (0, SIDE - square.shape[1]))))
