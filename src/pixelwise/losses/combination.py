"""A recipe's loss: a weighted sum of losses, written as one says it; and one loss at several depths of a network."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from inspect import Parameter, signature

import pydantic
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor

from pixelwise.errors import UserError, unknown
from pixelwise.losses.boundary import boundary_loss, unet_loss
from pixelwise.losses.cross_entropy import cross_entropy, focal_loss, ohem_loss
from pixelwise.losses.lovasz import lovasz_softmax
from pixelwise.losses.overlap import dice_loss, generalised_dice_loss, tversky_loss

LOSSES: dict[str, Callable[..., Tensor]] = {
    "ce": cross_entropy,
    "focal": focal_loss,
    "ohem": ohem_loss,
    "dice": dice_loss,
    "generalised_dice": generalised_dice_loss,
    "tversky": tversky_loss,
    "lovasz": lovasz_softmax,
    "boundary": boundary_loss,
    "unet": unet_loss,
}
EXAMPLE = "write a sum such as 'ce + 0.5 dice' or 'focal(gamma=3)'"
NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
TERM = re.compile(rf"\s*(?:({NUMBER})\s*\*?)?\s*([A-Za-z]\w*)\s*(?:\(([^()]*)\))?\s*")  # weight, name, settings
AUXILIARY = 0.4  # weight of an auxiliary head's loss, as in PSPNet (Zhao et al. 2017)


@dataclass(frozen=True)
class Term:
    """One loss of a sum. weight: positive. settings: of its function, by name."""

    weight: float
    name: str
    settings: Mapping[str, int | float] = field(default_factory=dict)


@dataclass(frozen=True)
class Loss:
    """A weighted sum of losses, itself a loss of logits (n, k, h, w) and label (n, h, w)."""

    terms: tuple[Term, ...]

    def __call__(
        self,
        logits: Float[Tensor, "n k h w"],
        label: Int64[Tensor, "n h w"],
        *,
        ignore: int = 255,
        weights: Float[Tensor, " k"] | None = None,
    ) -> Float32[Tensor, ""]:
        """The sum; each of `LOSSES` says what ignore and weights do in it."""
        costs = [
            term.weight * LOSSES[term.name](logits, label, ignore=ignore, weights=weights, **term.settings)
            for term in self.terms
        ]
        return torch.stack(costs).sum()


@cache
def combine(expression: str) -> Loss:
    """The loss that a sum of `LOSSES` means; weights are positive and 1 where none stands.

    Raises UserError for anything that is no such sum, misspelt names and settings out of their range.

    >>> combine("0.5 ce(smoothing=0.1) + focal").terms
    (Term(weight=0.5, name='ce', settings={'smoothing': 0.1}), Term(weight=1.0, name='focal', settings={}))
    >>> combine("ce + dise")
    Traceback (most recent call last):
    pixelwise.errors.UserError: there is no loss 'dise'; did you mean 'dice'? Known: boundary, ce, dice, ...
    """
    expression = " ".join(expression.split())  # a message has one line
    terms, place = [], 0
    while found := TERM.match(expression, place):
        terms.append(_term(expression, *found.groups()))
        place = found.end()
        if place == len(expression):
            return Loss(tuple(terms))
        if expression[place] != "+":
            break
        place += 1
    rest = expression[place:].strip()
    raise UserError(f"loss '{expression}': {f'cannot read {rest!r}' if rest else 'a loss is missing'}; {EXAMPLE}")


def _term(expression: str, weight: str | None, name: str, settings: str | None) -> Term:
    if name not in LOSSES:
        raise unknown("loss", name, LOSSES)
    number = float(weight or 1)
    if not 0 < number < math.inf:
        raise UserError(f"loss '{expression}': the weight of {name} is {weight}; give one above 0, or leave {name} out")
    return Term(number, name, _settings(expression, name, settings.split(",") if settings else []))


def _settings(expression: str, name: str, parts: Sequence[str]) -> dict[str, int | float]:
    """The settings of one loss, each in the range that stands at its function's parameter."""
    known, read = settings_of(name), dict[str, int | float]()
    for part in parts:
        key, _, value = (piece.strip() for piece in part.partition("="))
        if not known:
            raise UserError(f"loss '{expression}': {name} has no settings; write {name} alone")
        if key not in known:
            raise unknown(f"setting of {name}", key, known)
        if key in read:
            raise UserError(f"loss '{expression}': {key} is given twice; give it once")
        try:
            read[key] = pydantic.TypeAdapter(known[key].annotation).validate_python(value)
        except pydantic.ValidationError as error:
            wrong = error.errors()[-1]["msg"].lower()
            raise UserError(f"loss '{expression}': {key} of {name} is '{value}'; {wrong}") from error
    return read


def settings_of(name: str) -> dict[str, Parameter]:
    """The settings of one of `LOSSES`, with type, range and default: what it takes beside what all take.

    >>> settings_of("focal")["gamma"].default
    2.0
    """
    common = signature(dice_loss).parameters
    return {key: one for key, one in signature(LOSSES[name]).parameters.items() if key not in common}


def deeply_supervised(
    loss: Callable[[Tensor], Tensor], outputs: Sequence[Float[Tensor, "n k h w"]], weight: int | float = AUXILIARY
) -> Float[Tensor, ""]:
    """The loss of the logits, and `weight` times that of every auxiliary head's.

    outputs: logits first, then those of the heads; most networks have none.
    Source: Lee et al., "Deeply-Supervised Nets", AISTATS 2015.

    >>> deeply_supervised(lambda logits: logits.mean(), [torch.ones(1, 2, 1, 1), torch.ones(1, 2, 1, 1)]).item()
    1.399999976158142
    """
    main, *auxiliary = (loss(logits) for logits in outputs)
    return main + weight * sum(auxiliary)
