"""The colours of masks whose palette nobody wrote down."""

from collections import Counter
from collections.abc import Iterable

import cv2
import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int64]

MOST_COLORS = 256  # of clean masks; a lossy one soon has thousands
NEARLY = 4  # per channel; lossy masks have colours this near each other, palettes have not
INSIDE = 5  # pixels; a region shows its true colour where all around it, this far across, is flat
FLAT = 12  # range of each channel there
SAME = 20  # Euclidean RGB distance up to which flat pixels are of one colour: JPEG moves a region's by a few units
LEAST = 9  # flat pixels of a colour, over all masks


def find_colors(masks: Iterable[Bytes]) -> Bytes:
    """The colours that classes are drawn in, the most frequent first; mixtures along edges are not among them.

    Clean masks (up to 256 colours in all, none nearly alike) give exactly their colours. Others give the mean
    colours of their flat regions, so a class that nowhere fills 5 x 5 pixels is not found.

    masks: each (h, w, 3) RGB. Returns (k, 3).

    >>> mask = np.array([[128, 64, 128], [0, 0, 142]], np.uint8).repeat([9, 6], axis=0)[None].repeat(9, axis=0)
    >>> find_colors([mask]).tolist()
    [[128, 64, 128], [0, 0, 142]]
    >>> find_colors([mask + np.arange(9, dtype=np.uint8)[:, None, None] % 3]).tolist()
    [[129, 65, 129], [1, 1, 143]]
    """
    exact: Counter[tuple[int, ...]] = Counter()
    sums = np.zeros((32**3, 4), np.int64)
    for mask in (one for one in masks if one.size):
        if len(exact) <= MOST_COLORS:
            exact.update(_every_color(mask))
        sums += _flat_colors(mask)
    colors = np.array([color for color, _ in exact.most_common()], np.uint8).reshape(-1, 3)
    return colors if len(colors) <= MOST_COLORS and _all_differ(colors) else _merged(sums)


def _every_color(mask: Bytes) -> dict[tuple[int, ...], int]:
    packed = mask.reshape(-1, 3).astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    colors, counts = np.unique(packed, return_counts=True)
    return {
        (color >> 16, color >> 8 & 255, color & 255): count
        for color, count in zip(colors[: MOST_COLORS + 1].tolist(), counts.tolist(), strict=False)
    }


def _all_differ(colors: Bytes) -> bool:
    apart = np.abs(colors[:, None].astype(np.int16) - colors[None]).max(axis=2)
    return not ((apart <= NEARLY) & ~np.eye(len(colors), dtype=bool)).any()


def _flat_colors(mask: Bytes) -> Counts:
    """(32^3, 4): the pixels in flat surroundings by the upper 5 bits of their colour: how many, and their sums."""
    around = np.ones((INSIDE, INSIDE), np.uint8)
    flat = (np.asarray(cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, around)) <= FLAT).all(axis=2)
    pixels = mask[flat].astype(np.int32)
    bins = (pixels >> 3) @ np.array([1 << 10, 1 << 5, 1], np.int32)
    weights = (None, *pixels.T)
    return np.stack([np.bincount(bins, weight, 32**3) for weight in weights], axis=1).astype(np.int64)


def _merged(sums: Counts) -> Bytes:
    """The mean colours of the groups that the bins form, each around the fullest bin that is not yet taken."""
    sums = sums[sums[:, 0] > 0]
    sums = sums[np.argsort(-sums[:, 0], kind="stable")]
    groups: list[Counts] = []
    while len(sums):
        means = sums[:, 1:] / sums[:, :1]
        close = np.linalg.norm(means - means[0], axis=1) <= SAME
        groups.append(sums[close].sum(axis=0))
        sums = sums[~close]
    found = sorted((group for group in groups if group[0] >= LEAST), key=lambda group: -int(group[0]))
    return np.array([np.rint(group[1:] / group[0]) for group in found], np.uint8).reshape(-1, 3)
