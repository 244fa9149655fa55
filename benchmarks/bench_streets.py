"""How many street scenes one core draws per second: median of 5 runs. Writes results/bench_streets.json."""

import json
import platform
import statistics
import time
from pathlib import Path

import cv2

from pixelwise.data.streets import HEIGHT, WIDTH, render

RUNS, SCENES = 5, 60


def scenes_per_second() -> float:
    """One run over the first scenes of seed 0."""
    start = time.perf_counter()
    for index in range(SCENES):
        render(0, index)
    return SCENES / (time.perf_counter() - start)


def main() -> None:
    cv2.setNumThreads(1)
    speeds = [scenes_per_second() for _ in range(RUNS + 1)][1:]  # the first one also makes the textures
    result = {
        "scenes_per_second": round(statistics.median(speeds), 1),
        "runs": [round(speed, 1) for speed in speeds],
        "size": f"{HEIGHT}x{WIDTH}",
        "cores": 1,
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
    }
    (Path(__file__).parents[1] / "results" / "bench_streets.json").write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
