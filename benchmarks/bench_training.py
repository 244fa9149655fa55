"""How fast pixelwise trains, beside a plain PyTorch loop over the same network, and over a peer's. Writes
results/bench_training.json, or results/bench_training_cuda.json.

    python benchmarks/bench_training.py [--device cuda] [--quick]      --quick: a few steps, only printed

The peer, segmentation_models_pytorch, is left out where it cannot be imported. With it, in an environment of its own:

    python3 -m venv peer
    peer/bin/pip install --constraint constraints.txt torch==2.13.0
    peer/bin/pip install --constraint constraints.txt --editable '.[pretrained]'
    peer/bin/pip install --no-deps segmentation-models-pytorch
    peer/bin/python benchmarks/bench_training.py

"plain" is the loop that people write: float32, NCHW, AdamW and cross-entropy as torch has them by default, each image
augmented by OpenCV. "pixelwise" is `train_step` with a default recipe: the same kinds and strengths of
augmentation, class weights, averaged weights, bf16 where the device has it. Both find the same images in memory. Every
way runs in a process of its own, so that how one treats memory changes nothing for the other; they take turns, and
figures are medians over the rounds.
"""

import argparse
import copy
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from bench_data import Plain
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from pixelwise.labels import CAMVID11
from pixelwise.losses import AUXILIARY
from pixelwise.machine import describe, pick_device, reuse_memory
from pixelwise.models import MODELS, Network, build_network
from pixelwise.training.batches import class_weights
from pixelwise.training.cache import Cache
from pixelwise.training.loop import train_step
from pixelwise.training.recipe import Recipe
from pixelwise.training.state import State, fresh_state, parameter_groups, player_of

ROOT = Path(__file__).parents[1]
if find_spec("torchvision"):  # which timm and the peer import
    sys.path.append(str(ROOT / "tests"))
    import declared_torchvision  # noqa: F401
PEER = "segmentation_models_pytorch"
BATCH, IMAGES, CLASSES, IGNORE = 4, 64, len(CAMVID11), 255
ROUNDS, STEPS, WARM = 5, 3, 2
SIDE = 3072  # of the matrices whose multiplication is the peak

Step = Callable[[], None]


class Case(NamedTuple):
    """A network and the size of its crops. model: of pixelwise, or the peer's name."""

    model: str
    options: dict[str, Any]
    size: tuple[int, int]


CASES = {
    "unet width 24, 256x352": Case("unet", {"width": 24}, (256, 352)),
    "street, 256x352": Case("street", {}, (256, 352)),
    "encoder_unet over squeezenet, 256x352": Case("encoder_unet", {"encoder": "squeezenet"}, (256, 352)),
}
# The peer's U-Net over resnet34, and pixelwise's own over the same encoder.
PEERS = Case(PEER, {}, (224, 224)), Case("encoder_unet", {"encoder": "timm:resnet34"}, (224, 224))

Ways = dict[str, tuple[Callable[..., Step], Case, torch.device]]
Operations = dict[str, int]  # floating point operations of a step, by way
Rounds = list[dict[str, float]]  # seconds of a step, by way


class InMemory(Plain):
    """The plain loop's images: as arrays in memory, augmented whenever one is asked for."""

    def __init__(self, cache: Cache, recipe: Recipe) -> None:
        self.recipe = recipe
        self.images = np.ascontiguousarray(cache.images.permute(0, 2, 3, 1).numpy())
        self.labels = cache.labels.numpy()

    def __len__(self) -> int:
        return len(self.images)

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self.images[index], self.labels[index]


def made_cache(size: tuple[int, int], device: torch.device) -> Cache:
    """Random images and labels of the size of the crop."""
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (IMAGES, *size, 3), dtype=torch.uint8, generator=random).permute(0, 3, 1, 2)
    labels = torch.randint(0, CLASSES, (IMAGES, *size), dtype=torch.uint8, generator=random)
    extents = torch.tensor([size[::-1]] * IMAGES, dtype=torch.float32)
    return Cache(images.to(device), labels.to(device), extents.to(device))


def recipe_of(case: Case) -> Recipe:
    model = {"model": case.model, "options": case.options} if case.model in MODELS else {}
    return Recipe(**model, size=case.size, batch=BATCH, steps=10**6)


def body_of(case: Case) -> nn.Module:
    """The network without what pixelwise has around it, which would lay the images out channels last."""
    torch.manual_seed(0)
    if case.model in MODELS:
        return build_network(case.model, CLASSES, **case.options).body
    from segmentation_models_pytorch import Unet

    body: nn.Module = Unet("resnet34", encoder_weights=None, classes=CLASSES)
    body.stride = 32
    return body


def plain(case: Case, device: torch.device) -> Step:
    data = InMemory(made_cache(case.size, torch.device("cpu")), recipe_of(case))
    body = body_of(case).to(device).train()
    optimizer = torch.optim.AdamW(body.parameters(), 1e-3)
    order = np.random.default_rng(0)

    def step() -> None:
        pairs = [data[index] for index in order.choice(len(data), BATCH, replace=False).tolist()]
        images, labels = (torch.stack(parts).to(device) for parts in zip(*pairs, strict=True))
        answers = body((images - 127.5) / 64)
        answers = answers if isinstance(answers, tuple) else (answers,)
        losses = [
            F.cross_entropy(F.interpolate(logits, case.size, mode="bilinear"), labels, ignore_index=IGNORE)
            for logits in answers
        ]
        optimizer.zero_grad()
        (losses[0] + AUXILIARY * sum(losses[1:])).backward()
        optimizer.step()

    return step


