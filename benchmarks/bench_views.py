"""What it brings, and costs, when a model looks at a photo more than once or larger; results/views.json.

    python benchmarks/bench_views.py                    needs ../shared/data/camvid
    python benchmarks/bench_views.py NAME --keep-times  new weights of the same network: its scores alone

The models that ship label CamVid's validation images as `pixelwise evaluate MODEL camvid --flip --scales ...` does.
Times are from a photo in memory to its class indices, medians over all the images, the views taking turns.
"""

import json
import statistics
import sys
import time
from typing import Any

import numpy as np
import torch
from recorded import RESULTS, load
from ship import CAMVID, FILES, WARM

import pixelwise as pw
from pixelwise.data import Split
from pixelwise.machine import describe, reuse_memory
from pixelwise.metrics import confusion, mean_iou, pixel_accuracy
from pixelwise.prediction.labelling import label_images

VIEWS = {
    "once": pw.View(),
    "--flip": pw.View(flip=True),
    "--scales 1.25": pw.View(scales=(1.25,)),
    "--scales 1.5": pw.View(scales=(1.5,)),
    "--scales 1,1.5": pw.View(scales=(1, 1.5)),
    "--flip --scales 1,1.5": pw.View(flip=True, scales=(1, 1.5)),
}


def figures_of(model: pw.Model, photos: Split) -> dict[str, dict[str, Any]]:
    """Scores and times of every view of one model."""
    network, size, classes = model.bundle.network, model.bundle.size, len(model.labels)
    counts = {way: np.zeros((classes, classes), np.int64) for way in VIEWS}
    times: dict[str, list[float]] = {way: [] for way in VIEWS}
    for sample in photos:
        for way, view in VIEWS.items():
            began = time.perf_counter()
            [(label, _)] = label_images(network, [sample.image], size, view=view)
            times[way].append(1000 * (time.perf_counter() - began))
            counts[way] += confusion(sample.label, label, classes, ignore=model.labels.ignore)
    medians = {way: statistics.median(found[WARM:]) for way, found in times.items()}
    return {
        way: {
            "mean IoU": mean_iou(counts[way]),
            "pixel accuracy": pixel_accuracy(counts[way]),
            "ms per photo": round(medians[way], 2),
            "times as long": round(medians[way] / medians["once"], 2),
        }
        for way in VIEWS
    }


def rescored(name: str, photos: Split) -> dict[str, Any]:
    """What results/views.json holds, with the scores of one model anew."""
    before: dict[str, Any] = load("views")
    for way, found in figures_of(pw.load(str(FILES[name]), "cpu"), photos).items():
        before["figures"][name][way] |= {score: found[score] for score in ("mean IoU", "pixel accuracy")}
    return before


def measured(photos: Split) -> dict[str, Any]:
    """What results/views.json holds."""
    reuse_memory()
    models = {name: pw.load(str(file), "cpu") for name, file in FILES.items() if file.exists()}
    return {
        "what": f"{len(photos)} validation images of CamVid at 480x360, {len(VIEWS)} views in turns",
        "figures": {name: figures_of(model, photos) for name, model in models.items()},
        "environment": describe(torch.device("cpu")),
    }


def main() -> None:
    photos, words = pw.open_dataset(CAMVID).val, sys.argv[1:]
    found = rescored(words[0], photos) if words[1:] == ["--keep-times"] else measured(photos)
    (RESULTS / "views.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
