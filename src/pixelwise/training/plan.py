"""From what was asked and the time there is to a whole recipe, with the reason for every choice.

Resolution and width are most of what a budget decides. The rule, from runs on CamVid (docs/training.md):
take the largest network and resolution that still learn from 400 images per square root of a second.
The idea of planning from the data and the machine is nnU-Net's (Isensee et al. 2021).
"""

import math
import statistics
import time
from dataclasses import dataclass, replace

import torch

from pixelwise.data import Dataset
from pixelwise.data.dataset import RGB, Split
from pixelwise.data.sampling import even_sample
from pixelwise.data.store.reading import in_memory
from pixelwise.errors import UserError
from pixelwise.labels import IGNORE
from pixelwise.machine import reuse_memory
from pixelwise.models import PAINTERS
from pixelwise.processes import agreed
from pixelwise.progress import clock, track
from pixelwise.training.cache import TrainingImages, training_images
from pixelwise.training.choices import Reasons, choose
from pixelwise.training.loop import validate
from pixelwise.training.own_augmentation import find_augment
from pixelwise.training.probe import Probe, timed
from pixelwise.training.recipe import Recipe
from pixelwise.training.request import SIZE_STEP, Request
from pixelwise.training.sharing import check_processes
from pixelwise.training.state import fresh_state

DEFAULT_BUDGET = 1800.0  # seconds, where neither budget nor epochs are asked for
# With four times the time, half goes into seeing twice the images and half into twice the work on each.
IMAGES_PER_ROOT_SECOND = 400
PROBE_IMAGES = 24
LARGEST_PLANNED = 2048 * 2048  # pixels; larger ones are for whoever asks for a size
# Of images that are not large to begin with, a tenth of the area is the least in which something can be seen.
LEAST_SHARE, SMALLEST_PLANNED = 0.1, 128 * 160  # of the area; pixels
RESERVE = 8.0  # seconds kept for writing the report
VALIDATION_SHARE = 0.06  # of the budget
MOST_VALIDATIONS = 20
WORTH_COMPILING, LEAST_GAIN = 3600.0, 0.05  # seconds of training from which it is tried; what it must bring

