"""The user's own callable(image, mask): found by its name, called so that its chance can be repeated, and checked."""

import importlib
import importlib.util
import inspect
import random
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from pixelwise.data.dataset import Image
from pixelwise.errors import UserError, unknown
from pixelwise.labels import Label
from pixelwise.training.cache import Batch, Shrunk, together

NAMED = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


_found: dict[str, Callable[..., Any]] = {}  # by name, so that a file that is edited does not change a run that goes on


def find_augment(name: str) -> Callable[..., Any]:
    """The callable that "FOLDER/FILE.py:NAME" or "MODULE:NAME" names; a file is run anew.

    `call_augment` goes on with what was found last. Raises UserError where there is no such file, module or name, where
    it fails, and where it cannot be called.

    >>> find_augment("shutil:copy").__name__
    'copy'
    """
    place, _, wanted = name.rpartition(":")
    if not place or not wanted:
        raise UserError(f"augment '{name}' names no callable; write FILE.py:NAME or MODULE:NAME")
    try:
        module = _run(Path(place)) if place.endswith(".py") else importlib.import_module(place)
    except Exception as error:
        raise UserError(f"augment '{name}': {place} cannot be loaded ({_told(error)}); mend it") from error
    if not hasattr(module, wanted):
        raise unknown(f"name in {place}", wanted, [known for known in vars(module) if not known.startswith("_")])
    found = getattr(module, wanted)
    if not callable(found):
        raise UserError(f"augment '{name}' is of {_type(found)}; name a callable(image, mask)")
    _found[name] = found
    return found  # type: ignore[no-any-return]


def own_augmented(name: str, batch: Batch, dice: Sequence[np.random.Generator], *, ignore: int) -> Batch:
    """A batch of the cache, changed by the callable of this name, image by image; their sizes may change.

    dice: what the callable's chance follows from, one for each image. Raises UserError as `call_augment` does.
    """
    images, labels, extents = batch
    changed = []
    for image, label, extent, own in zip(images, labels, extents.int().tolist(), dice, strict=True):
        width, height = extent
        pixels = image[:, :height, :width].permute(1, 2, 0).cpu().numpy().copy()
        mask = label[:height, :width].cpu().numpy().copy()
        changed.append(call_augment(name, pixels, mask, int(own.integers(2**32))))
    whole = together(changed, images.device, ignore)
    return whole.images, whole.labels, whole.extents


def call_augment(name: str, image: Image, mask: Label, seed: int) -> Shrunk:
    """What the callable of this name makes of an image, uint8 (h, w, c), and its mask, uint8 (h, w).

    It is called with both in order, or with image=, mask= where it takes keywords alone, as Albumentations do. It gives
    a pair, or a dict with these keys. seed: of Python's, numpy's and torch's global generators while it runs.
    Raises UserError where it fails, or gives anything but an image and a mask of one size.
    """
    function = _found.get(name) or find_augment(name)
    try:
        with _seeded(seed):
            if hasattr(function, "set_random_seed"):
                function.set_random_seed(seed)
            given = function(image=image, mask=mask) if _by_keyword(function) else function(image, mask)
    except Exception as error:
        raise UserError(f"augment '{name}' failed ({_told(error)}); mend it") from error
    pair = (given.get("image"), given.get("mask")) if isinstance(given, Mapping) else given
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise UserError(f"augment '{name}' gave something of {_type(given)}; let it return image and mask")
    wrong = _wrong(*pair, channels=image.shape[2])
    if wrong:
        raise UserError(f"augment '{name}' gave {wrong}")
    return Shrunk(*pair)


def _wrong(image: object, mask: object, *, channels: int) -> str:
    """What is wrong with the answer of a callable, and its mend; nothing where it is as it should be."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        return f"an image of {_type(image)}; give an array of uint8"
    if not isinstance(mask, np.ndarray) or mask.dtype != np.uint8:
        return f"a mask of {_type(mask)}; give an array of uint8"
    if image.ndim != 3 or image.shape[2] != channels or not image.size:
        return f"an image of shape {image.shape}; give (height, width, {channels})"
    if mask.shape != image.shape[:2]:
        return f"a mask of shape {mask.shape} to an image of shape {image.shape}; change both alike"
    return ""


def _by_keyword(function: Callable[..., Any]) -> bool:
    """Whether a callable takes its image and mask by their names alone."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # of some that are written in C
        return False
    in_order = sum(one.kind in NAMED for one in parameters)
    kinds = {one.kind for one in parameters}
    return in_order < 2 and bool(kinds & {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.KEYWORD_ONLY})


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seeds the global generators, and puts them back as they were."""
    python, array = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        random.seed(seed)
        np.random.seed(seed)
        torch.default_generator.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(array)


def _run(file: Path) -> ModuleType:
    if not file.is_file():
        raise FileNotFoundError("there is no such file")
    spec = importlib.util.spec_from_file_location(f"augment_{file.stem}", file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _told(error: Exception) -> str:
    """An error of the user's code in one line, with the place where it arose."""
    said = (str(error).splitlines() or [""])[0]
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = "" if frame.filename.startswith("<") else f", {Path(frame.filename).name} line {frame.lineno}"
    return f"{type(error).__name__}: {said}{where}"


def _type(given: object) -> str:
    """What something is, in a few words.

    >>> _type([1]), _type(np.zeros(2))
    ('type list', 'float64')
    """
    return str(given.dtype) if isinstance(given, np.ndarray) else f"type {type(given).__name__}"
