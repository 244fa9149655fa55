"""Suspicious annotations: regions where the model is sure of another class than the annotation.

Related: Northcutt, Jiang, Chuang, "Confident Learning", JAIR 2021, who compare annotated and predicted classes over the
whole set; Lad and Mueller, "Estimating label quality and errors in semantic segmentation data via any model", 2023, who
score whole images.

Score: pixels x odds of the confidence x how rare this confusion is elsewhere in the set. Found in CamVid's validation
images with one in twenty annotated regions made wrong (benchmarks/suspicious.py): the first 20 all are, and 95 % of the
first 50; among as many as were made wrong are 64 % of these (by pixels x odds alone 55 %). Of the first 20 that an
earlier, weaker model found in the images as they are, by eye, 4 were wrong annotations, 6 drawn loosely, and 10
mistakes of the model.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt
from jaxtyping import Float, UInt

from pixelwise.errors import UserError
from pixelwise.metrics import Counts

DOUBT = 0.01  # 1 - confidence is taken to be at least this, for models say 1.0 and are wrong


@dataclass(frozen=True)
class Region:
    """Pixels that touch, are all annotated as one class and all predicted as one other.

    name: of the image. box: left, top, width and height, in pixels of the label. truth, predicted: class indices.
    pixels: how many. confidence: the mean probability of the predicted class away from the region's edge, in [0, 1].
    score: the higher, the more suspicious; comparable within one answer only.
    """

    name: str
    box: tuple[int, int, int, int]
    truth: int
    predicted: int
    pixels: int
    confidence: float
    score: float


def suspicious_regions(
    label: UInt[np.ndarray, "h w"],
    predicted: UInt[np.ndarray, "_ _"],
    confidence: Float[np.ndarray, "_ _"],
    *,
    name: str = "",
    ignore: int = 255,
    rim: int = 3,
) -> list[Region]:
    """Where prediction and annotation of one image disagree, the highest score first.

    label, predicted: class indices. confidence: probability of the predicted class, in [0, 1]. Pixels whose label is
    ``ignore`` belong to no region. rim: in pixels; what a square with sides of 2 rim + 1 does not fit into is the usual
    disagreement along a border, and is left out. The score is pixels x odds of the confidence; `rank` goes on from it.
    Raises UserError where the shapes differ or ``rim`` is less than one.

    >>> label = np.zeros((16, 16), np.uint8)
    >>> predicted = label.copy()
    >>> predicted[4:12, 2:12] = 1
    >>> suspicious_regions(label, predicted, np.full((16, 16), 0.75), name="street")
    [Region(name='street', box=(2, 4, 10, 8), truth=0, predicted=1, pixels=80, confidence=0.75, score=240.0)]
    """
    if not label.shape == predicted.shape == confidence.shape:
        shapes = f"{label.shape}, {predicted.shape} and {confidence.shape}"
        raise UserError(f"label, prediction and confidence are {shapes} pixels; they must be equal")
    if rim < 1:
        raise UserError(f"rim is {rim}; it must be 1 pixel or more")
    inner = _inner(label, predicted, ignore, rim)
    number, regions, boxes, _ = cv2.connectedComponentsWithStats(inner.view(np.uint8), connectivity=8)
    if number == 1:  # the background alone
        return []
    where = regions[inner]
    whole = cv2.dilate(regions.astype(np.float32), _square(rim)).astype(np.int64)  # float32 counts to 16 million
    whole[inner] = where  # where two grow into each other, each keeps its own
    pixels = np.bincount(whole.ravel(), minlength=number)
    sure = np.bincount(where, weights=confidence[inner], minlength=number) / np.maximum(1, np.bincount(where))
    truths, answers = np.zeros((2, number), np.int64)
    truths[where], answers[where] = label[inner], predicted[inner]  # the same at every pixel of a region
    found = [
        Region(
            name,
            (int(left) - rim, int(top) - rim, int(width) + 2 * rim, int(height) + 2 * rim),
            int(truths[index]),
            int(answers[index]),
            int(pixels[index]),
            float(sure[index]),
            float(pixels[index] * sure[index] / max(DOUBT, 1 - sure[index])),
        )
        for index, (left, top, width, height, _) in enumerate(boxes)
        if index
    ]
    return _sorted(found)


def rank(regions: Iterable[Region], counts: Counts) -> list[Region]:
    """The regions of a whole split, the most suspicious first, with scores that allow for what the model mistakes.

    counts: the confusion matrix of the split, (k, k) pixels, rows = truth, columns = prediction. The score of a region
    annotated t and predicted c is divided by the share of t among all other pixels predicted c, and multiplied by the
    share of all other pixels annotated t that are not predicted c: what the model mistakes often, or nearly always, is
    its own error.

    >>> lane = Region("street", (0, 0, 20, 20), 1, 0, 400, 0.9, 3600.0)
    >>> tree = Region("street", (30, 0, 10, 10), 2, 0, 100, 0.9, 900.0)
    >>> counts = np.array([[9000, 0, 0], [900, 9000, 0], [100, 0, 9000]])
    >>> [region.truth for region in rank([lane, tree], counts)]
    [2, 1]
    """
    return _sorted(replace(region, score=region.score * _rarity(region, counts)) for region in regions)


def _rarity(region: Region, counts: Counts) -> float:
    """What `rank` multiplies a score by; every class counts one pixel more, so that no share is zero."""
    truth, predicted, classes = region.truth, region.predicted, len(counts)
    alike = max(0, int(counts[truth, predicted]) - region.pixels) + 1
    annotated = max(0, int(counts[truth].sum()) - region.pixels) + classes
    answered = max(0, int(counts[:, predicted].sum()) - region.pixels) + classes
    return (1 - alike / annotated) * answered / alike


def _sorted(regions: Iterable[Region]) -> list[Region]:
    return sorted(regions, key=lambda region: -region.score)


def _inner(
    label: UInt[np.ndarray, "h w"], predicted: UInt[np.ndarray, "h w"], ignore: int, rim: int
) -> npt.NDArray[np.bool_]:
    """Pixels that disagree and have the same two classes as all others within ``rim``, none of them off the image.

    Two that touch see each other, so they have the same classes too: what connects is one region.
    """
    wrong = ((label != predicted) & (label != ignore)).view(np.uint8)
    within = cv2.erode(wrong, _square(rim), borderType=cv2.BORDER_CONSTANT, borderValue=(0,))
    return np.asarray(within, bool) & _is_uniform(label, rim) & _is_uniform(predicted, rim)


def _is_uniform(classes: UInt[np.ndarray, "h w"], rim: int) -> npt.NDArray[np.bool_]:
    least, most = cv2.erode(classes, _square(rim)), cv2.dilate(classes, _square(rim))
    return np.asarray(least == most, bool)


def _square(rim: int) -> npt.NDArray[np.uint8]:
    return np.ones((2 * rim + 1, 2 * rim + 1), np.uint8)
