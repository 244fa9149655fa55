"""How batch norm and dropout behave while Pix2Pix generates: scores of the same weights both ways.

    python benchmarks/bench_generation.py

The runs are those of benchmarks/record.py that were trained with batches of 1 and of 4, and with instance norm, which
has no moving statistics; their last weights, so that neither way chose them. Writes results/pix2pix_generation.json.
"""

import json
from pathlib import Path

import torch

from pixelwise.api import load, open_dataset
from pixelwise.evaluation import evaluate
from pixelwise.machine import describe
from pixelwise.models.pix2pix import GENERATE, set_generation
from pixelwise.training.run import LAST

ROOT = Path(__file__).parents[1]
DATA = "../shared/data/cityscapes_pairs"
RUNS = ("pix2pix_batch1", "pix2pix_batch4_evaluated", "pix2pix_batch4_instance", "pix2pix_l1_gan")


def main() -> None:
    dataset = open_dataset(DATA)
    figures = {}
    for name in RUNS:
        bundle = load(ROOT / "runs" / "record" / name / LAST, "cpu").bundle
        recipe = bundle.provenance["recipe"]
        figures[name] = {key: recipe[key] for key in ("options", "size", "batch", "steps", "seed")}
        for generate in GENERATE:
            set_generation(bundle.network, generate)
            found = evaluate(bundle, dataset, "val")
            figures[name][generate] = found.protocols()["pix2pix"] | {"mean IoU": found.mean_iou}
            print(name, generate, figures[name][generate], flush=True)
    result = {
        "what": "the last weights of each run on the 200 validation pairs",
        "environment": describe(torch.device("cpu")),
        "figures": figures,
    }
    path = ROOT / "results" / "pix2pix_generation.json"
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
