"""Decoded samples on disk: a split is decoded once and from then on read in no time, in every command.

A store is one file in the user's cache folder, named after all that decides what is in it. The samples lie one after
another as bytes, then an index of their names and shapes, then how long the index is and its checksum.
"""

import json
import mmap
import os
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import is_dataclass
from functools import cache
from hashlib import blake2b, file_digest
from math import prod
from pathlib import Path

import numpy as np

from pixelwise.data.dataset import Sample, Split
from pixelwise.data.files.file_content import opened
from pixelwise.data.store.cache_folder import ENDING, cache_folder, check_size, make_room, taking_the_place_of
from pixelwise.data.store.reading import Decoded, bytes_of, in_memory, in_threads, read_all
from pixelwise.errors import DataError
from pixelwise.progress import track

FORMAT = b"pixelwise store 1"
FOOT = struct.Struct("<Q32s17s")  # length of the index, its checksum, FORMAT
MOST_DIGESTED = 2**31  # bytes of a file that are looked at for changes


def stored(split: Split) -> Split:
    """The split with its samples decoded, from the store on disk, which is filled where it is not there yet.

    Images and labels are views of the file, read-only. Where nothing can be stored (a full or read-only disk, too many
    samples) they are kept in memory, and where they do not fit there either the split is given back as it was.
    Raises UserError that names every file that cannot be read.
    """
    if not split or all(isinstance(entry, Decoded) for entry in split.entries):
        return split
    if not _has_lasting_repr(split):
        return in_memory(split)
    path = cache_folder() / (key_of(split) + ENDING)
    if (found := _open(path)) is not None:
        return found
    try:
        make_room(bytes_of(split))
        _fill(split, path)
    except OSError as error:
        kept = in_memory(split)
        where = "in memory" if kept is not split else "nowhere: they are read anew each time"
        print(f"{path.parent}: decoded images cannot be stored ({error.strerror}); kept {where}", file=sys.stderr)
        return kept
    return found if (found := _open(path)) is not None else in_memory(split)


def key_of(split: Split) -> str:
    """A name for all that decides what is decoded: entries with their decoders, their files' bytes, our own code."""
    digest = blake2b(FORMAT + _code(), digest_size=20)
    files = list({file: None for entry in split.entries for file in entry.files})
    contents = zip(track(files, "looking for changed files"), in_threads(_digest, files), strict=True)
    for entry in split.entries:
        digest.update(repr(entry).encode(errors="surrogateescape") + b"\0")
    for _, content in contents:
        digest.update(content)
    return digest.hexdigest()


def _digest(path: Path) -> bytes:
    """Of a file's bytes, of a huge one's size and time; of one that cannot be read nothing, decoding will name it."""
    with suppress(DataError), opened(path) as file:
        about = path.stat()
        if about.st_size > MOST_DIGESTED:
            return blake2b(f"{about.st_size} {about.st_mtime_ns}".encode()).digest()
        return file_digest(file, blake2b).digest()  # type: ignore[arg-type]
    return b""


@cache
def _code() -> bytes:
    """Of the source of everything that decodes or renders, so that a change to it gives new stores."""
    digest = blake2b()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(_digest(path))
    return digest.digest()


def _has_lasting_repr(split: Split) -> bool:
    """Whether the entries say in words that last all that they are: no address, no shortened array."""
    words = (repr(entry) if is_dataclass(entry) else " at 0x" for entry in split.entries)
    return not any(" at 0x" in word or "array(" in word for word in words)


def _open(path: Path) -> Split | None:
    """The split in a store; None where there is none or it is not whole."""
    try:
        with path.open("rb") as file:
            view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        index = _index(view)
    except (OSError, ValueError):  # mmap refuses an empty file with a ValueError
        return None
    if index is None:
        return None
    with suppress(OSError):
        os.utime(path)  # it was used just now
    return Split(tuple(Decoded(sample) for sample in _samples(view, index)))


def _index(view: memoryview) -> list[tuple[str, list[int]]] | None:
    if len(view) < FOOT.size:
        return None
    length, checksum, format = FOOT.unpack(view[-FOOT.size :])
    end = len(view) - FOOT.size
    written = bytes(view[max(0, end - length) : end])
    if format != FORMAT or checksum != _checksum(written):
        return None
    index: list[tuple[str, list[int]]] = json.loads(written)
    pixels = sum(prod(shape) + prod(shape[:2]) for _, shape in index)
    return index if pixels + length == end else None


def _samples(view: memoryview, index: list[tuple[str, list[int]]]) -> Iterator[Sample]:
    start = 0
    for name, shape in index:
        middle, end = start + prod(shape), start + prod(shape) + prod(shape[:2])
        image = np.frombuffer(view[start:middle], np.uint8).reshape(shape)
        yield Sample(image, np.frombuffer(view[middle:end], np.uint8).reshape(shape[:2]), name)
        start = end


def _checksum(index: bytes) -> bytes:
    return blake2b(index, digest_size=32).digest()


def _fill(split: Split, path: Path) -> None:
    """Decodes all samples into a new store. Raises OSError where it cannot be written."""
    index: list[tuple[str, tuple[int, ...]]] = []
    with taking_the_place_of(path) as file:
        for sample in read_all(split, _as_bytes, "decoding images, once"):
            file.write(sample.image.data)
            file.write(sample.label.data)
            index.append((sample.name, sample.image.shape))
            check_size(file.tell())  # the first image may have been smaller than the others
        written = json.dumps(index).encode()
        file.write(written + FOOT.pack(len(written), _checksum(written), FORMAT))


def _as_bytes(sample: Sample) -> Sample:
    image, label = (np.ascontiguousarray(array, np.uint8) for array in (sample.image, sample.label))
    return Sample(image, label, sample.name)
