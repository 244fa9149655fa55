"""Ways to spoil the files of a dataset, for tests/test_fuzz.py and benchmarks/fuzz_files.py."""

import io
import json
import os
import random
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from image_makers import chunk, png
from PIL import Image as Pillow
from test_hostile_files import BROKEN, HUGE, TINY_PAGE, gif_of, npy_of, tiff_of

Random = random.Random
PICTURES = frozenset({".png", ".jpg", ".tif", ".npy", ".bmp", ".webp", ".gif"})
TEXTS = frozenset({".json", ".txt", ".yaml", ".csv"})
EVERY = PICTURES | TEXTS | {".parquet"}
LOOSE = frozenset({".txt", ".csv", ".yaml"})  # half of such a file may be sound
GIB = 2**30


class Mutation(NamedTuple):
    """One way to spoil a file.

    spoil: does it; the third argument is a folder outside the dataset. endings: of files that it fits. destroys:
    whether nothing can be read from the file afterwards, so that it must be named; for a bit flipped nobody knows.
    """

    spoil: Callable[[Path, Random, Path], None]
    endings: frozenset[str]
    destroys: bool = True


def with_bytes(change: Callable[[bytes, Random], bytes]) -> Callable[[Path, Random, Path], None]:
    """A mutation that writes other bytes under the same name."""

    def spoil(path: Path, rng: Random, _: Path) -> None:
        path.write_bytes(change(path.read_bytes(), rng))

    return spoil


def flipped(content: bytes, rng: Random) -> bytes:
    """Up to 20 flipped bits, anywhere, or in the first or last 200 bytes, where headers lie."""
    spoilt, most = bytearray(content), max(1, len(content))
    low, high = rng.choice([(0, most), (0, min(200, most)), (max(0, most - 200), most)])
    for _ in range(rng.choice([1, 3, 20])):
        if spoilt:
            spoilt[rng.randrange(low, high)] ^= 1 << rng.randrange(8)
    return bytes(spoilt)


def noise(content: bytes, rng: Random) -> bytes:
    """As many random bytes, the first of which begin no picture and no text."""
    return b"\xfe\xff\xfe\x00" + rng.randbytes(max(60, min(len(content), 10_000)))


