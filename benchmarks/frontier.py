"""Mean IoU against milliseconds, for the networks of record on CamVid. Writes results/frontier.json, docs/frontier.svg.

    python benchmarks/frontier.py           measures and draws
    python benchmarks/frontier.py --draw    only draws

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
    figures = {
        name: {"milliseconds": round(statistics.median(times[name]), 2), "mean IoU": round(crosswise(run), 4)}
        for name, run in runs.items()
    }
    return {"what": __doc__.split("\n\n")[2], "environment": describe(torch.device("cpu")), "figures": figures}


def frontier(figures: dict[str, dict[str, float]]) -> list[str]:
    """Those that none both beats and outruns, from the fastest on."""
    best, found = 0.0, []
    for name in sorted(figures, key=lambda name: (figures[name]["milliseconds"], -figures[name]["mean IoU"])):
        if figures[name]["mean IoU"] > best:
            best = figures[name]["mean IoU"]
            found.append(name)
    return found


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
    for name, one in figures.items():
        x, y = place(one["milliseconds"], one["mean IoU"])
        color = "#d9541e" if name in best else ink
        left = x > RIGHT - 160
        anchor, shift = ("end", -8) if left else ("start", 8)
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{color}"/>')
        parts.append(
            f'<text x="{x + shift:.1f}" y="{y + 4:.1f}" text-anchor="{anchor}" fill="{color}">{escape(name)}</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def main() -> None:
    path = RESULTS / "frontier.json"
    if "--draw" not in sys.argv:
        path.write_text(json.dumps(measure(), indent=1) + "\n", encoding="utf-8")
    (ROOT / "docs" / "frontier.svg").write_text(draw(load("frontier")["figures"]), encoding="utf-8")


if __name__ == "__main__":
    main()
