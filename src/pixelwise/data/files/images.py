"""Photos as bytes, all alike within a dataset; masks as annotated; and which files are images at all."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from pixelwise.data.dataset import RGB, Format, Image
from pixelwise.data.files.file_content import MOST_PIXELS, content_of
from pixelwise.data.files.image_files import Numbers, read_header, read_numbers
from pixelwise.data.sampling import even_sample
from pixelwise.errors import DataError, UserError
from pixelwise.labels import IGNORE

__all__ = [
    "ENDINGS",
    "MOST_PIXELS",
    "Pixels",
    "as_bytes",
    "as_rgb",
    "content_of",
    "find_format",
    "is_image",
    "list_images",
    "read_image",
    "read_mask",
    "size_within",
    "with_channels",
    "wrong_channels",
]

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".npy"})
SAMPLED = 16  # photos looked at for the format of all
HIGHEST = 65535

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]


def is_image(path: Path) -> bool:
    """Whether a file's ending is that of an image, and the file is not hidden.

    >>> is_image(Path("street.JPG")), is_image(Path("._street.jpg")), is_image(Path("notes.txt"))
    (True, False, False)
    """
    return path.suffix.lower() in ENDINGS and not path.name.startswith(".")


def list_images(folder: Path) -> list[Path]:
    """The image files directly in a folder, numbers in their names in the order of counting (2 before 10)."""
    return sorted((path for path in folder.iterdir() if is_image(path)), key=_counting_order)


def _counting_order(path: Path) -> tuple[tuple[int, int, str], ...]:
    parts: list[str] = []
    for character in path.name:
        if parts and parts[-1][-1].isdecimal() == character.isdecimal():
            parts[-1] += character
        else:
            parts.append(character)
    return tuple((0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts)


def find_format(paths: Sequence[Path]) -> Format:
    """The format in which all these photos can be read alike, from at most 16 of them.

    Only headers are read, and of files with more than 8 bits the pixels. Files that cannot be read are left out; they
    are found when they are. Raises DataError where some have other channels than the others.

    >>> find_format([])
    Format(channels=3, bits=8)
    """
    first: dict[int, Path] = {}
    bits = RGB.bits
    for path in even_sample(paths, SAMPLED):
        with suppress(DataError):
            header = read_header(path)
            bits = max(bits, _bits_used(read_numbers(path)) if header.deep else 8)
            first.setdefault(header.channels, path)
    if len(first) > 1 and not first.keys() <= {1, 3}:
        (few, one), (many, other) = sorted(first.items())[-2:]
        raise DataError(other, f"has {many} channels but {one.name} has {few}", "make them equal", "channels")
    return Format(max(first, default=RGB.channels), bits)


def _bits_used(numbers: Numbers) -> int:
    """The fewest bits, 8 to 16, that hold the largest number; fractions up to one, or a little more, take 8."""
    largest = float(np.nan_to_num(numbers).max())
    return min(16, max(8, int(largest).bit_length()))


def read_image(path: Path, format: Format = RGB) -> Image:
    """A photo as (h, w, channels) uint8: upright (EXIF), without alpha, grey made RGB or RGB grey (BT.601) as asked.

    Of numbers deeper than 8 bits the upper 8 of ``format.bits`` are kept, those beyond are 255 and negative ones 0;
    where the format has 8 bits and a file does not fit into them, the upper 8 of 16. Fractions up to 1 (2 at most, for
    resampling overshoots) stand for 0 to 255; larger ones are taken as whole numbers. 8 bits stay as they are.
    Raises DataError where the file is missing, no image, damaged, cut off, larger than 2^27 pixels, or has other
    channels than can be converted.
    """
    photo = as_bytes(read_numbers(path), format.bits)
    if photo.ndim == 2:
        photo = photo[..., None]
    converted = with_channels(photo, format.channels)
    if converted is None:
        raise wrong_channels(path, photo, format)
    return converted


def wrong_channels(path: Path, image: Image, format: Format) -> DataError:
    """The error for an image with channels that cannot be converted."""
    what = f"has {image.shape[2]} channel{'s' * (image.shape[2] > 1)} where {format.channels} are wanted"
    return DataError(path, what, "convert it or remove it", "channels")


def as_image(image: str | Path | Image, format: Format) -> Image:
    """An image, of a file or an array, as a model wants it. format: its channels, and the bits of files' values.

    Raises UserError where the file cannot be read, or the array is no (h, w, c) uint8 with as many channels.
    """
    if isinstance(image, str | Path):
        image = read_image(Path(image), format)
    sound = image.ndim == 3 and image.dtype == np.uint8 and image.size
    seen = with_channels(image, format.channels) if sound else None
    if seen is None:
        wanted = f"(height, width, {format.channels}) uint8{' RGB' * (format.channels == 3)}"
        raise UserError(f"an image is {wanted}, but this is {image.shape} {image.dtype}; convert it")
    return seen


def with_channels(image: Image, channels: int) -> Image | None:
    """An (h, w, c) image with that many channels: grey made RGB or RGB grey (BT.601); None for other numbers.

    >>> with_channels(np.array([[[7]]], np.uint8), 3).tolist(), with_channels(np.zeros((1, 1, 4), np.uint8), 3)
    ([[[7, 7, 7]]], None)
    """
    if image.shape[2] == channels:
        return image
    if (image.shape[2], channels) == (1, 3):
        return np.repeat(image, 3, axis=2)
    if (image.shape[2], channels) == (3, 1):
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)[..., None]
    return None


def as_rgb(image: Image) -> Image:
    """An (h, w, c) image as one can look at it: (h, w, 3), its first three channels, of fewer the first as grey.

    >>> as_rgb(np.array([[[1, 2, 3, 4]]], np.uint8)).tolist(), as_rgb(np.array([[[1, 2]]], np.uint8)).tolist()
    ([[[1, 2, 3]]], [[[1, 1, 1]]])
    """
    return np.ascontiguousarray(image[..., :3] if image.shape[2] >= 3 else np.repeat(image[..., :1], 3, axis=2))


def size_within(image: Image, longest: int, *, grow: bool = False) -> tuple[int, int]:
    """Width and height of an image whose longer side shrinks to ``longest`` pixels; grow: or grows to that.

    >>> size_within(np.zeros((30, 60, 3), np.uint8), 20), size_within(np.zeros((3, 6, 3), np.uint8), 20)
    ((20, 10), (6, 3))
    """
    height, width = image.shape[:2]
    scale = longest / max(height, width)
    scale = scale if grow else min(1.0, scale)
    return max(1, round(width * scale)), max(1, round(height * scale))


def as_bytes(numbers: Numbers, bits: int) -> Image:
    """Numbers of an image file as `read_image` makes them uint8."""
    if numbers.dtype == np.uint8:
        return np.asarray(numbers, np.uint8)
    if numbers.dtype == np.bool_:
        return np.where(numbers, 255, 0).astype(np.uint8)
    if numbers.dtype.kind == "f":
        numbers = np.nan_to_num(numbers)
        if bits == RGB.bits and numbers.max() <= 2:
            return np.asarray(np.rint(np.clip(numbers, 0, 1) * 255), np.uint8)
    deep = np.clip(numbers, 0, HIGHEST).astype(np.uint16)
    if bits == RGB.bits and deep.max() > 255:
        bits = 16
    upper: Image = np.minimum(deep >> (bits - RGB.bits), 255).astype(np.uint8)
    return upper


def read_mask(path: Path) -> Pixels:
    """A mask as annotated: (h, w) values of an index or palette image, or (h, w, 3) RGB of a colour image.

    8 bits stay uint8, deeper numbers become uint16. One-bit images hold 0 and 255, arrays of bool 0 and 1. Negative
    numbers (-1 and -100 mean "unlabelled" in many arrays) and NaN become 255, which is ignored unless a dataset.yaml
    says otherwise. Raises DataError where the file cannot be read, has other channels, or holds numbers over 65535 or
    fractions.
    """
    numbers = read_numbers(path, indices=True)
    if numbers.ndim == 3 and numbers.shape[2] != 3:
        what = f"has {numbers.shape[2]} channels, but a mask has one (values) or three (colours)"
        raise DataError(path, what, "save it with one or three", "channels")
    if numbers.dtype in {np.dtype(np.uint8), np.dtype(np.bool_)}:
        return numbers.astype(np.uint8, copy=False)
    if numbers.ndim == 3:
        return as_bytes(numbers, RGB.bits)
    return _whole_numbers(numbers, path)


def _whole_numbers(numbers: Numbers, path: Path) -> Pixels:
    if numbers.dtype.kind == "f":
        numbers = np.nan_to_num(numbers, nan=-1)
        if (numbers != np.trunc(numbers)).any():
            raise DataError(path, "holds fractions", "save class values as whole numbers", "unknown value")
    if numbers.max() > HIGHEST:
        raise DataError(path, f"holds values over {HIGHEST}", "number the classes from 0", "unknown value")
    return np.where(numbers < 0, IGNORE, numbers).astype(np.uint16)
