"""Training speed, side by side in one run: U-Net and SegNet in float32 NCHW as a plain loop has it, in bf16
channels_last, and with freed memory kept; images a second on this machine. Writes results/bench_training.json.
"""

import contextlib
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.nn import functional as F

from pixelwise.machine import describe, mixed_precision, reuse_memory
from pixelwise.models import build_network

BATCH, HEIGHT, WIDTH, CLASSES = 4, 192, 256, 11
STEPS, ROUNDS = 4, 3


def trainer(model: str, width: int, *, fast: bool) -> Callable[[], None]:
    """One training step of a network: plain float32 NCHW, or fast = bf16 channels_last."""
    torch.manual_seed(0)
    network = build_network(model, CLASSES, width=width)
    images = torch.randint(0, 256, (BATCH, 3, HEIGHT, WIDTH)).float()
    labels = torch.randint(0, CLASSES, (BATCH, HEIGHT, WIDTH))
    body: torch.nn.Module = network if fast else network.body  # Network itself lays images out channels_last
    if fast:
        network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    precision = (lambda: mixed_precision(torch.device("cpu"))) if fast else contextlib.nullcontext

    def step() -> None:
        with precision():
            logits = body(images)
        F.cross_entropy(logits.float(), labels).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def images_per_second(step: Callable[[], None]) -> float:
    step()
    began = time.perf_counter()
    for _ in range(STEPS):
        step()
    return BATCH * STEPS / (time.perf_counter() - began)


def measure(model: str, width: int) -> dict[str, float]:
    """Medians over rounds in which the two ways alternate."""
    ways = {"float32 NCHW": trainer(model, width, fast=False), "bf16 channels_last": trainer(model, width, fast=True)}
    rounds = [{way: images_per_second(step) for way, step in ways.items()} for _ in range(ROUNDS)]
    medians = {way: round(statistics.median(row[way] for row in rounds), 2) for way in ways}
    ratios = [row["bf16 channels_last"] / row["float32 NCHW"] for row in rounds]
    return medians | {"ratio": round(statistics.median(ratios), 2)}


def main() -> None:
    cases = {"unet width 24": ("unet", 24), "segnet width 32": ("segnet", 32)}
    figures: dict[str, dict[str, dict[str, float]]] = {}
    for memory in ("memory given back", "memory kept"):
        if memory == "memory kept":
            reuse_memory()
        figures[memory] = {name: measure(*case) for name, case in cases.items()}
        for name, row in figures[memory].items():
            print(f"{memory}, {name}: {row}", flush=True)
    result = {
        "what": f"images per second in training, batch {BATCH}, {HEIGHT}x{WIDTH}, {CLASSES} classes; "
        f"median of {ROUNDS} rounds",
        "environment": describe(torch.device("cpu")),
        "figures": figures,
    }
    path = Path(__file__).parents[1] / "results" / "bench_training.json"
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
