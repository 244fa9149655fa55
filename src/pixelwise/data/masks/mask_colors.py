"""The classes of masks whose colours name them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pixelwise.data.dataset_yaml import NAME
from pixelwise.data.description import Description
from pixelwise.data.files.images import Pixels, read_mask
from pixelwise.data.masks.colors_found import find_colors
from pixelwise.data.masks.decoders import ColorMask
from pixelwise.data.masks.found_classes import Classes, NotMasks
from pixelwise.data.masks.palettes import (
    CLEAN,
    EXACT,
    LEAST,
    NEAR,
    are_lossy,
    grid,
    match_published,
    name_colors,
    share_near,
)
from pixelwise.data.masks.smeared import SNAP
from pixelwise.data.sampling import even_sample
from pixelwise.errors import DataError, UserError
from pixelwise.labels import IGNORE, Color, LabelMap

Bytes = npt.NDArray[np.uint8]

SEARCHED = 48  # masks that are searched for colours at full size
FREQUENT = 0.05  # share of black from which on it is taken for the background, a class; rarer black is void
# Middle Euclidean RGB distance from the colours found to the next. Measured: masks 48 and more (Cityscapes pairs 62,
# 40 random colours 48 to 56); photos, gradients 21 to 28, since colours up to 20 apart are taken for one.
LEAST_APART = 32
BLACK = (0, 0, 0)
SHOWN = 3  # colours in the evidence
UNNAMED = "unnamed classes"  # the kind of the problem


def classes_of_colors(
    masks: Sequence[Path],
    looked: Sequence[Pixels],
    description: Description,
    table: Description | None,
    *,
    read: Callable[[Path], Pixels] = read_mask,
) -> Classes:
    """The classes of colour masks, of which some have been looked at. Errors as `find_classes`.

    read: gives the pixels of a mask, where a file holds more than that.
    """
    pixels = grid([one.astype(np.uint8) for one in looked])
    if known := known_labels(masks, pixels, description, table):
        return Classes(known.labels, ColorMask(known.labels, are_lossy(masks, pixels)), known.evidence)
    return _unknown(masks, pixels, read)


class Known(NamedTuple):
    """The label map that colours are of, and one phrase saying where it is from."""

    labels: LabelMap
    evidence: str


def known_labels(
    masks: Sequence[Path], pixels: Bytes, description: Description, table: Description | None
) -> Known | None:
    """What dataset.yaml says, else the table, else the published map that these (n, 3) pixels are of; else None."""
    if description.labels:
        return Known(description.labels, f"colour masks, classes from {NAME}")
    lossy = are_lossy(masks, pixels)
    if table and table.labels and _explains(table.labels, pixels, lossy):
        source = table.source.name if table.source else "a table"
        return Known(table.labels, f"colour masks, classes from {source}")
    match = match_published(pixels, NEAR if lossy else EXACT)
    if match.share >= (LEAST if lossy else CLEAN):
        return Known(match.labels, f"colour masks, {match.share:.0%} in {match.name}")
    return None


def _explains(labels: LabelMap, pixels: Bytes, lossy: bool) -> bool:
    with suppress(UserError):
        labels.check_colors_differ()
        return share_near(pixels, labels, NEAR if lossy else EXACT) >= (LEAST if lossy else CLEAN)
    return False


def _unknown(masks: Sequence[Path], pixels: Bytes, read: Callable[[Path], Pixels]) -> Classes:
    """A class for every colour, whose name is a proposal: of a published map that has it, or what it looks like.

    Black is the class "background" where it is frequent or one of only two colours, and ignored as void elsewhere.
    """
    folder, lossy = masks[0].parent, are_lossy(masks, pixels)
    darkest = SNAP if lossy else 0
    colors = tuple(BLACK if max(color) <= darkest else color for color in _colors(masks, read))
    if not 2 <= len(colors) < IGNORE:
        raise NotMasks(f"{folder}: {len(colors)} colours were found in the masks, where 2 to 254 classes can be")
    if lossy and _run_into_each_other(colors):
        raise NotMasks(f"{folder}: the masks' colours run into each other, as those of photos and gradients do")
    labels = LabelMap(name_colors(colors), colors)
    share = share_near(pixels, labels, NEAR if lossy else EXACT)
    if share < (LEAST if lossy else CLEAN):
        raise NotMasks(f"{folder}: only {share:.0%} of the masks' pixels have one of {len(colors)} colours")
    black = float((pixels.max(axis=1) <= darkest).mean())
    if BLACK in colors and black < FREQUENT and len(colors) > 2:
        kept = tuple(color for color in colors if color != BLACK)
        labels = LabelMap(name_colors(kept), kept)
    pairs = list(zip(labels.names, labels.colors, strict=True))
    shown = ", ".join(f"{name} #{r:02x}{g:02x}{b:02x}" for name, (r, g, b) in pairs[:SHOWN])
    more = ", ..." if len(pairs) > SHOWN else ""
    evidence = f"colour masks of no known map, {len(labels)} colours found ({shown}{more}); the names are proposals"
    mend = f"run `pixelwise check DATA --write`, then name the classes in {NAME}"
    problem = DataError(folder, "the masks' colours are of no known map, so nobody knows their classes", mend, UNNAMED)
    return Classes(labels, ColorMask(labels, lossy), evidence, (problem,))


def _run_into_each_other(colors: Sequence[Color]) -> bool:
    points = np.array(colors, np.float64)
    apart = np.linalg.norm(points[:, None] - points, axis=2)
    np.fill_diagonal(apart, np.inf)
    return bool(np.median(apart.min(axis=1)) < LEAST_APART)


def _colors(masks: Sequence[Path], read: Callable[[Path], Pixels]) -> tuple[Color, ...]:
    pictures = _pictures(even_sample(masks, SEARCHED), read)
    return tuple((int(r), int(g), int(b)) for r, g, b in find_colors(pictures))


def _pictures(paths: Sequence[Path], read: Callable[[Path], Pixels]) -> Iterator[Bytes]:
    for path in paths:
        with suppress(UserError):
            mask = read(path)
            if mask.ndim == 3:
                yield mask.astype(np.uint8)
