"""How fast photos are labelled, from file to mask, beside a peer over the same network; results/bench_inference.json.

    python benchmarks/bench_inference.py [--quick]       needs ../shared/data/camvid      --quick: only printed

"street" reads a photo, labels it with `predict` and writes the mask as `predict --write label` does, one photo after
the other; "street, a folder" is what the command does with many photos, some at once. The peer,
segmentation_models_pytorch, is used as its documentation has it: float32, `model.eval()`, `torch.inference_mode()`,
argmax; photos are read, and masks written, by the same functions, and padded to what it takes, as it asks for. "peer's
network in pixelwise" is that network, Unet over resnet34, with pixelwise's way of labelling. Its weights are random
ones: the time does not depend on them, and none are downloaded.

Every way runs in a process of its own, warmed up; they take turns, and figures are medians over the rounds. The peer is
left out where it cannot be imported; `benchmarks/bench_training.py` says how to install it.
"""

import argparse
import json
import multiprocessing
import statistics
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from bench_training import PEER, PEERS, Step, Worker, body_of
from PIL import Image as Pillow
from recorded import RESULTS
from torch.nn import functional as F

import pixelwise as pw
from pixelwise.bundle import Bundle
from pixelwise.data.files.images import read_image
from pixelwise.labels import CAMVID11
from pixelwise.machine import describe, reuse_memory
from pixelwise.models import Network
from pixelwise.prediction.files import Photo
from pixelwise.prediction.many import Many
from pixelwise.prediction.predict import predict
from pixelwise.prediction.writing import Wanted, write_png

PHOTOS = sorted((Path(__file__).parents[2] / "shared" / "data" / "camvid" / "val").glob("*.png"))[:20]
SIZE = (360, 480)  # of the photos
ROUNDS = 7
STREET, FOLDER = "street", "street, a folder"
OWN, OWN_FOLDER, PEERS_OWN = "peer's network in pixelwise", "peer's network in pixelwise, a folder", "peer"


def street() -> Bundle:
    return pw.load("street", "cpu").bundle


def peers_network() -> Bundle:
    """The peer's network as one of pixelwise."""
    network = Network(body_of(PEERS[0])).to(memory_format=torch.channels_last).eval()
    return Bundle(network, "peer", {}, CAMVID11, SIZE)


def one_by_one(bundle: Callable[[], Bundle], folder: Path, _: torch.device) -> Step:
    """All photos, each from its file to the file of its mask."""
    reuse_memory()
    ready = bundle()

    def step() -> None:
        for photo in PHOTOS:
            write_png(predict(ready, photo).index(), folder / f"{photo.stem}.png")

    return step


def as_a_folder(bundle: Callable[[], Bundle], folder: Path, _: torch.device) -> Step:
    """The same by what the command uses."""
    many = Many(bundle(), Wanted(("label",)), folder, "")
    photos: dict[str, Photo] = {photo.stem: photo for photo in PHOTOS}

    def step() -> None:
        for _ in many.label_all(photos):
            pass

    return step


def peer(_: object, folder: Path, __: torch.device) -> Step:
    """The peer's network as its documentation uses it."""
    network = body_of(PEERS[0]).eval()
    rows, columns = (-side % 32 for side in SIZE)

    def step() -> None:
        for photo in PHOTOS:
            image = torch.tensor(read_image(photo)).permute(2, 0, 1)[None].float() / 255
            with torch.inference_mode():
                classes = network(F.pad(image, (0, columns, 0, rows))).argmax(dim=1)
            mask = Pillow.fromarray(classes[0, : SIZE[0], : SIZE[1]].byte().numpy())
            write_png(mask, folder / f"{photo.stem}.png")

    return step


WAYS: dict[str, tuple[Callable[..., Step], Callable[[], Bundle] | None]] = {
    STREET: (one_by_one, street),
    FOLDER: (as_a_folder, street),
    OWN: (one_by_one, peers_network),
    OWN_FOLDER: (as_a_folder, peers_network),
    PEERS_OWN: (peer, None),
}


def measure(rounds: int) -> dict[str, list[float]]:
    """Seconds of a photo, round by round, of every way that can be had here."""
    ways = {name: way for name, way in WAYS.items() if way[1] is street or find_spec(PEER)}
    with tempfile.TemporaryDirectory() as name_of_folder:
        folder = Path(name_of_folder)
        workers = {name: Worker(make, bundle, folder, torch.device("cpu")) for name, (make, bundle) in ways.items()}
        rows = [{name: worker.seconds(1) / len(PHOTOS) for name, worker in workers.items()} for _ in range(rounds)]
        for worker in workers.values():
            worker.stop()
    return {name: [row[name] for row in rows] for name in ways}


def figures_of(seconds: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Medians over the rounds; the ratio is to the peer's own way."""
    found = {}
    for name, times in seconds.items():
        median = statistics.median(times)
        found[name] = {"ms per photo": round(1000 * median, 1), "photos/s": round(1 / median, 1)}
        if PEERS_OWN in seconds:
            ratios = [theirs / ours for theirs, ours in zip(seconds[PEERS_OWN], times, strict=True)]
            found[name]["ratio"] = round(statistics.median(ratios), 2)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    rounds = 1 if quick else ROUNDS
    seconds = measure(rounds)
    result: dict[str, Any] = {
        "what": f"photos of {SIZE[0]}x{SIZE[1]}, file to mask; medians of {rounds} rounds of {len(PHOTOS)}",
        "environment": describe(torch.device("cpu")),
        "figures": figures_of(seconds),
        "left out": [] if find_spec(PEER) else [f"{PEER} is not installed"],
    }
    written = json.dumps(result, indent=1)
    print(written)
    if not quick:
        (RESULTS / "bench_inference.json").write_text(written + "\n", encoding="utf-8")


if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    main()
