"""How long a search for near duplicates takes: hashes a second on one core, and 100,000 of them against each other.

One run each, hashing the median of three; writes results/duplicates.json.
"""

import json
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from pixelwise.checking.duplicates import WORDS, Hashes, near_duplicates, perceptual_hash
from pixelwise.data.streets import render
from pixelwise.machine import describe, pick_device

IMAGES, HASHES, COPIES = 200, 100_000, 20_000


def seconds(work: Callable[[], object], runs: int = 1) -> float:
    """The median of the runs."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def random_hashes() -> Hashes:
    """The worst case but for copies: no two are near."""
    return np.random.default_rng(0).integers(0, 2**64, (HASHES, WORDS), np.uint64)


def main() -> None:
    cv2.setNumThreads(1)
    images = [render(0, index, height=360, width=480)[0] for index in range(IMAGES)]
    hashing = seconds(lambda: [perceptual_hash(image) for image in images], runs=3)
    hashes, splits = random_hashes(), [int(index >= 0.8 * HASHES) for index in range(HASHES)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = {
        "hashed_images_per_second": round(IMAGES / hashing),
        "image_size": "360x480",
        "hashes_compared": HASHES,
        "seconds_in_two_splits": round(seconds(lambda: near_duplicates(hashes, splits)), 1),
        "seconds_all_with_all": round(seconds(lambda: near_duplicates(hashes)), 1),
        f"seconds_{COPIES}_copies_of_one": round(seconds(lambda: near_duplicates(np.ones_like(hashes[:COPIES]))), 1),
        "more_memory_mb": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024,
        "cores": 1,
        "machine": describe(pick_device("cpu")),
    }
    (Path(__file__).parents[1] / "results" / "duplicates.json").write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
