"""What scoring costs beside predicting: 500 images of 512x1024 with 19 classes; writes results/bench_evaluation.json.

    python benchmarks/bench_evaluation.py      needs ../shared/data/cityscapes_pairs

Labels are those of 500 Cityscapes pairs, grown to 512x1024. What is scored is another image's labels in patches over
an image's own, with random confidences: as many regions and boundaries as a model that is right in most places. Timed
are the parts of `evaluate` that follow the prediction: counts, boundaries, calibration and suspicious regions. Beside
it the U-Net of the paper, width 64, labels some of the photos, turn by turn with the scoring.
"""

import json
import statistics
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from recorded import RESULTS

import pixelwise as pw
from pixelwise.evaluation.image_result import measure
from pixelwise.evaluation.suspicious import suspicious_regions
from pixelwise.labels import CITYSCAPES19
from pixelwise.machine import describe, reuse_memory
from pixelwise.models import build_network
from pixelwise.prediction.labelling import label_images

PAIRS = Path(__file__).parents[2] / "shared" / "data" / "cityscapes_pairs"
IMAGES, SIZE, PREDICTED = 500, (512, 1024), 5  # scored; height and width; labelled by the U-Net


def grown(values: np.ndarray, way: int) -> np.ndarray:
    return np.asarray(cv2.resize(values, SIZE[::-1], interpolation=way))


def patched(label: np.ndarray, other: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A prediction that is the other image's label in some round patches, and a confidence for every pixel."""
    rng = np.random.default_rng(seed)
    confidence = grown(rng.random((32, 64), dtype=np.float32), cv2.INTER_LINEAR)
    classes = np.where(confidence < 0.3, other, label)
    return np.where(classes == 255, 0, classes).astype(np.uint8), confidence


def main() -> None:
    reuse_memory()
    data = pw.open_dataset(PAIRS)
    samples = [*data.val, *data.train[: IMAGES - len(data.val)]]
    labels = [grown(sample.label, cv2.INTER_NEAREST) for sample in samples]
    network = build_network("unet", len(CITYSCAPES19)).to(memory_format=torch.channels_last).eval()
    scoring, predicting, regions = [], [], 0
    for index, label in enumerate(labels):
        predicted, confidence = patched(label, labels[index - 1], seed=index)
        began = time.perf_counter()
        measure(str(index), label, predicted, CITYSCAPES19, confidence=confidence)
        regions += len(suspicious_regions(label, predicted, confidence))
        scoring.append(time.perf_counter() - began)
        if index % (IMAGES // PREDICTED) == 0:
            photo = grown(samples[index].image, cv2.INTER_LINEAR)
            began = time.perf_counter()
            label_images(network, [photo], SIZE)
            predicting.append(time.perf_counter() - began)
    milliseconds = {"scoring": scoring, "U-Net, width 64": predicting}
    found: dict[str, Any] = {
        "images": len(labels),
        "size": SIZE,
        "classes": len(CITYSCAPES19),
        "suspicious regions per image": round(regions / len(labels), 1),
        "ms per image, median": {name: round(1e3 * statistics.median(of), 1) for name, of in milliseconds.items()},
        "share": round(statistics.median(scoring) / statistics.median(predicting), 4),
        "environment": describe(torch.device("cpu")),
    }
    (RESULTS / "bench_evaluation.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found["ms per image, median"]), f"scoring takes {found['share']:.1%} of predicting")


if __name__ == "__main__":
    main()
