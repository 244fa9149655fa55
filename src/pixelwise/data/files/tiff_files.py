"""TIFF files: the tags that say how they are to be read, and those with bands that Pillow cannot read.

Adobe, "TIFF Revision 6.0", 1992; BigTIFF as in libtiff. The names below are the specification's.
"""

import logging
import lzma
import math
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from pixelwise.data.files.file_content import UNREADABLE, check_size
from pixelwise.errors import DataError

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, ORIENTATION, SAMPLES = 256, 257, 258, 259, 262, 274, 277
EXTRA_SAMPLES, SAMPLE_FORMAT = 338, 339
WANTED = frozenset({WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, ORIENTATION, SAMPLES, EXTRA_SAMPLES, SAMPLE_FORMAT})
INTEGERS = {1: "B", 3: "H", 4: "I", 16: "Q"}  # type of a tag -> letter of struct
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
MOST_TAGS = 4096
MOST_TAG_BYTES = 2**26  # of all tags of a page together; the offsets of a hundred million pixels' tiles fit

ALPHA = (1, 2)  # values of ExtraSamples
RGB, PALETTE, CMYK, YCBCR, LAB, ICC_LAB = 2, 3, 5, 6, 8, 9  # values of PhotometricInterpretation
UNSIGNED, SIGNED, FLOAT = 1, 2, 3  # values of SampleFormat
DEFLATE, LZMA = (8, 32946), (34925,)

Tags = Mapping[int, tuple[int, ...]]


def read_tags(file: BinaryIO) -> Tags:
    """The wanted tags of the first page; of Exif data, which is a TIFF file too, the orientation.

    Raises ValueError or struct.error where there is no whole directory, or it promises more than any picture needs.
    """
    head = file.read(16)
    order = {b"II": "<", b"MM": ">"}[head[:2]]
    big = struct.unpack(order + "H", head[2:4])[0] == 43
    entry, word, count = ("HHQ8s", "Q", "Q") if big else ("HHI4s", "I", "H")
    (offset,) = struct.unpack_from(order + word, head, 8 if big else 4)
    file.seek(offset)
    (tags,) = _read(file, order + count)
    if tags > MOST_TAGS:
        raise ValueError(f"{tags} tags")
    found = [_read(file, order + entry) for _ in range(tags)]
    if sum(SIZES.get(kind, 0) * values for _, kind, values, _ in found) > MOST_TAG_BYTES:
        raise ValueError("tags too large")
    return {
        tag: _values(file, order, word, one) for tag, *one in found if tag in WANTED and one[0] in INTEGERS and one[1]
    }


def _read(file: BinaryIO, form: str) -> tuple[Any, ...]:
    return struct.unpack(form, file.read(struct.calcsize(form)))


def _values(file: BinaryIO, order: str, word: str, entry: list[Any]) -> tuple[int, ...]:
    """The numbers of a tag, which stand in its place or, where there are more, elsewhere in the file."""
    kind, count, place = entry
    form = f"{order}{count}{INTEGERS[kind]}"
    if struct.calcsize(form) <= len(place):
        return struct.unpack_from(form, place)
    file.seek(struct.unpack(order + word, place)[0])
    return _read(file, form)


class Bands(NamedTuple):
    """What the pixels of a TIFF file are made of.

    kept: which samples are left when alpha is dropped. bits: of each. form: UNSIGNED, SIGNED or FLOAT.
    """

    width: int
    height: int
    kept: tuple[int, ...]
    samples: int
    bits: int
    form: int
    photometric: int

    @property
    def colored(self) -> bool:
        """Whether three or four samples are one colour that can be converted to RGB."""
        return self.photometric in {PALETTE, CMYK, YCBCR, LAB, ICC_LAB}

    @property
    def plain(self) -> bool:
        """Whether Pillow reads it as it is; it reads deep colours too, but keeps only eight bits of them."""
        if self.colored:
            return True
        if self.samples == 1:
            return (self.bits, self.form) in {(1, 1), (2, 1), (4, 1), (8, 1), (16, 1), (16, 2), (32, 2), (32, 3)}
        return self.photometric == RGB and len(self.kept) == 3 and self.samples <= 4 and self.bits == 8


def find_bands(path: Path, tags: Tags) -> Bands:
    """What `bands_of` says. Raises DataError where their size is beyond any memory."""
    bands = bands_of(tags)
    check_size(path, bands.width, bands.height, bands.samples * math.ceil(bands.bits / 8))
    return bands


def bands_of(tags: Tags) -> Bands:
    """How many bands the file has and which are data: an extra sample is, unless it is declared to be alpha."""
    (samples,) = tags.get(SAMPLES, (1,))
    extra = tags.get(EXTRA_SAMPLES, ())
    first = samples - len(extra)
    kept = tuple(index for index in range(samples) if index < first or extra[index - first] not in ALPHA)
    bits, form = max(tags.get(BITS, (1,))), tags.get(SAMPLE_FORMAT, (UNSIGNED,))[0]
    return Bands(tags[WIDTH][0], tags[HEIGHT][0], kept, samples, bits, form, tags.get(PHOTOMETRIC, (1,))[0])


def read_bands(path: Path, file: BinaryIO, bands: Bands) -> npt.NDArray[Any]:
    """(h, w, c) numbers of the first page as they are written, without alpha.

    Raises DataError where the file is compressed in a way that takes another package.
    """
    import tifffile  # an eighth of a second, for files that few have

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what it warns of, it also raises or reads all the same
    file.seek(0)
    with tifffile.TiffFile(file) as tiff:
        page = tiff.pages[0]
        if page.shaped[1] != 1:
            raise DataError(path, "is a volume, not an image", "save each layer as an image", UNREADABLE)
        _check_inflated(page, file, tiff.filehandle.size)
        try:
            separate = page.asarray(squeeze=False, maxworkers=1)[:, 0]  # (planes, h, w, samples)
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
            raise needs_package(path, tifffile.COMPRESSION(page.compression).name) from error
    joined = np.moveaxis(separate, 0, 2).reshape(*separate.shape[1:3], -1)
    return np.asarray(joined[..., list(bands.kept)])


def needs_package(path: Path, compression: str) -> DataError:
    """The error for a file that is compressed in a way that takes another package."""
    what = f"is compressed by {compression}, which takes another package"
    return DataError(path, what, "pip install imagecodecs", UNREADABLE)


def _check_inflated(page: Any, file: BinaryIO, size: int) -> None:  # noqa: ANN401
    """Raises ValueError where a compressed part holds more than its pixels need: a thousandfold, in a bomb."""
    if page.compression not in DEFLATE + LZMA:
        return
    most = math.prod(page.chunks) * page.dtype.itemsize
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        if offset + count > size:
            raise ValueError("a part beyond the end")
        file.seek(offset)
        check_part(file.read(count), page.compression, most)


def check_part(data: bytes, compression: int, most: int) -> None:
    """Raises ValueError where a strip or tile holds more than ``most`` bytes once it is inflated."""
    if compression in DEFLATE:
        inflated = zlib.decompressobj().decompress(data, most + 1)
    elif compression in LZMA:
        inflated = lzma.LZMADecompressor().decompress(data, most + 1)
    else:
        return
    if len(inflated) > most:
        raise ValueError("more than its pixels")
