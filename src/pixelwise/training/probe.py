"""What a training step costs on this machine: tried, not guessed."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from pixelwise.data import Dataset
from pixelwise.data.store.reading import free_memory
from pixelwise.errors import UserError
from pixelwise.labels import IGNORE
from pixelwise.machine import give_back_memory
from pixelwise.processes import agreed, count
from pixelwise.training.batches import class_weights
from pixelwise.training.cache import TrainingImages
from pixelwise.training.loop import train_step
from pixelwise.training.recipe import Recipe
from pixelwise.training.state import State, fresh_state

WARM_STEPS, TIMED_STEPS = 1, 3
USABLE = 0.7  # of the memory that is free
RESET_PEAK = "5"  # what Linux's clear_refs wants to begin a new high-water mark


@dataclass
class Probe:
    """Tries training steps. dataset, device: on which. It must be made before any memory is used for training."""

    dataset: Dataset
    device: torch.device
    _before: int = field(init=False)
    room: int = field(init=False)

    def __post_init__(self) -> None:
        self._before = _held(self.device, "VmRSS")
        free = torch.cuda.mem_get_info(self.device)[0] if self.device.type == "cuda" else free_memory()
        self.room = int(free * USABLE / (1 if self.device.type == "cuda" else count()))

    def parts(self, recipe: Recipe, cache: TrainingImages) -> int:
        """In how many parts a batch must be taken to fit into memory: tried with single images, so that none fails.

        Raises UserError where not even one image fits.
        """
        images = -(-recipe.batch // count())
        one = self.memory(replace(recipe, accumulate=max(1, recipe.batch // count())), cache)
        if one > (room := self.left()):
            height, width = recipe.window
            raise UserError(
                f"a training step on a single image of {height}x{width} takes {in_gib(one)} of memory and "
                f"{in_gib(max(0, room))} may be used; give a smaller --size"
            )
        together = max(1, room // max(1, one))
        return -(-images // together)

    def left(self) -> int:
        """Bytes that a step may take: what was free at first, less what is filled since, as with images."""
        give_back_memory()
        return self.room - (_held(self.device, "VmRSS") - self._before)

    def memory(self, recipe: Recipe, cache: TrainingImages) -> int:
        """Bytes that a step needs at its peak beside the training images; 0 where the system does not tell."""
        give_back_memory()  # what was freed before would else seem to be there already
        _begin_peak(self.device)
        before = _held(self.device, "VmRSS")
        step_of(recipe, cache, self.dataset)()
        return int(agreed(float(max(0, _held(self.device, "VmHWM") - before))))

    def seconds(self, recipe: Recipe, cache: TrainingImages) -> float:
        """Median time of a training step, after some that warm up."""
        step = step_of(recipe, cache, self.dataset)
        times = [timed(step) for _ in range(WARM_STEPS + TIMED_STEPS)]
        return agreed(statistics.median(times[WARM_STEPS:]))

    def gain_of_compiling(self, recipe: Recipe, cache: TrainingImages) -> float:
        """How many times as fast a compiled step is; 0 where it cannot be compiled here."""
        plain = self.seconds(replace(recipe, compile=False), cache)
        try:
            return plain / self.seconds(replace(recipe, compile=True), cache)
        except Exception:  # whatever a compiler that is missing or fails may raise: it is left out
            return 0.0


def step_of(recipe: Recipe, cache: TrainingImages, dataset: Dataset) -> Callable[[], State]:
    """A training step of a fresh network, waited for."""
    state = fresh_state(recipe, dataset.labels, cache.device, in_channels=dataset.format.channels, pretrained=False)
    weights = class_weights(cache, len(dataset.labels), recipe.class_balance)

    def step() -> State:
        float(train_step(state, recipe, cache, weights, IGNORE)["loss"])
        return state

    return step


def timed(work: Callable[[], object]) -> float:
    """Seconds that it takes."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


def in_gib(size: float) -> str:
    """Bytes as people read them.

    >>> in_gib(3 * 2**29)
    '1.5 GiB'
    """
    return f"{size / 2**30:.1f} GiB"


def _begin_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    try:
        Path("/proc/self/clear_refs").write_text(RESET_PEAK, encoding="utf-8")
    except OSError:
        return  # the high-water mark is then that of the whole process, which is no less


def _held(device: torch.device, what: str) -> int:
    """Bytes that this process holds (VmRSS) or held at most (VmHWM); 0 where the system does not tell."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device) if what == "VmHWM" else torch.cuda.memory_allocated(device))
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(what)), 0)
