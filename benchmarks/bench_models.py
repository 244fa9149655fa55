"""What every model costs: parameters, GFLOPs, milliseconds per image, memory in training. Writes results/models.json.

    python benchmarks/bench_models.py

Milliseconds are medians over rounds in which all models take turns; memory is the most that a process of its own held
while it trained four steps, less what it held before it built the network. Scores are those of benchmarks/record.py.
"""

import json
import re
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from pixelwise.losses import cross_entropy, deeply_supervised
from pixelwise.machine import describe as describe_machine
from pixelwise.machine import mixed_precision, reuse_memory
from pixelwise.models import Network, build_network
from pixelwise.models.survey import describe, milliseconds

ROOT = Path(__file__).parents[1]
CLASSES, SIZE = 11, (256, 352)  # of the image: what the models of the record labelled images at
BATCH, CROP, STEPS, ROUNDS = 4, (256, 352), 4, 5


def recorded() -> dict[str, dict[str, Any]]:
    """Name -> the recipe of every model whose run of record is in results/; those of several seeds are one network."""
    files = sorted((ROOT / "results").glob("models_*[!0-9].json"))
    return {file.stem.removeprefix("models_"): json.loads(file.read_text(encoding="utf-8"))["recipe"] for file in files}


def build(recipe: dict[str, Any]) -> Network:
    return build_network(recipe["model"], CLASSES, **recipe["options"])


def peak_memory(recipe: dict[str, Any]) -> float:
    """MiB that training needs, measured in a process of its own."""
    program = [sys.executable, __file__, "--memory", json.dumps(recipe)]
    return float(subprocess.run(program, check=True, capture_output=True, text=True).stdout)


def most_held() -> float:
    """MiB: the high-water mark of this process alone; getrusage would begin with that of the process it came from."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return float(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def train_some_steps(recipe: dict[str, Any]) -> float:
    """The most memory held in a few steps, in MiB."""
    images = torch.randint(0, 256, (BATCH, 3, *CROP)).float()
    labels = torch.randint(0, CLASSES, (BATCH, *CROP))
    before = most_held()
    network = build(recipe).train().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), foreach=True)
    for _ in range(STEPS):
        with mixed_precision(images.device):
            outputs = network.outputs(images)
        loss = deeply_supervised(lambda logits: cross_entropy(logits, labels), outputs)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return most_held() - before


def main() -> None:
    recipes = recorded()
    networks = {name: build(recipe).to(memory_format=torch.channels_last) for name, recipe in recipes.items()}
    reuse_memory()
    rounds = []
    for _ in range(ROUNDS):
        rounds.append({name: milliseconds(network, SIZE) for name, network in networks.items()})
        print({name: round(value, 1) for name, value in rounds[-1].items()}, flush=True)
    figures = {}
    for name, recipe in recipes.items():
        found = describe(recipe["model"], CLASSES, SIZE, **recipe["options"])
        figures[name] = {
            "parameters": found.parameters,
            "gflops": round(found.gflops, 2),
            "milliseconds": round(statistics.median(row[name] for row in rounds), 2),
            "training_mib": round(peak_memory(recipe)),
        }
        print(name, figures[name], flush=True)
    result = {
        "what": f"one image of {SIZE[0]}x{SIZE[1]}, {CLASSES} classes, from uint8 to class indices in memory, median "
        f"of {ROUNDS} rounds; memory of training at batch {BATCH}, {CROP[0]}x{CROP[1]}, the whole encoder trained",
        "environment": describe_machine(torch.device("cpu")),
        "figures": figures,
    }
    path = ROOT / "results" / "models.json"
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--memory"]:
        print(train_some_steps(json.loads(sys.argv[2])))
    else:
        main()
