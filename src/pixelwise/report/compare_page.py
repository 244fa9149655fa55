"""A Comparison -> one HTML file that needs nothing else, not even a network."""

import colorsys
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pixelwise.data.dataset import Image
from pixelwise.labels import Color, Label
from pixelwise.report.figures import drawing_uri, photo_uri, ticks
from pixelwise.report.pages import percent, write_page

if TYPE_CHECKING:  # these rooms load torch, which a report does not need
    from pixelwise.evaluation.bootstrap import Interval
    from pixelwise.evaluation.comparison import Comparison, Shown

# Told apart by readers who mix up red and green, too, and on white as on black.
MODEL_COLORS: tuple[Color, ...] = ((47, 125, 225), (230, 126, 0), (15, 160, 115), (205, 80, 155), (140, 105, 235))
MAP_COLORS: dict[str, Color] = {
    "all are right": (226, 229, 233),
    "several are right": (170, 176, 184),
    "none is right": (70, 76, 84),
    "ignored, not counted": (0, 0, 0),
}


def write_comparison(path: Path, comparison: "Comparison", *, command: str) -> None:
    """Writes the page whole or not at all: pictures and style are in the file, it loads nothing from elsewhere.

    command: makes this page again. Raises UserError where the file cannot be written.
    """
    names = [model.name for model in comparison.models]
    axis = _axis([model.interval for model in comparison.models])
    colors = dict(zip(names, model_colors(len(names)), strict=True))
    write_page(
        path,
        "compare.html.j2",
        title=_title(comparison),
        comparison=comparison,
        conditions=comparison.models[0].evaluation.conditions,
        colors=colors,
        class_colors=dict(zip(comparison.labels.names, comparison.labels.colors, strict=True)),
        map_colors={what: color for what, color in MAP_COLORS.items() if len(names) > 2 or "several" not in what},
        rows=_rows(comparison, axis),
        axis=[(tick, _place(tick, axis)) for tick in axis],
        classes=_classes(comparison),
        gallery=[_panels(comparison, shown, colors) for shown in comparison.shown],
        across=min(4, len(names) + 1),
        command=command,
    )


def model_colors(count: int) -> list[Color]:
    """A colour for each model, no two alike.

    >>> len(set(model_colors(12)))
    12
    """
    more = max(0, count - len(MODEL_COLORS))
    spread = (colorsys.hls_to_rgb((place + 0.5) / more, 0.4, 0.9) for place in range(more))
    return [*MODEL_COLORS[:count], *((round(255 * r), round(255 * g), round(255 * b)) for r, g, b in spread)]


def lone_map(truth: Label, labels: Mapping[str, Label], colors: Mapping[str, Color], ignore: int) -> Image:
    """(h, w, 3) RGB: a model's colour where it is right and no other is; see MAP_COLORS for the rest.

    >>> truth, ours, theirs = (np.array([values], np.uint8) for values in ((0, 0, 1, 9), (0, 1, 1, 0), (0, 1, 0, 0)))
    >>> lone_map(truth, {"a": ours, "b": theirs}, {"a": (1, 2, 3), "b": (4, 5, 6)}, 9)[0].tolist()
    [[226, 229, 233], [70, 76, 84], [1, 2, 3], [0, 0, 0]]
    """
    right = np.stack([label == truth for label in labels.values()])
    many = right.sum(0)
    drawn = np.full((*truth.shape, 3), MAP_COLORS["several are right"], np.uint8)
    drawn[many == len(labels)] = MAP_COLORS["all are right"]
    drawn[many == 0] = MAP_COLORS["none is right"]
    for name, mask in zip(labels, right, strict=True):
        drawn[mask & (many == 1)] = colors[name]
    drawn[truth == ignore] = MAP_COLORS["ignored, not counted"]
    return drawn


def _title(comparison: "Comparison") -> str:
    names = [model.name for model in comparison.models]
    return " against ".join(names) if len(names) <= 2 else f"{len(names)} models compared"


def _rows(comparison: "Comparison", axis: tuple[float, ...]) -> list[dict[str, Any]]:
    """What the tables say of each model. axis: of the intervals of mean IoU."""
    best, rows = comparison.models[0].name, []
    for model in comparison.models:
        less, interval = comparison.less_best(model.name), model.interval
        pair = comparison.pair(best, model.name) if less else None
        rows.append(
            {
                "name": model.name,
                "network": model.network,
                "size": model.evaluation.conditions.working_size,
                "score": interval.score,
                "ends": _ends(interval),
                "bar": [_place(value, axis) for value in interval],
                "less": f"{_points(less.score)} [{_ends(less)}]" if less else "",
                "pair": pair,
                "scores": model.scores(),
                "cost": model.cost.in_words(),
            }
        )
    return rows


def _axis(intervals: Sequence["Interval"]) -> tuple[float, ...]:
    """Round numbers between which all intervals lie, in [0, 1]; none where no score is known."""
    known = [value for interval in intervals for value in interval if not math.isnan(value)]
    return tuple(tick / 100 for tick in ticks(100 * min(known), 100 * max(known), beyond=True)) if known else ()


def _place(value: float, axis: Sequence[float]) -> float | None:
    """Per cent of the way along the axis."""
    return None if math.isnan(value) or not axis else round(100 * (value - axis[0]) / (axis[-1] - axis[0]), 2)


def _classes(comparison: "Comparison") -> list[dict[str, Any]]:
    """The rows of the table of classes, the largest difference first."""
    counts = comparison.models[0].evaluation.counts
    share = dict(zip(comparison.labels.names, counts.sum(1) / max(1, counts.sum()), strict=True))
    rows = []
    for name, row in comparison.per_class().items():
        known = [value for value in row.values() if not math.isnan(value)]
        rows.append(
            {
                "name": name,
                "share": float(share[name]),
                "iou": row,
                "best": comparison.best_of(row),
                "range": (100 * min(known), 100 * max(known)) if known else None,
            }
        )
    return rows


def _panels(comparison: "Comparison", shown: "Shown", colors: Mapping[str, Color]) -> dict[str, Any]:
    """One image of the gallery: its pictures, and how each model does on it."""
    sample, labels = shown.sample, comparison.labels
    found = next(one for one in comparison.disagreements if one.name == sample.name)
    scores = {
        model.name: next(image.mean_iou for image in model.evaluation.images if image.name == sample.name)
        for model in comparison.models
    }
    return {
        "name": sample.name,
        "differ": found.differ,
        "alone": found.alone,
        "scores": scores,
        "photo": photo_uri(sample.image),
        "truth": drawing_uri(labels.colorize(sample.label)),
        "models": {name: drawing_uri(labels.colorize(label)) for name, label in shown.labels.items()},
        "map": drawing_uri(lone_map(sample.label, shown.labels, colors, labels.ignore)),
    }


def _ends(interval: "Interval") -> str:
    return "no interval" if math.isnan(interval.low) else f"{_points(interval.low)} to {_points(interval.high)}"


def _points(value: float) -> str:
    return percent(value, unit="") if math.isnan(value) else f"{100 * value:z.1f}".replace("-", "\N{MINUS SIGN}")
