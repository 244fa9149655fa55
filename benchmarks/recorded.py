"""Where results lie, and how tables of them are written."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results"
# What each model that ships is made of.
SHIPPED_RUNS = {"street": "shipped_street_both", "street_large": "shipped_street_large_averages"}
OLDER = {"street": "shipped_street_longer"}  # what runs began with that name a model which others have replaced since


def load(name: str) -> dict[str, Any]:
    """A result by its file's name."""
    result: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return result


def made(name: str) -> bool:
    """Whether there is such a result; what is not is owed."""
    return (RESULTS / f"{name}.json").exists()


def crosswise(result: dict[str, Any]) -> float:
    """Mean IoU of a run; where classes have offsets, on each half of the images with those fitted on the other half."""
    return float(result["conditions"].get("offsets", {}).get("crosswise", result["scores"]["mean IoU"]))


def pix2pix_averages(result: dict[str, Any]) -> tuple[float, float, float]:
    """Pixel accuracy, class accuracy and class IoU as Pix2Pix's scripts average them; of a classifier its own."""
    if known := result.get("protocols", {}).get("pix2pix"):
        return known["pixel accuracy"], known["class accuracy"], known["class IoU"]
    scores = result["scores"]
    return scores["pixel accuracy"], scores["mean class accuracy"], crosswise(result)


def chain(name: str) -> list[str]:
    """The trainings that led to a run, each after those that it went on from; of an average, all that it is made of."""
    result = load(name)
    if parts := result.get("averaged"):
        return list(dict.fromkeys(one for part in parts for one in chain(part)))
    weights = result["recipe"].get("weights") or ""
    before = OLDER.get(weights, Path(weights).parent.name)
    return [*(chain(before) if made(before) else ()), name]


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows as Markdown."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, ["---" for _ in heads], *rows))
