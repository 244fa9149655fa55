"""Run folders: a new one to each run, and one run to a folder. A lock goes with its process, however that ends."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from pixelwise.errors import UserError
from pixelwise.files import HALF_WRITTEN
from pixelwise.processes import agreed_text, rank

RUNS, RECIPE, EVALUATION, LOCK = Path("runs"), "recipe.yaml", "evaluation.json", ".lock"
MOST = 1000  # runs of one name on one day


@contextmanager
def new_run(asked: str | Path | None, name: str) -> Iterator[Path]:
    """Holds an empty run folder: the one asked for, or a new one below runs/ with the date and ``name``.

    It goes again where nothing was written into it. Raises UserError where it is not empty, held by another run, or
    cannot be written.
    """
    folder = Path(agreed_text(str(asked or _free(name)) if rank() == 0 else ""))
    if rank() == 0 and (folder.is_file() or (folder.is_dir() and _content(folder))):
        raise UserError(f"{folder}: is not empty; give another --run, or --resume {folder} to go on with it")
    with locked(folder):
        yield folder


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds a run folder, which is made if need be, and clears away what a killed run left half-written.

    Of several processes the first does so for all. Raises UserError where another run holds it, or nothing can be
    written there.
    """
    if rank() > 0:
        yield
        return
    lock = _hold(folder)
    try:
        yield
    finally:
        with suppress(OSError):
            (folder / LOCK).unlink()
        lock.release()
        with suppress(OSError):
            folder.rmdir()  # where nothing was written


def _hold(folder: Path) -> FileLock:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK, timeout=0)
        lock.acquire()
        for half in folder.rglob(HALF_WRITTEN):
            half.unlink()
    except Timeout as error:
        raise UserError(f"{folder}: another run is writing there; wait for it, or give another --run") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"{folder}: cannot be written ({reason}); free some space or choose another place") from error
    return lock


def begun_run(asked: str | Path | None, name: str) -> Path | None:
    """The run that torchrun starts anew: the one asked for, or the newest of this name; None where none has begun."""
    folders = [Path(asked)] if asked else RUNS.glob(f"*_{name}*")
    begun = [folder for folder in folders if (folder / RECIPE).exists()] if rank() == 0 else []
    newest = max(begun, key=lambda folder: (folder / RECIPE).stat().st_mtime, default=None)
    told = agreed_text(str(newest or ""))
    return Path(told) if told else None


def _free(name: str) -> Path:
    """A name for a run of today that no folder has."""
    first = f"{datetime.now(UTC).date()}_{name}"
    tries = (RUNS / first, *(RUNS / f"{first}-{number}" for number in range(2, MOST)))
    return next(folder for folder in tries if not folder.exists())


def _content(folder: Path) -> list[str]:
    """All but what a process leaves that was killed before it wrote its recipe."""
    return [path.name for path in folder.iterdir() if path.name != LOCK and not path.match(HALF_WRITTEN)]
