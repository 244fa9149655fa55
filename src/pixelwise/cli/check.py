"""pixelwise check"""

import json
from pathlib import Path
from typing import Annotated

import typer

from pixelwise.cli.options import AsJson, Classes, Data, Layout

EXAMPLE = "Example:  pixelwise check my_photos --report check.html --write"
FAILED = 3  # exit code where there are errors


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog=EXAMPLE)(check)


def check(
    data: Data,
    report: Annotated[Path | None, typer.Option(help="Write a page with overlays and all problems here.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Write what was understood to DATA/dataset.yaml.")] = False,
    output: Annotated[Path | None, typer.Option(help="Write it to this file instead.")] = None,
    layout: Layout = None,
    classes: Classes = None,
    as_json: AsJson = False,
) -> None:
    """Say what is in DATA and what is wrong with it.

    Reads every image and mask, and trains nothing. Ends with exit code 3 where there are errors, else 0.
    With --write, everything understood is frozen in a file to edit, which every command takes in the place of DATA;
    samples with errors are left out there.
    """
    from pixelwise.checking import check as check_dataset
    from pixelwise.checking import freeze
    from pixelwise.cli.show_check import show_check
    from pixelwise.report import command_line, write_check_report

    found = check_dataset(data, layout=layout, classes=classes)
    written = [f"written  {freeze(found, output)}"] if write or output else []
    if report:
        write_check_report(report, found, command=command_line())
        written.append(f"report   {report}")
    if as_json:
        print(json.dumps(found.to_dict()))
    else:
        show_check(found, str(output or data), written)
    if found.errors:
        raise typer.Exit(FAILED)
