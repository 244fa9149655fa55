"""An Evaluation and what led to it -> one HTML file that needs nothing else, not even a network."""

import math
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pixelwise import metrics
from pixelwise.data.files.images import read_image
from pixelwise.data.sampling import even_sample
from pixelwise.labels import Label
from pixelwise.report.figures import MOST_NUMBERED, drawing_uri, heat_map, learning_curves, photo_uri
from pixelwise.report.pages import percent, write_page

if TYPE_CHECKING:  # these rooms load torch, which a report does not need
    import pixelwise.evaluation
    import pixelwise.prediction

MOST_SAMPLES, SAMPLE_WIDTH = 6, 1024  # pictures of what the network said while it learnt; pixels
MODEL_NAMES = {"unet": "U-Net", "segnet": "SegNet"}

MEANINGS = {
    "mean IoU": "intersection over union, the mean over the classes",
    "mean Dice": "twice the overlap over the sum of both areas, the mean over the classes",
    "pixel accuracy": "share of all counted pixels that are right",
    "mean class accuracy": "share of each class's pixels that was found, the mean over the classes",
    "frequency-weighted IoU": "IoU, each class weighted by its share of the pixels",
}


@dataclass(frozen=True)
class Example:
    """One image of the gallery.

    segmentation: what the model saw. truth: (h, w) class indices, the ignore index where unlabelled.
    score: of this image. kind: whether it is shown among the best or the worst.
    """

    segmentation: "pixelwise.prediction.Segmentation"
    truth: Label
    score: "pixelwise.evaluation.ImageScore"
    kind: Literal["best", "worst"]


def choose_examples(evaluation: "pixelwise.evaluation.Evaluation", count: int = 4) -> tuple[list[str], list[str]]:
    """Names of the best images, the best first, and of the worst, the worst first; no image is in both.

    Sorted by each image's mean IoU; images without any labelled pixel (NaN) are left out. count: of each.
    """
    scored = [image for image in evaluation.images if not math.isnan(image.mean_iou)]
    names = [image.name for image in sorted(scored, key=lambda image: -image.mean_iou)]
    best = names[: min(count, (len(names) + 1) // 2)]
    worst = names[::-1][: min(count, len(names) - len(best))]
    return best, worst


def write_report(
    path: Path,
    *,
    evaluation: "pixelwise.evaluation.Evaluation",
    history: list[dict[str, float]],
    examples: Sequence[Example],
    facts: dict[str, str],
    command: str,
    samples: Sequence[Path] = (),
    remarks: Sequence[str] = (),
) -> None:
    """Writes report.html whole or not at all: pictures and style are in the file, it loads nothing from elsewhere.

    history: one row per validation ("step", "loss", "validation_mean_iou" in [0, 1], ...); may be empty.
    examples: images to show; may be empty. facts: label -> text, as a table. command: makes this report again.
    remarks: on the training, to be read. samples: pictures STEP.png of what the network said after that step.
    Raises UserError where the file cannot be written.
    """
    painted = evaluation.conditions.painted
    write_page(
        path,
        "report.html.j2",
        remarks=remarks,
        samples=painted_samples(samples),
        sample_panels=("photo", "truth", *(("painted", "read as classes") if painted else ("prediction",))),
        **_scores(evaluation),
        **_figures(evaluation, history, examples),
        conditions=evaluation.conditions,
        facts=facts,
        command=command,
    )


def write_painting_report(
    path: Path,
    *,
    model: str,
    data: str,
    history: list[dict[str, float]],
    samples: Sequence[Path],
    remarks: Sequence[str],
    facts: dict[str, str],
    command: str,
) -> None:
    """As `write_report`, for a model that paints photos: what it painted while it learnt, and no scores."""
    write_page(
        path,
        "painting.html.j2",
        model=model,
        data=data,
        curves=learning_curves(history),
        training=_training_in_words(history),
        remarks=remarks,
        samples=painted_samples(samples),
        sample_panels=("labels", "true photo", "painted"),
        facts=facts,
        command=command,
    )


def painted_samples(samples: Sequence[Path]) -> list[dict[str, Any]]:
    """Step and picture of at most six, evenly spread from the first to the last."""
    shown = even_sample(sorted(samples), MOST_SAMPLES)
    return [{"step": int(path.stem), "picture": photo_uri(read_image(path), SAMPLE_WIDTH)} for path in shown]


def _scores(evaluation: "pixelwise.evaluation.Evaluation") -> dict[str, Any]:
    per_class = evaluation.per_class()
    return {
        "model": _model_name(evaluation),
        "summary": summarize(evaluation),
        "overall": evaluation.scores(),
        "meanings": MEANINGS,
        "per_class": per_class,
        "undefined": any(math.isnan(value) for values in per_class.values() for value in values.values()),
    }


def _figures(
    evaluation: "pixelwise.evaluation.Evaluation", history: list[dict[str, float]], examples: Sequence[Example]
) -> dict[str, Any]:
    names = evaluation.labels.names
    return {
        "colors": dict(zip(names, evaluation.labels.colors, strict=True)),
        "curves": learning_curves(history),
        "training": _training_in_words(history),
        "heat": dict(zip(names, heat_map(evaluation.counts, names), strict=True)),
        "numbered": len(names) <= MOST_NUMBERED,
        "gallery": {
            kind: [_panels(example) for example in examples if example.kind == kind] for kind in ("worst", "best")
        },
    }


def _panels(example: Example) -> dict[str, Any]:
    found = example.segmentation
    return {
        "name": found.name,
        "score": example.score,
        "pictures": {
            "photo": photo_uri(found.image),
            "truth": drawing_uri(found.labels.colorize(example.truth)),
            "prediction": drawing_uri(found.labels.colorize(found.label)),
        },
    }


def summarize(evaluation: "pixelwise.evaluation.Evaluation") -> str:
    """The evaluation in two sentences, as a colleague would say it."""
    accuracy = metrics.pixel_accuracy(evaluation.counts)
    if math.isnan(accuracy):
        return "Nothing was counted: no pixel of this split has a class."
    first = (
        f"The {_model_name(evaluation)} labels {percent(accuracy, 0)} of the pixels right; "
        f"its mean IoU is {percent(evaluation.mean_iou, 0)}."
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
    wrong = evaluation.counts * (1 - np.eye(len(evaluation.labels), dtype=np.int64))
    if not wrong.any():
        return []
    truth, found = np.unravel_index(wrong.argmax(), wrong.shape)
    names, share = evaluation.labels.names, float(wrong.max() / wrong.sum())
    return [f"most often it takes {names[truth]} for {names[found]} ({percent(share, 0)} of its mistakes)"]


def _model_name(evaluation: "pixelwise.evaluation.Evaluation") -> str:
    return MODEL_NAMES.get(evaluation.conditions.model, evaluation.conditions.model)


def _training_in_words(history: list[dict[str, float]]) -> str:
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


def command_line() -> str:
    """The command line that is running, as one would type it again."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
