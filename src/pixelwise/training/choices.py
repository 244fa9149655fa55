"""What a plan chooses from the data alone, each setting with its reason."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pixelwise.data import Dataset
from pixelwise.machine import precision_of
from pixelwise.models import PAINTERS
from pixelwise.training.cache import TrainingImages
from pixelwise.training.recipe import Recipe
from pixelwise.training.request import Request

FULL_AUGMENTATION = 40  # passes over the images from which augmentation is at its full strength
LEAST_AUGMENTATION = 0.25
USUAL_BATCH = 4  # that the default learning rate is for
SGD_RATE = 1e-2
NAMED = 3  # rare classes that a reason names

Reasons = dict[str, str]
Choice = tuple[dict[str, Any], Reasons]


def choose(request: Request, recipe: Recipe, dataset: Dataset, cache: TrainingImages) -> tuple[Recipe, Reasons]:
    """The recipe with all that follows from the data, and why; what the user has set stays."""
    choices: tuple[Callable[[Recipe, Dataset, TrainingImages], Choice], ...]
    choices = (_model, _classes, _augmentation, _mirroring, _rates, _precision)
    if recipe.model in PAINTERS:
        choices = (_model, _precision)  # painters keep the rates and the little augmentation that their authors have
    chosen, reasons = recipe, Reasons()
    for choice in choices:
        settings, why = choice(chosen, dataset, cache)
        free = {name: value for name, value in settings.items() if name not in request.settings}
        chosen = replace(chosen, **free)
        reasons |= why
    return chosen, reasons | dict.fromkeys(request.settings, "it was asked for")


def _model(recipe: Recipe, *_: object) -> Choice:
    if recipe.model != "street":
        return {}, {"model": "it was asked for, by its name or by its weights"}
    why = "of the models here it learns most in a given time on a processor (docs/models.md: mean IoU per millisecond)"
    return {}, {"model": why}


def _classes(recipe: Recipe, dataset: Dataset, cache: TrainingImages) -> Choice:
    """Class weights: from the shares of the pixels."""
    counts = cache.class_counts(len(dataset.labels)).double().cpu()
    shares = (counts / counts.sum().clamp(min=1)).tolist()
    present = sorted((share, name) for share, name in zip(shares, dataset.labels.names, strict=True) if share > 0)
    absent = [name for share, name in zip(shares, dataset.labels.names, strict=True) if not share]
    rare = ", ".join(f"{name} {share:.2%}" for share, name in present[:-1][:NAMED])
    most = f"{present[-1][1]} {present[-1][0]:.0%}" if present else "nothing"
    why = f"shares of the training pixels: {most} to {rare}"
    why += f"; never labelled: {', '.join(absent)}" if absent else ""
    return {}, {"class_balance": why}


def _augmentation(recipe: Recipe, _: Dataset, cache: TrainingImages) -> Choice:
    """As strong as its images are often seen: what is seen seldom need not be varied."""
    passes = recipe.steps * recipe.batch / len(cache)
    strength = min(1.0, max(LEAST_AUGMENTATION, passes / FULL_AUGMENTATION))
    full = Recipe()
    settings = {
        "zoom": (round(full.zoom[0] ** strength, 3), round(full.zoom[1] ** strength, 3)),
        "rotation": round(full.rotation * strength, 2),
        "color": round(full.color * strength, 3),
        "hue": round(full.hue * strength, 2),
    }
    why = f"each image is seen {passes:.1f} times: {strength:.0%} of the strength for {FULL_AUGMENTATION} times"
    return settings, dict.fromkeys(settings, "as zoom") | {"zoom": why}


def _mirroring(recipe: Recipe, dataset: Dataset, _: TrainingImages) -> Choice:
    """Not where classes tell left from right."""
    names = {name.lower() for name in dataset.labels.names}
    sided = sorted(name for name in names if "left" in name and name.replace("left", "right") in names)
    if not sided:
        return {}, {}
    return {"flip": 0.0}, {"flip": f"the classes tell left from right: {', '.join(sided[:NAMED])}"}


def _rates(recipe: Recipe, *_: object) -> Choice:
    """By the root of the batch for AdamW (Malladi et al. 2022), by the batch for SGD (Goyal et al. 2017)."""
    larger = recipe.batch / USUAL_BATCH
    if recipe.optimizer == "sgd":
        why = f"{SGD_RATE:g} for batches of {USUAL_BATCH}, in proportion to them (Goyal et al. 2017)"
        return {"learning_rate": round(SGD_RATE * larger, 6)}, {"learning_rate": why}
    rate = Recipe().learning_rate
    why = f"{rate:g} for batches of {USUAL_BATCH}, by the root of them (Malladi et al. 2022)"
    return {"learning_rate": round(rate * math.sqrt(larger), 6)}, {"learning_rate": why}


def _precision(recipe: Recipe, _: Dataset, cache: TrainingImages) -> Choice:
    found = precision_of(cache.device, recipe.precision)
    why = {"bf16": "this machine multiplies it in hardware", "fp32": "this machine has no bf16 in hardware"}
    return {"precision": found}, {"precision": why.get(found, "it was asked for")}
