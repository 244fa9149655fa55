"""A run: a folder in which a recipe becomes a model, and from which it goes on after a stop."""

import csv
import signal
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import torch

from pixelwise.bundle import Bundle
from pixelwise.data import Dataset
from pixelwise.errors import UserError
from pixelwise.files import replacing
from pixelwise.machine import describe, deterministic, reuse_memory
from pixelwise.processes import agreed, count, rank, total
from pixelwise.progress import TrainingProgress
from pixelwise.stopping import Interrupted, stop_asked
from pixelwise.training.adversarial import Watch
from pixelwise.training.batches import class_weights, samples_of_step
from pixelwise.training.cache import TrainingImages
from pixelwise.training.guard import READ_EVERY, Guard, Row
from pixelwise.training.loop import measure, train_step, validate
from pixelwise.training.own_augmentation import find_augment
from pixelwise.training.recipe import Recipe
from pixelwise.training.samples import Samples
from pixelwise.training.sharing import check_processes
from pixelwise.training.state import State, fresh_state
from pixelwise.training.tracking import Tracker, told

BEST, LAST, STATE, HISTORY = "best.safetensors", "last.safetensors", "state.safetensors", "history.csv"
SAMPLES = "samples"  # a picture per validation
SAVE_EVERY = 30.0  # seconds between two validations, at least, after which a run is saved
SAVE_SHARE = 0.02  # of the time, at most, that goes into that
NEEDED = {"step", "epoch", "loss", "seconds"}  # columns of a history


@dataclass
class Run:
    """One training run. dataset: with a validation split. cache: its training images, on the device.

    tracker: is told every validation too. Of several processes, the first writes and speaks for all.
    """

    recipe: Recipe
    dataset: Dataset
    folder: Path
    cache: TrainingImages
    state: State
    history: list[Row] = field(default_factory=list)
    tracker: Tracker | None = None

    @property
    def steps_per_epoch(self) -> float:
        """Steps in which every training image is seen once."""
        return len(self.cache) / self.recipe.batch

    def train(self) -> Bundle:
        """Trains to the last step and gives the model with the best validation mIoU.

        Writes best, last, state and history after every validation, and now and then between, each whole or not at all.
        Raises Interrupted on Ctrl-C or where the system asks it to end, after saving; UserError where the loss diverges
        or nothing can be written.
        """
        reuse_memory()
        recipe, state = self.recipe, self.state
        weights = class_weights(self.cache, len(self.dataset.labels), recipe.class_balance)
        self._began = self._saved = time.monotonic()
        self._before = self.history[-1]["seconds"] if self.history else 0.0
        self._saving = 0.0
        milestones = validation_steps(recipe)
        watch, guard = Watch(self.steps_per_epoch), self._guard()
        shown = in_words(measure(state.averaged)).replace("mean IoU", "mIoU")
        progress = TrainingProgress(recipe.steps, self.steps_per_epoch, recipe.batch, measure=shown)
        with progress, stop_asked() as asked:
            while state.step < recipe.steps:
                guard.add(state.step, train_step(state, recipe, self.cache, weights, self.dataset.labels.ignore))
                milestone = state.step in milestones
                stop = self._stop(asked(), reading=milestone or state.step % READ_EVERY == 0)
                if milestone or stop or state.step % READ_EVERY == 0:
                    read = guard.read()
                    progress.update(state.step, read["loss"])
                    if silent := watch.look(state.step, read):
                        progress.say(f"at step {state.step} {silent}")
                    if milestone:
                        self._validate_and_save(read, progress)
                    elif stop or self._is_time_to_save():
                        self._save()
                else:
                    progress.update(state.step)
                if stop and state.step < recipe.steps:
                    raise Interrupted(self._how_to_go_on(), signal_number=stop)
        return self.bundle()

    def _guard(self) -> Guard:
        def names(step: int) -> list[str]:
            return [self.dataset.train.names[drawn.index] for drawn in samples_of_step(self.recipe, step, self.cache)]

        ordinary = max((row["loss"] for row in self.history), default=None)
        return Guard(self.folder, names, ordinary, fp16=self.recipe.precision == "fp16")

    def _stop(self, asked: int, *, reading: bool) -> int:
        """The signal that asks to stop; several processes ask each other only when they read their losses."""
        if count() == 1:
            return asked
        return (asked or signal.SIGTERM) if reading and total(torch.tensor(float(asked > 0))) else 0

    def _is_time_to_save(self) -> bool:
        """Saving takes a fiftieth of the time, and more than half a minute lies between two."""
        return time.monotonic() - self._saved > max(SAVE_EVERY, self._saving / SAVE_SHARE)

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
        state, dataset = self.state, self.dataset
        score = validate(state.averaged, dataset.val, dataset, self.recipe)
        progress.validated(state.step, score)
        self.history.append(
            {
                "step": state.step,
                "epoch": round(state.step / self.steps_per_epoch, 3),
                **{name: round(loss, 6) for name, loss in losses.items()},
                "learning_rate": state.optimizer.param_groups[0]["lr"],
                measure(state.averaged): round(score, 6),
                "images_per_second": round(progress.images_per_second(state.step), 2),
                "seconds": round(self._before + time.monotonic() - self._began, 1),
            }
        )
        best = score > state.best  # never of a score that is NaN
        state.best = score if best else state.best
        if rank() > 0:
            return
        picture = self.folder / SAMPLES / f"{state.step:07d}.png"
        self._samples.write(picture, state.averaged)
        if best:
            self.bundle().save(self.folder / BEST)
        self._save()
        if self.tracker:
            with told(progress.say):
                self.tracker.row(state.step, self.history[-1])
                self.tracker.picture(state.step, picture)

    @cached_property
    def _samples(self) -> Samples:
        return Samples(self.dataset, self.recipe.size)

    def _save(self) -> None:
        """All that resuming needs. Asked for between two validations, it leaves no trace in how the run ends."""
        if rank() > 0:
            return
        began = time.monotonic()
        if not (self.folder / BEST).exists():
            self.bundle().save(self.folder / BEST)
        self.bundle().save(self.folder / LAST)
        write_history(self.folder / HISTORY, self.history)
        self.state.save(self.folder / STATE, len(self.cache))
        self._saved = time.monotonic()
        self._saving = self._saved - began

    def _how_to_go_on(self) -> str:
        return (
            f"stopped after step {self.state.step} of {self.recipe.steps}; the best model so far is "
            f"{self.folder / BEST}; to go on: pixelwise train --resume {self.folder}"
        )


