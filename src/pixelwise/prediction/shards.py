"""The photos of a run in a file, cut into shards that are labelled by different processes."""

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

from pixelwise.data.dataset import Entry
from pixelwise.errors import UserError
from pixelwise.prediction.files import Photo, name_of
from pixelwise.prediction.many import Many
from pixelwise.prediction.names import Names
from pixelwise.prediction.record import Record

LISTED, PLANNED, BEGUN = "listed.jsonl", "planned.jsonl", "begun.txt"
DEATHS = 3  # times that a worker died at a photo, after which it is left out

Where = str | int  # a photo's file, or its place among those of datasets


@dataclass(frozen=True)
class Shards:
    """Photos with their names in a file, and where in it each shard begins.

    folder: where all of this lies. size: photos of a shard; the last has fewer. begins: of each shard, in bytes.
    entries: photos that are no plain files but of datasets.
    """

    folder: Path
    size: int
    begins: Sequence[int]
    entries: Sequence[Entry]

    def __len__(self) -> int:
        return len(self.begins)

    def photos(self, number: int) -> dict[str, Photo]:
        """The photos of a shard under their names."""
        with (self.folder / PLANNED).open("rb") as file:
            file.seek(self.begins[number])
            lines = [json.loads(line) for line in islice(file, self.size)]
        return {name: photo_at(where, self.entries) for name, where in lines}

    def every_photo(self) -> dict[str, Photo]:
        """All photos of the run under their names, those too that were done before; they are held in memory."""
        return {name: photo_at(where, self.entries) for name, where in named(self.folder / LISTED, self.entries)}

    def record(self, number: int) -> Record:
        """What is done of a shard; it is written when all is."""
        return Record(self.folder / str(number))

    def remove(self, number: int) -> None:
        """Takes away what was kept of a shard beside its photos."""
        shutil.rmtree(self.folder / str(number), ignore_errors=True)

    def close(self) -> None:
        """Takes all away; to be called when all is done."""
        shutil.rmtree(self.folder, ignore_errors=True)


def named(path: Path, entries: Sequence[Entry]) -> Iterator[tuple[str, Where]]:
    """Where every photo of the list is, with a name of its own, as `find_photos` names them."""
    names = Names(name_of(photo_at(where, entries)) for where in _listed(path))
    return ((names.next(name_of(photo_at(where, entries))), where) for where in _listed(path))


def _listed(path: Path) -> Iterator[Where]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def photo_at(where: Where, entries: Sequence[Entry]) -> Photo:
    """A photo of the list."""
    return Path(where) if isinstance(where, str) else entries[where]


def label_shard(many: Many, shards: Shards, number: int) -> dict[str, str]:
    """Labels the photos of a shard and writes their files, and then its record. Photo -> what is wrong with it.

    Where its worker was killed, another begins it anew; a photo at which several workers died is left out.
    Raises UserError where the folder cannot be written.
    """
    record = shards.record(number)
    done = {line.name: line for line in record.lines()}  # of a worker whose answer was lost
    failed: dict[str, str] = {}
    with _begun(record.path.with_name(BEGUN)) as (file, deadly):
        for place, (name, photo) in enumerate(shards.photos(number).items()):
            if name in done:
                continue
            print(place, end=" ", file=file, flush=True)
            found = f"{name}: {DEATHS} workers died at it" if deadly[place] >= DEATHS else many.label(name, photo)
            if isinstance(found, str):
                failed[name] = found
            else:
                done[name] = found
    record.write(done.values())
    return failed


@contextmanager
def _begun(path: Path) -> Iterator[tuple[TextIO, Counter[int]]]:
    """A file with a line for each worker that began a shard, in which it writes the place of each photo it begins.

    With it: at which places how many workers died.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+", encoding="utf-8") as file:
            file.seek(0)
            ends = Counter(int(line.split()[-1]) for line in file if line.strip())
            print(file=file, flush=True)
            yield file, ends
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror}); free some space or choose another place"
        ) from error
