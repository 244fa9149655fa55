"""Some rows of a TIFF or BigTIFF file at a time: only the strips or tiles in which they are, are read and decoded."""

import io
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from pixelwise.data.files.file_content import UNREADABLE
from pixelwise.data.files.tiff_files import (
    BITS,
    COMPRESSION,
    EXTRA_SAMPLES,
    HEIGHT,
    ORIENTATION,
    PHOTOMETRIC,
    RGB,
    SAMPLE_FORMAT,
    SAMPLES,
    WIDTH,
    YCBCR,
    Bands,
    Tags,
    check_part,
    needs_package,
)
from pixelwise.errors import DataError

if TYPE_CHECKING:
    import tifffile

MOST_PART_BYTES = 2**28  # of one strip or tile, decoded
LZW, JPEG = 5, 7  # values of Compression that Pillow decodes and tifffile alone does not
GREY = 1  # of PhotometricInterpretation: black is 0
DEPTHS = frozenset({8, 16, 32, 64})
# Tags of a strip that is decoded alone, as the specification calls them.
STRIP_OFFSETS, ROWS_PER_STRIP, STRIP_BYTE_COUNTS = 273, 278, 279
FILL_ORDER, PREDICTOR, JPEG_TABLES, SUBSAMPLING = 266, 317, 347, 530
HANDED_ON = (
    *(BITS, COMPRESSION, PHOTOMETRIC, SAMPLES, EXTRA_SAMPLES, SAMPLE_FORMAT),
    *(FILL_ORDER, PREDICTOR, JPEG_TABLES, SUBSAMPLING),
)

Numbers = npt.NDArray[Any]


def has_rows(bands: Bands, tags: Tags) -> bool:
    """Whether `read_rows` reads such a file; palettes, CMYK, Lab, bits, inverted grey and turned ones it does not."""
    jpeg = tags.get(COMPRESSION) == (JPEG,)
    plain = bands.photometric in {GREY, RGB} or (bands.photometric == YCBCR and jpeg)
    return plain and bands.bits in DEPTHS and tags.get(ORIENTATION, (1,)) == (1,)


def read_rows(path: Path, file: BinaryIO, bands: Bands, rows: slice) -> Numbers:
    """(rows, w, c) numbers of the first page as they are written, without alpha.

    Raises DataError where the file is compressed in a way that takes another package, or has parts that are too large;
    whatever else is wrong raises what tifffile raises.
    """
    import tifffile  # an eighth of a second, for files that few have

    file.seek(0)
    with tifffile.TiffFile(file) as tiff:
        page = tiff.pages.first
        if page.shaped[1] != 1:
            raise DataError(path, "is a volume, not an image", "save each layer as an image", UNREADABLE)
        if page.is_contiguous and page.compression == 1 and page.predictor == 1 and page.fillorder == 1:
            found = _mapped(path, page, rows)
        else:
            found = _decoded(path, page, bands, rows)
    joined = np.moveaxis(found, 0, 2).reshape(*found.shape[1:3], -1)
    return joined if len(bands.kept) == bands.samples else joined[..., list(bands.kept)]


def _mapped(path: Path, page: "tifffile.TiffPage", rows: slice) -> Numbers:
    """(planes, rows, w, samples) of a file whose pixels lie in it one after the other, uncompressed."""
    kind = page.dtype.newbyteorder(page.parent.byteorder)  # type: ignore[union-attr]
    whole = np.memmap(path, kind, mode="r", offset=page.dataoffsets[0], shape=page.shaped)
    return np.array(whole[:, 0, rows])


def _decoded(path: Path, page: "tifffile.TiffPage", bands: Bands, rows: slice) -> Numbers:
    """(planes, rows, w, samples) from all the strips or tiles that have a part in the rows."""
    planes, _, _, width, samples = page.shaped
    high = page.tilelength if page.is_tiled else min(page.rowsperstrip, page.imagelength)
    wide = page.tilewidth if page.is_tiled else width
    largest = math.prod(page.chunks) * page.dtype.itemsize  # type: ignore[union-attr]
    if largest > MOST_PART_BYTES:
        what = f"has strips or tiles of {largest >> 20} megabytes, each of which is decoded whole"
        raise DataError(path, what, "save it in tiles", UNREADABLE)
    found = np.zeros((planes, rows.stop - rows.start, width, samples), page.dtype)
    across, down = -(-width // wide), -(-page.imagelength // high)
    for plane in range(planes):
        for row in range(rows.start // high, -(-rows.stop // high)):
            for column in range(across):
                part = _part(path, page, bands, (plane * down + row) * across + column)
                if part is not None:
                    _lay(part, found[plane], row * high - rows.start, column * wide)
    return found


def _lay(part: Numbers, on: Numbers, top: int, left: int) -> None:
    """Copies of a part what lies on the picture. top, left: where it begins, which may be above the picture."""
    part = part[max(0, -top) :, : on.shape[1] - left]
    place = on[max(0, top) : max(0, top) + len(part), left : left + part.shape[1]]
    place[:] = part[: len(place)]


def _part(path: Path, page: "tifffile.TiffPage", bands: Bands, index: int) -> Numbers | None:
    """(h, w, samples) of a strip or tile; None where nothing was written, which stands for zeros."""
    file, place, count = page.parent.filehandle, page.dataoffsets[index], page.databytecounts[index]
    if not count:
        return None
    file.seek(place)
    data = file.read(count)
    if len(data) < count:
        raise ValueError("a part beyond the end")
    if page.compression in {LZW, JPEG} and bands.plain:
        return _by_pillow(page, data, _height(page, index))
    check_part(data, page.compression, math.prod(page.chunks) * page.dtype.itemsize)  # type: ignore[union-attr]
    try:
        decoded = page.decode(data, index, jpegtables=page.jpegtables, jpegheader=page.jpegheader)[0]
    except ValueError as error:
        if "imagecodecs" not in str(error):
            raise
        raise needs_package(path, page.compression.name) from error  # type: ignore[attr-defined]
    return None if decoded is None else np.asarray(decoded)[0]


def _height(page: "tifffile.TiffPage", index: int) -> int:
    """Rows of a part; the last strip may have fewer than the others, while tiles are all alike."""
    if page.is_tiled:
        return page.tilelength
    row = index % -(-page.imagelength // page.rowsperstrip)
    return min(page.rowsperstrip, page.imagelength - row * page.rowsperstrip)


def _by_pillow(page: "tifffile.TiffPage", data: bytes, height: int) -> Numbers:
    """Decodes a part, (h, w, samples), as the only strip of a TIFF file of its own."""
    samples = page.shaped[-1]
    head = {"<": b"II*\0", ">": b"MM\0*"}[page.parent.byteorder]
    tags = ImageFileDirectory_v2(head + bytes(4))
    for tag in HANDED_ON:
        if tag in page.tags:
            tags[tag] = page.tags[tag].value
    if samples == 1:  # of one plane, where the file has several
        tags[BITS], tags[PHOTOMETRIC], tags[SAMPLES] = page.bitspersample, GREY, 1
    tags[WIDTH], tags[HEIGHT] = page.tilewidth if page.is_tiled else page.imagewidth, height
    tags[STRIP_OFFSETS], tags[ROWS_PER_STRIP], tags[STRIP_BYTE_COUNTS] = 0, height, len(data)  # 0: behind the tags
    place = (8).to_bytes(4, "little" if page.parent.byteorder == "<" else "big")
    with Pillow.open(io.BytesIO(head + place + tags.tobytes(8) + data), formats=("TIFF",)) as picture:
        return np.asarray(picture).reshape(height, -1, samples)
