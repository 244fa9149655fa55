"""Which classes a set of mask files has, and how they are decoded.

In this order: what dataset.yaml says, a table of classes beside the masks, a published map of their colours, or else
a class for every value or colour that is found.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pixelwise.data.description import Description
from pixelwise.data.files.images import Pixels, read_mask
from pixelwise.data.masks.found_classes import Classes, NotMasks
from pixelwise.data.masks.mask_colors import classes_of_colors
from pixelwise.data.masks.mask_values import classes_of_values
from pixelwise.data.sampling import even_sample
from pixelwise.errors import UserError

__all__ = ["Classes", "NotMasks", "find_classes"]

LOOKED_AT = 16  # masks by which it is told whether they hold values or colours


class _Kind(NamedTuple):
    """colors: whether the masks are colour images. channel: of colour images, that holds the values."""

    colors: bool
    channel: int | None


def find_classes(masks: Sequence[Path], description: Description, table: Description | None = None) -> Classes:
    """The classes of these masks; whether they hold values or colours is told by most of those looked at.

    Grey saved as RGB, or values in one channel with the others empty, are values. masks: at least one file.
    description: what dataset.yaml says. table: classes that are listed beside the masks, taken where they fit.
    Raises UserError where no mask can be read or there are no two classes, NotMasks where there are too many.
    """
    looked: list[Pixels] = []
    error: UserError | None = None
    for path in even_sample(masks, LOOKED_AT):
        try:
            looked.append(read_mask(path))
        except UserError as failed:
            error = error or failed
    if error and not looked:
        raise error
    kind = _kind(looked)
    if kind.colors:
        return classes_of_colors(masks, [one for one in looked if one.ndim == 3], description, table)
    return classes_of_values(masks, kind.channel, description, table)


def _kind(looked: Sequence[Pixels]) -> _Kind:
    """Masks of the rarer kind are found when they are read."""
    colored = [one for one in looked if one.ndim == 3]
    if 2 * len(colored) < len(looked):
        return _Kind(False, None)
    filled = {tuple(bool(one[..., channel].any()) for channel in range(3)) for one in colored}
    filled.discard((False, False, False))
    if all((one[..., 0] == one[..., 1]).all() and (one[..., 0] == one[..., 2]).all() for one in colored):
        return _Kind(False, 0 if colored else None)
    if len(filled) == 1 and sum(channels := filled.pop()) == 1:
        return _Kind(False, channels.index(True))
    return _Kind(True, None)
