"""Classes merged into categories, such as car and bus into vehicle: what is mixed up inside one costs nothing.

Source: the category scores of Cityscapes, Cordts et al., "The Cityscapes Dataset for Semantic Urban Scene
Understanding", CVPR 2016; getIouScoreForCategory in its evaluation script.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int64

from pixelwise.errors import UserError
from pixelwise.metrics.confusion import Counts
from pixelwise.metrics.scores import iou


def category_counts(counts: Counts, groups: Sequence[int]) -> Int64[np.ndarray, "g g"]:
    """The confusion matrix of categories, from that of classes.

    groups: the category of every class, 0 and up; -1 = in no category. True pixels of a class in no category are
    dropped. A prediction of such a class is a miss for the true pixel's category and no other's false alarm: it
    counts in an additional last column "in no category", whose row is 0; there is no such column without a -1.
    Raises UserError where groups has not one entry for every class.

    >>> counts = np.array([[5, 1, 2], [1, 5, 0], [0, 0, 7]])
    >>> category_counts(counts, [0, 0, 1])
    array([[12,  2],
           [ 0,  7]])
    >>> category_counts(counts, [0, 1, -1])
    array([[5, 1, 2],
           [1, 5, 0],
           [0, 0, 0]])
    """
    if len(groups) != len(counts) or min(groups) < -1:
        raise UserError(f"groups is {list(groups)}; give each of the {len(counts)} classes a category from 0 up, or -1")
    categories = max(groups) + 1
    places = [group if group >= 0 else categories for group in groups]
    member = np.eye(max(places) + 1, dtype=np.int64)[places]  # (classes, categories)
    merged = member.T @ counts @ member
    merged[categories:] = 0
    return np.asarray(merged)


def category_iou(counts: Counts, groups: Sequence[int]) -> Float[np.ndarray, " g"]:
    """IoU per category, in [0, 1]; NaN where a category occurs in neither truth nor prediction.

    groups: as in `category_counts`. Where every class has a category it is `iou(category_counts(counts, groups))`.

    >>> counts = np.array([[5, 1, 2], [1, 5, 0], [0, 0, 7]])
    >>> category_iou(counts, [0, 1, -1])  # 5 / (5 + 1 + 2 + 1), 5 / (5 + 1 + 1)
    array([0.55555556, 0.71428571])
    """
    return iou(category_counts(counts, groups))[: max(groups) + 1]
