"""Text files of a dataset, which may be damaged, huge or written to do harm."""

import json
from pathlib import Path

from pixelwise.errors import DataError

MOST_BYTES = 2**30  # COCO's largest annotation file has half of that


def read_text(path: Path, most: int = MOST_BYTES) -> str:
    """The text of a file. Raises DataError where it is missing, not UTF-8, or larger than that many bytes."""
    try:
        if path.stat().st_size > most:
            raise DataError(path, f"is larger than {most:,} bytes", "split it into parts", "unreadable")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(path, "is not UTF-8 text", "save it as UTF-8", "unreadable") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(path, f"cannot be read ({reason})", "restore it or remove it", "unreadable") from error


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
