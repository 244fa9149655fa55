"""How fast training gets its images, beside a plain pipeline doing the same work in the same run.

    python benchmarks/bench_data.py [FOLDER OF CAMVID]        ../shared/data/camvid by default

Writes results/data_pipeline.json. Albumentations is measured too where it can be imported, as after
`pip install --no-deps --target FOLDER albumentations==2.0.8 albucore==0.0.24 stringzilla simsimd` and with
PYTHONPATH=FOLDER.
"""

import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader

from pixelwise import open_dataset
from pixelwise.data.dataset import Split
from pixelwise.data.store.stored import stored
from pixelwise.machine import describe, reuse_memory
from pixelwise.prediction.labelling import working_size
from pixelwise.training.augmentation import draw_affine, draw_color, generator
from pixelwise.training.batches import batch_of_step, class_weights
from pixelwise.training.cache import Stream, TrainingImages, fill_cache
from pixelwise.training.loop import train_step
from pixelwise.training.recipe import Recipe
from pixelwise.training.state import fresh_state

ROOT = Path(__file__).parents[1]
CPU, CLASSES, IGNORE = torch.device("cpu"), 11, 255
CASES = {"unet width 16 at 256x352": (16, (256, 352)), "unet width 24 at 352x480": (24, (352, 480))}
ROUNDS = 5
STEPS = 16  # of batch 4, in one measurement of a pipeline
AHEAD = 4  # batches that two workers and our own readers have ready; they are drawn before the clock starts
SETTLE = 0.4  # seconds after a measurement in which workers finish what they have begun
TRAIN_STEPS = 2  # in one measurement of training


