"""Text files of a dataset, which may be damaged, huge or written to do harm."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from pixelwise.data.files.file_content import opened
from pixelwise.errors import DataError

MOST_BYTES = 2**30  # COCO's largest annotation file has half of that


def read_text(path: Path, most: int = MOST_BYTES) -> str:
    """The text of a file. Raises DataError where it is missing, not UTF-8, or larger than that many bytes."""
    with opened(path) as file:
        if path.stat().st_size > most:
            raise DataError(path, f"is larger than {most:,} bytes", "split it into parts", "unreadable")
        content = file.read()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(path, "is not UTF-8 text", "save it as UTF-8", "unreadable") from None


def read_json(path: Path, most: int = MOST_BYTES) -> object:
    """What a JSON file holds. Raises DataError where it cannot be read or is no JSON.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.json"
    >>> _ = path.write_text('{"shapes": []}')
    >>> read_json(path)
    {'shapes': []}
    """
    try:
        content: object = json.loads(read_text(path, most))
    except (ValueError, RecursionError):
        raise DataError(path, "is not valid JSON", "write it anew or remove it", "unreadable") from None
    return content


def unreadable_json(paths: Iterable[Path]) -> Iterator[DataError]:
    """What is wrong with those of the files that are no JSON."""
    for path in paths:
        try:
            read_json(path)
        except DataError as error:
            yield error
