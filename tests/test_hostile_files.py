"""Files made to do harm, cut off or damaged: one line each, in no time and no memory."""

import io
import os
import resource
import struct
import threading
import time
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from image_makers import chunk, deep, npy_bytes, png, refused, tiff
from PIL import Image as Pillow
from small_data import photo, save

from pixelwise.data.dataset import Format
from pixelwise.data.files.images import content_of, find_format, read_image, read_mask
from pixelwise.errors import DataError


def tiff_of(*tags: tuple[int, int, int, int], following: int = 0) -> bytes:
    """A TIFF file of one directory; tags: number, type, count, value."""
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + struct.pack("<I", following)


def huge_tiff(bands: int) -> bytes:
    sides, more = [(256, 4, 1, 60_000), (257, 4, 1, 60_000)], [(277, 3, 1, bands), (273, 4, 1, 8), (279, 4, 1, 100)]
    return tiff_of(*sides, (258, 3, 1, 8), (262, 3, 1, 1), *more)


def jpeg_of(width: int, height: int) -> bytes:
    file = io.BytesIO()
    Pillow.fromarray(photo()).save(file, "JPEG")
    content = bytearray(file.getvalue())
    place = content.index(b"\xff\xc0") + 5
    content[place : place + 4] = struct.pack(">HH", height, width)
    return bytes(content)


def webp_of(kind: bytes, sides: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 1000) + b"WEBP" + kind + struct.pack("<I", 990) + sides + bytes(980)


def gif_of(frames: int, width: int = 1, height: int = 1) -> bytes:
    frame = b"\x2c\0\0\0\0\1\0\1\0\0" + b"\2\2\x4c\1\0"
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0\0\0\0\xff\xff\xff" + frame * frames + b"\x3b"


def npy_of(header: str) -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text


BOMB = zlib.compress(bytes(200_000_000), 9)

HUGE: dict[str, Callable[[], bytes]] = {
    "png": lambda: png(60_000, 60_000, b""),
    "tiff": lambda: huge_tiff(1),
    "tiff of five bands": lambda: huge_tiff(5),
    "jpeg": lambda: jpeg_of(60_000, 60_000),
    "bmp": lambda: b"BM" + struct.pack("<IIIIiiHHIIiiII", 100, 0, 54, 40, 60_000, 60_000, 1, 24, 0, 0, 1, 1, 0, 0),
    "gif": lambda: gif_of(1, 60_000, 60_000),
    "webp": lambda: webp_of(b"VP8X", bytes(4) + (59_999).to_bytes(3, "little") * 2),
    "lossless webp": lambda: webp_of(b"VP8L", b"\x2f\xff\xff\xff\x0f"),
    "lossy webp": lambda: webp_of(b"VP8 ", b"\0\0\0\x9d\x01\x2a\xff\x3f\xff\x3f"),
    "npy": lambda: npy_of("{'descr': '|u1', 'fortran_order': False, 'shape': (60000, 60000)}"),
    "npy of many channels": lambda: npy_of("{'descr': '<f8', 'fortran_order': False, 'shape': (9000, 9000, 900)}"),
}

