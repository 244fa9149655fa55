"""A run: a folder in which a recipe becomes a model, and from which it goes on after a stop."""

import csv
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pixelwise.bundle import Bundle
from pixelwise.data import Dataset
from pixelwise.errors import UserError
from pixelwise.files import replacing
from pixelwise.machine import describe, reuse_memory
from pixelwise.models import Painter
from pixelwise.progress import TrainingProgress
from pixelwise.training.adversarial import Watch
from pixelwise.training.batches import class_weights
from pixelwise.training.cache import TrainingImages
from pixelwise.training.loop import Losses, measure, train_step, validate
from pixelwise.training.recipe import Recipe
from pixelwise.training.samples import write_samples
from pixelwise.training.state import State, fresh_state

BEST, LAST, STATE, HISTORY = "best.safetensors", "last.safetensors", "state.safetensors", "history.csv"
SAMPLES = "samples"  # of a painter: a picture per validation
LOSS_EVERY = 10  # steps; reading the loss waits for the device

Row = dict[str, float]


class Interrupted(UserError):
    """The user stopped the run; what was learnt is saved and the message says how to go on."""

    exit_code = 130  # as a shell reports a program that Ctrl-C ended


@dataclass
class Run:
    """One training run. dataset: with a validation split. cache: its training images, on the device."""

    recipe: Recipe
    dataset: Dataset
    folder: Path
    cache: TrainingImages
    state: State
    history: list[Row] = field(default_factory=list)

    @property
    def steps_per_epoch(self) -> float:
        """Steps in which every training image is seen once."""
        return len(self.cache) / self.recipe.batch

    def train(self) -> Bundle:
        """Trains to the last step and gives the model with the best validation mIoU.

        Writes best, last, state and history after every validation, each whole or not at all.
        Raises Interrupted on Ctrl-C, after saving; UserError where the loss diverges or nothing can be written.
        """
        reuse_memory()
        recipe, state = self.recipe, self.state
        weights = class_weights(self.cache, len(self.dataset.labels), recipe.class_balance)
        self._began = time.monotonic() - (self.history[-1]["seconds"] if self.history else 0)
        milestones = validation_steps(recipe)
        watch = Watch(self.steps_per_epoch)
        shown = in_words(measure(state.averaged)).replace("mean IoU", "mIoU")
        progress = TrainingProgress(recipe.steps, self.steps_per_epoch, recipe.batch, measure=shown)
        with progress, _stop_asked() as asked:
            while state.step < recipe.steps:
                losses = train_step(state, recipe, self.cache, weights, self.dataset.labels.ignore)
                milestone, stop = state.step in milestones, asked()
                if milestone or stop or state.step % LOSS_EVERY == 0:
                    read = self._read(losses)
                    progress.update(state.step, read["loss"])
                    if silent := watch.look(state.step, read):
                        progress.say(f"at step {state.step} {silent}")
                else:
                    progress.update(state.step)
                if milestone:
                    self._validate_and_save(read, progress)
                elif stop:
                    self._save()
                if stop and state.step < recipe.steps:
                    raise Interrupted(self._how_to_go_on())
        return self.bundle()

    def bundle(self) -> Bundle:
        """The averaged network as it is now, with its labels and where it comes from."""
        recipe = self.recipe
        provenance = {
            "data": self.dataset.name,
            "train_images": len(self.cache),
            "step": self.state.step,
            "recipe": asdict(recipe),
            "environment": describe(self.cache.device),
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        score = measure(self.state.averaged)
        scores = {in_words(score): self.history[-1][score]} if self.history else {}
        return Bundle(
            self.state.averaged,
            recipe.model,
            recipe.options,
            self.dataset.labels,
            recipe.size,
            provenance,
            scores,
            self.dataset.format.bits,
        )

    def _validate_and_save(self, losses: Row, progress: TrainingProgress) -> None:
        state, dataset, size = self.state, self.dataset, self.recipe.size
        score = validate(state.averaged, dataset.val, dataset, size)
        progress.validated(state.step, score)
        self.history.append(
            {
                "step": state.step,
                "epoch": round(state.step / self.steps_per_epoch, 3),
                **{name: round(loss, 6) for name, loss in losses.items()},
                "learning_rate": state.optimizer.param_groups[0]["lr"],
                measure(state.averaged): round(score, 6),
                "images_per_second": round(progress.images_per_second(state.step), 2),
                "seconds": round(time.monotonic() - self._began, 1),
            }
        )
        if isinstance(state.averaged, Painter):
            write_samples(self.folder / SAMPLES / f"{state.step:07d}.png", state.averaged, dataset, size)
        if score > state.best:
            state.best = score
            self.bundle().save(self.folder / BEST)
        self._save()

    def _save(self) -> None:
        """All that resuming needs. Asked for between two validations, it leaves no trace in how the run ends."""
        if not (self.folder / BEST).exists():
            self.bundle().save(self.folder / BEST)
        self.bundle().save(self.folder / LAST)
        write_history(self.folder / HISTORY, self.history)
        self.state.save(self.folder / STATE)

    def _read(self, losses: Losses) -> Row:
        """The losses as numbers. Raises UserError where one is none."""
        read = {name: float(loss) for name, loss in losses.items()}
        for name, loss in read.items():
            if not math.isfinite(loss):
                raise UserError(
                    f"the {name.replace('_', ' ')} is {loss} at step {self.state.step}: training diverged; the last "
                    f"good model is in {self.folder}; try a smaller learning_rate in recipe.yaml"
                )
        return read

    def _how_to_go_on(self) -> str:
        return (
            f"stopped after step {self.state.step} of {self.recipe.steps}; the best model so far is "
            f"{self.folder / BEST}; to go on: pixelwise train --resume {self.folder}"
        )


def start_run(recipe: Recipe, dataset: Dataset, folder: Path, cache: TrainingImages, *, pretrained: bool = True) -> Run:
    """A run before its first step. pretrained: as in `fresh_state`."""
    channels = dataset.format.channels
    state = fresh_state(recipe, dataset.labels, cache.device, in_channels=channels, pretrained=pretrained)
    return Run(recipe, dataset, folder, cache, state)


def resume_run(recipe: Recipe, dataset: Dataset, folder: Path, cache: TrainingImages) -> Run:
    """The run in ``folder`` where it was last saved, or its beginning. Raises UserError for a damaged state."""
    saved = (folder / STATE).exists()
    run = start_run(recipe, dataset, folder, cache, pretrained=not saved)
    if saved:
        run.state.load(folder / STATE)
        run.history = [row for row in read_history(folder / HISTORY) if row["step"] <= run.state.step]
    return run


def in_words(measured: str) -> str:
    """A column of history.csv as people say it.

    >>> in_words("validation_mean_iou")
    'validation mean IoU'
    """
    return measured.replace("_", " ").replace("iou", "IoU")


def validation_steps(recipe: Recipe) -> set[int]:
    """After which steps the run is validated: evenly, and after the last.

    >>> sorted(validation_steps(Recipe(steps=10, validations=3)))
    [3, 7, 10]
    """
    return {round(recipe.steps * (part + 1) / recipe.validations) for part in range(recipe.validations)}


def write_history(path: Path, history: list[Row]) -> None:
    """One line per validation."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(history[0]) if history else [])
        writer.writeheader()
        writer.writerows(history)


def read_history(path: Path) -> list[Row]:
    """The lines of history.csv; none where there is no such file. Raises UserError where it is damaged."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        try:
            return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
        except (TypeError, ValueError) as error:
            raise UserError(f"{path}: is damaged; remove it to go on without the history") from error


@contextmanager
def _stop_asked() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed since; a second one stops at once. In other threads always False."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return

    def ask(*_: object) -> None:
        signal.signal(signal.SIGINT, before)
        asked.set()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)
