"""Instance-level IoU of Cityscapes: each annotated person or vehicle weighs the same, however large it is seen.

Source: Cordts et al., "The Cityscapes Dataset for Semantic Urban Scene Understanding", CVPR 2016, section 4.1; the
sizes and all that the paper leaves open: evalPixelLevelSemanticLabeling.py of cityscapesScripts.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Integer

from pixelwise.errors import UserError
from pixelwise.labels import CITYSCAPES_LABELS, IGNORE
from pixelwise.metrics.confusion import confusion
from pixelwise.metrics.division import PerClass, divide

# Pixels of an average instance in the training images.
AVERAGE_SIZES = {
    "person": 3462.4756337644,
    "rider": 3930.4788056518,
    "car": 12794.0202738185,
    "truck": 27855.1264367816,
    "bus": 35732.1511111111,
    "train": 67583.7075812274,
    "motorcycle": 6298.7200839748,
    "bicycle": 4672.3249222261,
}
# What is scored, and the ids that a prediction may have there. Of a category these are those of the classes that are
# not evaluated too: a car that is called a trailer is a vehicle.
INSTANCE_CLASSES = {one.name: (one.id,) for one in CITYSCAPES_LABELS if one.name in AVERAGE_SIZES}
INSTANCE_CATEGORIES = {
    name: tuple(one.id for one in CITYSCAPES_LABELS if one.category == name) for name in ("human", "vehicle")
}
GROUPS = (*INSTANCE_CLASSES.values(), *INSTANCE_CATEGORIES.values())

IDS = len(CITYSCAPES_LABELS)  # from 0
EVALUATED = {one.id for one in CITYSCAPES_LABELS if one.train_id != IGNORE}
FIRST = 1000  # instances are numbered from 1000 x their id; up to it a value is an id, of a group or of what has none
SIZES = np.array([AVERAGE_SIZES.get(one.name, 0.0) for one in CITYSCAPES_LABELS])


class InstanceOverlap(NamedTuple):
    """Pixels for each of the INSTANCE_CLASSES, then of the INSTANCE_CATEGORIES; `total` adds several.

    found, missed: of the annotated instances, each pixel weighted by the average size of its class over the size of its
    instance. false: pixels of other evaluated classes that are predicted so; they belong to no instance and weigh 1.
    """

    found: Float64[np.ndarray, " groups"]
    missed: Float64[np.ndarray, " groups"]
    false: Float64[np.ndarray, " groups"]


def instance_overlap(
    label: Integer[np.ndarray, "h w"], predicted: Integer[np.ndarray, "_ _"], instances: Integer[np.ndarray, "_ _"]
) -> InstanceOverlap:
    """Counts one image.

    label, predicted: Cityscapes' ids, as in labelIds masks (24 = person). instances: as in instanceIds masks, 24000 and
    up for persons; values up to 1000 are no instances.
    Raises UserError where the shapes differ, or a value is no id.

    >>> label, instances = np.array([[7, 24, 24, 24]]), np.array([[7, 24000, 24001, 24001]])
    >>> overlap = instance_overlap(label, np.array([[24, 24, 24, 7]]), instances)
    >>> float(overlap.found[0] / AVERAGE_SIZES["person"]), float(overlap.missed[0] / AVERAGE_SIZES["person"])
    (1.5, 0.5)
    >>> overlap.false.tolist()
    [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    """
    if label.shape != instances.shape:
        raise UserError(f"the label is {label.shape} pixels but the instances {instances.shape}; they must be equal")
    if instances.size and instances.max() >= FIRST * IDS:
        raise UserError(f"the instance {instances.max()} is of none of Cityscapes' ids (0-{IDS - 1})")
    pixels = confusion(label, predicted, IDS, ignore=-1)
    of_instance = instances > FIRST
    numbers, place, sizes = np.unique(instances[of_instance], return_inverse=True, return_counts=True)
    ids, answers = numbers // FIRST, predicted[of_instance]
    weights = SIZES[ids] / sizes
    found, missed, false = np.zeros((3, len(GROUPS)))
    for index, group in enumerate(GROUPS):
        hits = np.bincount(place, np.isin(answers, group), len(numbers))
        inside = np.isin(ids, group)
        found[index] = (weights * hits)[inside].sum()
        missed[index] = (weights * (sizes - hits))[inside].sum()
        false[index] = pixels[np.ix_(sorted(EVALUATED - set(group)), group)].sum()
    return InstanceOverlap(found, missed, false)


def instance_iou(overlap: InstanceOverlap) -> PerClass:
    """iIoU of each of the INSTANCE_CLASSES, then of the INSTANCE_CATEGORIES, in [0, 1]; NaN where none occurs.

    >>> instance_iou(InstanceOverlap(np.array([3.0, 0.0]), np.array([1.0, 0.0]), np.array([2.0, 0.0])))
    array([0.5, nan])
    """
    return divide(overlap.found, overlap.found + overlap.missed + overlap.false)