class Plain(torch.utils.data.Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """What a careful script does: imread, resize and augment each image with OpenCV, every time it is asked for."""

    def __init__(self, split: Split, recipe: Recipe) -> None:
        self.files = [entry.files for entry in split.entries]
        self.recipe = recipe
        self.classes = np.full(256, IGNORE, np.uint8)
        self.classes[:CLASSES] = range(CLASSES)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        image, label = self.read(index)
        random = generator(self.recipe.seed, 0, index)
        affine, color = draw_affine(self.recipe, random, *image.shape[:2]), draw_color(self.recipe, random)
        height, width = self.recipe.size
        corner = np.array([(1 - width) / 2, (1 - height) / 2])
        middle = [(image.shape[1] - 1) / 2, (image.shape[0] - 1) / 2]
        turn = np.column_stack([affine[:, :2], affine[:, :2] @ corner + affine[:, 2] + middle])
        around = {"borderMode": cv2.BORDER_CONSTANT, "borderValue": (127, 127, 127)}
        seen = cv2.warpAffine(image, turn, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, **around)
        found = cv2.warpAffine(
            label, turn, (width, height), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP, borderValue=IGNORE
        )
        return as_tensors(np.clip(cv2.transform(seen.astype(np.float32), color), 0, 255), found)

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image and label at working size."""
        photo, mask = self.files[index]
        image = cv2.cvtColor(cv2.imread(str(photo)), cv2.COLOR_BGR2RGB)
        label = self.classes[cv2.imread(str(mask), cv2.IMREAD_GRAYSCALE)]
        height, width = working_size(*image.shape[:2], self.recipe.size)
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        return image, cv2.resize(label, (width, height), interpolation=cv2.INTER_NEAREST)


class Albumentations(Plain):
    """The same with albumentations' own transforms, of the same kinds and strengths."""

    def __init__(self, split: Split, recipe: Recipe) -> None:
        super().__init__(split, recipe)
        import albumentations as A

        height, width = recipe.size
        self.transform = A.Compose([
            A.HorizontalFlip(p=recipe.flip),
            A.Affine(scale=recipe.zoom, rotate=(-recipe.rotation, recipe.rotation), translate_percent=(-0.1, 0.1),
                     fill=127, fill_mask=IGNORE, p=1),
            A.PadIfNeeded(height, width, fill=127, fill_mask=IGNORE),
            A.RandomCrop(height, width),
            A.ColorJitter(brightness=recipe.color, contrast=recipe.color / 2, saturation=recipe.color,
                          hue=recipe.hue / 360, p=1),
        ])  # fmt: skip

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        image, label = self.read(index)
        changed = self.transform(image=image, mask=label)
        return as_tensors(changed["image"].astype(np.float32), changed["mask"])


def as_tensors(image: np.ndarray, label: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """(c, h, w) floats and (h, w) indices."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))), torch.from_numpy(label).long()


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def loader(data: Plain, workers: int) -> Iterator[object]:
    """Batches of a DataLoader that never ends, so that starting its workers is not counted."""
    order = itertools.cycle(range(len(data)))
    return iter(
        DataLoader(
            data, data.recipe.batch, sampler=_Endless(order), num_workers=workers, worker_init_fn=_one_thread_each
        )
    )


class _Endless(torch.utils.data.Sampler[int]):
    def __init__(self, order: Iterator[int]) -> None:
        self.order = order

    def __iter__(self) -> Iterator[int]:
        return self.order


def _one_thread_each(_: int) -> None:
    cv2.setNumThreads(0)


def ours(images: TrainingImages, recipe: Recipe) -> Iterator[object]:
    """Batches as train_step gets them, one step after the other."""
    return (batch_of_step(recipe, step, images, IGNORE) for step in itertools.count())


def seconds_a_batch(batches: Iterator[object]) -> float:
    """In the steady state."""
    for _ in range(AHEAD):
        next(batches)
    taken = seconds(lambda: [next(batches) for _ in range(STEPS)])
    time.sleep(SETTLE)
    return taken / STEPS


def pipelines(split: Split, kept: Split, recipe: Recipe) -> dict[str, Iterator[object]]:
    ways = {
        "pixelwise, cached": ours(fill_cache(kept, recipe.size, CPU), recipe),
        "pixelwise, read ahead from the store": ours(Stream(kept, recipe.size, CPU), recipe),
    }
    kinds = {"plain": Plain} | ({"albumentations": Albumentations} if find_spec("albumentations") else {})
    for name, kind in kinds.items():
        ways |= {f"{name}, {workers} workers": loader(kind(split, recipe), workers) for workers in (0, 2)}
    return ways


def batches_a_second(split: Split, kept: Split, recipe: Recipe) -> dict[str, Any]:
    """Images a second of each way, medians of rounds in which they alternate; ratios within a round."""
    ways = pipelines(split, kept, recipe)
    rounds = [{name: recipe.batch / seconds_a_batch(way) for name, way in ways.items()} for _ in range(ROUNDS)]
    figures: dict[str, Any] = {name: round(statistics.median(row[name] for row in rounds), 1) for name in ways}
    for other in ("plain", "albumentations"):
        best = [[row[name] for name in ways if name.startswith(other)] for row in rounds]
        if best[0]:
            ratios = [row["pixelwise, cached"] / max(speeds) for row, speeds in zip(rounds, best, strict=True)]
            figures[f"cached against the best of {other}"] = round(statistics.median(ratios), 2)
    return figures


def share_of_step(kept: Split, recipe: Recipe) -> dict[str, float]:
    """Milliseconds of batch_of_step and of a whole train_step, and their ratio."""
    images, state = fill_cache(kept, recipe.size, CPU), fresh_state(recipe, CLASSES, CPU)
    weights = class_weights(images, CLASSES, recipe.class_balance)

    def train() -> None:
        for _ in range(TRAIN_STEPS):
            float(train_step(state, recipe, images, weights, IGNORE))

    train()
    load, whole = [], []
    for _ in range(ROUNDS):
        load.append(seconds_a_batch(ours(images, recipe)))
        whole.append(seconds(train) / TRAIN_STEPS)
    ratio = statistics.median(one / other for one, other in zip(load, whole, strict=True))
    return {
        "batch_of_step, ms": round(1e3 * statistics.median(load), 2),
        "train_step, ms": round(1e3 * statistics.median(whole), 1),
        "share": round(ratio, 4),
    }


@contextmanager
def empty_cache() -> Iterator[None]:
    """A cache folder of our own beside the results, on a real disk."""
    with tempfile.TemporaryDirectory(dir=ROOT / "results") as folder:
        os.environ["PIXELWISE_CACHE"] = folder
        yield


def loading(split: Split) -> dict[str, float]:
    """Images a second: decoded one by one, stored for the first time, and opened from the store and copied."""
    times: dict[str, list[float]] = {"decoded one by one": [], "first fill of the store": [], "from the store": []}
    for _ in range(ROUNDS):
        with empty_cache():
            times["decoded one by one"].append(seconds(lambda: [sample.image for sample in split]))
            times["first fill of the store"].append(seconds(lambda: stored(split)))
            times["from the store"].append(seconds(lambda: [sample.image.copy() for sample in stored(split)]))
    return {name: round(len(split) / statistics.median(values), 1) for name, values in times.items()}


def show(title: str, figures: dict[str, Any]) -> None:
    print(f"\n{title}")
    for name, value in figures.items():
        print(f"  {name:<45}{value:>10}", flush=True)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "data" / "camvid"
    split = open_dataset(folder).train
    reuse_memory()
    result: dict[str, Any] = {
        "what": f"training images a second, batch 4, of {len(split)} images of {split[0].image.shape[:2]} (CamVid); "
        f"medians of {ROUNDS} alternating rounds; ratios within a round",
        "environment": describe(CPU) | {"opencv": cv2.__version__, "load average": str(os.getloadavg()[0])},
        "albumentations": "measured" if find_spec("albumentations") else "not installed",
    }
    result["loading, images/s"] = loading(split)
    show("loading, images/s", result["loading, images/s"])
    with empty_cache():
        kept = stored(split)
        for name, (width, size) in CASES.items():
            recipe = Recipe(width=width, size=size, steps=1000, batch=4)
            result[name] = {"pipeline, images/s": batches_a_second(split, kept, recipe)}
            show(f"{name}: training batches, images/s", result[name]["pipeline, images/s"])
            result[name]["share of loading"] = share_of_step(kept, recipe)
            show(f"{name}: share of loading in a training step", result[name]["share of loading"])
    path = ROOT / "results" / "data_pipeline.json"
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