WIDTH_PLANNED = ("unet", "segnet", "segnet_basic")  # the others have the width that they were designed with
# (share of the native area, width) from the cheapest to the dearest: first the resolution grows, because thin
# poles and far signs are lost in small images whatever the width, then the width.
LADDER = (
    (0.01, 16),
    (0.025, 16),
    (0.05, 16),
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
class Plan:
    """A whole recipe, why it is as it is, and the training images decoded at its size.

    reasons: of settings, by name. about: data and machine in a line.
    """

    recipe: Recipe
    reasons: Reasons
    cache: TrainingImages
    about: str


def plan(request: Request, dataset: Dataset, device: torch.device) -> Plan:
    """Decides what the user left open.

    With a budget it times a few steps of what it may choose from on this machine, takes the largest that
    sees the images often enough and fits into memory, and fixes the number of steps.
    Raises UserError where the data has no training images, or the budget is too short to train anything.
    """
    reuse_memory()
    _check(dataset, request)
    check_processes(request.recipe())
    if augment := request.settings.get("augment"):
        find_augment(augment)
    probe, reasons = Probe(dataset, device), {}
    if request.budget is None and request.epochs is None and "steps" not in request.settings:
        request = replace(request, budget=DEFAULT_BUDGET)
    native = _native(dataset.train)
    rungs = _ladder(request, native, len(dataset.train))
    if request.budget is None:
        recipe = rungs[-1 if device.type == "cuda" else len(rungs) // 2]
        reasons["size"] = "without a budget the middle of what could be chosen is taken"
        cache = fill(recipe, dataset, device)
        recipe = _within_memory(request, recipe, probe, cache, reasons)
        recipe = _as_long_as_asked(request, recipe, cache, reasons)
    else:
        recipe = _largest_affordable(request, rungs, probe, reasons)
        cache = fill(recipe, dataset, device)
        recipe = _fit_steps(request, recipe, probe, cache, reasons)
    if request.size:
        reasons["size"] = "it was asked for"
    recipe, more = choose(request, recipe, dataset, cache)
    return Plan(recipe, reasons | more, cache, _about(request, dataset, native, device))


def _about(request: Request, dataset: Dataset, native: tuple[int, int], device: torch.device) -> str:
    """What a plan is for, in a line."""
    height, width = native
    length = f"a budget of {clock(request.budget)}" if request.budget else "no budget"
    return (
        f"Planned for {dataset.name}: {len(dataset.train)} training and {len(dataset.val)} validation images of about "
        f"{height}x{width}, {len(dataset.labels)} classes; {device.type}, {torch.get_num_threads()} threads; {length}. "
        "Edit what you like: `pixelwise train --recipe` takes this file."
    )


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


def _native(split: Split) -> tuple[int, int]:
    """Median height and width of a few images, evenly spread."""
    shapes = [entry.read().image.shape for entry in even_sample(split.entries, 5)]
    height, width = (round(statistics.median(shape[axis] for shape in shapes)) for axis in (0, 1))
    return height, width


def _ladder(request: Request, native: tuple[int, int], images: int) -> list[Recipe]:
    """Recipes from the cheapest to the dearest, with whatever the user has fixed.

    native: height and width of the training images. images: how many there are.
    """
    most = min(1.0, LARGEST_PLANNED / math.prod(native))
    step = max(SIZE_STEP, request.network().stride) if request.model in PAINTERS else SIZE_STEP
    recipe = request.recipe()
    batch = recipe.batch if "batch" in request.settings else min(recipe.batch, images)
    rungs = []
    for share, width in LADDER:
        if share < LEAST_SHARE and share * most * math.prod(native) < SMALLEST_PLANNED:
            continue
        options = ({"width": width} if request.model in WIDTH_PLANNED else {}) | dict(request.options)
        size = request.size or scaled_size(native, share * most, step)
        rung = replace(recipe, options=options, size=size, batch=batch)
        if rung not in rungs:
            rungs.append(rung)
    return rungs


def scaled_size(native: tuple[int, ...], share: float, step: int = SIZE_STEP) -> tuple[int, int]:
    """A size of about ``share`` of the native area (height, width), in multiples of ``step``.

    >>> scaled_size((360, 480), 0.25), scaled_size((360, 480), 1.0)
    ((192, 256), (352, 480))
    """
    height, width = (max(1, round(side * share**0.5 / step)) * step for side in native)
    return height, width


def fill(recipe: Recipe, dataset: Dataset, device: torch.device) -> TrainingImages:
    """The training images at the recipe's size."""
    return training_images(dataset.train, recipe.size, device, ignore=dataset.labels.ignore)


def _within_memory(request: Request, recipe: Recipe, probe: Probe, cache: TrainingImages, reasons: Reasons) -> Recipe:
    """The recipe with its batch in as many parts as memory asks for."""
    if "accumulate" in request.settings or recipe.model in PAINTERS:
        return recipe
    parts = probe.parts(recipe, cache)
    fits = "a batch fits" if parts == 1 else f"{recipe.batch} images at once do not fit"
    reasons["accumulate"] = f"{fits} into memory, as single images tried show"
    return replace(recipe, accumulate=parts)


def _as_long_as_asked(request: Request, recipe: Recipe, cache: TrainingImages, reasons: Reasons) -> Recipe:
    """As many steps as the epochs, or the steps themselves, that were asked for."""
    validations = request.settings.get("validations", MOST_VALIDATIONS)
    if request.epochs is None:
        return replace(recipe, validations=min(validations, recipe.steps))
    steps = request.epochs * len(cache) / recipe.batch
    reasons["steps"] = f"{request.epochs:g} passes over {len(cache)} images were asked for"
    return replace(recipe, steps=max(1, round(steps)), validations=min(validations, math.ceil(steps)))


def _largest_affordable(request: Request, rungs: list[Recipe], probe: Probe, reasons: Reasons) -> Recipe:
    """The highest rung that fits into memory and on which the images are seen often enough within the budget."""
    wanted = IMAGES_PER_ROOT_SECOND * math.sqrt(request.budget or 0)
    few = replace(probe.dataset, train=in_memory(probe.dataset.train[:PROBE_IMAGES]))
    chosen = None
    for rung in track(rungs, "measuring speed"):
        cache = fill(rung, few, probe.device)
        try:
            recipe = _within_memory(request, rung, probe, cache, reasons)
        except UserError as too_large:
            if chosen is None:
                raise
            reasons["size"] = f"the largest that fits: {too_large}"
            break
        seconds = probe.seconds(recipe, cache)
        seen = (1 - VALIDATION_SHARE) * _seconds_left(request) / seconds * recipe.batch
        if chosen is None or seen >= wanted:
            chosen = recipe
            often = "" if seen >= wanted else ", fewer than should be"
            height, width = recipe.size
            reasons["size"] = f"at {height}x{width} about {seen:,.0f} images can be seen in the budget{often}; "
        if seen < wanted:
            reasons["size"] += f"{wanted:,.0f} should be (400 per root of a second)"
            if chosen is not recipe:
                reasons["size"] += f", and {_shown(recipe)} would see {seen:,.0f}"
            break
    else:
        reasons["size"] += "it is the dearest of the choices"
    if rungs[0].model in WIDTH_PLANNED and "width" not in request.options:
        reasons["options"] = "width grows with the budget, after the size"
    return chosen or rungs[0]


def _shown(recipe: Recipe) -> str:
    height, width = recipe.size
    return f"{height}x{width}" + (f" at width {recipe.options['width']}" if "width" in recipe.options else "")


def _fit_steps(request: Request, recipe: Recipe, probe: Probe, cache: TrainingImages, reasons: Reasons) -> Recipe:
    """As many steps and validations as what is left of the budget allows."""
    dataset = probe.dataset
    recipe = _compiled(request, recipe, probe, cache, reasons)
    seconds = probe.seconds(recipe, cache)
    state = fresh_state(recipe, dataset.labels, cache.device, in_channels=dataset.format.channels, pretrained=False)
    few = dataset.val[:PROBE_IMAGES]
    took = agreed(timed(lambda: validate(state.averaged, few, dataset, recipe)))
    validation = took / len(few) * len(dataset.val)
    left = _seconds_left(request) - 2 * validation  # the best model is evaluated once more at the end
    most = request.settings.get("validations", MOST_VALIDATIONS)
    validations = max(1, min(most, int(VALIDATION_SHARE * left / validation)))
    steps = int((left - validations * validation) / seconds)
    if steps < 1:
        raise UserError(
            f"a budget of {clock(request.budget or 0)} leaves no time to train on this machine; give a longer one"
        )
    passes = steps * recipe.batch / len(cache)
    reasons["steps"] = f"a step takes {seconds:.3f} s here: {clock(left)} of training, {passes:.1f} passes"
    reasons["validations"] = f"one takes {validation:.1f} s; they may take {VALIDATION_SHARE:.0%} of the time"
    return replace(recipe, steps=steps, validations=min(validations, steps))


def _compiled(request: Request, recipe: Recipe, probe: Probe, cache: TrainingImages, reasons: Reasons) -> Recipe:
    """Compiled where that was tried and pays; trying takes a minute or two, which must be worth it."""
    if "compile" in request.settings or recipe.model in PAINTERS:
        return recipe
    if _seconds_left(request) < WORTH_COMPILING:
        reasons["compile"] = f"a run of less than {clock(WORTH_COMPILING)} is over before it pays to try"
        return recipe
    gain = probe.gain_of_compiling(recipe, cache)
    reasons["compile"] = f"a compiled step is {gain:.2f} times as fast here" if gain else "it cannot be compiled here"
    return replace(recipe, compile=gain > 1 + LEAST_GAIN)


def _seconds_left(request: Request) -> float:
    return agreed((request.budget or 0) - (time.monotonic() - request.began) - RESERVE)
