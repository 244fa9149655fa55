"""What labelling takes on this machine: time, with models taking turns, and memory."""

import ctypes
import re
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch

Item = TypeVar("Item")

LEAST_ROUNDS, MOST_ROUNDS, TIMED_SECONDS = 3, 15, 3.0  # the last for each model


@dataclass(frozen=True)
class Cost:
    """What a model takes; None where it is not known.

    parameters: those that are learnt. file_bytes: of its file. milliseconds: median time from a photo in memory to its
    labels at its own size, one photo at a time. memory_bytes: that are needed meanwhile, beside the model itself.
    """

    parameters: int | None = None
    file_bytes: int | None = None
    milliseconds: float | None = None
    memory_bytes: int | None = None

    def in_words(self) -> dict[str, str]:
        """Each part with its unit, a dash where it is not known.

        >>> Cost(2_534_000, 5_100_000, 41.3).in_words()
        {'time per image': '41 ms', 'parameters': '2.5 million', 'file': '5.1 MB', 'memory': '–'}
        """
        parts = {
            "time per image": (self.milliseconds, 1, "ms"),
            "parameters": (self.parameters, 1e6, "million"),
            "file": (self.file_bytes, 1e6, "MB"),
            "memory": (self.memory_bytes, 1e6, "MB"),
        }
        return {
            name: "–" if value is None else f"{_short(value / unit)} {what}"
            for name, (value, unit, what) in parts.items()
        }


def _short(value: float) -> str:
    """
    >>> _short(0.01234), _short(5.07), _short(41.3)
    ('0.012', '5.1', '41')
    """
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def milliseconds_of(actions: Mapping[str, Callable[[Item], object]], items: Sequence[Item]) -> dict[str, float]:
    """Median time that each action takes on an item, by the action's name.

    The actions take turns, each as often the first, so that what slows the machine for a while slows them all alike.

    >>> times = milliseconds_of({"one": abs, "other": abs}, [1, 2])
    >>> list(times), min(times.values()) > 0
    (['one', 'other'], True)
    """
    names, times = list(actions), {name: list[float]() for name in actions}
    began, rounds = time.perf_counter(), 0
    while rounds < LEAST_ROUNDS or (rounds < MOST_ROUNDS and time.perf_counter() - began < TIMED_SECONDS * len(names)):
        first = rounds % max(1, len(names))
        for item in items:
            for name in (*names[first:], *names[:first]):
                start = time.perf_counter()
                actions[name](item)
                times[name].append(1000 * (time.perf_counter() - start))
        rounds += 1
    return {name: statistics.median(taken) for name, taken in times.items() if taken}


def memory_growth(action: Callable[[], object], device: torch.device) -> int | None:
    """Bytes by which memory grows, at most, while an action runs; None where the system does not tell.

    On a GPU those that torch hands out. On a processor the resident memory of the process, which Linux tells; what
    the C library keeps of memory that was freed is given back before, but some may stay, so that this is a few MB
    uncertain.
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        action()
        return torch.cuda.max_memory_allocated(device) - before
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    if device.type != "cpu" or not hasattr(library, "malloc_trim"):
        return None
    library.malloc_trim(0)  # type: ignore[union-attr]
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew: proc(5)
        before = _resident("VmRSS")
        action()
        return max(0, _resident("VmHWM") - before)
    except OSError:
        return None


def _resident(which: str) -> int:
    """Bytes, from the kernel's account of this process."""
    status = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace")
    found = re.search(rf"^{which}:\s+(\d+) kB", status, flags=re.MULTILINE)
    if not found:
        raise OSError(f"/proc/self/status tells no {which}")
    return 1024 * int(found[1])
