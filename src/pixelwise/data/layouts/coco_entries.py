"""Samples of COCO's two kinds of annotation: objects drawn as polygons or run lengths, and panoptic PNG."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pixelwise.data.dataset import RGB, Format, Sample
from pixelwise.data.files.images import read_image, read_mask
from pixelwise.data.layouts.shapes import check_size, no_bad_shapes
from pixelwise.data.masks.polygons import Points, Runs, as_points, counted_runs, paint_shapes
from pixelwise.errors import DataError
from pixelwise.labels import IGNORE, Label


@dataclass(frozen=True)
class Instances:
    """A photo and the objects on it.

    source: the JSON file. shapes: [[class, segmentation], ...] as JSON text, which takes a tenth of the memory that
    Python's lists would. digest: of the shapes, for `repr`. height, width: those the shapes were drawn for, if known.
    unlabelled: the class of what no shape covers.
    """

    name: str
    image: Path
    source: Path
    shapes: bytes = field(repr=False)
    digest: str
    height: int | None
    width: int | None
    unlabelled: int
    format: Format = RGB

    @property
    def files(self) -> tuple[Path, ...]:
        """The photo; its shapes are in memory."""
        return (self.image,)

    def read(self) -> Sample:
        """Raises UserError where the photo is damaged or of another size, or a shape makes no sense."""
        image = read_image(self.image, self.format)
        check_size(self.image, image, self.height, self.width)
        height, width = image.shape[:2]
        with no_bad_shapes(self.image):
            shapes = ((value, list(_parts(drawn, height, width))) for value, drawn in json.loads(self.shapes))
            return Sample(image, paint_shapes(shapes, height, width, self.unlabelled), self.name)


def _parts(segmentation: object, height: int, width: int) -> Iterator[Points | Runs]:
    """The parts of one object, whose union it is: a list of polygons, or one "RLE"."""
    if isinstance(segmentation, dict):
        if segmentation.get("size") != [height, width]:
            raise ValueError("has run lengths for a photo of another size")
        yield counted_runs(segmentation.get("counts"), height, width)
    elif isinstance(segmentation, list):
        for polygon in segmentation:
            yield as_points(polygon, height, width)
    else:
        raise ValueError("is neither polygons nor run lengths")


@dataclass(frozen=True)
class Panoptic:
    """A photo and its panoptic PNG, of which every colour is the number R + 256 G + 65536 B of a segment; 0 is void.

    segments: (number, class) pairs. digest: of them, for `repr`.
    """

    name: str
    image: Path
    mask: Path
    segments: tuple[tuple[int, int], ...] = field(repr=False)
    digest: str
    format: Format = RGB

    @property
    def files(self) -> tuple[Path, ...]:
        """The photo and the PNG."""
        return (self.image, self.mask)

    def read(self) -> Sample:
        """Raises UserError where a file is damaged, the sizes differ, or the PNG has a segment that is not listed."""
        image, mask = read_image(self.image, self.format), read_mask(self.mask)
        check_size(self.mask, image, *mask.shape[:2])
        parts = np.array_split(mask, 1 + mask.size // 2**20)  # a number takes eight bytes: a part at a time
        return Sample(image, np.concatenate([self._label(_numbers(part)) for part in parts]), self.name)

    def _label(self, numbers: npt.NDArray[np.int64]) -> Label:
        known = np.array(sorted({(0, IGNORE), *self.segments}), np.int64)
        place = np.minimum(np.searchsorted(known[:, 0], numbers), len(known) - 1)
        if (known[place, 0] != numbers).any():
            what = "has a segment that the JSON file does not list"
            raise DataError(self.mask, what, "restore both from where they came", "unknown value")
        label: Label = known[:, 1].astype(np.uint8)[place]
        return label


def _numbers(mask: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    values = mask.astype(np.int64)
    return values if values.ndim == 2 else np.asarray(values @ np.array([1, 256, 65536]))
