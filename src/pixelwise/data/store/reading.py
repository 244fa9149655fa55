"""Reading many samples at once: in threads, in order, and with every damaged file named."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pixelwise.data.dataset import Entry, Sample, Split
from pixelwise.errors import DataError, UserError
from pixelwise.progress import track

Item = TypeVar("Item")
Result = TypeVar("Result")

NAMED = 20  # damaged files that one error names
KEPT_SHARE = 1 / 3  # of the memory that is free may be filled with samples
UNKNOWN_MEMORY = 2**32  # bytes taken for free where the system does not tell
LIMIT_OF_GROUP, USED_BY_GROUP = (Path("/sys/fs/cgroup") / name for name in ("memory.max", "memory.current"))


@dataclass(frozen=True)
class Decoded:
    """A sample that has been read already."""

    sample: Sample

    @property
    def name(self) -> str:
        return self.sample.name

    @property
    def files(self) -> tuple[Path, ...]:
        """None; it is in memory."""
        return ()

    def read(self) -> Sample:
        """The sample, at no cost."""
        return self.sample


def readers() -> int:
    """Threads that read at once: one for each core, eight at most; decoders and zlib let go of Python's lock."""
    return min(8, os.cpu_count() or 1)


def in_threads(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    threads: int | None = None,
    begin: Callable[[], None] = lambda: None,
) -> Iterator[Result]:
    """The function's results in the order of the items, worked out by some threads a little ahead of their use.

    threads: how many; None: `readers`. begin: is called in each of them first.

    >>> list(in_threads(abs, [-1, 2, -3]))
    [1, 2, 3]
    """
    threads = threads or readers()
    coming: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads, initializer=begin) as pool:
        try:
            for item in items:
                coming.append(pool.submit(function, item))
                if len(coming) > 2 * threads:
                    yield coming.popleft().result()
            while coming:
                yield coming.popleft().result()
        finally:
            for future in coming:  # where nobody waits for them any more
                future.cancel()


def read_all(split: Split, use: Callable[[Sample], Result], what: str) -> Iterator[Result]:
    """What ``use`` makes of every sample, in order; ``what`` is written beside the bar.

    Reads on where a sample cannot be read, so that in the end one UserError names all files to be mended.
    """

    def attempt(entry: Entry) -> Result | UserError:
        try:
            return use(entry.read())
        except UserError as error:
            return error

    errors = []
    for _, result in zip(track(split.entries, what), in_threads(attempt, split.entries), strict=True):
        if isinstance(result, UserError):
            errors.append(result)
        elif not errors:
            yield result
    if errors:
        raise together(errors)


def together(errors: Sequence[UserError]) -> UserError:
    """One error that names the files of all; parameters: at least one error."""
    if len(errors) == 1:
        return errors[0]
    files = [error.path if isinstance(error, DataError) else str(error).partition(": ")[0] for error in errors]
    more = f" and {len(files) - NAMED} more" if len(files) > NAMED else ""
    return UserError(
        f"{len(files)} files cannot be used: {', '.join(files[:NAMED])}{more}; mend or remove them "
        f"(the first: {errors[0]}); `pixelwise check DATA` says what is wrong with each"
    )


def in_memory(split: Split) -> Split:
    """The split with its samples read once and kept; as it was, if they need more than a third of the free memory."""
    if not split or all(isinstance(entry, Decoded) for entry in split.entries) or bytes_of(split) > room():
        return split
    return Split(tuple(read_all(split, Decoded, "reading images")))


def bytes_of(split: Split) -> int:
    """What all decoded samples need, judged by the first; 0 where that one cannot be read, for reading will say so."""
    try:
        first = split[0]
    except UserError:
        return 0
    return (first.image.nbytes + first.label.nbytes) * len(split)


def room() -> int:
    """Bytes that samples may fill in memory: a third of what is free, for the machine or for this process's group."""
    return int(free_memory() * KEPT_SHARE)


def free_memory() -> int:
    """Bytes that the system and the control group (as of a container) would still give."""
    free = []
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        free.append(1024 * int(next(line for line in lines if line.startswith("MemAvailable")).split()[1]))
    with suppress(OSError, ValueError):  # ValueError where the limit is "max"
        free.append(int(LIMIT_OF_GROUP.read_text()) - int(USED_BY_GROUP.read_text()))
    if not free:
        with suppress(AttributeError, OSError, ValueError):
            free.append(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return max(0, min(free, default=UNKNOWN_MEMORY))
