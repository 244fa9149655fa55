"""Writing so that a full disk or a kill never leaves half a file under a good name."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pixelwise.errors import UserError

HALF_WRITTEN = ".*.part*"  # what `replacing` calls a file until it is whole


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary name beside ``path``; what is written there takes the place of ``path`` at the end.

    If the block fails, the file that was at ``path`` before is still there, whole. The folder is made.
    Raises UserError where the disk is full or the folder cannot be written.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "runs" / "score.json"
    >>> with replacing(target) as temporary:
    ...     _ = temporary.write_text("{}")
    >>> target.read_text()
    '{}'
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _flush(temporary)
        temporary.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"{path}: cannot be written ({reason}); free some space or choose another place") from error
    finally:
        with suppress(OSError):  # the folder itself may be no folder
            temporary.unlink()


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
