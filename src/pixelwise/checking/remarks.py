"""What can be said of an image file from its first bytes alone."""

import warnings
from pathlib import Path
from typing import Literal, NamedTuple

from PIL import Image as Pillow

from pixelwise.data.files.images import content_of, is_image
from pixelwise.errors import DataError

KINDS_BY_ENDING = {
    ".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".bmp": "bmp", ".tif": "tiff", ".tiff": "tiff", ".webp": "webp",
    ".npy": "npy", ".gif": "gif",
}  # fmt: skip


class Remark(NamedTuple):
    """Something about one file that is no fault by itself. detail: what it is, for the sentence."""

    kind: Literal["wrong extension", "alpha channel"]
    file: str
    detail: str = ""


def remarks_on(path: Path) -> tuple[Remark, ...]:
    """The remarks on an image file; none on other files or those that cannot be opened."""
    if not is_image(path) or not path.is_file():
        return ()
    remarks = []
    try:
        content = content_of(path)
    except DataError:  # reading it tells what is wrong with it
        return ()
    if content and content != KINDS_BY_ENDING.get(path.suffix.lower()):
        remarks.append(Remark("wrong extension", str(path), content))
    if content in {"png", "webp", "tiff"} and _has_alpha(path):
        remarks.append(Remark("alpha channel", str(path)))
    return tuple(remarks)


def _has_alpha(path: Path) -> bool:
    try:
        with warnings.catch_warnings(action="ignore"), Pillow.open(path, formats=("PNG", "WEBP", "TIFF")) as picture:
            return picture.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in picture.info
    except Exception:  # whatever is wrong with it, reading it will tell
        return False
