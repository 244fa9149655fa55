"""From the mask as annotated to the label: class indices, with the ignore index where nobody knows."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pixelwise.data.files.images import Pixels
from pixelwise.data.masks.lossy import decode_clean, decode_lossy
from pixelwise.errors import DataError
from pixelwise.labels import Label, LabelMap


class Decoder(Protocol):
    """How the masks of one dataset become labels."""

    def __call__(self, mask: Pixels, path: Path) -> Label: ...


@dataclass(frozen=True)
class IndexMask:
    """Masks whose pixel values name the class.

    values: (value, class) pairs; none where value ``v`` is class ``v``. ignored: values that are ignored, even where
    one is a class. channel: of a colour image that holds the values, 0 for the red one of CARLA's masks.

    >>> decode = IndexMask(2, ignored=(255,))
    >>> decode(np.array([[0, 1, 255]], np.uint8), Path("mask.png")).tolist()
    [[0, 1, 255]]
    >>> decode(np.array([[7]], np.uint8), Path("mask.png"))
    Traceback (most recent call last):
    pixelwise.errors.DataError: mask.png: pixel value 7 is not one of the 2 classes (0-1); correct the mask, or list 7 \
under `ignore` in dataset.yaml if it marks unlabelled pixels
    """

    classes: int
    ignored: tuple[int, ...]
    values: tuple[tuple[int, int], ...] = ()
    channel: int | None = None

    def __call__(self, mask: Pixels, path: Path) -> Label:
        if self.channel is not None and mask.ndim == 3:
            mask = mask[..., self.channel]
        if mask.ndim != 2:
            what = "is a colour image, but the other masks hold class indices"
            raise DataError(path, what, "convert it", "mixed mask types")
        label = self._table[mask]
        if (label < 0).any():
            value = int(mask[label < 0][0])
            raise DataError(
                path,
                f"pixel value {value} is not one of the {self.classes} classes ({self._known})",
                f"correct the mask, or list {value} under `ignore` in dataset.yaml if it marks unlabelled pixels",
                "unknown value",
            )
        return label.astype(np.uint8)

    @cached_property
    def _table(self) -> npt.NDArray[np.int16]:
        table = np.full(65536, -1, np.int16)
        for value, index in self.values or enumerate(range(self.classes)):
            table[value] = index
        table[list(self.ignored)] = 255
        return table

    @property
    def _known(self) -> str:
        return ", ".join(str(value) for value, _ in self.values) or f"0-{self.classes - 1}"


@dataclass(frozen=True)
class ColorMask:
    """Masks whose colours name the class; other colours are ignored.

    lossy: whether they were saved as JPEG or shrunk; mixtures of colours are then told by the regions beside them.

    >>> decode = ColorMask(LabelMap(("road", "car"), ((128, 64, 128), (0, 0, 142))))
    >>> decode(np.array([[[0, 0, 142], [9, 9, 9]]], np.uint8), Path("mask.png")).tolist()
    [[1, 255]]
    """

    labels: LabelMap
    lossy: bool = False

    def __post_init__(self) -> None:
        self.labels.check_colors_differ()

    def __call__(self, mask: Pixels, path: Path) -> Label:
        if mask.ndim != 3:
            what = "holds class indices, but the other masks are colour images"
            raise DataError(path, what, "convert it", "mixed mask types")
        decode = decode_lossy if self.lossy else decode_clean
        return decode(mask.astype(np.uint8, copy=False), self._colors)

    @cached_property
    def _colors(self) -> npt.NDArray[np.uint8]:
        return np.array(self.labels.colors, np.uint8)
