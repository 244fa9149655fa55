"""What the commands print of what they made."""

from pathlib import Path

from rich.console import Console

from pixelwise.api import REPORT, Model
from pixelwise.evaluation import Evaluation


def show_evaluation(evaluation: Evaluation) -> None:
    """The tables, and what was counted and how."""
    console = Console()
    for table in evaluation.tables():
        console.print(table)
    console.print(str(evaluation.conditions), highlight=False)


def show_trained(model: Model, evaluation: Evaluation | None, data: str) -> None:
    """The scores of a finished run, where its report and model lie, and what to type next."""
    if evaluation:
        show_evaluation(evaluation)
    run = model.run or Path()
    print(f"\nreport   {run / REPORT}")
    print(f"model    {run / 'best.safetensors'}")
    print("\nnext:")
    print(f"  pixelwise predict {run} PHOTO            label your own photos")
    print(f"  pixelwise evaluate {run} {data}          score it again, or on other data")
