"""Photos labelled by the processes of a Ray cluster: each holds the model and labels one shard after the other.

All machines must see the photos and the folder of predictions under the same paths. What is done is written down by one
process alone, shard after shard in the order of the photos: files and record are those of a run on one machine.
"""

import json
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from pixelwise.bundle import load_bundle
from pixelwise.errors import UserError
from pixelwise.machine import pick_device
from pixelwise.prediction.files import Photo
from pixelwise.prediction.many import Many
from pixelwise.prediction.record import Record
from pixelwise.prediction.shards import Shards, label_shard
from pixelwise.prediction.view import View
from pixelwise.prediction.writing import Wanted
from pixelwise.progress import track

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # a worker that died is no news: its shard is repeated
os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")  # every line; else they would stand between those of JSON
try:
    import ray
    import ray.data
except ImportError as error:
    raise UserError(f"--engine ray needs Ray ({error}); run `pip install 'pixelwise[scale]'`") from error


@dataclass(frozen=True)
class Workers:
    """Processes that label. cores, gpus: of each; it computes in as many threads as it has cores.

    device: as of `pick_device`, on the machine where the worker is.
    """

    count: int
    cores: int
    gpus: int
    device: str = "auto"


def plan_workers(asked: int | None, device: str) -> Workers:
    """One worker for each GPU of the cluster, or where there is none for each core; or as many as are asked for.

    The cores are shared out evenly. Raises UserError where more are asked for than there are GPUs, or cores.
    """
    found: Mapping[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    cores = max(1, int(found.get("CPU", 1)))
    gpus = 0 if device == "cpu" else int(found.get("GPU", 0))
    if gpus == 0 and device.startswith("cuda"):
        raise UserError(f"--device {device}: the cluster has no GPU; leave the option out")
    count = asked or min(gpus, cores) or cores
    if count > (gpus or cores):
        what = f"{gpus} GPUs" if gpus else f"{cores} cores"
        raise UserError(f"--workers {count}: the cluster has {what}; ask for no more workers")
    return Workers(count, max(1, cores // count), min(1, gpus), "cuda" if gpus else "cpu")


@contextmanager
def joined() -> Iterator[None]:
    """Within, this process leads a cluster: that of RAY_ADDRESS, or of this machine alone, which ends with it.

    Raises UserError where there is nothing at RAY_ADDRESS.
    """
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    if ray.is_initialized():
        yield
        return
    address = os.environ.get("RAY_ADDRESS")
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    try:
        with _silent():
            ray.init(address, **quiet) if address else ray.init("local", include_dashboard=False, **quiet)
    except (ConnectionError, ValueError, RuntimeError) as error:
        why = " ".join(str(error.__cause__ or error).split())
        raise UserError(f"there is no Ray cluster at {address or 'this machine'} ({why}); set RAY_ADDRESS") from error
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _silent() -> Iterator[None]:
    """Within, nothing is written on standard error, by Ray's C++ part neither."""
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device, no path
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@dataclass(frozen=True)
class Work:
    """What a worker must know beside the model's file; its fields are those of `Many`."""

    shards: Shards
    wanted: Wanted
    folder: Path
    model: str
    view: View
    workers: Workers


class Labeller:
    """In a worker's process: loads the model once, then labels shards. model: what is in its file."""

    def __init__(self, work: Work, model: "ray.ObjectRef[bytes]") -> None:
        torch.set_num_threads(work.workers.cores)
        cv2.setNumThreads(work.workers.cores)
        with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
            file.write(ray.get(model))
            file.flush()
            bundle = load_bundle(file.name, pick_device(work.workers.device))
        self.many = Many(bundle, work.wanted, work.folder, work.model, work.view)
        self.shards = work.shards

    def __call__(self, batch: Mapping[str, np.ndarray]) -> dict[str, list[Any]]:
        """Labels the one shard of a batch. failed: photo -> what is wrong with it; or why nothing can be written."""
        number = int(batch["shard"][0])
        failed: dict[str, str] | str
        try:
            failed = label_shard(self.many, self.shards, number)
        except UserError as error:  # as text, for Ray wraps errors into its own
            failed = str(error)
        return {"shard": [number], "failed": [json.dumps(failed)]}


def label_on_cluster(
    many: Many, model: Path, shards: Shards, workers: Workers
) -> Iterator[tuple[str, Photo, dict[str, float] | str]]:
    """Every photo with the shares of its classes, or what is wrong with it, in order; its files are written by then.

    many: what is wanted. model: the file of its bundle. Within `joined`. Raises UserError where the folder cannot be
    written, or this process does not see what others write.
    """
    if not len(shards):
        return
    record, reports = Record(many.folder), _reports(many, model, shards, workers)
    early: dict[int, dict[str, str]] = {}  # shards that came before their turn
    for number in track(range(len(shards)), "labelling shards"):
        while number not in early:
            early.update([next(reports)])
        failed, photos = early.pop(number), shards.photos(number)
        lines = {line.name: line for line in shards.record(number).lines()}
        if len(lines) + len(failed) < len(photos):
            raise UserError(
                f"{many.folder}: what workers write is not seen here; choose a folder that all machines share"
            )
        record.add(*lines.values())
        shards.remove(number)
        for name, photo in photos.items():
            yield name, photo, lines[name].shares if name in lines else failed[name]


def _reports(many: Many, model: Path, shards: Shards, workers: Workers) -> Iterator[tuple[int, dict[str, str]]]:
    """The numbers of the shards as they are done, with what is wrong with which photos."""
    work = Work(shards, many.wanted, many.folder.absolute(), many.model, many.view, workers)
    numbers = ray.data.from_items([{"shard": number} for number in range(len(shards))], override_num_blocks=len(shards))
    rows = numbers.map_batches(
        Labeller,
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=workers.count, max_tasks_in_flight_per_actor=2),
        fn_constructor_args=(work, ray.put(model.read_bytes())),
        num_cpus=workers.cores,
        num_gpus=workers.gpus,
    )
    for row in rows.iter_rows():
        failed = json.loads(row["failed"])
        if isinstance(failed, str):
            raise UserError(failed)
        yield row["shard"], failed
