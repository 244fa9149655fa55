"""Which photos a cluster is to label, and which are done: a list on disk, for which memory may be too small."""

import json
import os
import shutil
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from pixelwise.data.dataset import Entry
from pixelwise.files import replacing
from pixelwise.prediction.files import Photo
from pixelwise.prediction.many import Many
from pixelwise.prediction.names import Known
from pixelwise.prediction.record import RECORD, Done, Record, stamps
from pixelwise.prediction.shards import LISTED, PLANNED, Shards, named, photo_at

FOLDER = ".pixelwise-shards"  # below that of the predictions, while a run lasts
SIZE = 256  # photos of a shard: what is labelled once more where a worker is killed
MOST = 20_000  # shards of a run: each takes a hundredth of a second and ten kilobytes of the process that leads


class Plan(NamedTuple):
    """What is to be labelled. photos: how many were asked for. done: the names of those that are done already.

    others: how many were labelled by another model or with other settings, and are labelled anew.
    """

    shards: Shards
    photos: int
    done: Known
    others: int

    def lines_before(self, folder: Path) -> Iterator[Done]:
        """What the record of the folder says of photos that are done already."""
        return (line for line in Record(folder).lines() if line.name in self.done)


def plan(many: Many, photos: Iterable[Photo], workers: int, *, size: int | None = None, again: bool = False) -> Plan:
    """Writes down which photos are to be labelled; of those that were labelled before, the record is cleared.

    size: photos of a shard. again: whether all are labelled anew. Takes 8 bytes of memory for each photo, 24 for each
    line of the record, and somewhat more for each name that several photos have.
    Raises UserError where the folder cannot be written, or as `each_photo` does.
    """
    gather(many.folder)
    folder = many.folder.absolute() / FOLDER
    entries: list[Entry] = []
    count = _write_list(photos, folder / LISTED, entries)
    size = size or max(1, min(SIZE, count // (8 * workers)), -(-count // MOST))
    before = _Before(many, again)
    begins = array("q")
    with replacing(folder / PLANNED) as temporary, temporary.open("wb") as file:
        every = named(folder / LISTED, entries)
        left = ((name, where) for name, where in every if not before.is_done(name, photo_at(where, entries)))
        for number, line in enumerate(left):
            if number % size == 0:
                begins.append(file.tell())
            file.write(json.dumps(line).encode() + b"\n")
    before.forget()
    return Plan(Shards(folder, size, begins, entries), count, Known(before.done), before.others)


def gather(folder: Path) -> None:
    """Takes what the shards of a run that was stopped have done into the record. Raises UserError as that does."""
    record, shards = Record(folder), folder / FOLDER
    if record.is_torn():
        record.forget(())
    if left := sorted(shards.glob(f"*/{RECORD}"), key=lambda path: int(path.parent.name)):
        known = Known(hash(line.name) for line in record.lines())
        for path in left:
            record.add(*(line for line in Record(path.parent).lines() if line.name not in known))
    shutil.rmtree(shards, ignore_errors=True)


class _Before:
    """What the record says of photos that were labelled before. again: as if it said nothing."""

    def __init__(self, many: Many, again: bool) -> None:
        self.many, self.again = many, again
        self.others = 0
        self.record = Record(many.folder)
        lines, key = self.record.lines(), many.key
        self.known = Known(
            hash(fact) for line in lines for fact in (line.name, (line.name, line.files, line.key == key))
        )
        self.done, self.stale = array("q"), array("q")

    def is_done(self, name: str, photo: Photo) -> bool:
        """Whether the same would be made again; else the line is to be forgotten."""
        if name not in self.known:
            return False
        files = stamps(photo)
        if not self.again and files and (name, files, True) in self.known and self._is_there(name, photo):
            self.done.append(hash(name))
            return True
        self.others += not self.again and (name, files, False) in self.known
        self.stale.append(hash(name))
        return False

    def _is_there(self, name: str, photo: Photo) -> bool:
        return all((self.many.folder / file).exists() for file in self.many.files(name, photo))

    def forget(self) -> None:
        if self.stale:
            self.record.forget(Known(self.stale))


def _write_list(photos: Iterable[Photo], path: Path, entries: list[Entry]) -> int:
    """One photo on a line; those of datasets go to the entries. How many there are."""
    count = 0
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for count, photo in enumerate(photos, start=1):  # noqa: B007 - the last is the number of all
            if not isinstance(photo, Path):
                entries.append(photo)
            where = os.path.abspath(photo) if isinstance(photo, Path) else len(entries) - 1  # noqa: PTH100
            file.write(json.dumps(where) + "\n")
    return count
