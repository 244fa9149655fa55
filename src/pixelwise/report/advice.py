"""What to do next, where the counts of an evaluation say so."""

import math
from typing import TYPE_CHECKING

import numpy as np

from pixelwise import metrics
from pixelwise.report.pages import percent
from pixelwise.report.words import costs

if TYPE_CHECKING:  # these rooms load torch, which a report does not need
    import pixelwise.evaluation
    import pixelwise.evaluation.bootstrap

MOST_COSTLY = 3  # classes that are named
LEAST_COST = 0.01  # of the mean IoU: a class that costs less is left in peace
RARE = 0.02  # of the pixels
ONE_SIDED = 0.05  # recall and precision that differ by less are alike
WIDE = 0.1  # an interval of mean IoU that is wider is said to be wide


def next_steps(
    evaluation: "pixelwise.evaluation.Evaluation", interval: "pixelwise.evaluation.bootstrap.Interval | None" = None
) -> list[str]:
    """Sentences, the most worthwhile first: the classes that cost most and why, labels to mend, images to add."""
    costly = [index for index, lost in costs(evaluation).items() if lost >= LEAST_COST]
    steps = [_about_class(evaluation, index) for index in costly[:MOST_COSTLY]]
    if evaluation.suspicious:
        steps.append("Look at the suspicious labels below before you train again: a wrong label is soon mended.")
    if interval and interval.high - interval.low > WIDE:
        points = 100 * (interval.high - interval.low)
        steps.append(
            f"The interval of the mean IoU is {points:.0f} points wide: measure on more than {len(evaluation.images)} "
            "images before you compare models."
        )
    return steps


def _about_class(evaluation: "pixelwise.evaluation.Evaluation", index: int) -> str:
    """Why a class costs, and what is usually done about that."""
    counts, name = evaluation.counts, evaluation.labels.names[index]
    share = float(counts[index].sum() / counts.sum())
    start = f"{name} costs {100 * costs(evaluation)[index]:.1f} points of mean IoU"
    if not share:
        return f"{start}: it occurs nowhere in this split, but is called. Measure it on images that show it."
    rare = f" It has only {percent(share)} of the pixels." if share < RARE else ""
    return f"{start}{_why(evaluation, index, rare)}"


def _why(evaluation: "pixelwise.evaluation.Evaluation", index: int, rare: str) -> str:
    counts = evaluation.counts
    recall, precision = (float(score(counts)[index]) for score in (metrics.recall, metrics.precision))
    found = f"{percent(recall, 0)} of its pixels are found{_mostly(evaluation, index, counts[index], 'is called')}"
    right = f"{percent(precision, 0)} of what is called so is right{_mostly(evaluation, index, counts[:, index], 'is')}"
    oftener = "Show it more often (rare_sampling in the recipe), or annotate more of it."
    if math.isnan(precision):
        return f": it is never called.{rare} {oftener}"
    if recall < precision - ONE_SIDED:
        return f", because it is missed: only {found}.{rare} {oftener}"
    if precision < recall - ONE_SIDED:
        drawn = "See below whether its labels are drawn too tight; if not, weigh rare classes less (class_balance)."
        return f", because it is called too often: only {right}.{rare} {drawn}"
    return f", missed as often as falsely called: {found}, and {right}.{rare}"


def _mostly(evaluation: "pixelwise.evaluation.Evaluation", index: int, pixels: np.ndarray, verb: str) -> str:
    """What the rest is, where one class makes up a third of it or more."""
    others = np.where(np.arange(len(pixels)) == index, 0, pixels)
    if not others.any() or 3 * others.max() < others.sum():
        return ""
    name = evaluation.labels.names[int(others.argmax())]
    return f" ({percent(float(others.max() / pixels.sum()), 0)} {verb} {name})"
