"""What `pixelwise compare` prints."""

import math

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pixelwise.evaluation.bootstrap import Interval
from pixelwise.evaluation.comparison import SCORES, Comparison

DASH = "–"


def show_comparison(found: Comparison) -> None:
    """Who is better, the scores, what each takes, class by class, and what was measured and how."""
    console = Console()
    console.print(f"[bold]{escape(found.verdict)}[/]", highlight=False)
    for table in (_scores(found), _costs(found), _classes(found)):
        console.print(table)
    if len(found.pairs) > 1:
        for pair in found.pairs:
            console.print(str(pair), markup=False, highlight=False)
    console.print(found.conditions, style="dim", markup=False, highlight=False)


def _scores(found: Comparison) -> Table:
    table = _table("scores, %", "model", "mean IoU [95 % interval]", *SCORES)
    for model in found.models:
        table.add_row(
            escape(model.name),
            escape(f"{_percent(model.interval.score)} [{_ends(model.interval)}]"),
            *map(_percent, model.scores().values()),
        )
    return table


def _costs(found: Comparison) -> Table:
    where = f"time and memory: on {found.machine}" if found.machine else None
    table = _table("what each takes", "model", "network", *found.models[0].cost.in_words())
    table.caption = where and escape(where)
    for model in found.models:
        table.add_row(escape(model.name), escape(model.network), *model.cost.in_words().values())
    return table


def _classes(found: Comparison) -> Table:
    names = [model.name for model in found.models]
    table = _table("IoU of each class, %, the largest difference first", "class", *map(escape, names))
    for label, row in found.per_class().items():
        best = found.best_of(row)
        cells = (f"[bold]{_percent(row[name])}[/]" if name in best else _percent(row[name]) for name in names)
        table.add_row(escape(label), *cells)
    return table


def _table(title: str, first: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", caption_justify="left")
    table.add_column(first, overflow="fold")
    for column in columns:
        left, whole = column == "network", "interval" in column
        table.add_column(column, justify="left" if left else "right", overflow="fold", no_wrap=whole)
    return table


def _ends(interval: Interval) -> str:
    return "no interval" if math.isnan(interval.low) else f"{_percent(interval.low)}, {_percent(interval.high)}"


def _percent(value: float) -> str:
    return DASH if math.isnan(value) else f"{100 * value:z.1f}"
