"""One run in one process and the same in two that torchrun starts, on real CamVid: do their metrics agree?

street at 128x160, batches of 4, by two recipes. Twenty steps of SGD in float32, where only the order of sums differs.
And four passes as planned by default, AdamW in bf16, where rounding grows to something one sees in the scores: beside
the two processes stands one with another number of threads, which rounds otherwise too. Writes results/processes.json.
"""

import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from pixelwise.data.dataset import Source
from pixelwise.machine import describe
from pixelwise.training import Recipe, save_recipe

ROOT = Path(__file__).parents[1]
CAMVID = ROOT.parent / "shared" / "data" / "camvid"
RECIPES = {
    "20 steps of SGD in float32": Recipe(
        size=(128, 160), steps=20, validations=2, optimizer="sgd", learning_rate=1e-3, precision="fp32", ema=0.5
    ),
    "4 passes as planned": Recipe(size=(128, 160), steps=367, validations=4),
}
WAYS = {"1 process, 1 thread": (1, 1), "1 process, 2 threads": (1, 2), "2 processes, 1 thread each": (2, 1)}
COLUMNS = ("step", "loss", "gradient_norm", "validation_mean_iou")


def run(recipe: Recipe, folder: Path, processes: int, threads: int) -> dict[str, Any]:
    """A run's history and final scores, and how long it took."""
    save_recipe(recipe, folder / "asked.yaml", Source(str(CAMVID)))
    start = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes), "-m"]
    words = [sys.executable, *(start if processes > 1 else ["-m"]), "pixelwise", "train"]
    words += ["--recipe", str(folder / "asked.yaml"), "--run-folder", str(folder / "run"), "--device", "cpu"]
    began = time.monotonic()
    subprocess.run(words, check=True, capture_output=True, env=os.environ | {"OMP_NUM_THREADS": str(threads)})
    took = time.monotonic() - began
    with (folder / "run" / "history.csv").open(newline="", encoding="utf-8") as file:
        history = [{name: float(row[name]) for name in COLUMNS} for row in csv.DictReader(file)]
    scored = json.loads((folder / "run" / "evaluation.json").read_text(encoding="utf-8"))
    return {"history": history, "scores": scored["scores"], "images": scored["conditions"]["images"], "seconds": took}


def main() -> None:
    figures: dict[str, dict[str, Any]] = {}
    for name, recipe in RECIPES.items():
        figures[name] = {}
        for way, (processes, threads) in WAYS.items():
            with tempfile.TemporaryDirectory() as folder:
                figures[name][way] = run(recipe, Path(folder), processes, threads)
            found = figures[name][way]
            print(f"{name}, {way}: {found['seconds']:.0f} s, {found['scores']}", flush=True)
    result = {
        "what": __doc__,
        "environment": describe(torch.device("cpu")),
        "figures": figures,
    }
    (ROOT / "results" / "processes.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