def pixelwise(case: Case, device: torch.device) -> Step:
    reuse_memory()
    recipe, cache = recipe_of(case), made_cache(case.size, device)
    state = fresh_state(recipe, CAMVID11, device) if case.model in MODELS else state_of(body_of(case), recipe, device)
    weights = class_weights(cache, CLASSES, recipe.class_balance)

    def step() -> None:
        train_step(state, recipe, cache, weights, IGNORE)

    return step


def state_of(body: nn.Module, recipe: Recipe, device: torch.device) -> State:
    """As `fresh_state`, of a network that is not pixelwise's."""
    network = Network(body).to(device=device, memory_format=torch.channels_last)
    averaged = copy.deepcopy(network).eval().requires_grad_(False)
    player = player_of(network, parameter_groups(network, recipe), recipe, device)
    return State(player, averaged, network.outputs)


def multiplication(dtype: torch.dtype, device: torch.device) -> Step:
    """A product of two large matrices: the fastest that the device can multiply."""
    one, other = (torch.rand(SIDE, SIDE, device=device).to(dtype) for _ in range(2))

    def step() -> None:
        one @ other

    return step


class Worker:
    """A way of working in a process of its own. flops: floating point operations of one step, by torch's counter."""

    def __init__(self, make: Callable[..., Step], *given: object) -> None:
        self.connection, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=serve, args=(theirs, make, given), daemon=True)
        self.process.start()
        theirs.close()
        self.flops: int = self.connection.recv()

    def seconds(self, steps: int) -> float:
        """Of one step, as a mean over some."""
        self.connection.send(steps)
        return float(self.connection.recv())

    def stop(self) -> None:
        self.connection.send(0)
        self.process.join()


def serve(connection: Connection, make: Callable[..., Step], given: tuple[Any, ...]) -> None:
    """Makes a step, counts what it computes, and takes as many as it is asked for until that is none."""
    step, device = make(*given), given[-1]
    with FlopCounterMode(display=False) as counter:
        step()
    for _ in range(WARM):
        step()
    connection.send(counter.get_total_flops())
    while steps := connection.recv():
        wait_for(device)
        began = time.perf_counter()
        for _ in range(steps):
            step()
        wait_for(device)
        connection.send((time.perf_counter() - began) / steps)


def wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def take_turns(ways: Ways, peak: dict[str, Worker], rounds: int) -> tuple[Operations, Rounds]:
    """What a step of every way computes; and the seconds of each, and of the peak's multiplications, round by round."""
    workers = {way: Worker(make, case, device) for way, (make, case, device) in ways.items()}
    seconds = [{name: worker.seconds(STEPS) for name, worker in (workers | peak).items()} for _ in range(rounds)]
    for worker in workers.values():
        worker.stop()
    print({name: [round(row[name], 3) for row in seconds] for name in seconds[0]}, flush=True)
    return {way: worker.flops for way, worker in workers.items()}, seconds


def figures_of(flops: Operations, seconds: Rounds, peak: dict[str, float]) -> dict[str, dict[str, float]]:
    """Speed of every way, as medians over the rounds; its ratio is to the first. peak: GFLOP/s."""
    first = next(iter(flops))
    figures = {}
    for way, computed in flops.items():
        median = statistics.median(row[way] for row in seconds)
        speed = computed / median / 1e9
        figures[way] = {
            "images/s": round(BATCH / median, 2),
            "ms per image": round(1000 * median / BATCH, 1),
            "ratio": round(statistics.median(row[first] / row[way] for row in seconds), 2),
            "GFLOPs per image": round(computed / BATCH / 1e9, 2),
            "GFLOP/s": round(speed, 1),
            **{f"% of {name} peak": round(100 * speed / most, 1) for name, most in peak.items()},
        }
    return figures


def ways_of(device: torch.device) -> dict[str, Ways]:
    """What is compared with what, each with its name."""
    ways: dict[str, Ways] = {
        name: {"plain": (plain, case, device), "pixelwise": (pixelwise, case, device)} for name, case in CASES.items()
    }
    peer, own = PEERS
    resnet: Ways = {}
    if find_spec(PEER):
        resnet[f"plain, {PEER}.Unet"] = (plain, peer, device)
        resnet[f"pixelwise's step, {PEER}.Unet"] = (pixelwise, peer, device)
    if find_spec("timm"):
        resnet["pixelwise, encoder_unet"] = (pixelwise, own, device)
    if resnet:
        ways["U-Net over resnet34, 224x224"] = resnet
    return ways


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="auto")
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    device, rounds = pick_device(asked.device), 1 if asked.quick else ROUNDS
    kinds = {"bf16": torch.bfloat16, "float32": torch.float32}
    multiplying = {name: Worker(multiplication, dtype, device) for name, dtype in kinds.items()}
    measured = {name: take_turns(ways, multiplying, rounds) for name, ways in ways_of(device).items()}
    for worker in multiplying.values():
        worker.stop()
    peak = {
        name: worker.flops / min(row[name] for _, seconds in measured.values() for row in seconds) / 1e9
        for name, worker in multiplying.items()
    }
    result = {
        "what": f"training steps with batches of {BATCH}, {CLASSES} classes; medians of {rounds} rounds",
        "environment": describe(device),
        "peak GFLOP/s": {name: round(speed, 1) for name, speed in peak.items()},
        "figures": {name: figures_of(*one, peak) for name, one in measured.items()},
        "left out": [] if find_spec(PEER) else [f"{PEER} is not installed"],
    }
    written = json.dumps(result, indent=1)
    print(written)
    if not asked.quick:
        name = "bench_training" + ("" if device.type == "cpu" else f"_{device.type}")
        (ROOT / "results" / f"{name}.json").write_text(written + "\n", encoding="utf-8")


if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    main()