BROKEN: dict[str, Callable[[], bytes]] = {
    "no bytes": lambda: b"",
    "text": lambda: b"no image at all",
    "only a signature": lambda: b"\x89PNG\r\n\x1a\n",
    "half a png": lambda: (content := png(300, 300, os.urandom(901 * 300)))[: len(content) // 2],
    "a text bomb": lambda: png(8, 8, bytes(25 * 8), more=chunk(b"zTXt", b"a\0\0" + BOMB) * 400),
    "a colour profile that inflates": lambda: png(8, 8, bytes(25 * 8), more=chunk(b"iCCP", b"a\0\0" + BOMB)),
    "tiff tags that overlap": lambda: tiff_of(*((1000 + number, 1, 2**20, 0) for number in range(3000))) + bytes(2**20),
    "tiff without tags": lambda: tiff_of(),
    "tiff whose directory is elsewhere": lambda: b"II*\0\xff\xff\xff\xff" + bytes(20),
    "bigtiff with 2^60 tags": lambda: b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 2**60),
    "tiff of five bands, empty": lambda: huge_tiff(5).replace(struct.pack("<I", 60_000), struct.pack("<I", 600)),
    "npy that is too short": lambda: npy_of("{'descr': '<f8', 'fortran_order': False, 'shape': (9000, 900)}"),
    "npy of objects": lambda: npy_bytes(np.array([[{}, []]], object)),
    "npy of text": lambda: npy_bytes(np.array([["a", "b"]])),
    "npy of records": lambda: npy_bytes(np.zeros((4, 4), "i4,f4")),
    "npy of complex numbers": lambda: npy_bytes(np.zeros((4, 4), complex)),
    "npy of one number": lambda: npy_bytes(np.array(1)),
    "npy without pixels": lambda: npy_bytes(np.zeros((0, 4))),
    "npy, channels first": lambda: npy_bytes(np.zeros((5, 24, 32))),
    "npy with a negative side": lambda: npy_of("{'descr': '|u1', 'fortran_order': False, 'shape': (-4, -4)}"),
    "npy with a nested header": lambda: npy_of("(" * 5000),
    "npy that overflows": lambda: npy_of(f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({2**63}, 4)}}"),
    "deflated bands that hold a thousandfold": lambda: inflated_bands(),
    "webp without content": lambda: webp_of(b"VP8 ", b"\0\0\0\x9d\x01\x2a\x08\0\x08\0"),
    "gif without frames": lambda: gif_of(0),
}


def inflated_bands() -> bytes:
    """A TIFF file of 8 x 8 pixels and five bands whose only strip becomes 200 MB."""
    tags = [(256, 8), (257, 8), (258, 8), (259, 8), (262, 1), (273, 8 + 2 + 12 * 9 + 4), (277, 5), (278, 8)]
    return tiff_of(*((tag, 4, 1, value) for tag, value in tags), (279, 4, 1, len(BOMB))) + BOMB


def check_refused_cheaply(path: Path, read: Callable[[Path], object] = read_image) -> DataError:
    """In less than a second and with no more than 100 MB of new memory."""
    began = time.monotonic()
    with memory_within(100_000_000):
        error = refused(path, read)
    assert time.monotonic() - began < 1
    assert "memory" not in error.what
    return error


