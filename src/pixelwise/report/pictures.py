"""The pictures of a report, made from one image after another: none is kept longer than its own turn."""

import json
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from pixelwise import metrics
from pixelwise.data.dataset import Image
from pixelwise.report.choosing import MOST_SUSPICIOUS, choose_examples
from pixelwise.report.crops import Example, crops_of
from pixelwise.report.figures import drawing_uri, photo_uri
from pixelwise.report.mistakes import MOST_CLASSES, Mistake, with_mistakes
from pixelwise.report.thumbnails import HATCH
from pixelwise.report.words import costs

if TYPE_CHECKING:  # loads torch, which a report does not need
    import pixelwise.evaluation

WIDTH = 640  # pixels of a picture of the gallery, at most
BORDER = 3  # pixels; a mistake as near to a true border is a matter of where that lies
SURE = 0.9  # confidence from which on a mistake is said to be sure
# Kind of pixel -> RGB and opacity over the photo, and what it is called.
ERRORS = {
    "right": ((0, 0, 0, 165), "right"),
    "border": ((255, 214, 92, 255), f"wrong within {BORDER} pixels of a true border"),
    "doubt": ((240, 120, 32, 255), f"wrong, the model less than {SURE:.0%} sure".replace("%", "\u00a0%")),
    "sure": ((232, 30, 110, 255), f"wrong, the model {SURE:.0%} sure or more".replace("%", "\u00a0%")),
    "ignored": ((112, 112, 112, 235), "ignored, not counted"),
    "hatch": ((150, 150, 150, 235), ""),
}


def pictures_of(evaluation: "pixelwise.evaluation.Evaluation", examples: Iterable[Example]) -> dict[str, Any]:
    """What the templates show: the "gallery", the "mistakes" of each class, and the "suspicious" labels."""
    results = {image.name: image for image in evaluation.images}
    kinds = {name: kind for kind, names in choose_examples(evaluation).items() for name in names}
    mistakes: dict[int, list[Mistake]] = {index: [] for index in list(costs(evaluation))[:MOST_CLASSES]}
    suspects, gallery = list(evaluation.suspicious[:MOST_SUSPICIOUS]), {}
    crops: dict[int, dict[str, str]] = {}
    for example in examples:
        name = example.segmentation.name
        gallery[name] = _shown(example, results[name], kinds.get(name, ""))
        mistakes = with_mistakes(mistakes, example)
        crops |= {place: _suspect(example, one) for place, one in enumerate(suspects) if one.name == name}
    names = evaluation.labels.names
    return {
        "gallery": [gallery[name] for name in dict.fromkeys([*kinds, *gallery]) if name in gallery],
        "mistakes": {names[index]: shown for index, shown in mistakes.items() if shown},
        "suspicious": [
            {"region": one, "truth": names[one.truth], "called": names[one.predicted], "pictures": crops.get(place, {})}
            for place, one in enumerate(suspects)
        ],
        "errors": {kind: (color, words) for kind, (color, words) in ERRORS.items() if words},
    }


def _shown(example: Example, result: "pixelwise.evaluation.ImageResult", kind: str) -> dict[str, Any]:
    found = example.segmentation
    iou = [None if math.isnan(value) else round(100 * float(value), 1) for value in metrics.iou(result.counts)]
    return {
        "name": found.name,
        "kind": kind,
        "result": result,
        "iou": json.dumps(iou, separators=(",", ":")),
        "size": found.image.shape[1::-1],
        "pictures": {
            "photo": photo_uri(found.image, WIDTH),
            "truth": drawing_uri(found.labels.colorize(example.truth), WIDTH),
            "prediction": drawing_uri(found.labels.colorize(found.label), WIDTH),
            "mistakes": drawing_uri(error_map(example), WIDTH),
        },
    }


def error_map(example: Example) -> Image:
    """(h, w, 4) RGB and opacity, to lie over the photo: right pixels darkened, wrong ones coloured by kind."""
    found, truth = example.segmentation, example.truth
    ignored = truth == found.labels.ignore
    wrong = (truth != found.label) & ~ignored
    down, across = np.ogrid[: truth.shape[0], : truth.shape[1]]
    masks = {
        "doubt": wrong,
        "sure": wrong & (found.confidence >= SURE),
        "border": wrong & metrics.near_boundary(truth, BORDER, ignore=found.labels.ignore),
        "ignored": ignored,
        "hatch": ignored & ((down + across) // HATCH % 2 == 1),
    }
    drawn = np.full((*truth.shape, 4), ERRORS["right"][0], np.uint8)
    for kind, mask in masks.items():
        drawn[mask] = ERRORS[kind][0]
    return drawn


def _suspect(example: Example, region: "pixelwise.evaluation.Region") -> dict[str, str]:
    left, top, width, height = region.box
    inside = np.zeros(example.truth.shape, bool)
    inside[top : top + height, left : left + width] = True
    seen = (example.truth == region.truth) & (example.segmentation.label == region.predicted)
    return crops_of(example, region.box, inside & seen)
