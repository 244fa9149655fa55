"""The largest mistakes of each class: regions of it that were missed, and regions that were falsely called it."""

from typing import Literal, NamedTuple

import cv2
import numpy as np

from pixelwise.labels import LabelMap
from pixelwise.report.crops import Box, Example, Mask, crops_of

MOST_CLASSES, OF_EACH = 20, 3  # classes and mistakes of each that are shown
SAME = 0.25  # IoU of two boxes from which on they are taken for one place
Kind = Literal["missed", "called"]


class Mistake(NamedTuple):
    """A region of one class that was missed, or falsely called it.

    rank: first its pixels away from its edge, so that no long thin border is the largest, then all its pixels. other:
    the class that most of it was called, or is. name: of the image. box: left, top, width and height in it. pictures:
    crops of it.
    """

    rank: tuple[int, int]
    kind: Kind
    other: str
    name: str
    box: Box
    pictures: dict[str, str]

    @property
    def pixels(self) -> int:
        """How many the region has."""
        return self.rank[1]


def with_mistakes(found: dict[int, list[Mistake]], example: Example) -> dict[int, list[Mistake]]:
    """The largest mistakes so far, with those of one more image: of each class at most one.

    found: class index -> mistakes, the largest first; at most three of each class are kept, and of the same mistake at
    the same place the largest.
    """
    return {index: _largest(mistakes, example, index) for index, mistakes in found.items()}


def _largest(mistakes: list[Mistake], example: Example, index: int) -> list[Mistake]:
    """The three largest. A mask with fewer pixels than the third has inside cannot hold a larger one."""
    least = mistakes[-1].rank if len(mistakes) == OF_EACH else (-1, 0)
    masks = {kind: mask for kind, mask in _wrong(example, index).items() if mask.sum() > least[0]}
    regions = [(*region, kind) for kind, mask in masks.items() if (region := largest_region(mask))]
    if not regions or max(regions, key=lambda region: region[0])[0] <= least:
        return mistakes
    rank, box, mask, kind = max(regions, key=lambda region: region[0])
    segmentation = example.segmentation
    mistake = Mistake(
        rank,
        kind,
        _commonest((segmentation.label if kind == "missed" else example.truth)[mask], segmentation.labels),
        segmentation.name,
        box,
        crops_of(example, box, mask),
    )
    kept: list[Mistake] = []
    for one in sorted([*mistakes, mistake], key=lambda one: one.rank, reverse=True):
        if not any(_alike(one, larger) for larger in kept):
            kept.append(one)
    return kept[:OF_EACH]


def _alike(one: Mistake, other: Mistake) -> bool:
    """Whether two images show the same mistake at the same place, as frames of a film do."""
    overlap = 1
    for start, length in ((0, 2), (1, 3)):
        ends = (mistake.box[start] + mistake.box[length] for mistake in (one, other))
        overlap *= max(0, min(ends) - max(one.box[start], other.box[start]))
    areas = sum(mistake.box[2] * mistake.box[3] for mistake in (one, other))
    return (one.kind, one.other) == (other.kind, other.other) and overlap >= SAME * (areas - overlap)


def _wrong(example: Example, index: int) -> dict[Kind, Mask]:
    found, truth = example.segmentation, example.truth
    true, called, counted = truth == index, found.label == index, truth != found.labels.ignore
    return {"missed": true & ~called, "called": called & ~true & counted}


def largest_region(mask: Mask) -> tuple[tuple[int, int], Box, Mask] | None:
    """Of the pixels that touch each other: how many away from the edge and in all, their box, and which they are.

    None where the mask is empty.

    >>> region = largest_region(np.array([[1, 0, 0, 0], [0, 0, 1, 1]], bool))
    >>> region[:2], region[2].astype(int).tolist()
    (((0, 2), (2, 1, 2, 1)), [[0, 0, 0, 0], [0, 0, 1, 1]])
    """
    whole = mask.astype(np.uint8)
    number, regions, boxes, _ = cv2.connectedComponentsWithStats(whole, connectivity=8)
    if number == 1:  # the background alone
        return None
    inside = cv2.erode(whole, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=(0,))
    inner = np.bincount(regions[inside > 0], minlength=number)
    best = 1 + int(np.lexsort((boxes[1:, cv2.CC_STAT_AREA], inner[1:]))[-1])
    left, top, width, height, pixels = (int(value) for value in boxes[best])
    return (int(inner[best]), pixels), (left, top, width, height), regions == best


def _commonest(classes: np.ndarray, labels: LabelMap) -> str:
    return labels.names[int(np.bincount(classes).argmax())]
