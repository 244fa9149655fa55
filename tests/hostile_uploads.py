"""What nobody should send to a server, and the status it gets; for test_serving.py and benchmarks/load_server.py."""

import io
import os
import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple

import numpy as np
from image_makers import chunk, png
from PIL import Image as Pillow
from small_data import photo
from test_hostile_files import BOMB, BROKEN, HUGE, gif_of


class Upload(NamedTuple):
    """A body with its Content-Type, and the status of its answer."""

    body: bytes
    kind: str
    status: int


def encoded(kind: str, height: int = 48, width: int = 64, **how: object) -> bytes:
    """A sound photo as a file."""
    file = io.BytesIO()
    Pillow.fromarray(photo(height=height, width=width)).save(file, kind, **how)
    return file.getvalue()


def scans(count: int) -> bytes:
    """A progressive JPEG whose last scan is there so many times."""
    content = encoded("JPEG", progressive=True)
    last = content.rindex(b"\xff\xda")
    return content[:last] + content[last:-2] * count + b"\xff\xd9"


def _archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../../etc/passwd", "root")
    return file.getvalue()


MULTIPART = "multipart/form-data; boundary=x"
END = b"--x--\r\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script><image href="file:///etc/passwd"/></svg>'
FLAT = zlib.compress(bytes(100_000))
MAKERS: Mapping[str, tuple[Callable[[], bytes], str, int]] = {
    "a header of 60,000 x 60,000 as PNG": (HUGE["png"], "image/png", 413),
    "a header of 60,000 x 60,000 as JPEG": (HUGE["jpeg"], "image/jpeg", 413),
    "a header of 60,000 x 60,000 as BMP": (HUGE["bmp"], "image/bmp", 413),
    "a header of 60,000 x 60,000 as WebP": (HUGE["webp"], "image/webp", 413),
    "a header of 60,000 x 60,000 as TIFF": (HUGE["tiff"], "image/tiff", 413),
    "a header of five bands of 60,000 x 60,000": (HUGE["tiff of five bands"], "image/tiff", 413),
    "a header of 12,000 x 10,000": (lambda: png(12_000, 10_000, b""), "image/png", 413),
    "a header of 1 x 100,000": (lambda: png(1, 100_000, bytes(400_000)), "image/png", 422),
    "a header of 100,000 x 1": (lambda: png(100_000, 1, bytes(300_001)), "image/png", 422),
    "a header of 0 x 0": (lambda: png(0, 0, b""), "image/png", 422),
    "a text bomb": (lambda: png(8, 8, bytes(25 * 8), more=chunk(b"zTXt", b"a\0\0" + BOMB) * 100), "image/png", 422),
    "a profile that inflates": (BROKEN["a colour profile that inflates"], "image/png", 422),
    "tags that overlap": (BROKEN["tiff tags that overlap"], "image/tiff", 422),
    "2^60 tags": (BROKEN["bigtiff with 2^60 tags"], "image/tiff", 422),
    "2,000 scans": (lambda: scans(2000), "image/jpeg", 422),
    "a PNG cut off": (lambda: encoded("PNG")[:-900], "image/png", 422),
    "a JPEG cut off": (lambda: encoded("JPEG")[:-300], "image/jpeg", 422),
    "a signature alone": (lambda: b"\x89PNG\r\n\x1a\n", "image/png", 422),
    "an SVG drawing": (lambda: SVG, "image/svg+xml", 415),
    "an SVG drawing called PNG": (lambda: SVG, "image/png", 415),
    "a film as GIF": (lambda: gif_of(1000), "image/gif", 415),
    "a GIF that is a script, too": (lambda: b"GIF89a/*" + bytes(20) + b"*/=alert(1)", "image/gif", 415),
    "an HTML page": (lambda: b"<!doctype html><script>alert(1)</script>", "image/png", 415),
    "a ZIP archive": (_archive, "image/png", 415),
    "a PDF": (lambda: b"%PDF-1.7" + bytes(100), "image/png", 415),
    "PostScript": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) (r) file", "image/png", 415),
    "an array of objects": (BROKEN["npy of objects"], "image/png", 415),
    "nothing": (lambda: b"", "image/png", 415),
    "random bytes": (lambda: b"\0" + os.urandom(5000), "image/png", 415),
    "a text": (lambda: b"no image at all", "text/plain", 415),
    "JSON": (lambda: b'{"image": "/etc/passwd"}', "application/json", 415),
    "a form without an end": (lambda: b"--x\r\nContent-Disposition: form-data; name=image", MULTIPART, 415),
    "a form of another field": (lambda: form("photo", encoded("PNG")), MULTIPART, 415),
    "a form of text": (lambda: form("image", b"/etc/passwd", file=False), MULTIPART, 415),
    "a form that is none": (lambda: os.urandom(2000), MULTIPART, 422),
    "a form of 1,000 fields": (lambda: form("a", b"b", file=False)[: -len(END)] * 1000 + END, MULTIPART, 422),
    "a PNG that is an archive, too": (lambda: encoded("PNG") + _archive(), "image/png", 200),
    "a JPEG that is a page, too": (lambda: encoded("JPEG", comment=SVG) + SVG, "image/svg+xml", 200),
    "a PNG with a long comment": (lambda: with_comment(), "image/png", 200),
}


def with_comment() -> bytes:
    """A sound PNG with a text that inflates to a hundred thousand bytes."""
    return png(64, 48, bytes(48 * (1 + 3 * 64)), more=chunk(b"zTXt", b"a\0\0" + FLAT))


def form(field: str, content: bytes, *, file: bool = True) -> bytes:
    """A form with one part, its file called as a path."""
    name = b'; filename="../../etc/passwd.png"' * file
    head = b'--x\r\nContent-Disposition: form-data; name="' + field.encode() + b'"' + name
    return head + b"\r\n\r\n" + content + b"\r\n" + END


@cache
def hostile(name: str) -> Upload:
    """One of MAKERS."""
    make, kind, status = MAKERS[name]
    return Upload(make(), kind, status)


def noise(height: int, width: int) -> bytes:
    """A PNG of random colours."""
    file = io.BytesIO()
    Pillow.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()
