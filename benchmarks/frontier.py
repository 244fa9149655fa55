"""Mean IoU against milliseconds, for the networks of record on CamVid. Writes results/frontier.json, docs/frontier.svg.

    python benchmarks/frontier.py               measures and draws
    python benchmarks/frontier.py --keep-times  scores anew; a network takes as long as it took, whatever its weights
    python benchmarks/frontier.py --draw        only draws

Milliseconds: from a photo of 480x360 in memory to its class indices, at the size that the run was trained at, on all
cores; medians over rounds in which the networks take turns. On the frontier are those that none both beats and outruns.
"""

import json
import statistics
import sys
import time
from html import escape
from typing import Any

import numpy as np
import torch
from recorded import RESULTS, ROOT, SHIPPED_RUNS, crosswise, load, made

from pixelwise.machine import describe, reuse_memory
from pixelwise.models import PAINTERS, build_network
from pixelwise.prediction.labelling import label_images
from pixelwise.report.figures import ticks

PHOTO, CLASSES, ROUNDS = (360, 480, 3), 11, 7
BEGIN = ("models_", "marks_", "gpu_camvid_")
ABLATION = ("ablation_base_0", "ablation_width_24_0", "ablation_resolution_0")
LETTER = 6.6  # pixels that a letter of 12 pixels is wide
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 820, 460, 60, 790, 20, 410


def names() -> list[str]:
    """The runs that are shown."""
    found = [path.stem for path in sorted(RESULTS.glob("*.json")) if path.stem.startswith(BEGIN)]
    found = [name for name in found if not name[-1].isdigit() and load(name)["recipe"]["model"] not in PAINTERS]
    return found + [name for name in (*SHIPPED_RUNS.values(), *ABLATION) if made(name)]


def measure() -> dict[str, Any]:
    """What results/frontier.json holds."""
    reuse_memory()
    photo = np.random.default_rng(0).integers(0, 256, PHOTO, dtype=np.uint8)
    runs = {name: load(name) for name in names()}
    networks = {
        name: build_network(run["recipe"]["model"], CLASSES, **run["recipe"]["options"])
        .to(memory_format=torch.channels_last)
        .eval()
        for name, run in runs.items()
    }
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, network in networks.items():
            size = tuple(runs[name]["recipe"]["size"])
            for _ in range(3):
                began = time.perf_counter()
                label_images(network, [photo], size)
            times[name].append(1000 * (time.perf_counter() - began))
    taken = {name: round(statistics.median(times[name]), 2) for name in runs}
    return {
        "what": __doc__.split("\n\n")[2],
        "environment": describe(torch.device("cpu")),
        "figures": figures_of(taken),
    }


def rescored() -> dict[str, Any]:
    """What results/frontier.json holds, of the runs that are shown now."""
    before = load("frontier")
    taken = {network_of(name): one["milliseconds"] for name, one in before["figures"].items()}
    return before | {"figures": figures_of({name: taken[network_of(name)] for name in names()})}


def network_of(name: str) -> str:
    """What decides how long a run's network takes."""
    recipe = load(name)["recipe"]
    return json.dumps([recipe["model"], sorted(recipe["options"].items()), recipe["size"]])


def figures_of(milliseconds: dict[str, float]) -> dict[str, dict[str, float]]:
    """Of each run its time and its score."""
    return {
        name: {"milliseconds": taken, "mean IoU": round(crosswise(load(name)), 4)}
        for name, taken in milliseconds.items()
    }


def frontier(figures: dict[str, dict[str, float]]) -> list[str]:
    """Those that none both beats and outruns, from the fastest on."""
    best, found = 0.0, []
    for name in sorted(figures, key=lambda name: (figures[name]["milliseconds"], -figures[name]["mean IoU"])):
        if figures[name]["mean IoU"] > best:
            best = figures[name]["mean IoU"]
            found.append(name)
    return found


def places_of_names(dots: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """The left end and the middle height of each dot's name: beside, below or above, where there is room."""
    taken = [(x - 5, x + 5, y - 5, y + 5) for x, y in dots.values()]
    found = {}
    for name, (x, y) in sorted(dots.items(), key=lambda dot: dot[1]):
        wide = LETTER * len(name)
        lefts = (x - 5, x - wide / 2, x - wide + 5)
        starts = [(x + 8, y), (x - 8 - wide, y), *((left, y + down) for down in (14, -14) for left in lefts)]
        boxes = [(left, left + wide, middle - 7, middle + 7) for left, middle in starts]
        inside = [box for box in boxes if box[0] > LEFT and box[1] < RIGHT]
        best = min(inside, key=lambda box: sum(overlap(box, other) for other in taken))
        taken.append(best)
        found[name] = best[0], best[2] + 7
    return found


def overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Whether two boxes (left, right, top, bottom) share a place."""
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]


def draw(figures: dict[str, dict[str, float]]) -> str:
    """The figure as SVG, readable on white and on black."""
    across = ticks(0, max(one["milliseconds"] for one in figures.values()), beyond=True)
    up = ticks(
        min(one["mean IoU"] for one in figures.values()), max(one["mean IoU"] for one in figures.values()), beyond=True
    )

    def place(milliseconds: float, iou: float) -> tuple[float, float]:
        x = LEFT + (RIGHT - LEFT) * milliseconds / across[-1]
        return x, BOTTOM - (BOTTOM - TOP) * (iou - up[0]) / (up[-1] - up[0])

    ink = "#808080"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">'
    ]
    for value in up:
        y = place(0, value)[1]
        parts.append(f'<path d="M{LEFT} {y:.1f}H{RIGHT}" stroke="{ink}" stroke-opacity=".3"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="{ink}">{value:.2f}</text>')
    for value in across:
        x = place(value, 0)[0]
        parts.append(f'<text x="{x:.1f}" y="{BOTTOM + 18}" text-anchor="middle" fill="{ink}">{value:g}</text>')
    parts.append(
        f'<text x="{RIGHT}" y="{BOTTOM + 38}" text-anchor="end" fill="{ink}">milliseconds per photo of 480x360</text>'
    )
    parts.append(f'<text x="{LEFT}" y="{TOP - 6}" fill="{ink}">mean IoU on CamVid validation</text>')
    best = frontier(figures)
    line = " ".join(
        "{:.1f},{:.1f}".format(*place(figures[name]["milliseconds"], figures[name]["mean IoU"])) for name in best
    )
    parts.append(f'<polyline points="{line}" fill="none" stroke="#d9541e" stroke-width="1.5"/>')
    dots = {name: place(one["milliseconds"], one["mean IoU"]) for name, one in figures.items()}
    for name, (left, middle) in places_of_names(dots).items():
        x, y = dots[name]
        color = "#d9541e" if name in best else ink
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{color}"/>')
        parts.append(f'<text x="{left:.1f}" y="{middle + 4:.1f}" fill="{color}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def main() -> None:
    path = RESULTS / "frontier.json"
    if "--draw" not in sys.argv:
        found = rescored() if "--keep-times" in sys.argv else measure()
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (ROOT / "docs" / "frontier.svg").write_text(draw(load("frontier")["figures"]), encoding="utf-8")


if __name__ == "__main__":
    main()
