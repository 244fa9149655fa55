"""pixelwise models"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pixelwise.cli.options import AsJson, Device, Option
from pixelwise.errors import UserError

if TYPE_CHECKING:
    from pixelwise.models.survey import Description

EXAMPLE = "Example:  pixelwise models unet --size 96x128 --figure unet.svg"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog=EXAMPLE)(models)


def models(  # noqa: PLR0913 - one parameter per option
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Show this one, with its options.")] = None,
    size: Annotated[str, typer.Option(help="HEIGHTxWIDTH of the image that is labelled.")] = "360x480",
    classes: Annotated[int, typer.Option(min=1, max=255, help="Of the logits.")] = 11,
    channels: Annotated[int, typer.Option(min=1, help="Of the image.")] = 3,
    option: Option = None,
    no_speed: Annotated[bool, typer.Option("--no-speed", help="Do not measure the time on this machine.")] = False,
    figure: Annotated[Path | None, typer.Option(help="With NAME: draw it into this SVG file.")] = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """List the models, or show one of them.

    Parameters, floating point operations for one image, and how long this machine takes to label it.
    With NAME: its idea and its options too.
    """
    from pixelwise.cli.show_models import as_dict, conditions_of, show_model, show_models
    from pixelwise.machine import pick_device
    from pixelwise.models import MODELS, options_of
    from pixelwise.models.survey import survey
    from pixelwise.training.parsing import parse_option, parse_size

    if name is None and (figure or option):
        raise UserError("--figure and --option are for one model; name it: pixelwise models unet --figure unet.svg")
    if name is not None:
        options_of(name)  # refuses an unknown one
    image, where = parse_size(size), None if no_speed else pick_device(device)
    given = dict(parse_option(text) for text in option or ())
    found = survey([name] if name else MODELS, classes, image, in_channels=channels, options=given, device=where)
    conditions = conditions_of(image, channels, classes, where)
    one = found[name] if name else None
    if isinstance(one, UserError):
        raise one
    if as_json:
        print(json.dumps({"conditions": conditions, "models": [as_dict(*item) for item in found.items()]}))
    elif one:
        show_model(one, conditions)
    else:
        show_models(found, conditions)
    if figure and one:
        _draw(figure, one, classes, channels)
        print(f"figure   {figure}", file=sys.stderr if as_json else sys.stdout)


def _draw(path: Path, model: "Description", classes: int, channels: int) -> None:
    from pixelwise.files import replacing
    from pixelwise.models.survey import on_meta
    from pixelwise.models.tracing import stages
    from pixelwise.report.diagram import draw_network

    network = on_meta(model.name, classes, in_channels=channels, **model.options)
    with replacing(path) as temporary:
        temporary.write_text(draw_network(stages(network, model.size), model.title, str(model)), encoding="utf-8")
