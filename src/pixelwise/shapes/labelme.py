"""A label as labelme's polygons, so that a person can correct it there.

labelme fills a polygon as Pillow does, with the pixels that its outline passes, so these outlines run through the
centres of the outermost pixels. It has no holes, and paints later shapes over earlier ones: a region is drawn filled,
before all that lies in its holes.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from jaxtyping import Int
from PIL import Image as Pillow

from pixelwise.data.dataset import Image
from pixelwise.data.layouts.labelme import IGNORED
from pixelwise.errors import UserError
from pixelwise.files import replacing
from pixelwise.labels import LabelMap
from pixelwise.shapes.tracing import LabelArray

VERSION = "5.2.0"  # of the format
FEWEST = 3  # points of labelme's polygons


class _Shape(NamedTuple):
    """A region with its holes filled. pixels: how many that are."""

    value: int
    points: Int[np.ndarray, "n 2"]
    pixels: float


def to_labelme(label: LabelArray, labels: LabelMap, *, photo: str, simplify: int | float = 0.0) -> dict[str, Any]:
    """The content of labelme's JSON file; without ``simplify``, labelme and we read exactly this label from it.

    label: (h, w) class indices. photo: the name of its file, beside the JSON. simplify: pixels that an outline may be
    off (Douglas-Peucker); 1 makes far fewer points to drag, but leaves gaps between regions, which are unlabelled.

    >>> labels = LabelMap(("road", "car"), ((128, 64, 128), (0, 0, 142)))
    >>> content = to_labelme(np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]], np.uint8), labels, photo="a.png")
    >>> [(shape["label"], shape["points"]) for shape in content["shapes"]]
    [('road', [[0, 0], [0, 2], [2, 2], [2, 0]]), ('car', [[1, 1], [1, 1], [1, 1]])]
    """
    drawn = [shape for value in np.unique(label).tolist() for shape in _shapes(label, value, simplify)]
    height, width = label.shape
    return {
        "version": VERSION,
        "flags": {},
        "shapes": [_written(shape, labels) for shape in sorted(drawn, key=lambda shape: -shape.pixels)],
        "imagePath": photo,
        "imageData": None,
        "imageHeight": height,
        "imageWidth": width,
    }


def _shapes(label: LabelArray, value: int, simplify: int | float) -> list[_Shape]:
    """The regions of one class, of pixels joined at their sides, so that none lies half in another's hole."""
    number, regions, boxes, _ = cv2.connectedComponentsWithStats((label == value).view(np.uint8), connectivity=4)
    found = []
    for region in range(1, number):
        left, top, width, height = boxes[region, :4].tolist()
        mask = (regions[top : top + height, left : left + width] == region).view(np.uint8)
        [outline], _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(left, top))
        points = cv2.approxPolyDP(outline, float(simplify), closed=True) if simplify else outline
        found.append(_Shape(value, points[:, 0], _pixels(outline)))
    return found


def _pixels(outline: Int[np.ndarray, "n 1 2"]) -> float:
    """How many pixels an outline through pixels' centres encloses, itself included (Pick's theorem)."""
    steps = np.abs(outline[:, 0] - np.roll(outline[:, 0], 1, axis=0)).max(axis=1).sum()
    return float(cv2.contourArea(outline) + steps / 2 + 1)


def _written(shape: _Shape, labels: LabelMap) -> dict[str, Any]:
    points = shape.points.tolist()
    return {
        "label": labels.names[shape.value] if shape.value < len(labels) else IGNORED,
        "points": points + points[:1] * (FEWEST - len(points)),
        "group_id": None,
        "shape_type": "polygon",
        "flags": {},
    }


def write_labelme(
    folder: Path, image: Image, label: LabelArray, labels: LabelMap, *, name: str, simplify: int | float = 0.0
) -> Path:
    """Writes NAME.json, the photo NAME.png and labels.txt, labelme's list of classes, and returns the JSON's path.

    image: (h, w, 1 or 3) uint8. Others as of `to_labelme`. Files of these names are replaced.
    Raises UserError where the photo cannot be a PNG, or the folder cannot be written.
    """
    if image.shape[2] not in {1, 3}:
        raise UserError(f"{name}: has {image.shape[2]} channels, which labelme cannot show; give 1 or 3")
    content = to_labelme(label, labels, photo=f"{name}.png", simplify=simplify)
    with replacing(folder / f"{name}.png") as path:
        Pillow.fromarray(image[..., 0] if image.shape[2] == 1 else image).save(path)
    with replacing(folder / "labels.txt") as path:
        path.write_text("".join(f"{one}\n" for one in (IGNORED, *labels.names)), encoding="utf-8")
    with replacing(folder / f"{name}.json") as path:
        path.write_text(json.dumps(content), encoding="utf-8")
    return folder / f"{name}.json"
