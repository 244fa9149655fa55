"""pixelwise predict --engine ray: the same on all machines of a Ray cluster."""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pixelwise.cli.show_predict import SHOWN, line_of, show_photos
from pixelwise.errors import UserError, unknown
from pixelwise.progress import say

if TYPE_CHECKING:
    from pixelwise.prediction.files import Photo
    from pixelwise.prediction.many import Many
    from pixelwise.prediction.planning import Plan

ENGINES = ("local", "ray")

Engine = Annotated[str, typer.Option(help="local: in this process; ray: on a Ray cluster  [see docs/scale.md]")]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Of ray: processes that label  [default: one per GPU, else per core]")
]


def wants_ray(engine: str, workers: int | None, *, photos_alone: bool) -> bool:
    """Whether the engine is Ray. photos_alone: whether no option is of films or tiles.

    Raises UserError for another engine, and for options that do not go together.
    """
    if engine not in ENGINES:
        raise unknown("engine", engine, ENGINES)
    if engine == "local" and workers:
        raise UserError("--workers is of a cluster; add --engine ray, or leave it out")
    if engine == "ray" and not photos_alone:
        raise UserError("--engine ray labels photos whole; leave --tile, --scale and the options of films out")
    return engine == "ray"


def predict_ray(
    many: "Many",
    model: Path,
    inputs: Iterable[str],
    workers: int | None,
    *,
    device: str,
    again: bool,
    as_json: bool,
    json_lines: bool,
) -> None:
    """Labels the photos and prints their classes. many: what is wanted. model: the file of its bundle.

    Raises UserError in the end where some could not be labelled.
    """
    from pixelwise.prediction.cluster import joined, label_on_cluster, plan_workers
    from pixelwise.prediction.files import each_photo
    from pixelwise.prediction.planning import plan
    from pixelwise.prediction.writing import COCO

    told = _Told(many, as_json, json_lines)
    with joined():
        processes = plan_workers(workers, device)
        photos = each_photo(map(_absolute, inputs), output=many.folder)
        planned = plan(many, photos, processes.count, again=again)
        _say(planned)
        if as_json or json_lines:
            for line in planned.lines_before(many.folder):
                told.tell(line.name, Path(line.files[0][0]), line.shares, before=True)
        for name, photo, found in label_on_cluster(many, model, planned.shards, processes):
            told.tell(name, photo, found, before=False)
    if COCO in many.wanted.kinds:
        many.finish(planned.shards.every_photo())
    planned.shards.close()
    told.finish(planned.photos)


def _absolute(text: str) -> str:
    """A file or folder under a path that holds in every process; anything else as it is."""
    return str(Path(text).absolute()) if Path(text).exists() else text


def _say(planned: "Plan") -> None:
    """What is known before the first photo is labelled."""
    if planned.others:
        say(f"{planned.others} photos were labelled by another model or with other settings, and are labelled anew")
    if done := len(planned.done):
        say(f"{done} of {planned.photos} photos are done already and left as they are; --again labels them anew")


@dataclass
class _Told:
    """What became of the photos, told as they come; kept is only what is told in the end.

    shares: of all photos for JSON, else of the first that were labelled now. new: how many were. bad: how many could
    not be. failures: what is wrong with them, for JSON.
    """

    many: "Many"
    as_json: bool
    json_lines: bool
    shares: dict[str, dict[str, float]] = field(default_factory=dict)
    new: int = 0
    bad: int = 0
    failures: list[str] = field(default_factory=list)

    def tell(self, name: str, photo: "Photo", found: dict[str, float] | str, *, before: bool) -> None:
        """found: the shares of the photo's classes, or what is wrong with it. before: whether by an earlier run."""
        if self.json_lines:
            print(json.dumps(line_of(self.many, name, photo, found) | {"before": before}), flush=True)
        if isinstance(found, str):
            print(found, file=sys.stderr)
            self.bad += 1
            self.failures += [found] if self.as_json else []
            return
        self.new += not before
        if (self.as_json and not self.json_lines) or len(self.shares) < SHOWN:
            self.shares[name] = found

    def finish(self, photos: int) -> None:
        """photos: how many there are in all. Raises UserError where some could not be labelled."""
        if self.as_json and not self.json_lines:
            print(json.dumps({"output": str(self.many.folder), "photos": self.shares, "failed": self.failures}))
        elif not self.json_lines:
            show_photos(self.shares, self.many.done_to_photos, self.many.folder, count=self.new)
        if self.bad:
            raise UserError(f"{self.bad} of {photos} photos could not be labelled")
