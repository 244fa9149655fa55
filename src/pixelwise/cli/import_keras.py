"""pixelwise import-keras"""

import json
from pathlib import Path
from typing import Annotated

import typer

from pixelwise.cli.options import AsJson

EXAMPLE = "Example:  pixelwise import-keras unet_carla.keras -o unet_carla.safetensors"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("import-keras", epilog=EXAMPLE)(import_keras)


def import_keras(
    weights: Annotated[Path, typer.Argument(metavar="WEIGHTS", help="A .h5, .weights.h5 or .keras file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The model file to write: NAME.safetensors.")],
    labels: Annotated[
        str | None, typer.Option(help="Its classes: carla_0_9_13, ..., or a dataset  [default: the notebook's]")
    ] = None,
    size: Annotated[
        str | None, typer.Option(help="HEIGHTxWIDTH it was trained at  [default: as the file says]")
    ] = None,
    divide: Annotated[
        float | None, typer.Option(help="What a U-Net's images were divided by; twice 255: 65025  [default: 255]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a model file of a network that was trained in Keras.

    It must be the CARLA U-Net of the course notebook, of any width and number of classes, or a generator of the two
    128x128 Pix2Pix notebooks. Nothing in the file is run.
    """
    from pixelwise import api
    from pixelwise.training.parsing import parse_size

    bundle = api.import_keras(weights, labels, parse_size(size) if size else None, divide=divide).bundle
    bundle.save(output)
    found = {
        "model": bundle.model,
        "options": bundle.options,
        "arrays": bundle.provenance["imported"]["arrays"],
        "parameters": sum(tensor.numel() for tensor in bundle.network.parameters()),
        "classes": bundle.labels.names,
        "size": bundle.size,
        "output": str(output),
    }
    if as_json:
        print(json.dumps(found))
        return
    options = ", ".join(f"{name} {value}" for name, value in bundle.options.items())
    print(f"network  {bundle.model} ({options}), trained at {bundle.size[0]}x{bundle.size[1]}")
    print(f"weights  {found['parameters']:,} parameters in {found['arrays']} arrays")
    print(f"classes  {len(bundle.labels)}: {', '.join(bundle.labels.names)}")
    print(f"written  {output}")
    print(f"\nnext:\n  pixelwise predict {output} PHOTO...\n  pixelwise evaluate {output} DATA")
