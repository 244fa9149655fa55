"""What the commands print of what they made."""

import json
import math
import shlex
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pixelwise.api import REPORT, Model
from pixelwise.evaluation import Evaluation
from pixelwise.training.run import BEST


def show_evaluation(evaluation: Evaluation) -> None:
    """The tables, how far mean IoU may be from that of other images, and what was counted and how."""
    console = Console()
    for table in evaluation.tables():
        console.print(table)
    score, low, high = (100 * value for value in evaluation.mean_iou_interval)
    interval = "no interval from one image" if math.isnan(low) else f"95 % interval over images {low:.1f} to {high:.1f}"
    console.print(f"mean IoU {score:.1f}, {interval}", highlight=False)
    console.print(str(evaluation.conditions), highlight=False)


def show_trained(model: Model, evaluation: Evaluation | None, data: str) -> None:
    """The scores of a finished run, where its report and model lie, and what to type next."""
    if evaluation:
        show_evaluation(evaluation)
    run = model.run or Path()
    print(f"\nreport   {run / REPORT}")
    print(f"model    {run / BEST}")
    print("\nnext:")
    print(f"  pixelwise predict {shlex.quote(str(run))} PHOTO            label your own photos")
    print(f"  pixelwise evaluate {shlex.quote(str(run))} {shlex.quote(data)}          score it again, or on other data")


def show_averaged(model: Model, data: str) -> None:
    """What each of the averaged models reached alone and all together, then the average as a run."""
    table = Table("model", "mean IoU, %", title="each alone, and their average", title_justify="left")
    for name, found in model.bundle.provenance["averaged"].items():
        table.add_row(escape(name), f"{100 * found['mean IoU']:.1f}")
    together = model.bundle.offsets.get("crosswise", model.bundle.scores["mean IoU"])
    table.add_row("[bold]average[/]", f"[bold]{100 * together:.1f}[/]")
    Console().print(table)
    show_trained(model, model.evaluation, data)


def trained_as_json(model: Model) -> str:
    """The same for programs: run folder, model, report, scores and what they were measured on."""
    run = model.run or Path()
    answer = {"run": str(run), "model": str(run / BEST), "report": str(run / REPORT)}
    scored = model.evaluation.to_dict() if model.evaluation else {}
    return json.dumps(answer | {key: scored[key] for key in ("conditions", "scores", "per_class") if key in scored})
