"""Which classes the masks of a VOC folder have: those that are listed, VOC's own where they fit, or those found."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from pixelwise.data.description import Description
from pixelwise.data.files.images import Pixels, read_mask
from pixelwise.data.masks.class_tables import find_class_table
from pixelwise.data.masks.decoders import ColorMask, IndexMask
from pixelwise.data.masks.found_classes import Classes
from pixelwise.data.masks.mask_classes import find_classes
from pixelwise.data.masks.palettes import CLEAN, grid, share_near
from pixelwise.data.sampling import even_sample
from pixelwise.errors import DataError, UserError
from pixelwise.labels import IGNORE, VOC21, Color, LabelMap

LOOKED_AT = 32  # masks
BORDER = (224, 224, 192)  # the colour of 255, which surrounds VOC's objects
WITHOUT_COLORS = frozenset({"class_names.txt", "classes.txt", "labels.txt"})


def voc_colors(count: int) -> tuple[Color, ...]:
    """The first colours of the VOC devkit's VOClabelcolormap: bit j of a class is bit 7 - j // 3 of channel j % 3.

    >>> voc_colors(3)
    ((0, 0, 0), (128, 0, 0), (0, 128, 0))
    """

    def channel(index: int, first: int) -> int:
        return sum((index >> bit & 1) << 7 - bit // 3 for bit in range(first, 8, 3))

    return tuple((channel(index, 0), channel(index, 1), channel(index, 2)) for index in range(count))


def voc_classes(masks: Sequence[Path], described: Description, folders: Iterable[Path]) -> Classes:
    """The classes of these masks.

    folders: where a list of classes may lie. Raises UserError where no mask can be read.
    """
    table, problems = _table(folders)
    if described.labels or table:
        found = find_classes(masks, described, table)
        return found._replace(problems=(*found.problems, *problems))
    looked = _looked_at(masks)
    colored = bool(looked) and looked[0].ndim == 3
    fits = _has_voc_colors(looked) if colored else _has_voc_values(looked, described.ignored)
    if not fits:
        found = find_classes(masks, described)
        return found._replace(problems=(*found.problems, *problems))
    decode = ColorMask(VOC21) if colored else IndexMask(len(VOC21), tuple(sorted({*described.ignored, IGNORE})))
    kind = "colour" if colored else "index"
    evidence = f"{kind} masks, the {len(VOC21)} classes of VOC fit {len(looked)} looked at"
    return Classes(VOC21, decode, evidence, tuple(problems))


def _table(folders: Iterable[Path]) -> tuple[Description | None, list[DataError]]:
    """The first list of classes; in VOC's colours where it has none, as labelme draws them."""
    problems: list[DataError] = []
    for folder in folders:
        table = find_class_table(folder, problems)
        if table and table.labels:
            plain = table.source is not None and table.source.name in WITHOUT_COLORS
            colors = voc_colors(len(table.labels)) if plain else table.labels.colors
            return replace(table, labels=LabelMap(table.labels.names, colors)), problems
    return None, problems


def _looked_at(masks: Sequence[Path]) -> list[Pixels]:
    """Some of the masks; those that cannot be read are told when they are wanted."""
    found = []
    for path in even_sample(masks, LOOKED_AT):
        with suppress(UserError):
            found.append(read_mask(path))
    return found


def _has_voc_colors(looked: Sequence[Pixels]) -> bool:
    pixels = grid([one.astype(np.uint8) for one in looked if one.ndim == 3])
    inner = pixels[(pixels != BORDER).any(axis=1)]
    return bool(inner.any()) and share_near(inner, VOC21, 0) >= CLEAN


def _has_voc_values(looked: Sequence[Pixels], ignored: Sequence[int]) -> bool:
    values = {int(value) for one in looked for value in np.unique(one)}
    return bool(looked) and values <= {*range(len(VOC21)), IGNORE, *ignored}
