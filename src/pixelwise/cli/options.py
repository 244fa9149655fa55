"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 ...")]
Split = Annotated[str | None, typer.Option(help="train, val or test  [default: val, else test, else train]")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of tables.")]
Run = Annotated[Path | None, typer.Option(help="The run folder  [default: runs/DATE_MODEL_DATA]")]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="A model file, or a run folder.")]
Data = Annotated[str, typer.Argument(metavar="DATA", help="A folder, dataset.yaml or table; or `streets`.")]
Layout = Annotated[str | None, typer.Option(help="How DATA lies: voc, coco, ...  [default: recognised]")]
Option = Annotated[
    list[str] | None, typer.Option(metavar="NAME=VALUE", help="Of the model: width=64 ...  [see `pixelwise models`]")
]
Classes = Annotated[str | None, typer.Option(help="Merge classes: camvid32-to-11 ...  [default: as they are]")]
