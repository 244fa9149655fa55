"""From what was asked and the time there is to a whole recipe: resolution, width and number of steps.

Resolution and width are most of what a budget decides. The rule, from runs on CamVid (docs/training.md):
take the largest network and resolution that still learn from 400 images per square root of a second.
"""

import math
import statistics
import time
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from pixelwise.data import Dataset
from pixelwise.data.dataset import RGB, Split
from pixelwise.data.store.reading import in_memory
from pixelwise.errors import UserError
from pixelwise.labels import IGNORE
from pixelwise.machine import reuse_memory
from pixelwise.models import PAINTERS, Network, build_network
from pixelwise.progress import clock, track
from pixelwise.training.adversarial import GAMES
from pixelwise.training.batches import class_weights
from pixelwise.training.cache import TrainingImages, training_images
from pixelwise.training.loop import train_step, validate
from pixelwise.training.recipe import Recipe
from pixelwise.training.state import fresh_state

SIZE_STEP = 32  # crops are multiples of this, so that every model can halve them as often as it likes
DEFAULT_BUDGET = 1800.0  # seconds, where neither budget nor epochs are asked for
# With four times the time, half goes into seeing twice the images and half into twice the work on each.
IMAGES_PER_ROOT_SECOND = 400
FULL_AUGMENTATION = 40  # passes over the images from which augmentation is at its full strength
LEAST_AUGMENTATION = 0.25
PROBE_IMAGES = 24
WARM_STEPS, TIMED_STEPS = 2, 3
RESERVE = 8.0  # seconds kept for writing the report
VALIDATION_SHARE = 0.06  # of the budget

WIDTH_PLANNED = ("unet", "segnet", "segnet_basic")  # the others have the width that they were designed with
# (share of the native area, width) from the cheapest to the dearest: first the resolution grows, because thin
# poles and far signs are lost in small images whatever the width, then the width.
LADDER = (
    (0.1, 16),
    (0.18, 16),
    (0.28, 16),
    (0.5, 16),
    (0.5, 24),
    (1.0, 16),
    (1.0, 24),
    (1.0, 32),
    (1.0, 48),
    (1.0, 64),
)


@dataclass(frozen=True)
class Request:
    """What the user asked for; None is left to the plan.

    budget: seconds from ``began`` (of time.monotonic) until all is done. epochs: passes over the training
    images; without either the budget is half an hour. size: height and width. options: of the model. weights,
    encoder_rate, freeze: of its encoder, as in Recipe. gan, l1: of a painter's game, as in Recipe, and batch: as the
    authors of the model have them where they are None.
    """

    model: str = "street"
    budget: float | None = None
    began: float = field(default_factory=time.monotonic)
    epochs: float | None = None
    size: tuple[int, int] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    weights: str = ""
    encoder_rate: float = 0.1
    freeze: bool = False
    gan: str | None = None
    l1: float | None = None
    batch: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuses what cannot be trained before any data is read."""
        network = self.network()
        if self.weights and not hasattr(network.body, "encoder"):
            raise UserError(f"{self.model} has no encoder that takes weights; use encoder_unet or deeplabv3plus")
        self.recipe()
        if self.budget is not None and self.epochs is not None:
            raise UserError("budget and epochs both say how long to train; give one of them")
        if self.epochs is not None and not 0 < self.epochs < math.inf:
            raise UserError(f"{self.epochs} epochs cannot be trained; give a number above 0")
        if self.size and min(self.size) < SIZE_STEP:
            raise UserError(f"a crop of {self.size[0]}x{self.size[1]} is too small; give at least {SIZE_STEP} pixels")

    def network(self) -> Network:
        """The network without numbers. Raises UserError that names the option that is wrong."""
        with torch.device("meta"):
            return build_network(self.model, 2, **self.options)

    def recipe(self) -> Recipe:
        """What is asked of the recipe itself; the plan adds the rest."""
        asked = {"gan": self.gan, "l1": self.l1, "batch": self.batch}
        rest = GAMES.get(self.model, {}) | {name: value for name, value in asked.items() if value is not None}
        return Recipe(self.model, self.options, self.weights, self.encoder_rate, self.freeze, seed=self.seed, **rest)


def plan(request: Request, dataset: Dataset, device: torch.device) -> tuple[Recipe, TrainingImages]:
    """The whole recipe, and the training images decoded at its size.

    With a budget it times a few steps of what it may choose from on this machine, takes the largest that
    sees the images often enough, and fixes the number of steps.
    Raises UserError where the data has no training images, or the budget is too short to train anything.
    """
    reuse_memory()
    _check(dataset, request)
    if request.budget is None and request.epochs is None:
        request = replace(request, budget=DEFAULT_BUDGET)
    rungs = _ladder(request, dataset.train)
    if request.budget is None:
        recipe = rungs[-1 if device.type == "cuda" else len(rungs) // 2]
        cache = fill(recipe, dataset, device)
        steps = (request.epochs or 1) * len(cache) / recipe.batch
        recipe = replace(recipe, steps=max(1, round(steps)), validations=min(20, math.ceil(steps)))
        return _augmented(recipe, len(cache)), cache
    recipe = _largest_affordable(request, rungs, dataset, device)
    cache = fill(recipe, dataset, device)
    return _fit_steps(request, recipe, dataset, cache), cache


def _check(dataset: Dataset, request: Request) -> None:
    """Refuses data that cannot be trained on."""
    if request.options.get("paints") == "photo" and dataset.format.channels != RGB.channels:
        raise UserError(
            f"{dataset.name}: has images of {dataset.format.channels} channels; only RGB photos are painted"
        )
    if not dataset.train:
        raise UserError(f"{dataset.name}: has no training images; add some, or give another folder")
    if not dataset.val:
        raise UserError(f"{dataset.name}: has one image and nothing to validate on; add more")
    if len(dataset.labels) > IGNORE:
        raise UserError(f"{dataset.name}: has {len(dataset.labels)} classes; merge some, for {IGNORE} are the most")


def _ladder(request: Request, split: Split) -> list[Recipe]:
    """Recipes from the cheapest to the dearest, with whatever the user has fixed."""
    native = split[0].image.shape[:2]
    step = max(SIZE_STEP, request.network().stride) if request.model in PAINTERS else SIZE_STEP
    recipe = request.recipe()
    batch = min(recipe.batch, len(split))
    rungs = []
    for share, width in LADDER:
        options = ({"width": width} if request.model in WIDTH_PLANNED else {}) | request.options
        size = request.size or scaled_size(native, share, step)
        rung = replace(recipe, options=options, size=size, batch=batch)
        if rung not in rungs:
            rungs.append(rung)
    return rungs


def scaled_size(native: tuple[int, ...], share: float, step: int = SIZE_STEP) -> tuple[int, int]:
    """A crop of about ``share`` of the native area (height, width), in multiples of ``step``.

    >>> scaled_size((360, 480), 0.25), scaled_size((360, 480), 1.0)
    ((192, 256), (352, 480))
    """
    height, width = (max(1, round(side * share**0.5 / step)) * step for side in native)
    return height, width


def fill(recipe: Recipe, dataset: Dataset, device: torch.device) -> TrainingImages:
    """The training images at the recipe's size."""
    return training_images(dataset.train, recipe.size, device, ignore=dataset.labels.ignore)


