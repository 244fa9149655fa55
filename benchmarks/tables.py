"""Writes the tables of measured figures in README.md from results/*.json, between the marks `<!-- results -->`.

python benchmarks/tables.py            writes them
python benchmarks/tables.py --check    exits with 1 where README.md says something else
"""

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
MARK = "<!-- results -->"
HEADS = ("run", "scored on", "network", "learnt from", "training time", "mean IoU", "mean Dice", "pixel accuracy")
MODELS = {"unet": "U-Net", "segnet": "SegNet"}


def row(result: dict[str, Any]) -> tuple[str, ...]:
    """One run of record as the cells of a table."""
    recipe, conditions, scores = result["recipe"], result["conditions"], result["scores"]
    last = result["history"][-1]
    size = "x".join(str(side) for side in recipe["size"])
    return (
        f"`{result['command'].split(' --run')[0]}`",
        f"{conditions['images']} images, {conditions['split']}",
        f"{MODELS[recipe['model']]}, width {recipe['width']}, at {size}",
        f"{recipe['steps'] * recipe['batch']:,} images ({last['epoch']:.0f} passes)",
        f"{last['seconds'] / 60:.0f} min",
        f"**{scores['mean IoU']:.3f}**",
        f"{scores['mean Dice']:.3f}",
        f"{scores['pixel accuracy']:.3f}",
    )


def runs_table() -> str:
    """Every run of record that results/ holds."""
    results = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "results").glob("*.json"))]
    runs = [result for result in results if "history" in result]
    lines = [HEADS, tuple("---" for _ in HEADS), *(row(result) for result in runs)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def speed_table() -> str:
    """Training speed, from benchmarks/bench_training.py."""
    result = json.loads((ROOT / "results" / "bench_training.json").read_text(encoding="utf-8"))
    heads = ("network", "freed memory", "float32 NCHW, images/s", "bf16 channels_last, images/s", "ratio")
    lines = [heads, tuple("---" for _ in heads)]
    for memory, networks in result["figures"].items():
        for name, figures in networks.items():
            cells = (f"{figures[way]:.1f}" for way in ("float32 NCHW", "bf16 channels_last"))
            lines.append((name, memory.removeprefix("memory "), *cells, f"{figures['ratio']:.1f}"))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def page() -> str:
    """README.md with its tables as results/ has them."""
    parts = (ROOT / "README.md").read_text(encoding="utf-8").split(MARK)
    parts[1], parts[3] = f"\n{runs_table()}\n", f"\n{speed_table()}\n"
    return MARK.join(parts)


def main() -> None:
    wanted = page()
    if "--check" in sys.argv:
        sys.exit(wanted != (ROOT / "README.md").read_text(encoding="utf-8"))
    (ROOT / "README.md").write_text(wanted, encoding="utf-8")


if __name__ == "__main__":
    main()
