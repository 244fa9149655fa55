"""An Evaluation and what led to it -> one HTML file that needs nothing else, not even a network."""

import base64
import math
import shlex
import sys
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from pixelwise.data.files.images import read_image
from pixelwise.data.sampling import even_sample
from pixelwise.report.advice import next_steps
from pixelwise.report.crops import Example
from pixelwise.report.figures import MOST_NUMBERED, heat_map, learning_curves, photo_uri
from pixelwise.report.pages import percent, write_page
from pixelwise.report.pictures import pictures_of
from pixelwise.report.reliability import draw_reliability
from pixelwise.report.words import (
    calibration_in_words,
    costs,
    interval_of,
    model_name,
    most_confused,
    summarize,
    training_in_words,
)

if TYPE_CHECKING:  # loads torch, which a report does not need
    import pixelwise.evaluation

SCRIPT = Path(__file__).with_name("report.js")
MOST_SAMPLES, SAMPLE_WIDTH = 6, 1024  # pictures of what the network said while it learnt; pixels

MEANINGS = {
    "mean IoU": "intersection over union, the mean over the classes",
    "mean Dice": "twice the overlap over the sum of both areas, the mean over the classes",
    "pixel accuracy": "share of all counted pixels that are right",
    "mean class accuracy": "share of each class's pixels that was found, the mean over the classes",
    "frequency-weighted IoU": "IoU, each class weighted by its share of the pixels",
    "Cohen's kappa": "how far it is above what chance would get right",
    "mean boundary IoU": "IoU of the bands along the edges of what is seen, the mean over the classes",
    "calibration error": "how far its confidence is from how often it is right; the lower the better",
}

COLUMNS = ("Dice", "precision", "recall", "boundary IoU")  # of the table of classes, where they were counted


def write_report(
    path: Path,
    *,
    evaluation: "pixelwise.evaluation.Evaluation",
    history: list[dict[str, float]],
    examples: Iterable[Example],
    facts: dict[str, str],
    command: str,
    samples: Sequence[Path] = (),
    remarks: Sequence[str] = (),
) -> None:
    """Writes report.html whole or not at all: pictures and style are in the file, it loads nothing from elsewhere.

    history: one row per validation ("step", "loss", "validation_mean_iou" in [0, 1], ...); may be empty.
    examples: the images of `shown_images`, taken one by one; may be empty. facts: label -> text, as a table.
    command: makes this report again. remarks: on the training, to be read. samples: pictures STEP.png of what the
    network said after that step.
    Raises UserError where the file cannot be written.
    """
    painted = evaluation.conditions.painted
    script = SCRIPT.read_text(encoding="utf-8")
    write_page(
        path,
        "report.html.j2",
        remarks=remarks,
        samples=painted_samples(samples),
        sample_panels=("photo", "truth", *(("painted", "read as classes") if painted else ("prediction",))),
        **_scores(evaluation),
        **_figures(evaluation, history),
        **pictures_of(evaluation, examples),
        conditions=evaluation.conditions,
        script=Markup(script),  # ours: the page runs no other, whatever names the data has
        script_hash=base64.b64encode(sha256(script.encode()).digest()).decode(),
        facts=_facts(evaluation) | facts,
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
        training=training_in_words(history),
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
    per_class, interval = evaluation.per_class(), interval_of(evaluation)
    return {
        "model": model_name(evaluation),
        "summary": summarize(evaluation, interval),
        "interval": interval,
        "steps": next_steps(evaluation, interval),
        "overall": evaluation.scores(),
        "meanings": MEANINGS,
        "classes": _by_cost(evaluation),
        "columns": [name for name in COLUMNS if name in next(iter(per_class.values()))],
        "undefined": any(math.isnan(value) for values in per_class.values() for value in values.values()),
    }


def _facts(evaluation: "pixelwise.evaluation.Evaluation") -> dict[str, str]:
    """What was looked at."""
    images = evaluation.images
    ignored = sum(image.ignored for image in images) / max(1, len(images))
    return {
        "evaluated on": f"{evaluation.conditions.split} split, {len(images)} image{'s' * (len(images) != 1)}",
        "pixels": f"{evaluation.counts.sum():,} counted; {percent(ignored)} of an image ignored on average",
    }


def _by_cost(evaluation: "pixelwise.evaluation.Evaluation") -> dict[str, dict[str, float]]:
    """The table of classes, the costliest first."""
    per_class, names = evaluation.per_class(), evaluation.labels.names
    return {names[index]: {"cost": lost} | per_class[names[index]] for index, lost in costs(evaluation).items()}


def _figures(evaluation: "pixelwise.evaluation.Evaluation", history: list[dict[str, float]]) -> dict[str, Any]:
    names, reliability = evaluation.labels.names, evaluation.reliability
    return {
        "colors": dict(zip(names, evaluation.labels.colors, strict=True)),
        "curves": learning_curves(history),
        "training": training_in_words(history),
        "heat": dict(zip(names, heat_map(evaluation.counts, names), strict=True)),
        "numbered": len(names) <= MOST_NUMBERED,
        "confused": most_confused(evaluation),
        "diagram": draw_reliability(reliability) if reliability else None,
        "calibration": calibration_in_words(reliability) if reliability else "",
    }


def command_line() -> str:
    """The command line that is running, as one would type it again."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
