"""What `pixelwise check` prints."""

import shlex
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from pixelwise.checking import Check
from pixelwise.data.dataset import SPLITS
from pixelwise.data.problems import Problem

SHOWN = 5  # files of each problem


def show_check(found: Check, data: str, written: Sequence[str] = ()) -> None:
    """What is in the data, what is wrong with it, which files were written, and what to type next."""
    console = Console()
    print(found.dataset)
    channels, bits = found.dataset.format
    print(f"images of {channels} channel{'s' * (channels != 1)}, {bits} bits")
    console.print(_splits_table(found))
    console.print(_classes_table(found))
    for problem in found.problems:
        console.print(_problem(problem), soft_wrap=True)
    errors, warnings = len(found.errors), len(found.problems) - len(found.errors)
    print(f"{errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}")
    print("\n".join(["", *written]) if written else "")
    next_step = "check --write" if errors and not written else "train"
    print(f"next:\n  pixelwise {next_step} {shlex.quote(data)}")


def _splits_table(found: Check) -> Table:
    table = Table(title="splits", title_justify="left")
    for column in ("split", "images", "height x width", "ignored"):
        table.add_column(column, justify="left" if column == "split" else "right")
    for name in SPLITS:
        if images := len(found.dataset.split(name)):
            sizes = [f"{height} x {width}" for (height, width), _ in found.sizes(name)]
            shown = ", ".join(sizes[:2]) + (f" and {len(sizes) - 2} more" if len(sizes) > 2 else "")
            table.add_row(name, str(images), shown, f"{found.ignored(name):.1%}")
    return table


def _classes_table(found: Check) -> Table:
    """Share of the labelled pixels, and number of images, of every class in every split."""
    names = [name for name in SPLITS if found.dataset.split(name)]
    table = Table(title="classes", title_justify="left")
    table.add_column("class", overflow="fold")
    for name in names:
        table.add_column(f"{name} % of pixels", justify="right")
        table.add_column("images", justify="right")
    pixels, images = ({name: count(name) for name in names} for count in (found.pixels, found.images))
    for index, label in enumerate(found.dataset.labels.names):
        cells = [
            cell
            for name in names
            for cell in (f"{100 * pixels[name][index] / max(1, pixels[name].sum()):.2f}", str(images[name][index]))
        ]
        table.add_row(escape(label), *cells)
    return table


def _problem(problem: Problem) -> Text:
    """A severity in colour, the sentence, the mend, and the first files."""
    style = "bold red" if problem.severity == "error" else "yellow"
    text = Text.assemble((problem.severity, style), f" {problem.kind}: {problem.what}; {problem.mend}")
    for file in problem.files[:SHOWN]:
        text.append(f"\n    {file}", "dim")
    if len(problem.files) > SHOWN:
        text.append(f"\n    and {len(problem.files) - SHOWN} more (--json or --report names all)", "dim")
    return text
