"""How Pix2Pix generates and how its pictures are read: scores of the same weights several ways.

    python benchmarks/bench_generation.py

Batch norm and dropout as in training or as in other networks; the pictures read as lossy masks, as pixelwise does, or
by the nearest colour of every pixel. The runs are those of benchmarks/record.py that were trained with batches of 1 and
of 4, and with instance norm, which has no moving statistics; their last weights, so that no way chose them. Writes
results/pix2pix_generation.json.
"""

import json
from pathlib import Path

import numpy as np
import torch

from pixelwise.api import load, open_dataset
from pixelwise.bundle import Bundle
from pixelwise.data import Dataset
from pixelwise.evaluation import PROTOCOLS
from pixelwise.machine import describe
from pixelwise.metrics import Counts, confusion
from pixelwise.models.painter import color_logits
from pixelwise.models.pix2pix import GENERATE, set_generation
from pixelwise.prediction.labelling import paint_image
from pixelwise.prediction.painting import classes_of_picture
from pixelwise.progress import track
from pixelwise.training.run import LAST

ROOT = Path(__file__).parents[1]
DATA = "../shared/data/cityscapes_pairs"
RUNS = ("pix2pix_batch1", "pix2pix_batch4_evaluated", "pix2pix_batch4_instance", "pix2pix_l1_gan")


def counts_of(bundle: Bundle, dataset: Dataset) -> dict[str, Counts]:
    """The pictures of the validation images, read both ways."""
    painter, classes = bundle.painter, len(dataset.labels)
    read: dict[str, Counts] = {way: np.zeros((classes, classes), np.int64) for way in ("lossy mask", "nearest colour")}
    for sample in track(dataset.val, "painting"):
        picture = paint_image(painter, sample.image, bundle.size)
        seen = torch.from_numpy(picture).permute(2, 0, 1)[None] / 127.5 - 1
        nearest = color_logits(seen, painter.colors).argmax(1)[0].byte().numpy()
        found = {"lossy mask": classes_of_picture(picture, painter.colors, nearest), "nearest colour": nearest}
        for way, label in found.items():
            read[way] += confusion(sample.label, label, classes, ignore=dataset.labels.ignore)
    return read


def main() -> None:
    dataset = open_dataset(DATA)
    figures = {}
    for name in RUNS:
        bundle = load(ROOT / "runs" / "record" / name / LAST, "cpu").bundle
        recipe = bundle.provenance["recipe"]
        figures[name] = {key: recipe[key] for key in ("options", "size", "batch", "steps", "seed")}
        for generate in GENERATE:
            set_generation(bundle.network, generate)
            figures[name][generate] = {
                way: PROTOCOLS["pix2pix"].scored(counts) for way, counts in counts_of(bundle, dataset).items()
            }
            print(name, generate, figures[name][generate], flush=True)
    result = {
        "what": "the last weights of each run on the 200 validation pairs; scores as in Pix2Pix's protocol",
        "environment": describe(torch.device("cpu")),
        "figures": figures,
    }
    path = ROOT / "results" / "pix2pix_generation.json"
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
