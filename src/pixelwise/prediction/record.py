"""What is done: a hidden file in the folder of predictions, so that a run that was stopped goes on where it was."""

import json
import os
from collections.abc import Container, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pydantic

from pixelwise.errors import UserError
from pixelwise.files import replacing
from pixelwise.prediction.files import Photo

RECORD = ".pixelwise-predict.jsonl"

Stamp = tuple[str, int, int]  # a file, when it was last changed in nanoseconds, and its bytes


@dataclass(frozen=True)
class Done:
    """A photo that was labelled: a line of the record.

    key: of the model and all settings. files: of the photo, as they were before they were read. shares: of the classes.
    coco: its part of COCO's JSON, where that is wanted.
    """

    name: str
    key: str
    files: tuple[Stamp, ...]
    shares: dict[str, float]
    coco: dict[str, Any] | None = None


_LINE = pydantic.TypeAdapter(Done)


def stamps(photo: Photo) -> tuple[Stamp, ...]:
    """What tells whether the files of a photo are still the same; nothing where there are none or one is missing."""
    try:
        paths = [path.resolve() for path in ([photo] if isinstance(photo, Path) else photo.files)]
        return tuple((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in paths)
    except OSError:
        return ()


class Record:
    """The lines of a folder's record, one for each photo. Damaged lines, as a kill leaves them, count as none.

    >>> import tempfile
    >>> record = Record(Path(tempfile.mkdtemp()))
    >>> record.add(Done("street", "model 1", (), {"road": 1.0}))
    >>> [done.name for done in record.lines()]
    ['street']
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / RECORD

    def lines(self) -> Iterator[Done]:
        """One after the other, for with COCO's parts they may be many megabytes. Raises UserError as files do."""
        if not self.path.exists():
            return
        try:
            with self.path.open(encoding="utf-8", errors="replace") as file:
                for line in file:
                    try:
                        yield _LINE.validate_json(line)
                    except pydantic.ValidationError:
                        continue
        except OSError as error:
            raise UserError(f"{self.path}: cannot be read ({error.strerror}); delete it") from error

    def is_torn(self) -> bool:
        """Whether a kill has left half a line at the end."""
        if not self.path.exists() or not self.path.stat().st_size:
            return False
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() != b"\n"

    def forget(self, names: Container[object]) -> None:
        """Takes out the lines of these photos, and what a kill has left of a line."""
        if self.path.exists():
            self.write(done for done in self.lines() if done.name not in names)

    def write(self, lines: Iterable[Done]) -> None:
        """These lines and no others, all or none. Raises UserError where they cannot be written."""
        with replacing(self.path) as temporary, temporary.open("w", encoding="utf-8") as file:
            file.writelines(map(_written, lines))

    def add(self, *done: Done) -> None:
        """Appends a line for each. Raises UserError where that cannot be written."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.writelines(map(_written, done))
        except OSError as error:
            what = f"cannot be written ({error.strerror})"
            raise UserError(f"{self.path}: {what}; free some space or choose another place") from error


def _written(done: Done) -> str:
    return json.dumps(asdict(done)) + "\n"
