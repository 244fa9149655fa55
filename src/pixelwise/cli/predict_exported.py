"""pixelwise predict with an exported model, which needs no torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pixelwise.errors import UserError

if TYPE_CHECKING:
    from pixelwise.labels import LabelMap
    from pixelwise.prediction.writing import Wanted


def check_options(names: Sequence[str]) -> None:
    """names: of options that were given and are of models that are not exported. Raises UserError where there are."""
    if names:
        what = f"{', '.join(names)}: exported models label photos, whole and on the processor"
        raise UserError(f"{what}; leave {'them' if len(names) > 1 else 'it'} out, or give the model itself")


def predict_exported(
    words: Sequence[str],
    output: Path,
    *,
    write: str | None,
    simplify: float,
    again: bool,
    as_json: bool,
    json_lines: bool,
) -> None:
    """Labels photos and prints their classes. words: the file and what it is to label.

    Raises UserError in the end where some could not be labelled.
    """
    from pixelwise.cli.predict_photos import predict_photos
    from pixelwise.cli.predict_video import Told
    from pixelwise.export.many import ManyExported
    from pixelwise.export.runtime import open_exported, processor_threads
    from pixelwise.prediction.files import find_photos
    from pixelwise.prediction.films import part_films
    from pixelwise.prediction.many_photos import AT_ONCE, fingerprint

    model, *inputs = words
    if not inputs:
        raise UserError(f"{model}: is a model; name what it is to label: pixelwise predict {model} photo.jpg")
    films, inputs = part_films(inputs)
    if films:
        raise UserError(f"{next(iter(films))}: is a film, and exported models label photos; give the model itself")
    photos = dict(find_photos(inputs, output=output))
    exported = open_exported(model, at_once=min(AT_ONCE, processor_threads(), len(photos)))
    wanted = wanted_of(write, simplify, exported.labels)
    many = ManyExported(exported, wanted, output, fingerprint(exported.path))
    predict_photos(many, photos, Told(), again=again, as_json=as_json, json_lines=json_lines)


def wanted_of(write: str | None, simplify: float, labels: "LabelMap") -> "Wanted":
    """What is written of each photo. write: kinds, as typed. Raises UserError for kinds that there are not."""
    from pixelwise.prediction.writing import Wanted, parse_kinds

    return Wanted(simplify=simplify) if write is None else Wanted(parse_kinds(write, labels), simplify)
