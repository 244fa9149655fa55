"""Are wrong annotations found? Some of CamVid's are made wrong on purpose; writes results/suspicious.json.

    python benchmarks/suspicious.py            needs ../shared/data/camvid

In the validation images, one in twenty of the annotated regions of 200 pixels or more becomes a random other class that
occurs in its image, and the shipped model looks for them. The annotations' own errors count as wrongly suspected. A
region points at the error that most of its pixels lie in; several may point at one. Recall counts each error once.
The way of scoring was chosen on the same images with other errors (seeds 100 to 109).
"""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

import pixelwise as pw
from pixelwise.evaluation.suspicious import Region, rank, suspicious_regions
from pixelwise.machine import describe, pick_device
from pixelwise.metrics import Counts, confusion, mean_iou
from pixelwise.prediction.labelling import label_images
from pixelwise.prediction.view import View
from pixelwise.progress import track

ROOT = Path(__file__).parents[1]
CAMVID = ROOT.parent / "shared" / "data" / "camvid"
MODEL, SHARE, LEAST = "street", 0.05, 200  # of the annotated regions; pixels
SEEDS, FIRST = (0, 1, 2, 3, 4), (10, 20, 50)

Classes = npt.NDArray[np.uint8]


class Answer(NamedTuple):
    """One image's annotation and what the model says."""

    name: str
    label: Classes
    predicted: Classes
    confidence: npt.NDArray[np.float32]


def annotated_regions(label: Classes, ignore: int) -> Iterator[npt.NDArray[np.bool_]]:
    """Pixels of one class that touch, as masks."""
    for one in np.unique(label[label != ignore]):
        _, ids, boxes, _ = cv2.connectedComponentsWithStats((label == one).view(np.uint8))
        yield from (ids == index for index in range(1, len(boxes)) if boxes[index, cv2.CC_STAT_AREA] >= LEAST)


def plant(labels: Sequence[Classes], share: float, ignore: int, seed: int) -> tuple[list[Classes], list[Any]]:
    """Labels with errors, and for each label where they are: (h, w) numbers from 1 on, 0 where there is none."""
    rng = np.random.default_rng(seed)
    places = [(index, mask) for index, label in enumerate(labels) for mask in annotated_regions(label, ignore)]
    wrong, errors = [label.copy() for label in labels], [np.zeros(label.shape, np.int64) for label in labels]
    for number, place in enumerate(rng.permutation(len(places))[: round(share * len(places))], 1):
        index, mask = places[place]
        here = labels[index]
        wrong[index][mask] = rng.choice(np.setdiff1d(here, [ignore, here[mask][0]]))
        errors[index][mask] = number
    return wrong, errors


def search(answers: Sequence[Answer], classes: int, ignore: int) -> tuple[list[Region], Counts]:
    """The regions of all images, and the split's confusion matrix."""
    regions, counts = [], np.zeros((classes, classes), np.int64)
    for answer in answers:
        regions += suspicious_regions(*answer[1:], name=answer.name, ignore=ignore)
        counts += confusion(answer.label, answer.predicted, classes, ignore=ignore)
    return regions, counts


def pointed_at(regions: Sequence[Region], answers: Sequence[Answer], errors: Sequence[Any]) -> npt.NDArray[np.int64]:
    """The number of the error that each region points at, 0 if it is none."""
    places = {answer.name: index for index, answer in enumerate(answers)}
    found = []
    for region in regions:
        answer, (left, top, width, height) = answers[places[region.name]], region.box
        box = np.s_[top : top + height, left : left + width]
        here = (answer.label[box] == region.truth) & (answer.predicted[box] == region.predicted)
        found.append(np.bincount(errors[places[region.name]][box][here]).argmax())
    return np.array(found, np.int64)


def scores(found: npt.NDArray[np.int64], planted: int) -> dict[str, float]:
    """Precision among the first regions, and recall among as many as there are errors, and twice as many."""
    precision = {f"precision at {k}": np.mean(found[:k] > 0) for k in FIRST}
    precision["precision at planted"] = np.mean(found[:planted] > 0)
    recall = {
        name: len(set(found[:many]) - {0}) / planted
        for name, many in (("planted", planted), ("2 planted", 2 * planted), ("all regions", len(found)))
    }
    both = precision | {f"recall at {many}": value for many, value in recall.items()}
    return {name: round(float(value), 3) for name, value in both.items()}


def planted_scores(answers: Sequence[Answer], classes: int, ignore: int, seed: int) -> dict[str, Any]:
    """How well the errors of one seed are found, ranked with and without the model's usual mistakes."""
    labels, errors = plant([answer.label for answer in answers], SHARE, ignore, seed)
    wrong = [answer._replace(label=label) for answer, label in zip(answers, labels, strict=True)]
    regions, counts = search(wrong, classes, ignore)
    planted = max(error.max() for error in errors)
    ways = {"ranked": rank(regions, counts), "by score alone": sorted(regions, key=lambda one: -one.score)}
    found = {way: scores(pointed_at(ordered, wrong, errors), planted) for way, ordered in ways.items()}
    return {"seed": seed, "planted": int(planted), "regions": len(regions), **found}


def summary(runs: Sequence[dict[str, Any]], way: str) -> dict[str, dict[str, float]]:
    """Mean and standard deviation over the seeds."""
    columns = {name: [run[way][name] for run in runs] for name in runs[0][way]}
    return {
        name: {"mean": round(float(np.mean(values)), 3), "deviation": round(float(np.std(values, ddof=1)), 3)}
        for name, values in columns.items()
    }


def main() -> None:
    if not CAMVID.is_dir():
        sys.exit("the real data is not beside the repository (../shared/data/camvid)")
    cv2.setNumThreads(1)
    model, data = pw.load(MODEL), pw.open_dataset(CAMVID)
    classes, ignore, bundle = len(data.labels), data.labels.ignore, model.bundle
    answers = [
        Answer(sample.name, sample.label, *label_images(bundle.network, [sample.image], bundle.size)[0])
        for sample in track(data.val, "labelling")
    ]
    began = time.perf_counter()
    unplanted, counts = search(answers, classes, ignore)
    seconds = time.perf_counter() - began
    runs = [planted_scores(answers, classes, ignore, seed) for seed in SEEDS]
    result = {
        "what": f"{SHARE:.0%} of the annotated regions of {LEAST} pixels or more made another class of their image",
        "model": MODEL,
        "conditions": f"{data.name}, val split, {len(answers)} images, {data.labels.ignore} ignored; {View()}",
        "mean IoU": round(mean_iou(counts), 4),
        "over the seeds": {way: summary(runs, way) for way in ("ranked", "by score alone")},
        "runs": runs,
        "most suspicious as annotated": [vars(region) for region in rank(unplanted, counts)[:20]],
        "milliseconds an image": round(1000 * seconds / len(answers), 1),
        "environment": describe(pick_device("cpu")),
    }
    (ROOT / "results" / "suspicious.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(", ".join(f"{name} {found['mean']:.2f}" for name, found in summary(runs, "ranked").items()))


if __name__ == "__main__":
    main()
