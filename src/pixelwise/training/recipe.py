"""What a training run is asked to do: one frozen dataclass, written to recipe.yaml as resolved."""

import math
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any

import pydantic
import yaml
from pydantic import Field, NonNegativeInt, PositiveInt

from pixelwise.data.dataset import Source
from pixelwise.errors import UserError, unknown
from pixelwise.files import replacing
from pixelwise.models import PAINTERS

# none; cross-entropy (Goodfellow et al. 2014); squares with targets of 1 and -1 (Mao et al. 2017).
GANS = ("none", "vanilla", "least_squares")

# The bounds are checked when a recipe.yaml is read.
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True)
class Recipe:
    """Everything that decides how a run ends, given the data.

    model: one of MODELS. options: what it is built with, `width` for one; the rest is as in its paper.
    weights: of its pretrained encoder, a .safetensors file or a name on the hub, "" = none. encoder_rate: times
    learning_rate, for the encoder (Howard and Ruder 2018). freeze: the encoder stays as it was loaded.
    size: height and width of the training crop in pixels; images are first brought to this area.
    steps: optimiser steps in all. batch: images per step. learning_rate: peak of the one-cycle schedule
    (Smith and Topin 2018). weight_decay: of AdamW (Loshchilov and Hutter 2019).
    class_balance: cross-entropy weights are (class share) ** -class_balance; 0 = all alike.
    ema: decay of the averaged weights that are validated and saved. validations: evenly over the steps.
    flip: probability of mirroring. zoom: from, to. rotation: degrees either way.
    color: strength of exposure, contrast and saturation changes, 0 = none. hue: degrees either way.
    seed: of weights, order and augmentation.
    Of painters alone: gan: the game against a discriminator, one of GANS. l1: weight of the mean absolute difference
    between painted and true picture. beta1: of the optimiser, of all models.

    >>> Recipe().model
    'street'
    """

    model: str = "street"
    options: dict[str, Any] = field(default_factory=dict)
    weights: str = ""
    encoder_rate: Positive = 0.1
    freeze: bool = False
    size: tuple[PositiveInt, PositiveInt] = (192, 256)
    steps: PositiveInt = 1000
    batch: PositiveInt = 4
    learning_rate: Positive = 2e-3
    weight_decay: NotNegative = 1e-2
    class_balance: NotNegative = 0.3
    ema: Share = 0.995
    validations: PositiveInt = 20
    flip: Share = 0.5
    zoom: tuple[Positive, Positive] = (0.75, 1.75)
    rotation: NotNegative = 5.0
    color: NotNegative = 0.3
    hue: NotNegative = 10.0
    seed: NonNegativeInt = 0
    gan: str = "none"
    l1: NotNegative = 100.0
    beta1: Share = 0.9

    def __post_init__(self) -> None:
        """Refuses settings that do not go together."""
        if self.freeze and not self.weights:
            raise UserError("freeze keeps the encoder as it was loaded; give its weights too")
        if not 0 < self.encoder_rate < math.inf:
            raise UserError(f"an encoder rate of {self.encoder_rate} teaches nothing; give a number above 0, or freeze")
        if self.gan not in GANS:
            raise unknown("gan", self.gan, GANS)
        if self.gan != "none" and self.model not in PAINTERS:
            raise UserError(f"{self.model} does not paint, so it plays no game; use {' or '.join(PAINTERS)}")
        if (
            self.gan != "none"
            and self.model == "pix2pix_128"
            and self.batch * math.prod(s // 32 for s in self.size) < 2
        ):
            height, width = self.size
            raise UserError(f"a crop of {height}x{width} leaves the discriminator one pixel; give at least 32x64")
        if not 0 <= self.l1 < math.inf:
            raise UserError(f"l1 is {self.l1}; give a weight of 0 or more")
        if self.gan == "none" and not self.l1:
            raise UserError("without a discriminator an l1 of 0 teaches nothing; give a weight above 0, or a gan")

    def save(self, path: Path, data: Source) -> None:
        """Writes recipe.yaml; data: what it is for."""
        asked = {key: value for key, value in data._asdict().items() if value is not None}
        written = {"data": asked if len(asked) > 1 else data.path} | {
            name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()
        }
        with replacing(path) as temporary:
            temporary.write_text(yaml.safe_dump(written, sort_keys=False), encoding="utf-8")


def load_recipe(path: Path) -> tuple[Recipe, Source]:
    """The recipe and the data of a recipe.yaml. Raises UserError for misspelt keys and wrong values."""
    try:
        written = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give a run folder that `train` made") from error
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{path}: is not valid YAML; correct it or train anew") from error
    data = _source(written.pop("data", None)) if isinstance(written, dict) else None
    if data is None:
        raise UserError(f"{path}: should begin with `data: FOLDER`; correct it or train anew")
    known = [field.name for field in fields(Recipe)]
    for key in written:
        if key not in known:
            raise unknown(f"setting in {path}", str(key), known)
    try:
        return pydantic.TypeAdapter(Recipe).validate_python(written), data
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{path}: {first['loc'][0]} is {first['input']!r}; {first['msg'].lower()}") from error


def _source(data: object) -> Source | None:
    """What ``data`` in a recipe.yaml says: a path, or path, layout and classes; None where it is neither."""
    asked = data if isinstance(data, dict) else {"path": data}
    known = set(asked) <= set(Source._fields) and "path" in asked
    return Source(**asked) if known and all(isinstance(value, str) for value in asked.values()) else None