@cache
def zip_bomb() -> bytes:
    """A zip file of 100 MB of zeros."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", bytes(10**8))
    return file.getvalue()


@cache
def idat_bomb() -> bytes:
    """A PNG file that declares 80 x 64 pixels and whose only chunk of pixels inflates to a GiB."""
    squeeze = zlib.compressobj(9)
    rows = b"".join([*(squeeze.compress(bytes(2**24)) for _ in range(64)), squeeze.flush()])
    head, _, end = png(80, 64, b"").partition(chunk(b"IDAT", zlib.compress(b"")))
    return head + chunk(b"IDAT", rows) + end


@cache
def large(mode: str) -> bytes:
    """A PNG file of 11,000 x 11,000 pixels, just below what is refused, in 100 kB."""
    file = io.BytesIO()
    Pillow.new(mode, (11_000, 11_000)).save(file, "PNG", compress_level=9)
    return file.getvalue()


def _as_other_kind(path: Path, rng: Random, _: Path) -> None:
    """The same picture as another kind of file under the old name."""
    kind = rng.choice(["BMP", "GIF", "TIFF", "WEBP", "JPEG"])
    if path.suffix != ".npy":
        with Pillow.open(path) as picture:
            picture.load()
        picture.convert("RGB").save(path, kind)


def replaced(make: Callable[[Path, Random, Path], object]) -> Callable[[Path, Random, Path], None]:
    """A mutation that puts something in the place of a file."""

    def spoil(path: Path, rng: Random, outside: Path) -> None:
        path.unlink()
        make(path, rng, outside)

    return spoil


def _sparse(path: Path, rng: Random, _: Path) -> None:
    """64 GiB of nothing behind a whole header."""
    path.write_bytes(png(80, 64, b"")[:33])
    os.truncate(path, 64 * GIB)


def _socket(path: Path, rng: Random, _: Path) -> None:
    os.mknod(path, stat.S_IFSOCK | 0o644)


def _link_out(path: Path, rng: Random, outside: Path) -> None:
    path.symlink_to(outside / f"canary{path.suffix}")


HOSTILE_NAMES = (
    *("new\nline", "tab\tand\rreturn", "[red]markup[red]", "-rf", "q\"uo'te", "\x1b[31mescape", "a b  c", "%s{name}*"),
    *(
        os.fsdecode(b"not \xff\xfe utf-8"),
        "\u202eevil",
        "x" * 251,
        "\u00e4" * 125,
        "CON",
        "..a",
        "$(touch x)",
        "9" * 5000,
    ),
)


def named_badly(path: Path, rng: Random, _: Path) -> None:
    """A copy beside the file whose name a shell, a table or a terminal would stumble over."""
    name = rng.choice([word for word in HOSTILE_NAMES if len(os.fsencode(word)) < 252])
    other = path.with_name(name + path.suffix)
    other.write_bytes(path.read_bytes())


def with_picture(make: Callable[[Random], bytes]) -> Callable[[Path, Random, Path], None]:
    return with_bytes(lambda _, rng: make(rng))


ENDLESS = f"{{'descr': '|u1', 'fortran_order': True, 'shape': ({10**9}, {10**9})}}"


def _many_tags() -> bytes:
    """A BigTIFF file of a million tags."""
    return b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 10**6) + bytes(10**6)


FILES: dict[str, Mutation] = {
    "no bytes": Mutation(with_bytes(lambda *_: b""), EVERY - {".txt"}),
    "cut off": Mutation(with_bytes(lambda old, rng: old[: rng.randrange(1, len(old) // 2)]), EVERY - LOOSE),
    "flipped bits": Mutation(with_bytes(flipped), EVERY, destroys=False),
    "noise": Mutation(with_bytes(noise), EVERY),
    "a web page": Mutation(with_bytes(lambda *_: b"<!DOCTYPE html><title>404</title>"), EVERY - LOOSE),
    "a zip bomb": Mutation(with_bytes(lambda *_: zip_bomb()), EVERY),
    "another kind of picture": Mutation(_as_other_kind, PICTURES, destroys=False),
    "a header of 60,000 pixels": Mutation(with_picture(lambda rng: HUGE[rng.choice(list(HUGE))]()), PICTURES),
    "broken or hostile": Mutation(with_picture(lambda rng: BROKEN[rng.choice(list(BROKEN))]()), PICTURES),
    "pixels that inflate": Mutation(with_picture(lambda _: idat_bomb()), PICTURES, destroys=False),
    "100,000 frames": Mutation(with_picture(lambda _: gif_of(100_000)), PICTURES, destroys=False),
    "a circle of pages": Mutation(with_picture(lambda _: tiff_of(*TINY_PAGE, following=8)), PICTURES, destroys=False),
    "a million tags": Mutation(with_picture(lambda _: _many_tags()), PICTURES),
    "an endless array": Mutation(with_picture(lambda _: npy_of(ENDLESS)), PICTURES),
    "a large picture": Mutation(with_picture(lambda _: large("1")), PICTURES, destroys=False),
    "a pipe": Mutation(replaced(lambda path, *_: os.mkfifo(path)), EVERY),
    "a folder": Mutation(replaced(lambda path, *_: path.mkdir()), EVERY - {".parquet"}),
    "a link to nothing": Mutation(replaced(lambda path, *_: path.symlink_to("nothing.png")), EVERY),
    "a circle of links": Mutation(replaced(lambda path, *_: path.symlink_to(path.name)), EVERY),
    "a link out": Mutation(replaced(_link_out), EVERY),
    "a link to zeros": Mutation(replaced(lambda path, *_: path.symlink_to("/dev/zero")), EVERY),
    "a socket": Mutation(replaced(_socket), EVERY),
    "64 GiB of nothing": Mutation(replaced(_sparse), EVERY),
    "gone": Mutation(replaced(lambda *_: None), PICTURES),
    "a bad name beside it": Mutation(named_badly, PICTURES, destroys=False),
}  # fmt: skip


# Text files: what is written there instead, or between what is there.


def _nested(opening: str, closing: str) -> bytes:
    return (opening * 10**6 + closing * 10**6).encode()


def _deep(old: bytes, beginning: bytes) -> bytes:
    """900 lists within each other as the first point of the first shape."""
    return old.replace(beginning, beginning + b"[" * 900 + b"]" * 900 + b",", 1)


def _paths(words: str) -> Callable[[bytes, Random], bytes]:
    """Names of files in a text become paths like these."""

    def change(old: bytes, _: Random) -> bytes:
        text = old.decode()
        for ending in (".png", ".jpg"):
            names = {word for part in text.split('"') for word in part.split() if word.endswith(ending)}
            for name in names:
                text = text.replace(name, words + Path(name).name)
        return text.encode()

    return change


def _numbers(with_: str) -> Callable[[bytes, Random], bytes]:
    """Every whole number of a JSON file becomes this."""

    def changed(value: object) -> object:
        if isinstance(value, dict):
            return {key: changed(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [changed(inner) for inner in value]
        return "NUMBER" if isinstance(value, int) else value

    def change(old: bytes, _: Random) -> bytes:
        return json.dumps(changed(json.loads(old))).replace('"NUMBER"', with_).encode()

    return change


JSON: dict[str, Mutation] = {
    name: Mutation(with_bytes(change), frozenset({".json"}), destroys)
    for name, change, destroys in (
        ("a million lists", lambda *_: _nested("[", "]"), True),
        ("a million keys within keys", lambda *_: _nested('{"shapes":', "}"), True),
        ("a million lists in a shape", lambda old, _: old.replace(b"[", b"[" + b"[" * 10**6, 1), True),
        ("nested segmentation", lambda old, _: _deep(_deep(old, b'"points": ['), b'"segmentation": ['), False),
        ("endless numbers", _numbers("1" + "0" * 10_000), True),
        ("huge numbers", _numbers("1" + "0" * 300), False),
        ("1e400", _numbers("1e400"), False),
        ("NaN", _numbers("NaN"), False),
        ("negative numbers", _numbers("-1"), False),
        ("numbers as lists", _numbers("[[1]]"), False),
        ("null for numbers", _numbers("null"), False),
        ("only null", lambda *_: b"null", False),
        ("a list of null", lambda *_: b"[" + b"null," * 10**6 + b"null]", False),
        ("equal keys", lambda old, _: old[:-1] + b',"shapes": 1, "images": 2, "annotations": "x"}', False),
        ("UTF-16", lambda old, _: old.decode().encode("utf-16"), True),
        ("climbing paths", _paths("../outside/"), False),
        ("paths with a zero byte", _paths("a\\u0000b/"), False),
        ("endless paths", _paths("x" * 5000 + "/"), False),
        ("lone surrogates", _paths("\\ud800"), False),
    )
}  # fmt: skip


def _aliases(*_: object) -> bytes:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    return "\n".join(lines).encode()


YAML: dict[str, Mutation] = {
    name: Mutation(with_bytes(change), frozenset({".yaml"}), destroys)
    for name, change, destroys in (
        ("aliases that multiply", _aliases, True),
        ("a tag that runs", lambda *_: b"classes: !!python/object/apply:os.system ['touch /tmp/pwned']", True),
        ("a million lists", lambda *_: b"classes: " + b"[" * 10**6, True),
        ("nested lists", lambda *_: b"classes: " + b"[" * 5000 + b"]" * 5000, True),
        ("equal keys", lambda old, _: old + b"\nclasses: {a: [1, 2, 3]}\nclasses: {b: [1, 2, 3]}\n", True),
        ("a path that climbs", lambda old, _: b"path: ../outside\n" + old, True),
        ("a template that climbs", lambda *_: b'images: "../outside/{name}.png"\nmasks: "../outside/{name}.png"', True),
        ("a list", lambda *_: b"- a\n- b\n", True),
        ("a number", lambda *_: b"17", True),
        ("endless numbers", lambda *_: b"ignore: " + b"9" * 10**5, True),
        ("not a number", lambda *_: b"classes: {a: [.nan, .inf, 1e400]}", True),
        ("a date", lambda *_: b"classes: 2026-99-99", True),
        ("binary", lambda *_: b"classes: !!binary '////'", True),
        ("keys that are lists", lambda *_: b"? [a, b]\n: 1\nclasses: {? [a]: [1, 2, 3]}", True),
        ("a list as a key", lambda *_: b"classes: {[a]: [1, 2, 3]}", True),
        ("a zero byte", lambda *_: b"classes: {a\0b: [1, 2, 3]}", True),
        ("a million classes", lambda *_: b"classes: [" + b"a, " * 10**6 + b"a]", True),
        ("100,000 classes", lambda *_: f"classes: [{', '.join(f'c{n}' for n in range(10**5))}]".encode(), True),
        ("names for Ultralytics", lambda *_: b"train: /etc\nmasks_dir: ../../etc\nnames: [a, b]", True),
        ("endless patterns", lambda old, _: old + b'\nexclude: ["' + b"*a" * 5000 + b'"]\n', False),
        ("another layout", lambda old, _: b"layout: nonsense\n" + old, False),
        ("binary sexagesimal", lambda *_: b"ignore: " + b"9:" * 20000 + b"9", True),
    )
}  # fmt: skip


PAIRS = [(n, n) for n in range(10**5)]

LISTS: dict[str, Mutation] = {
    name: Mutation(with_bytes(change), frozenset({".txt", ".csv"}), destroys)
    for name, change, destroys in (
        ("a million lines", lambda old, _: old + b"nothing/here.png nothing/there.png\n" * 10**6, False),
        ("100,000 other lines", lambda old, _: old + b"".join(map(b"n/%d.png m/%d.png\n".__mod__, PAIRS)), False),
        ("one endless line", lambda old, _: old + b"x" * 10**7, False),
        ("zero bytes", lambda old, _: old.replace(b"\n", b"\0\n"), False),
        ("climbing paths", _paths("../outside/"), False),
        ("absolute paths", _paths("/etc/../tmp/"), False),
        ("UTF-16", lambda old, _: old.decode().encode("utf-16"), True),
        ("endless numbers", lambda old, _: old + b"9" * 10_000 + b" 1 2 3 4 5 6\n", False),
        ("not a number", lambda old, _: old + b"nan inf -inf 1e999 nan nan nan\n", False),
        ("quotes that never close", lambda old, _: old + b'"' + b"a,b\n" * 10**5, False),
        ("backslashes", lambda old, _: old.replace(b"/", b"\\..\\..\\"), False),
    )
}  # fmt: skip


def _dictionary_bomb(path: Path, *_: object) -> None:
    """A small Parquet file of 15,000 rows whose pictures are all the same 100 kB: 3 GB in one row group."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(path)
    picture = {"bytes": bytes(10**5), "path": "a.png"}
    rows = pa.Table.from_pylist([dict.fromkeys(schema.names, picture) | {"classes": []}] * 500, schema)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        writer.write_table(pa.concat_tables([rows] * 30), row_group_size=15_000)


