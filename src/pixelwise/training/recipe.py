"""What a training run is asked to do: one frozen dataclass."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any

import pydantic
from pydantic import Field, NonNegativeInt, PositiveInt

from pixelwise.errors import UserError, unknown
from pixelwise.losses import combine
from pixelwise.models import MODELS, PAINTERS

# none; cross-entropy (Goodfellow et al. 2014); squares with targets of 1 and -1 (Mao et al. 2017).
GANS = ("none", "vanilla", "least_squares")
CHOICES = {
    "model": tuple(MODELS),
    "optimizer": ("adamw", "sgd"),
    "schedule": ("cosine", "one_cycle", "poly", "constant"),
    "precision": ("auto", "bf16", "fp16", "fp32"),
    "view": ("whole", "flip", "tiles"),
    "gan": GANS,
}

# The bounds are checked when a recipe.yaml is read.
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


def setting(default: Any, meaning: str) -> Any:  # noqa: ANN401 - of any type
    """A field of a recipe with its meaning, which recipe.yaml says too."""
    kept = {"default_factory": dict} if default == {} else {"default": default}
    return field(**kept, metadata={"meaning": meaning})


@dataclass(frozen=True)
class Recipe:
    """Everything that decides how a run ends, given the data; `MEANINGS` says what each setting means.

    Raises UserError for settings that do not go together.

    >>> Recipe().model, MEANINGS["batch"]
    ('street', 'images per optimiser step, over all processes')
    """

    model: str = setting("street", "one of `pixelwise models`")
    options: dict[str, Any] = setting({}, "what it is built with, `width` for one; the rest is as in its paper")
    weights: str = setting("", "to start from: its encoder's, a .safetensors file or hf:OWNER/NAME; or a model's")
    encoder_rate: Positive = setting(0.1, "times learning_rate, for that encoder (Howard and Ruder 2018)")
    freeze: Share = setting(0.0, "share of the steps in which that encoder stays as it was loaded; 1 = all")

    size: tuple[PositiveInt, PositiveInt] = setting(
        (192, 256), "height and width in pixels: images are brought to this area before the network sees them"
    )
    crop: tuple[PositiveInt, PositiveInt] | None = setting(
        None, "height and width of the part of an image that a step sees; null = size"
    )
    steps: PositiveInt = setting(1000, "optimiser steps in all")
    batch: PositiveInt = setting(4, "images per optimiser step, over all processes")
    accumulate: PositiveInt = setting(1, "parts in which a process takes its share of the batch, to save memory")

    loss: str = setting("ce", "a sum of `pixelwise.losses.LOSSES`, 'ce + 0.5 dice' for one")
    class_balance: NotNegative = setting(0.3, "classes weigh (share of the pixels) ** -class_balance; 0 = all alike")
    rare_sampling: Share = setting(
        0.0, "share of the crops laid over a class drawn evenly, in an image that holds it (Zhu et al. 2019)"
    )
    deep_supervision: NotNegative = setting(0.4, "weight of each auxiliary head's loss (Lee et al. 2015)")

    flip: Share = setting(0.5, "probability of mirroring")
    zoom: tuple[Positive, Positive] = setting((0.75, 1.75), "from, to; log-uniform")
    rotation: NotNegative = setting(5.0, "degrees, either way")
    elastic: NotNegative = setting(
        0.0, "pixels: standard deviation of a coarse grid's shifts (Ronneberger et al. 2015)"
    )
    color: NotNegative = setting(0.3, "strength of exposure, contrast and saturation changes; 0 = none")
    hue: NotNegative = setting(10.0, "degrees, either way")
    blur: Share = setting(0.0, "probability of a Gaussian blur")
    noise: NotNegative = setting(0.0, "largest standard deviation of Gaussian noise, in grey levels of 255")
    jpeg: Share = setting(0.0, "probability of JPEG compression, quality 30 to 95")
    cutout: Share = setting(0.0, "probability of a grey, ignored rectangle (DeVries and Taylor 2017)")
    classmix: Share = setting(0.0, "probability of half the classes of another image pasted in (Olsson et al. 2021)")
    augment: str = setting(
        "", "your own callable(image, mask) -> (image, mask) before these: FILE.py:NAME or MODULE:NAME"
    )

    optimizer: str = setting("adamw", "adamw (Loshchilov and Hutter 2019) or sgd, with Nesterov's momentum")
    learning_rate: Positive = setting(2e-3, "the highest of the schedule")
    schedule: str = setting("cosine", "after the warm-up: cosine, one_cycle (its momentum moves too), poly, constant")
    warm_up: Share = setting(0.1, "share of the steps in which the learning rate rises")
    weight_decay: NotNegative = setting(1e-2, "of the optimiser")
    beta1: Share = setting(0.9, "of AdamW; the momentum of SGD")
    clip: NotNegative = setting(5.0, "largest norm of a gradient; 0 = any")
    ema: Share = setting(0.995, "decay of the averaged weights that are validated and saved")
    precision: str = setting("auto", "bf16, fp16 or fp32; auto = bf16 where the device multiplies it, else fp32")
    compile: bool = setting(False, "torch.compile, which takes a minute or two at the start")
    deterministic: bool = setting(False, "the same bits on a GPU too, and slower; on a processor they are so anyway")

    validations: PositiveInt = setting(20, "evenly over the steps")
    view: str = setting(
        "whole", "how images are validated: whole, flip (with their mirror image), tiles (as large as crop)"
    )
    offsets: bool = setting(
        True,
        "what each class's logit lacks for the best mean IoU is fitted on the validation images at the end, and "
        "kept where it helps on those not fitted on",
    )
    seed: NonNegativeInt = setting(0, "of weights, order and augmentation")

    gan: str = setting("none", "of painters: the game against a discriminator: none, vanilla, least_squares")
    l1: NotNegative = setting(100.0, "of painters: weight of the mean absolute difference from the true picture")

    def __post_init__(self) -> None:
        """Refuses settings that do not go together."""
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise unknown(name, getattr(self, name), known)
        combine(self.loss)  # refuses what is no loss
        for wrong, why in self._conflicts():
            if wrong:
                raise UserError(why)

    @property
    def window(self) -> tuple[int, int]:
        """Height and width of what a step sees of an image."""
        return self.crop or self.size

    def _conflicts(self) -> list[tuple[bool, str]]:
        """What may be wrong, and what to say then."""
        height, width = self.window
        game, paints = self.gan != "none", self.model in PAINTERS
        one_pixel = self.batch * math.prod(side // 32 for side in self.window) < 2
        return [
            (bool(self.freeze and not self.weights), "freeze keeps the encoder as it was loaded; give its weights too"),
            (
                game and not paints,
                f"{self.model} does not paint, so it plays no game; use {' or '.join(PAINTERS)}",
            ),
            (
                game and self.model == "pix2pix_128" and one_pixel,
                f"a crop of {height}x{width} leaves the discriminator one pixel; give at least 32x64",
            ),
            (
                not game and not self.l1,
                "without a discriminator an l1 of 0 teaches nothing; give a weight above 0, or a gan",
            ),
            (
                self.accumulate > self.batch,
                f"a batch of {self.batch} cannot be taken in {self.accumulate} parts; accumulate less",
            ),
            (self.zoom[0] > self.zoom[1], f"zoom goes from {self.zoom[0]} down to {self.zoom[1]}; swap them"),
            (
                math.prod(self.window) > math.prod(self.size),
                f"a crop of {height}x{width} is larger than the size {self.size[0]}x{self.size[1]}; make it smaller",
            ),
            (
                paints and (self.loss != "ce" or self.accumulate > 1 or self.view != "whole"),
                f"{self.model} paints: it learns whole batches from l1 and gan; leave loss, accumulate and view out",
            ),
        ]


MEANINGS: dict[str, str] = {one.name: one.metadata["meaning"] for one in fields(Recipe)}


def recipe_of(settings: Mapping[str, Any], where: str) -> Recipe:
    """A recipe with these settings and the defaults of all others.

    where: that they stand, for messages. Raises UserError for misspelt names, with the nearest right one, for wrong
    values and for settings that do not go together.

    >>> recipe_of({"learning_rat": 0.1}, "recipe.yaml")
    Traceback (most recent call last):
    pixelwise.errors.UserError: there is no setting in recipe.yaml 'learning_rat'; did you mean 'learning_rate'? ...
    """
    for key in settings:
        if key not in MEANINGS:
            raise unknown(f"setting in {where}", str(key), MEANINGS)
    try:
        return pydantic.TypeAdapter(Recipe).validate_python(dict(settings))
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{where}: {first['loc'][0]} is {first['input']!r}; {first['msg'].lower()}") from error
