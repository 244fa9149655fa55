"""Grey masks saved as JPEG, whose values are smeared around those of the classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pixelwise.data.files.images import Pixels
from pixelwise.data.masks.colors_found import find_colors
from pixelwise.data.masks.decoders import IndexMask
from pixelwise.data.masks.lossy import decode_lossy
from pixelwise.labels import IGNORE, Label

LEAST_SHARE = 0.001  # of the pixels that a class of smeared masks needs
SNAP = 4  # how far from black or white smeared masks' black and white are


@dataclass(frozen=True)
class SmearedMask(IndexMask):
    """Grey masks saved as JPEG, of whose values every pixel takes the nearest.

    Of more than two, it takes one that fills a region beside it, since a blend of two values may be a third.
    Fields as IndexMask; the values are all given.

    >>> decode = SmearedMask(2, ignored=(), values=((0, 0), (255, 1)))
    >>> decode(np.array([[0, 9, 120, 251]], np.uint8), Path("mask.jpg")).tolist()
    [[0, 0, 0, 1]]
    """

    def __call__(self, mask: Pixels, path: Path) -> Label:
        values = np.array([value for value, _ in self.values], np.uint8)
        classes = np.array([index for _, index in self.values], np.uint8)
        grey = (mask if mask.ndim == 2 else mask[..., self.channel or 0]).astype(np.uint8)
        if len(values) == 2:
            nearest = np.abs(np.arange(256)[:, None] - values).argmin(axis=1)
            return np.asarray(classes[nearest][grey], np.uint8)
        found = decode_lossy(np.repeat(grey[..., None], 3, axis=2), np.repeat(values[:, None], 3, axis=1))
        table: Label = np.append(classes, np.full(256 - len(classes), IGNORE, np.uint8))
        return np.asarray(table[found], np.uint8)


def smeared_values(pictures: Sequence[Pixels]) -> list[int]:
    """The values that fill regions of these (h, w) masks, in ascending order; near black or white, 0 or 255."""
    grey = [one.astype(np.uint8) for one in pictures]
    found = find_colors(np.repeat(one[..., None], 3, axis=2) for one in grey)[:, 0].astype(int)
    histogram: npt.NDArray[np.int64] = sum(
        (np.bincount(one.ravel(), minlength=256) for one in grey), np.zeros(256, np.int64)
    )
    near = {value: histogram[max(0, value - SNAP) : value + SNAP + 1].sum() for value in found.tolist()}
    kept = [value for value, count in near.items() if count >= LEAST_SHARE * histogram.sum()]
    return sorted({0 if value <= SNAP else 255 if value >= 255 - SNAP else value for value in kept})