def _largest_affordable(request: Request, rungs: list[Recipe], dataset: Dataset, device: torch.device) -> Recipe:
    """The highest rung on which the images are seen often enough within what is left of the budget."""
    wanted = IMAGES_PER_ROOT_SECOND * math.sqrt(request.budget or 0)
    probe = replace(dataset, train=in_memory(dataset.train[:PROBE_IMAGES]))
    chosen = rungs[0]
    for recipe in track(rungs, "measuring speed"):
        seconds = seconds_per_step(recipe, fill(recipe, probe, device), dataset)
        seen = (1 - VALIDATION_SHARE) * _seconds_left(request) / seconds * recipe.batch
        if seen < wanted:
            break
        chosen = recipe
    return chosen


def _fit_steps(request: Request, recipe: Recipe, dataset: Dataset, cache: TrainingImages) -> Recipe:
    """As many steps and validations as what is left of the budget allows."""
    seconds = seconds_per_step(recipe, cache, dataset)
    state = fresh_state(recipe, dataset.labels, cache.device, in_channels=dataset.format.channels)
    few = dataset.val[:PROBE_IMAGES]
    began = time.monotonic()
    validate(state.averaged, few, dataset, recipe.size)
    validation = (time.monotonic() - began) / len(few) * len(dataset.val)
    left = _seconds_left(request) - 2 * validation  # the best model is evaluated once more at the end
    validations = max(1, min(20, int(VALIDATION_SHARE * left / validation)))
    steps = int((left - validations * validation) / seconds)
    if steps < 1:
        raise UserError(
            f"a budget of {clock(request.budget or 0)} leaves no time to train on this machine; give a longer one"
        )
    return _augmented(replace(recipe, steps=steps, validations=min(validations, steps)), len(cache))


def _augmented(recipe: Recipe, images: int) -> Recipe:
    """The recipe with augmentation as strong as its images are often seen: what is seen seldom need not be varied.

    Painters keep the little that their authors do.
    """
    if recipe.model in PAINTERS:
        return recipe
    passes = recipe.steps * recipe.batch / images
    strength = min(1.0, max(LEAST_AUGMENTATION, passes / FULL_AUGMENTATION))
    full = Recipe()
    return replace(
        recipe,
        zoom=(round(full.zoom[0] ** strength, 3), round(full.zoom[1] ** strength, 3)),
        rotation=round(full.rotation * strength, 2),
        color=round(full.color * strength, 3),
        hue=round(full.hue * strength, 2),
    )


def _seconds_left(request: Request) -> float:
    return (request.budget or 0) - (time.monotonic() - request.began) - RESERVE


def seconds_per_step(recipe: Recipe, cache: TrainingImages, dataset: Dataset) -> float:
    """Median time of a training step, after some that warm up."""
    classes = len(dataset.labels)
    state = fresh_state(recipe, dataset.labels, cache.device, in_channels=dataset.format.channels)
    weights = class_weights(cache, classes, recipe.class_balance)
    times = []
    for _ in range(WARM_STEPS + TIMED_STEPS):
        began = time.monotonic()
        float(train_step(state, recipe, cache, weights, IGNORE)["loss"])
        times.append(time.monotonic() - began)
    return statistics.median(times[WARM_STEPS:])
