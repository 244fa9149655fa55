"""Watches the losses of a run, and ends one that no longer learns, before it has lost a night."""

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from pixelwise.errors import UserError
from pixelwise.processes import total

READ_EVERY = 10  # steps; reading a loss waits for the device
STEPS = 50  # over whose mean a loss may not rise
LIMIT = 3.0  # times the highest loss that was ordinary: more has diverged
NAMED = 8  # images of a batch that an error names

Row = dict[str, float]


@dataclass
class Guard:
    """Reads losses some steps after they were made, so that the device need not wait.

    folder: of the run. ordinary: a loss that the run once had and learnt from; None before the first.
    names: the images of a step. fp16: whether gradients may now and then be infinite, as its scaling has them.

    >>> guard = Guard(Path("runs/mine"), lambda step: ["a", "b"])
    >>> guard.add(0, {"loss": torch.tensor(math.inf)})
    >>> guard.read()
    Traceback (most recent call last):
    pixelwise.errors.UserError: the loss is inf at step 1, whose images were a, b: training diverged; the last good ...
    """

    folder: Path
    names: Callable[[int], Sequence[str]]
    ordinary: float | None = None
    fp16: bool = False
    _waiting: list[tuple[int, dict[str, Tensor]]] = field(default_factory=list)
    _recent: deque[float] = field(default_factory=lambda: deque(maxlen=STEPS))

    def add(self, step: int, losses: dict[str, Tensor]) -> None:
        """The losses of a step, counted from 0."""
        self._waiting.append((step, losses))

    def read(self) -> Row:
        """The losses of the last step as numbers, over all processes.

        Raises UserError where one since the last reading is no number, or where they have risen far above the first.
        """
        stacked = torch.stack(
            [torch.stack([value.float() for value in losses.values()]) for _, losses in self._waiting]
        )
        numbers = total(stacked).tolist()
        rows = [
            (step, dict(zip(losses, row, strict=True)))
            for (step, losses), row in zip(self._waiting, numbers, strict=True)
        ]
        self._waiting.clear()
        for step, row in rows:
            self._check(step, row)
        return rows[-1][1]

    def _check(self, step: int, row: Row) -> None:
        for name, value in row.items():
            if not math.isfinite(value) and not (self.fp16 and name == "gradient_norm"):
                self._stop(step, f"the {name.replace('_', ' ')} is {value}")
        self._recent.append(row["loss"])
        self.ordinary = row["loss"] if self.ordinary is None else self.ordinary
        mean = sum(self._recent) / len(self._recent)
        if len(self._recent) == STEPS and mean > LIMIT * abs(self.ordinary) > 0:
            self._stop(step, f"the loss was {mean:.3g} over the last {STEPS} steps and {self.ordinary:.3g} before")

    def _stop(self, step: int, what: str) -> None:
        names = list(self.names(step))
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        raise UserError(
            f"{what} at step {step + 1}, whose images were {', '.join(names[:NAMED])}{more}: training diverged; the "
            f"last good model, if any was saved, is in {self.folder}; look at these images, or try a smaller "
            "learning_rate in recipe.yaml"
        )
