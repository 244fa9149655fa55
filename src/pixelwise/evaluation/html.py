"""An Evaluation as a notebook shows it: a sentence, what was measured, and a row with a bar for each class."""

import math
from html import escape
from typing import TYPE_CHECKING

from pixelwise.labels import Color
from pixelwise.labels.legend import swatch

if TYPE_CHECKING:  # which imports this file
    from pixelwise.evaluation.evaluation import Evaluation

TABLE = "color:inherit;border-collapse:collapse"
LEFT, RIGHT = "text-align:left;white-space:nowrap;padding:.1em .5em", "text-align:right;padding:.1em .5em"
# Both show on light and on dark pages.
TRACK = "width:8em;height:.7em;background-color:rgba(128, 128, 128, .25)"
BAR = "height:100%;background-color:rgb(70, 130, 200)"


def evaluation_html(evaluation: "Evaluation") -> str:
    """The scores of the whole, their conditions, and the per-class table with bars of IoU. All text is escaped."""
    per_class = evaluation.per_class()
    head = "".join(f'<th style="{RIGHT}">{escape(name)}</th>' for name in next(iter(per_class.values())))
    rows = "".join(
        _row(name, color, values)
        for (name, values), color in zip(per_class.items(), evaluation.labels.colors, strict=True)
    )
    return (
        f"<div><b>{escape(in_a_sentence(evaluation))}</b><br>{'<br>'.join(map(escape, _lines(evaluation)))}</div>"
        f'<table style="{TABLE}"><thead><tr><th style="{LEFT}">class</th><th></th>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table><div>Shares and scores in %.</div>"
    )


def in_a_sentence(evaluation: "Evaluation") -> str:
    """The scores that people ask for first."""
    scores = evaluation.scores()
    if math.isnan(scores["mean IoU"]):
        return "Nothing was counted: no pixel of this split has a class."
    interval = evaluation.mean_iou_interval
    ends = f" (95 % interval {_percent(interval.low)} to {_percent(interval.high)})"
    mean = f"{_percent(scores['mean IoU'])} %{ends if not math.isnan(interval.low) else ''}"
    return f"Mean IoU is {mean}; {_percent(scores['pixel accuracy'])} % of the pixels are right."


def _lines(evaluation: "Evaluation") -> list[str]:
    """The scores of other protocols than ours, where they were asked for, and the conditions."""
    others = [
        f"{one.title}: "
        + ", ".join(f"{name} {_percent(value)}" for name, value in evaluation.scores_of(one.name).items())
        for one in evaluation.protocols()
    ]
    return [*others, str(evaluation.conditions)]


def _row(name: str, color: Color, values: dict[str, float]) -> str:
    cells = "".join(f'<td style="{RIGHT}">{_percent(value)}</td>' for value in values.values())
    bar = f'<div style="{TRACK}"><div style="{BAR};width:{_percent(values["IoU"])}%"></div></div>'
    shown = "" if math.isnan(values["IoU"]) else bar
    return f'<tr><td style="{LEFT}">{swatch(color)} {escape(name)}</td><td>{shown}</td>{cells}</tr>'


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.1f}"
