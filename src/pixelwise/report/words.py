"""What an evaluation says, in sentences as a colleague would say them."""

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pixelwise import metrics
from pixelwise.report.pages import percent

if TYPE_CHECKING:  # these rooms load torch, which a report does not need
    import pixelwise.evaluation
    import pixelwise.evaluation.bootstrap

MODEL_NAMES = {"unet": "U-Net", "segnet": "SegNet"}
MOST_CONFUSED = 5  # pairs of classes that are named
CALIBRATED = 0.03  # calibration errors below are small
LEAST_PAIR = 1e-4  # of the counted pixels: rarer classes are left out of the most confused


class Confusion(NamedTuple):
    """Pixels of one class that are called another. share: of the true class's pixels, in [0, 1]."""

    truth: str
    called: str
    share: float
    pixels: int

    def __str__(self) -> str:
        return f"{percent(self.share, 0 if self.share >= 0.1 else 1)} of {self.truth} is called {self.called}"


def model_name(evaluation: "pixelwise.evaluation.Evaluation") -> str:
    """The network as its paper writes it."""
    return MODEL_NAMES.get(evaluation.conditions.model, evaluation.conditions.model)


def interval_of(evaluation: "pixelwise.evaluation.Evaluation") -> "pixelwise.evaluation.bootstrap.Interval | None":
    """The 95 % interval of mean IoU over the images; None from fewer than two, or where it is not defined."""
    if len(evaluation.images) < 2:
        return None
    found = evaluation.mean_iou_interval
    return None if math.isnan(found.low) else found


def summarize(
    evaluation: "pixelwise.evaluation.Evaluation", interval: "pixelwise.evaluation.bootstrap.Interval | None" = None
) -> str:
    """The evaluation in two sentences. interval: of its mean IoU, where that is known."""
    accuracy = metrics.pixel_accuracy(evaluation.counts)
    if math.isnan(accuracy):
        return "Nothing was counted: no pixel of this split has a class."
    ends = f", with a 95\u00a0% interval from {100 * interval.low:.1f} to {100 * interval.high:.1f}" if interval else ""
    first = (
        f"The {model_name(evaluation)} labels {percent(accuracy, 0)} of the pixels right; "
        f"its mean IoU is {percent(evaluation.mean_iou, 1 if interval else 0)}{ends}."
    )
    rest = "; ".join([*_extremes(evaluation), *_commonest_mistake(evaluation)])
    return f"{first} {rest[0].upper()}{rest[1:]}." if rest else first


def _extremes(evaluation: "pixelwise.evaluation.Evaluation") -> list[str]:
    """Best and worst classes among those that the split shows; two of each where there are four or more."""
    iou = metrics.iou(evaluation.counts)
    shown = [index for index in np.argsort(-iou, kind="stable") if evaluation.counts[index].sum()]
    count = min(2, len(shown) // 2)
    best, worst = shown[:count], shown[::-1][:count]
    names = evaluation.labels.names
    return [
        f"{word} at {' and '.join(names[index] for index in indices)}"
        for word, indices in (("best", best), ("worst", worst))
        if indices
    ]


def _commonest_mistake(evaluation: "pixelwise.evaluation.Evaluation") -> list[str]:
    wrong = _mistakes(evaluation.counts)
    if not wrong.any():
        return []
    truth, found = np.unravel_index(wrong.argmax(), wrong.shape)
    names, share = evaluation.labels.names, float(wrong.max() / wrong.sum())
    return [f"most often it takes {names[truth]} for {names[found]} ({percent(share, 0)} of its mistakes)"]


def _mistakes(counts: metrics.Counts) -> metrics.Counts:
    """The counts without the pixels that are right."""
    return counts * (1 - np.eye(len(counts), dtype=np.int64))


def most_confused(evaluation: "pixelwise.evaluation.Evaluation", count: int = MOST_CONFUSED) -> list[Confusion]:
    """The pairs of classes of which the largest share is mistaken; classes below 0.01 % of the pixels are left out."""
    counts, names = evaluation.counts, evaluation.labels.names
    wrong, pixels = _mistakes(counts), counts.sum(1, keepdims=True)
    share = np.where(pixels > LEAST_PAIR * counts.sum(), wrong / np.maximum(1, pixels), 0.0)
    order = np.argsort(-share, axis=None, kind="stable")[:count]
    places = zip(*np.unravel_index(order, share.shape), strict=True)
    return [
        Confusion(names[truth], names[called], float(share[truth, called]), int(wrong[truth, called]))
        for truth, called in places
        if share[truth, called]
    ]


def costs(evaluation: "pixelwise.evaluation.Evaluation") -> dict[int, float]:
    """Class index -> how much of the mean IoU is lost to it, the most first: (1 - IoU) / k, k classes in the mean.

    Classes that occur nowhere are in no mean and cost nothing (NaN); they come last. The costs and the mean add to 1.
    """
    lost = (1 - (iou := metrics.iou(evaluation.counts))) / max(1, int(np.isfinite(iou).sum()))
    return {int(index): float(lost[index]) for index in np.argsort(-lost, kind="stable")}


def calibration_in_words(reliability: metrics.Reliability) -> str:
    """How far the model may be believed, in sentences."""
    error = metrics.expected_calibration_error(reliability)
    gap = float((reliability.confidence.sum() - reliability.right.sum()) / reliability.pixels.sum())
    if error < CALIBRATED:
        meant = "its confidence can be taken at its word"
    elif abs(gap) < error / 2:
        meant = "it is too sure in some bins and not sure enough in others"
    else:
        meant = "it is surer than it is right" if gap > 0 else "it is right more often than it is sure"
    start = f"Confidence and accuracy differ by {100 * error:.1f} points on average (ECE): {meant}"
    if not (pixels := int(reliability.pixels[-1])):
        return f"{start}."
    share, sure, right = (
        percent(float(part))
        for part in (pixels / reliability.pixels.sum(), *(values[-1] / pixels for values in reliability[1:]))
    )
    return f"{start}. Of the surest pixels ({share} of all, {sure} sure on average) {right} are right."


def training_in_words(history: list[dict[str, float]]) -> str:
    """How long a training was."""
    last = history[-1] if history else {}
    parts = []
    if "step" in last:
        parts.append(f"{last['step']:,.0f} steps")
    if "epoch" in last:
        parts.append(f"{last['epoch']:.3g} passes over the data")
    if "seconds" in last:
        parts.append(duration(last["seconds"]))
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """A time span as one would say it.

    >>> duration(63), duration(3725), duration(9)
    ('1 min 3 s', '1 h 2 min', '9 s')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"
