"""Which images a report shows: few enough to predict them again and to keep the file small."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from pixelwise.report.words import costs

if TYPE_CHECKING:  # loads torch, which a report does not need
    import pixelwise.evaluation

OF_EACH = 4  # images of the worst, the median and the best
MOST_SUSPICIOUS = 20  # annotations that are shown
MOST_IMAGES = 48  # in all
OF_EACH_CLASS = 3  # images in which a class's mistakes are looked for


def choose_examples(evaluation: "pixelwise.evaluation.Evaluation", count: int = OF_EACH) -> dict[str, list[str]]:
    """The names of the "worst" images, the worst first, those about the "median", and the "best", the best first.

    By each image's mean IoU; images without any labelled pixel (NaN) are left out, and none is shown twice: where
    there are few, first the median ones are fewer. count: of each.
    """
    scored = [image for image in evaluation.images if not math.isnan(image.mean_iou)]
    names = [image.name for image in sorted(scored, key=lambda image: -image.mean_iou)]
    best = names[: min(count, (len(names) + 1) // 2)]
    worst = names[::-1][: min(count, len(names) - len(best))]
    rest = names[len(best) : len(names) - len(worst)][::-1]
    start = max(0, (len(rest) - count) // 2)
    return {"worst": worst, "median": rest[start : start + count], "best": best}


def shown_images(evaluation: "pixelwise.evaluation.Evaluation") -> list[str]:
    """The names of all images that the report shows, each once.

    The examples, those with the most suspicious annotations, and those with the most mistakes of every class.
    """
    examples = [name for names in choose_examples(evaluation).values() for name in names]
    suspicious = [region.name for region in evaluation.suspicious[:MOST_SUSPICIOUS]]
    wanted = dict.fromkeys([*examples, *suspicious])
    for name in _mistaken(evaluation):
        if len(wanted) >= MOST_IMAGES:
            break
        wanted[name] = None
    return list(wanted)


def _mistaken(evaluation: "pixelwise.evaluation.Evaluation") -> Iterator[str]:
    """Of every class the image with the most wrong pixels of it, the costliest class first; then the next of each."""
    wrong = np.array([_wrong_pixels(image.counts) for image in evaluation.images])
    order = np.argsort(-wrong, axis=0, kind="stable")
    for place in range(min(OF_EACH_CLASS, len(wrong))):
        for index in costs(evaluation):
            image = order[place, index]
            if wrong[image, index]:
                yield evaluation.images[image].name


def _wrong_pixels(counts: np.ndarray) -> np.ndarray:
    """Per class, pixels of it that were missed and pixels that were falsely called it."""
    wrong: np.ndarray = counts.sum(0) + counts.sum(1) - 2 * np.diag(counts)
    return wrong
