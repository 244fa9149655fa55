"""pixelwise predict film.mp4, and cameras: each into films of its own."""

import json
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pixelwise.cli.show_predict import LEAST
from pixelwise.errors import DataError, UserError

if TYPE_CHECKING:
    from pixelwise.bundle import Bundle
    from pixelwise.prediction.films import Film
    from pixelwise.prediction.video import Filming, LabelledFilm
    from pixelwise.prediction.view import View
    from pixelwise.stopping import Interrupted

Smooth = Annotated[float, typer.Option(min=0, help="Of films: share of the frames before in a label, 0.5 for one.")]
Every = Annotated[int, typer.Option(min=1, help="Of films: label every n-th frame.")]
Seconds = Annotated[float | None, typer.Option(help="Of films and cameras: stop after so many  [default: all]")]


@dataclass
class Told:
    """What became of the films. films: by their names, for JSON. failed: what is wrong with the others."""

    films: dict[str, dict[str, Any]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    @property
    def json(self) -> dict[str, Any]:
        """What --json says of them; nothing where there are none."""
        return {"films": self.films} if self.films or self.failed else {}

    def check(self) -> None:
        """Raises UserError where films could not be labelled."""
        if self.failed:
            count = len(self.films) + len(self.failed)
            raise UserError(f"{len(self.failed)} of {count} films could not be labelled")


def filming_of(
    write: str | None,
    view: "View",
    films: Collection[str],
    *,
    smooth: float,
    every: int,
    seconds: float | None,
    tiles: bool,
) -> "Filming | None":
    """How films are to be labelled; None where there are none. Raises UserError for what does not fit the inputs."""
    if not films:
        if smooth or every != 1 or seconds is not None:
            raise UserError("--smooth, --every and --seconds are of films and cameras; leave them out for photos")
        return None
    if tiles:
        raise UserError("--tile and --scale are of photos; leave them out for films")
    from pixelwise.prediction.video import Filming

    kinds = tuple(dict.fromkeys(word.strip() for word in write.split(","))) if write else ("overlay",)
    return Filming(kinds, view, smooth, every, seconds)


def predict_films(
    bundle: "Bundle",
    films: "Mapping[str, Film]",
    output: Path,
    filming: "Filming | None",
    *,
    alone: bool,
    as_json: bool,
    json_lines: bool,
) -> Told:
    """Labels films and prints what became of each; alone: and all of the JSON, for nothing else is labelled.

    Raises UserError where nothing can be read of the only film, or, alone, of one of several. Raises Interrupted where
    Ctrl-C ended a film; no other is begun then. Cameras end so.
    """
    told, stopped = Told(), None
    for name, film in films.items():
        found = _found(bundle, film, output, filming, name)
        if isinstance(found, str):
            if alone and len(films) == 1:
                raise UserError(found)
            print(found, file=sys.stderr)
            told.failed.append(found)
            line: dict[str, Any] = {"failed": found}
        else:
            line = told.films[name] = _line(found, film)
            _show(found, name, film, quiet=as_json or json_lines)
            stopped = _interrupted(found, film)
        if json_lines:
            print(json.dumps({"name": name, **line}), flush=True)
        if stopped:
            break
    if as_json and not json_lines and (alone or stopped):
        print(json.dumps({"output": str(output), "photos": {}, **told.json, "failed": told.failed}))
    if stopped:
        raise stopped
    if alone:
        told.check()
    return told


def _found(bundle: "Bundle", film: "Film", output: Path, filming: "Filming | None", name: str) -> "LabelledFilm | str":
    """What became of a film, or what is wrong with it."""
    from pixelwise.prediction.video import label_film

    try:
        return label_film(bundle, film, output, filming, name=name)
    except DataError as error:
        return str(error)


def _line(found: "LabelledFilm", film: "Film") -> dict[str, Any]:
    """What JSON says of a film."""
    return {
        "film": str(film) if isinstance(film, Path) else film.name,
        "files": [str(path) for path in found.files],
        "frames": found.frames,
        "labelled": found.labelled,
        "broken": found.broken,
        "broken_at": [{"frame": number, "seconds": at} for number, at in found.broken_at],
        "seconds": round(found.seconds, 3),
        "frames_per_second": round(found.speed, 2),
        "classes": found.shares,
        "remarks": found.remarks(),
    }


def _show(found: "LabelledFilm", name: str, film: "Film", *, quiet: bool) -> None:
    """Prints what a person should know of a film, and, unless quiet, its classes and where it is."""
    from pixelwise.progress import say

    for remark in found.remarks():
        say(f"{film if isinstance(film, Path) else film.name}: {remark}")
    if not quiet:
        large = [f"{label} {share:.0%}" for label, share in found.shares.items() if share >= LEAST]
        print(f"{name}: {', '.join(large)}")
        print(f"{found.labelled} frames labelled, {found.speed:.1f} a second; see {_places(found)}")


def _interrupted(found: "LabelledFilm", film: "Film") -> "Interrupted | None":
    """What is raised for a film that was stopped; None for others, and for cameras, which end so."""
    from pixelwise.stopping import Interrupted

    if not found.stopped or not isinstance(film, Path):
        return None
    said = f"{film}: stopped after {found.frames} frames; what was labelled until then is in {_places(found)}"
    return Interrupted(said, signal_number=found.stopped)


def _places(found: "LabelledFilm") -> str:
    return ", ".join(str(path) for path in found.files)
