"""The command line: one file per command, each a thin shell over the public functions."""

import sys

import typer

from pixelwise.cli import demo, evaluate, predict, train
from pixelwise.errors import UserError

app = typer.Typer(
    name="pixelwise",
    help="From a folder of images and masks to a model that labels every pixel.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for module in (demo, train, evaluate, predict):
    module.register(app)


def main() -> None:
    """Runs a command. Exit codes: 0 done, 1 a bug, 2 something the user can mend, 130 stopped by Ctrl-C."""
    try:
        app()
    except UserError as error:
        sys.exit(_tell(error))
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)


def _tell(error: UserError) -> int:
    if type(error).__name__ == "Interrupted":
        print(error, file=sys.stderr)
        return 130
    print(f"pixelwise: {error}", file=sys.stderr)
    return 2
