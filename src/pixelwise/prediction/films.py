"""Which films and cameras are meant by what a person names; nothing of it needs PyAV."""

import glob
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pixelwise.data.files.file_content import READABLE, content
from pixelwise.data.files.images import is_image
from pixelwise.errors import UserError
from pixelwise.prediction.files import LIST, find_photos, listed_names

ENDINGS = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".flv", ".ogv"}
    | {".3gp", ".y4m", ".mxf", ".dv", ".h264", ".hevc"}
)
# (place, bytes) with which films begin, whatever they are called.
SIGNATURES = (
    (4, b"ftyp"),
    (0, b"\x1aE\xdf\xa3"),  # Matroska, WebM
    (8, b"AVI "),
    (0, b"FLV\x01"),
    (0, b"OggS"),
    (0, b"\x00\x00\x01\xba"),  # MPEG
    (0, b"0&\xb2u\x8ef\xcf\x11"),  # Windows Media
    (0, b"YUV4MPEG2"),
)
CAMERA = re.compile(r"camera:(.+)|(/dev/video\d+)")
# How each system calls its cameras: format of libavdevice, and the name in it.
SYSTEMS = {"linux": ("v4l2", "/dev/video{}"), "darwin": ("avfoundation", "{}:none"), "win32": ("dshow", "video={}")}


class Camera(NamedTuple):
    """A camera. name: as the user called it. device, format: what libavdevice calls it, and how it is read."""

    name: str
    device: str
    format: str


Film = Path | Camera


def is_film(path: Path) -> bool:
    """Whether a file is a film by its first bytes; where they tell nothing, by its ending.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "film"
    >>> _ = path.write_bytes(b"\\x00\\x00\\x00\\x20ftypisom")
    >>> is_film(path), is_film(Path("street.jpg"))
    (True, False)
    """
    head = b""
    if path.is_file():
        try:
            with path.open("rb") as file:
                head = file.read(32)
        except OSError:  # which is told when it is read
            return path.suffix.lower() in ENDINGS
    if (kind := content(head)) is not None:
        return kind not in READABLE and path.suffix.lower() in ENDINGS
    return path.suffix.lower() in ENDINGS or any(head[at : at + len(sign)] == sign for at, sign in SIGNATURES)


def camera_of(text: str) -> Camera | None:
    """The camera that is meant by camera:0, camera:NAME or /dev/video0; None where it is none.

    Raises UserError on a system whose cameras are not known.
    """
    if not (match := CAMERA.fullmatch(text)):
        return None
    if match[2]:
        return Camera(text, text, "v4l2")
    if sys.platform not in SYSTEMS:
        raise UserError(f"{text}: cameras are not known on {sys.platform}; record a film and name that")
    format, device = SYSTEMS[sys.platform]
    return Camera(text, device.format(match[1]), format)


def part_films(inputs: Iterable[str]) -> tuple[dict[str, Film], list[str]]:
    """The films and cameras among inputs, each under a name of its own, and the other inputs.

    inputs: as of `find_photos`. Films are named as files, by patterns and on standard input; folders are not searched.

    >>> part_films(["street.jpg", "/dev/video0"])
    ({'video0': Camera(name='/dev/video0', device='/dev/video0', format='v4l2')}, ['street.jpg'])
    """
    paths: list[Path] = []
    cameras: dict[str, Film] = {}
    others: list[str] = []
    for text in (text for one in inputs for text in (listed_names() if one == LIST else [one])):
        if camera := camera_of(text):
            cameras[re.sub(r"\W+", "", text.removeprefix("/dev/"))] = camera
        elif Path(text).is_file() and is_film(Path(text)):
            paths.append(Path(text))
        else:
            films, rest = _matching(text)
            paths += films
            others += [text] if rest else []
    named = {name: path for name, path in find_photos(map(str, paths)) if isinstance(path, Path)}
    return cameras | named, others


def _matching(text: str) -> tuple[list[Path], bool]:
    """The films that a pattern names, and whether it may name something else, too."""
    if Path(text).exists() or not glob.has_magic(text):
        return [], True
    found = [Path(name) for name in sorted(glob.glob(text, recursive=True))]  # noqa: PTH207 - Path's takes no absolute ones
    films = [path for path in found if path.is_file() and is_film(path) and not path.name.startswith(".")]
    return films, not films or any(path.is_dir() or is_image(path) for path in found)
