"""The command line: one file per command, each a thin shell over the public functions."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from pixelwise.cli import (
    average,
    check,
    compare,
    demo,
    evaluate,
    export,
    import_keras,
    models,
    plan,
    predict,
    regions,
    serve,
    surfaces,
    train,
)
from pixelwise.errors import UserError

app = typer.Typer(
    name="pixelwise",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for module in (
    demo,
    check,
    models,
    plan,
    train,
    evaluate,
    compare,
    average,
    predict,
    regions,
    surfaces,
    serve,
    export,
    import_keras,
):
    module.register(app)


def _version(asked: bool) -> None:
    if asked:
        print(f"pixelwise {version('pixelwise')}")
        raise typer.Exit


@app.callback(epilog="Begin with:  pixelwise demo --budget 4m")
def options(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """From a folder of images and masks to a model that labels every pixel."""


def main() -> None:
    """Runs a command. Exit codes: 0 done, 1 a bug, 2 something the user can mend, 3 the data failed a
    check, 130 stopped by Ctrl-C."""
    try:
        app(prog_name="pixelwise")
    except UserError as error:
        print(f"pixelwise: {' '.join(str(error).splitlines())}", file=sys.stderr)
        sys.exit(getattr(error, "exit_code", 2))  # a stopped run has its own
