"""Progress that people can read: bars in a terminal, now and then a plain line elsewhere."""

import os
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import track as rich_track

Item = TypeVar("Item")

PLAIN_EVERY = 15.0  # seconds between two lines where there is no terminal


def speaks() -> bool:
    """Whether this process prints; of several that torchrun started only the first does."""
    return "TORCHELASTIC_RUN_ID" not in os.environ or os.environ.get("RANK", "0") == "0"


def console() -> Console:
    """Where progress is shown: standard error."""
    return Console(stderr=True, quiet=not speaks())


def say(text: str) -> None:
    """Prints a line that the user should read, on standard error."""
    console().print(text, style="yellow", soft_wrap=True, highlight=False)


def track(items: Collection[Item], what: str) -> Iterator[Item]:
    """Gives the items one by one and shows how far it is, on standard error.

    >>> [item for item in track([1, 2, 3], "counting")]
    [1, 2, 3]
    """
    shown_on = console()
    if shown_on.is_terminal:
        yield from rich_track(items, what, total=len(items), console=shown_on, transient=True)
        return
    began = shown = time.monotonic()
    for done, item in enumerate(items):
        if done and time.monotonic() - shown > PLAIN_EVERY:
            shown = time.monotonic()
            left = (shown - began) / done * (len(items) - done)
            shown_on.print(f"{what}: {done} of {len(items)}, {clock(left)} left", soft_wrap=True, highlight=False)
        yield item


def track_frames(frames: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """Gives the frames of a film one by one and shows how many there were, how many a second, and the time left.

    total: how many come, where that is known; without it no time left is shown.

    >>> list(track_frames("abc", "labelling film"))
    ['a', 'b', 'c']
    """
    shown_on, began = console(), time.monotonic()
    if shown_on.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("left"))
        with Progress(*columns, TimeRemainingColumn(), console=shown_on, transient=True) as bar:
            task = bar.add_task(what, total=total)
            for done, frame in enumerate(frames, start=1):
                yield frame
                bar.update(task, completed=done, description=_speed(what, done, total, began))
        return
    shown = began
    for done, frame in enumerate(frames, start=1):
        yield frame
        if time.monotonic() - shown > PLAIN_EVERY:
            shown = time.monotonic()
            left = f", {clock((total - done) * (shown - began) / done)} left" if total else ""
            shown_on.print(f"{_speed(what, done, total, began)}{left}", soft_wrap=True, highlight=False)


def _speed(what: str, done: int, total: int | None, began: float) -> str:
    of = f" of {total}" if total else ""
    return f"{what}: {done}{of} frames, {done / max(1e-9, time.monotonic() - began):.1f} a second"


def clock(seconds: float) -> str:
    """Seconds as people read them.

    >>> clock(75), clock(3600)
    ('0:01:15', '1:00:00')
    """
    return str(timedelta(seconds=max(0, round(seconds))))


@dataclass
class TrainingProgress:
    """Epoch, loss, validation mIoU, images a second and the time left, while a model is trained.

    steps: of the run. steps_per_epoch: how many see every training image once. batch: images per step.
    measure: what a validation gives.
    """

    steps: int
    steps_per_epoch: float
    batch: int
    console: Console = field(default_factory=console)
    measure: str = "validation mIoU"
    validation: float | None = None
    loss: float = float("nan")

    def __enter__(self) -> Self:
        self._began = self._shown = time.monotonic()
        self._first: int | None = None
        text = TextColumn("{task.description}")
        self._bar = Progress(
            text, BarColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), console=self.console
        )
        if self.console.is_terminal:
            self._task = self._bar.add_task("starting", total=self.steps)
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.console.is_terminal:
            self._bar.stop()

    def update(self, step: int, loss: float | None = None) -> None:
        """After ``step`` steps; loss: of the last, where it is known."""
        self._first = step - 1 if self._first is None else self._first
        self.loss = self.loss if loss is None else loss
        if self.console.is_terminal:
            self._bar.update(self._task, completed=step, description=self._line(step))
        elif time.monotonic() - self._shown > PLAIN_EVERY:
            self._print(step)

    def validated(self, step: int, score: float) -> None:
        """After a validation at ``step``."""
        self.validation = score
        if not self.console.is_terminal:
            self._print(step)

    def say(self, text: str) -> None:
        """Prints a line that the user should read, above the bar."""
        self.console.print(text, style="yellow", soft_wrap=True, highlight=False)

    def images_per_second(self, step: int) -> float:
        """Images learnt from a second since this process began to train, validations included."""
        done = step - (self._first or 0)
        return done * self.batch / max(1e-9, time.monotonic() - self._began)

    def _line(self, step: int) -> str:
        epoch, epochs = step / self.steps_per_epoch, self.steps / self.steps_per_epoch
        validation = "" if self.validation is None else f"  {self.measure} {self.validation:.3f}"
        return (
            f"epoch {epoch:.1f}/{epochs:.1f}  loss {self.loss:.3f}{validation}  "
            f"{self.images_per_second(step):.1f} images/s"
        )

    def _print(self, step: int) -> None:
        self._shown = time.monotonic()
        left = (self.steps - step) * (self._shown - self._began) / max(1, step - (self._first or 0))
        self.console.print(f"{self._line(step)}  {clock(left)} left", soft_wrap=True, highlight=False)
