"""The classes of masks whose pixel values name them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image as Pillow

from pixelwise.data.dataset_yaml import NAME
from pixelwise.data.description import Description
from pixelwise.data.files.file_content import opened
from pixelwise.data.files.images import Pixels, read_mask
from pixelwise.data.masks.decoders import IndexMask
from pixelwise.data.masks.found_classes import BINARY, Classes, NotMasks
from pixelwise.data.masks.mask_tables import are_greys, fitting, grey_values, with_names, with_values
from pixelwise.data.masks.palettes import distinct_colors
from pixelwise.data.masks.smeared import SmearedMask, smeared_values
from pixelwise.data.sampling import even_sample
from pixelwise.errors import DataError, UserError
from pixelwise.labels import IGNORE, Color, LabelMap

LOOKED_AT = 200  # masks whose values are collected
MOST_CLASSES = IGNORE
# Values are numbers of classes where they are few for their range: of {0, 5, 15} the others are rare, but nobody
# numbers classes {0, 38, 75, 113}; such values were chosen to be seen.
LARGE, SPARSE = 32, 0.25
FEW = 16  # masks looked at where classes are listed
LEAST_APART = 16  # grey values between two classes of smeared masks
LOSSY = frozenset({".jpg", ".jpeg"})


class _Values(NamedTuple):
    """In how many masks each value is, and the values of each mask."""

    counts: Counter[int]
    masks: list[frozenset[int]]

    def without(self, ignored: set[int]) -> list[int]:
        return sorted(self.counts.keys() - ignored)


def classes_of_values(
    masks: Sequence[Path], channel: int | None, description: Description, table: Description | None
) -> Classes:
    """The classes of index masks; channel: of colour images, that holds the values. Errors as `find_classes`."""
    smeared = any(path.suffix.lower() in LOSSY for path in masks)
    sampled = even_sample(masks, LOOKED_AT)
    if description.labels:
        return _listed(_with_greys(description, sampled, channel, smeared), channel, NAME, smeared)
    if smeared:
        return with_names(_smeared(masks, channel), table)
    found = _collected(sampled, channel)
    if table and (fits := fitting(table, found.masks)):
        return _listed(fits, channel, table.source.name if table.source else "a table", smeared)
    return _unlisted(masks, found, channel, set(description.ignored) - {IGNORE})


def _listed(description: Description, channel: int | None, source: str, smeared: bool) -> Classes:
    assert description.labels
    labels, values = description.labels, tuple(description.values.items())
    if smeared and values:
        return Classes(labels, SmearedMask(len(labels), description.ignored, values, channel), f"classes from {source}")
    decode = IndexMask(len(labels), description.ignored, values, channel)
    return Classes(labels, decode, f"index masks, classes from {source}")


def _with_greys(description: Description, sampled: Sequence[Path], channel: int | None, smeared: bool) -> Description:
    """Where classes are listed with grey colours and the masks hold nothing else, these are the values."""
    assert description.labels
    greys = grey_values(description.labels)
    if description.values or not greys:
        return description
    masks = _readable(even_sample(sampled, FEW), channel)
    held = set() if smeared else {value for mask in masks for value in np.unique(mask).tolist()}
    return with_values(description, greys) if smeared or are_greys(held, greys) else description


def _collected(sampled: Sequence[Path], channel: int | None) -> _Values:
    each = [frozenset(np.unique(one).tolist()) for one in _readable(sampled, channel)]
    counts = Counter(value for values in each for value in values)
    if len(counts) > MOST_CLASSES + 1:
        raise NotMasks(f"{sampled[0].parent}: the masks hold {len(counts)} values, too many for classes")
    return _Values(counts, each)


def _readable(paths: Sequence[Path], channel: int | None) -> Iterator[Pixels]:
    """The values of the masks that can be read and are of the kind; the others are found when they are read."""
    for path in paths:
        with suppress(UserError):
            mask = read_mask(path)
            if mask.ndim == 2:
                yield mask
            elif channel is not None:
                yield mask[..., channel]


def _unlisted(masks: Sequence[Path], found: _Values, channel: int | None, ignored: set[int]) -> Classes:
    """One class for every value; their names nobody wrote down."""
    every, few = found.without(ignored), found.without({*ignored, IGNORE})
    _check_values(masks[0].parent, every)
    looked = f"in {len(found.masks)} looked at"
    if len(every) == 2 and every[0] == 0:
        evidence = f"masks of two values, 0 and {every[1]}, {looked}"
        return _sparse(masks[0], every, channel, evidence, ignored | ({IGNORE} - {*every}))
    if _is_sparse(few):
        shown = ", ".join(map(str, every[:8])) + (", ..." if len(every) > 8 else "")
        return _sparse(masks[0], every, channel, f"index masks, {len(every)} values ({shown}) {looked}", ignored)
    if len(few) < 2 and len(every) == 2:
        return _sparse(masks[0], every, channel, f"masks of two values, {every[0]} and 255, {looked}", ignored)
    count = few[-1] + 1
    names = tuple(f"class {value}" for value in range(count))
    labels = LabelMap(names, _palette(masks[0], range(count)) or distinct_colors(count))
    evidence = f"index masks, {len(few)} values up to {few[-1]} {looked}"
    return Classes(labels, IndexMask(count, tuple(sorted({*ignored, IGNORE})), (), channel), evidence)


def _is_sparse(values: Sequence[int]) -> bool:
    return values[-1] >= MOST_CLASSES or (values[-1] >= LARGE and len(values) <= SPARSE * (values[-1] + 1))


def _sparse(path: Path, values: Sequence[int], channel: int | None, evidence: str, ignored: set[int]) -> Classes:
    names = BINARY if len(values) == 2 and values[0] == 0 else tuple(f"value {value}" for value in values)
    labels = LabelMap(names, _palette(path, values) or distinct_colors(len(values)))
    pairs = tuple((value, index) for index, value in enumerate(values))
    plain = list(values) == list(range(len(values)))
    decode = IndexMask(len(values), tuple(sorted(ignored)), () if plain else pairs, channel)
    return Classes(labels, decode, evidence)


def _check_values(folder: Path, values: list[int]) -> None:
    if len(values) < 2:
        held = f"only the value {values[0]}" if values else "no class at all"
        raise UserError(
            f"{folder}: the masks hold {held}, so there is nothing to tell apart; write class indices 0, 1, 2, ... "
            f"into them, or name the classes in {NAME}"
        )
    if len(values) > MOST_CLASSES:
        raise NotMasks(f"{folder}: the masks hold {len(values)} values, but there can be {MOST_CLASSES} classes")


def _smeared(masks: Sequence[Path], channel: int | None) -> Classes:
    """A class for every grey value that fills regions; the blends between are of one of them."""
    pictures = list(_readable(even_sample(masks, LOOKED_AT // 8), channel))
    values = smeared_values(pictures)
    if len(values) < 2 or min(np.diff(values)) < LEAST_APART:
        raise UserError(
            f"{masks[0].parent}: a grey JPEG cannot hold class indices, its values are smeared; save masks as PNG"
        )
    names = BINARY if len(values) == 2 else tuple(f"value {value}" for value in values)
    pairs = tuple((value, index) for index, value in enumerate(values))
    shown = ", ".join(map(str, values))
    evidence = f"smeared grey masks, regions of the values {shown} in {len(pictures)} looked at"
    return Classes(
        LabelMap(names, distinct_colors(len(values))), SmearedMask(len(values), (), pairs, channel), evidence
    )


def _palette(path: Path, values: Sequence[int]) -> tuple[Color, ...]:
    """The colours of a palette image, if they can be told apart; a palette may also be a mere grey ramp."""
    numbers: list[int] = []
    with suppress(DataError), opened(path) as file, Pillow.open(file) as picture:
        numbers = (picture.getpalette() or []) if picture.mode == "P" else []
    if 3 * values[-1] + 3 > len(numbers):
        return ()
    colors = tuple((numbers[3 * v], numbers[3 * v + 1], numbers[3 * v + 2]) for v in values)
    ramp = all(color == (value,) * 3 for value, color in zip(values, colors, strict=True))
    return colors if len(set(colors)) == len(values) and not ramp else ()