def _zeros_bomb(path: Path, *_: object) -> None:
    """A small Parquet file of one row whose picture is 1.5 GB of zeros."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(path)
    picture, small = ({"bytes": bytes(size), "path": "a.png"} for size in (1_500_000_000, 10))
    rows = pa.Table.from_pylist([{"image": picture, "label": small, "classes": []}], schema)
    pq.write_table(rows, path, compression="zstd", use_dictionary=False)


PARQUET: dict[str, Mutation] = {
    "only the marks": Mutation(with_bytes(lambda *_: b"PAR1PAR1"), frozenset({".parquet"})),
    "a huge foot": Mutation(with_bytes(lambda *_: b"PAR1" + bytes(99) + b"\xff\xff\x7fPAR1"), frozenset({".parquet"})),
    "a dictionary that multiplies": Mutation(_dictionary_bomb, frozenset({".parquet"})),
    "zeros that inflate": Mutation(_zeros_bomb, frozenset({".parquet"})),
}  # fmt: skip

MUTATIONS = {"file": FILES, "json": JSON, "yaml": YAML, "list": LISTS, "parquet": PARQUET}


def fitting(path: Path, kinds: Iterator[str] | tuple[str, ...] = tuple(MUTATIONS)) -> dict[str, Mutation]:
    """The mutations that fit a file, by their full names."""
    return {
        f"{kind}: {name}": mutation
        for kind in kinds
        for name, mutation in MUTATIONS[kind].items()
        if path.suffix in mutation.endings
    }