def start_run(recipe: Recipe, dataset: Dataset, folder: Path, cache: TrainingImages, *, pretrained: bool = True) -> Run:
    """A run before its first step. pretrained: as in `fresh_state`."""
    check_processes(recipe)
    if recipe.deterministic:
        deterministic()
    if recipe.augment:
        find_augment(recipe.augment)
    channels = dataset.format.channels
    state = fresh_state(recipe, dataset.labels, cache.device, in_channels=channels, pretrained=pretrained)
    return Run(recipe, dataset, folder, cache, state)


def resume_run(recipe: Recipe, dataset: Dataset, folder: Path, cache: TrainingImages) -> Run:
    """The run in ``folder`` where it was last saved, or its beginning.

    Of several processes the first reads it for all. Raises UserError for a damaged state.
    """
    saved = bool(agreed(float((folder / STATE).exists())))
    run = start_run(recipe, dataset, folder, cache, pretrained=not saved)
    if saved:
        run.state.load(folder / STATE, len(cache))
        if rank() == 0:
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
        writer.writerows(row | {"step": int(row["step"])} for row in history)  # of rows read back too


def read_history(path: Path) -> list[Row]:
    """The lines of history.csv; none where there is no such file. Raises UserError where it is damaged."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        try:
            rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
            if not all(row.keys() >= NEEDED for row in rows):
                raise ValueError("a column is missing")
            return rows
        except (TypeError, ValueError, csv.Error) as error:
            raise UserError(f"{path}: is damaged; remove it to go on without the history") from error
