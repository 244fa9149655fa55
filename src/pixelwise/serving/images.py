"""Bytes that somebody sent -> an image, with everything refused that would take more than its share.

The kind of a file is what its first bytes say, never a name or a header of the request.
"""

from pathlib import Path
from typing import BinaryIO, cast

from PIL import Image as Pillow

from pixelwise.data.dataset import Format, Image
from pixelwise.data.files.file_content import content
from pixelwise.data.files.geotiff import Georeference, read_georeference
from pixelwise.data.files.image_files import Promise, read_promise
from pixelwise.data.files.images import read_image
from pixelwise.data.files.in_memory import InMemory
from pixelwise.errors import DataError
from pixelwise.serving.limits import Limits, Refusal

KINDS = ("png", "jpeg", "webp", "bmp", "tiff")
TAKEN = "PNG, JPEG, WebP, BMP or TIFF"
START_OF_SCAN = b"\xff\xda"  # of a JPEG; within its data ff is followed by 00


def check(file: BinaryIO, limits: Limits) -> int:
    """How many pixels the image will have, before any is decoded. Raises Refusal."""
    held = _held(file)
    kind = content(held.getvalue()[:32])
    if kind not in KINDS:
        what = "empty" if not held.getvalue() else kind or "no image"
        raise Refusal(415, "kind", f"what was sent is {what}; send {TAKEN}")
    if kind == "jpeg" and held.getvalue().count(START_OF_SCAN) > limits.scans:
        raise Refusal(422, "damaged", f"the image is a JPEG of more than {limits.scans} scans; save it anew")
    try:
        promise = read_promise(cast(Path, held))
    except DataError as error:
        raise _refusal(error) from error
    _check_size(promise, limits)
    return promise.width * promise.height


def _held(file: BinaryIO) -> InMemory:
    file.seek(0)
    return InMemory(file.read(), "the image")


def _check_size(promise: Promise, limits: Limits) -> None:
    width, height, size = promise
    if width < 1 or height < 1:
        raise Refusal(422, "damaged", "the image has no pixels; send another")
    if width * height > limits.pixels or width * height * size > limits.pixels * limits.bands:
        millions = limits.pixels * min(1, limits.bands / size) / 1e6
        raise Refusal(
            413,
            "pixels",
            f"the image has {width} x {height} pixels, more than {millions:g} million; send a smaller one",
        )
    if max(width, height) > limits.ratio * min(width, height):
        what = f"the image has {width} x {height} pixels, one side more than {limits.ratio} times the other"
        raise Refusal(422, "shape", f"{what}; cut it into parts")


def decode(file: BinaryIO, format: Format) -> tuple[Image, Georeference | None]:
    """The image, as `read_image` reads it, and where a GeoTIFF lies. Raises Refusal where it is damaged."""
    held = cast(Path, _held(file))
    try:
        return read_image(held, format), read_georeference(held)
    except DataError as error:
        raise _refusal(error) from error


def _refusal(error: DataError) -> Refusal:
    if isinstance(error.__cause__, Pillow.DecompressionBombError | MemoryError):
        return Refusal(413, "pixels", f"the image {error.what}; send a smaller one")
    return Refusal(422, "damaged", f"the image {error.what}; send another or save it anew")
