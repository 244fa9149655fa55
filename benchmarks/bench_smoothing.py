"""What `predict film.mp4 --smooth` brings and costs; results/smoothing.json.

    python benchmarks/bench_smoothing.py        needs ../shared/data/camvid

CamVid's validation frames, one drive at 15 frames a second, are labelled by `street` in their order, once for each
weight of the smoothing; not as a film, so no frame has lost anything. Flicker is the share of pixels whose class
changes from one frame to the next; that of the truth is motion alone.
"""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from recorded import RESULTS

import pixelwise as pw
from pixelwise.machine import describe
from pixelwise.metrics import confusion, mean_iou, pixel_accuracy
from pixelwise.prediction.labelling import answers_to, labelled
from pixelwise.prediction.smoothing import Smoothing
from pixelwise.prediction.video import LEAST

CAMVID = Path(__file__).parents[2] / "shared" / "data" / "camvid"
WEIGHTS = (0.0, 0.25, 0.5, 0.7, 0.8)


def main() -> None:
    model, frames = pw.load("street", "cpu").bundle, pw.open_dataset(CAMVID).val
    smoothings = {weight: Smoothing(weight) for weight in WEIGHTS}
    labels: dict[float, list[np.ndarray]] = {weight: [] for weight in WEIGHTS}
    for frame in frames:
        [answer] = answers_to(model.network, [frame.image], model.size)
        with torch.inference_mode():
            shares = answer.softmax(1)
            for weight, smoothing in smoothings.items():
                smoothed = smoothing.add(shares, frame.image).clamp_min(LEAST).log()
                labels[weight].append(labelled(model.network, smoothed, frame.image.shape)[0])
    truths = [frame.label for frame in frames]
    found = {str(weight): scores(labels[weight], truths, len(model.labels)) for weight in WEIGHTS}
    result = {
        "frames": len(frames),
        "flicker of the truth": flicker(truths),
        "weights": found,
        "environment": describe(torch.device("cpu")),
    }
    (RESULTS / "smoothing.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


def scores(labels: list[np.ndarray], truths: list[np.ndarray], classes: int) -> dict[str, float]:
    counts = sum(confusion(truth, label, classes) for truth, label in zip(truths, labels, strict=True))
    return {"flicker": flicker(labels), "mean IoU": mean_iou(counts), "pixel accuracy": pixel_accuracy(counts)}


def flicker(labels: list[np.ndarray]) -> float:
    return float(np.mean([np.mean(one != other) for one, other in pairwise(labels)]))


if __name__ == "__main__":
    main()
