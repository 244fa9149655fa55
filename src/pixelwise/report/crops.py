"""A part of an image, three times: the photo with an outline, the truth, the prediction."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from pixelwise.data.dataset import Image
from pixelwise.data.files.images import as_rgb, size_within
from pixelwise.labels import Label
from pixelwise.report.figures import drawing_uri, photo_uri

if TYPE_CHECKING:  # loads torch, which a report does not need
    import pixelwise.prediction.segmentation

Box = tuple[int, int, int, int]
Mask = npt.NDArray[np.bool_]

WIDTH = 320  # pixels of a crop's longer side in the report
SHAPE = 4 / 3  # its width over its height
AROUND = 1.8  # how much larger than the box a crop is
LEAST = 6  # a crop is at least a sixth of the image


@dataclass(frozen=True)
class Example:
    """An image that a report shows. segmentation: what the model saw. truth: (h, w) class indices or the ignore index.

    The name of the segmentation is that of the image in the evaluation.
    """

    segmentation: "pixelwise.prediction.segmentation.Segmentation"
    truth: Label


def crops_of(example: Example, box: Box, outlined: Mask) -> dict[str, str]:
    """What a picture shows -> its data URI. box: left, top, width, height. outlined: (h, w), drawn on the photo."""
    found = example.segmentation
    part = window(box, example.truth.shape)
    labels = {"truth": example.truth, "prediction": found.label}
    return {
        "photo": photo_uri(_outlined(as_rgb(np.ascontiguousarray(found.image[part])), outlined[part]), WIDTH),
        **{what: drawing_uri(_enlarged(found.labels.colorize(label[part])), WIDTH) for what, label in labels.items()},
    }


def window(box: Box, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns around a box, as wide to its height as 4 to 3, as far as the image has them.

    >>> window((90, 40, 10, 10), (60, 120))
    (slice(36, 54, None), slice(83, 107, None))
    """
    (left, top, width, height), (rows, columns) = box, shape
    wide = max(AROUND * width, AROUND * height * SHAPE, columns / LEAST, SHAPE * rows / LEAST)
    return _span(top + height / 2, wide / SHAPE, rows), _span(left + width / 2, wide, columns)


def _span(middle: float, length: float, limit: int) -> slice:
    whole = min(limit, max(1, round(length)))
    start = min(max(0, round(middle - whole / 2)), limit - whole)
    return slice(start, start + whole)


def _enlarged(image: Image) -> Image:
    """A crop with sharp pixels, so that small ones are as large as others."""
    return np.asarray(
        cv2.resize(image, size_within(image, WIDTH, grow=True), interpolation=cv2.INTER_NEAREST), np.uint8
    )


def _outlined(photo: Image, mask: Mask) -> Image:
    """An enlarged crop with the mask's outline, white on black, so that it shows on every photo."""
    size = size_within(photo, WIDTH, grow=True)
    drawn = cv2.resize(photo, size, interpolation=cv2.INTER_CUBIC if size[0] > photo.shape[1] else cv2.INTER_AREA)
    enlarged = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    lines, _ = cv2.findContours(enlarged, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    for color, thickness in ((0, 4), (255, 2)):
        cv2.drawContours(drawn, lines, -1, (color, color, color), thickness, cv2.LINE_AA)
    return np.asarray(drawn, np.uint8)
