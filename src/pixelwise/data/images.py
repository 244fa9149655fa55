"""Image files as arrays, whatever their mode, depth or orientation; and one clear line where that fails."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from PIL import ImageOps, UnidentifiedImageError

from pixelwise.data.dataset import RGB, Format, Image
from pixelwise.errors import UserError

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
MOST_PIXELS = 2**27  # 11,585 x 11,585: anything larger is refused from its header; Pillow's own limit is near

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
    """The format in which all these photos can be read, from the headers of some of them."""
    return RGB


def read_image(path: Path, format: Format = RGB) -> Image:
    """A photo as (h, w, 3) uint8 RGB: turned upright (EXIF), grey tripled, alpha dropped, 16 bits cut to 8.

    Raises UserError where the file is missing, no image, cut off, or larger than 2^27 pixels.
    """
    picture = _open(path)
    turned = ImageOps.exif_transpose(picture)
    if turned.mode.startswith(("I", "F")):
        return np.repeat(_as_bytes(np.asarray(turned))[..., None], 3, axis=2)
    return np.asarray(turned.convert("RGB"))


def read_mask(path: Path) -> Pixels:
    """A mask as annotated: (h, w) values of an index or palette image, or (h, w, 3) RGB of a colour image."""
    picture = ImageOps.exif_transpose(_open(path))
    if picture.mode == "1":
        return np.asarray(picture.convert("L"))
    if picture.mode in {"P", "L"}:
        return np.asarray(picture)
    if picture.mode == "LA":
        return np.asarray(picture.getchannel("L"))
    if picture.mode.startswith("I"):
        return np.asarray(picture).astype(np.uint16)
    return np.asarray(picture.convert("RGB"))


def _open(path: Path) -> Pillow.Image:
    try:
        with warnings.catch_warnings(action="ignore"), Pillow.open(path) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise UserError(f"{path}: {picture.width} x {picture.height} pixels are too many; cut it into parts")
            picture.load()
            return picture
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except UnidentifiedImageError:
        raise UserError(f"{path}: is not an image that can be read; replace or remove it") from None
    except Pillow.DecompressionBombError:
        raise UserError(f"{path}: has too many pixels; cut it into parts") from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); it is damaged or cut off, copy it again") from error


def _as_bytes(values: npt.NDArray[np.generic]) -> Image:
    """16-bit (or wider) grey to 8 bits: the high byte if any value needs more than eight."""
    numbers: npt.NDArray[np.float64] = np.nan_to_num(values.astype(np.float64))
    scale = 257.0 if numbers.max(initial=0) > 255 else 1.0
    return np.asarray(np.clip(numbers / scale, 0, 255).astype(np.uint8))