@contextmanager
def memory_within(size: int) -> Iterator[None]:
    """The process may map that many bytes more than it has."""
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (mapped + size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.mark.parametrize("name", HUGE)
def test_a_header_that_promises_60_000_pixels_a_side_is_refused_from_the_header(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(HUGE[name]())
    error = check_refused_cheaply(path)
    assert error.kind == "unreadable"
    assert "too many" in error.what
    assert refused(path, read_mask).what == error.what


@pytest.mark.parametrize("name", BROKEN)
def test_broken_and_hostile_files_are_refused_in_no_time(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(BROKEN[name]())
    assert check_refused_cheaply(path).kind == "unreadable"
    assert check_refused_cheaply(path, read_mask).kind == "unreadable"
    assert find_format([path]).bits == 8


def test_a_million_frames_are_not_counted(tmp_path: Path) -> None:
    (tmp_path / "a.gif").write_bytes(gif_of(1_000_000))
    directory = b"".join(struct.pack("<HHII", *tag) for tag in TINY_PAGE)
    page = 2 + len(directory) + 4
    pages = [
        struct.pack("<H", len(TINY_PAGE)) + directory + struct.pack("<I", 8 + page * (number + 1))
        for number in range(100_000)
    ]
    (tmp_path / "a.tif").write_bytes(struct.pack("<2sHI", b"II", 42, 8) + b"".join(pages))
    (tmp_path / "loop.tif").write_bytes(tiff_of(*TINY_PAGE, following=8))
    for name in ("a.gif", "a.tif", "loop.tif"):
        began = time.monotonic()
        assert read_image(tmp_path / name).shape == (1, 1, 3)
        assert time.monotonic() - began < 1


TINY_PAGE = [
    (256, 4, 1, 1),
    (257, 4, 1, 1),
    (258, 3, 1, 8),
    (262, 3, 1, 1),
    (273, 4, 1, 8),
    (278, 4, 1, 1),
    (279, 4, 1, 1),
]


SOUND: dict[str, Callable[[Path], object]] = {
    "png": lambda path: save(path, photo(height=64, width=64)),
    "jpg": lambda path: save(path, photo(height=64, width=64)),
    "progressive.jpg": lambda path: Pillow.fromarray(photo(height=64, width=64)).save(path, progressive=True),
    "tif": lambda path: save(path, photo(height=64, width=64)),
    "deflated.tif": lambda path: tiff(path, deep(5), compression="zlib"),
    "bands.tif": lambda path: tiff(path, deep(5)),
    "bmp": lambda path: save(path, photo(height=64, width=64)),
    "webp": lambda path: save(path, photo(height=64, width=64)),
    "gif": lambda path: Pillow.fromarray(photo(height=64, width=64)).save(path),
    "npy": lambda path: np.save(path, photo(height=64, width=64)),
    "deep.png": lambda path: cv2.imwrite(str(path), deep(3)),
}


@pytest.mark.parametrize("kind", SOUND)
def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    SOUND[kind](path)
    content = path.read_bytes()
    format = find_format([path])
    for share in (0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97):
        path.write_bytes(content[: int(share * len(content))])
        assert refused(path, lambda path: read_image(path, format)).kind == "unreadable"


@pytest.mark.parametrize("kind", SOUND)
def test_flipped_bits_give_a_picture_or_one_line_and_never_anything_else(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    SOUND[kind](path)
    content = path.read_bytes()
    random = np.random.default_rng(0)
    for place in [*range(min(64, len(content))), *random.integers(0, len(content), 40)]:
        flipped = bytearray(content)
        flipped[place] ^= 1 << random.integers(8)
        path.write_bytes(flipped)
        for read in (read_image, read_mask):
            with suppress(DataError):
                assert read(path).ndim in {2, 3}


def test_pipes_folders_and_links_that_lead_nowhere_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "dangling.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "circle.png").symlink_to(tmp_path / "circle.png")
    for name in ("pipe", "folder", "dangling", "circle"):
        for read in (read_image, read_mask, content_of):
            assert check_refused_cheaply(tmp_path / f"{name}.png", read).kind == "unreadable"
    assert find_format(sorted(tmp_path.iterdir())) == Format()


@pytest.mark.parametrize("error", [RecursionError, MemoryError, ZeroDivisionError, struct.error, SyntaxError])
def test_whatever_a_decoder_raises_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    path, bands = save(tmp_path / "a.png", photo()), tiff(tmp_path / "b.tif", deep(5))
    monkeypatch.setattr(Pillow, "open", fail)
    monkeypatch.setattr(tifffile, "TiffFile", fail)
    assert refused(path).kind == refused(bands).kind == "unreadable"


def test_only_the_decoder_of_its_own_kind_sees_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    plain = Pillow.open
    monkeypatch.setattr(Pillow, "open", lambda *what, **how: asked.append(how["formats"]) or plain(*what, **how))
    read_image(save(tmp_path / "a.png", photo()))
    Pillow.fromarray(photo()).save(tmp_path / "b.png", "EPS")
    refused(tmp_path / "b.png")
    assert asked == [("PNG",)]


def test_several_threads_reading_leave_the_warning_filters_as_they_were(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", photo())
    before = list(warnings.filters)
    threads = [threading.Thread(target=lambda: [read_image(path) for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before
