"""The shipped model in every runtime that it is exported for, beside the model itself; results/bench_runtimes.json.

    python benchmarks/bench_runtimes.py [--quick]       needs ../shared/data/camvid      --quick: only printed

All are exported anew; int8 has its ranges from 32 training images. Each labels CamVid's validation images: the share of
pixels to which it gives the class that the model gives in float32, and its mean IoU. "ms" is `predict` of a photo in
memory, one after the other; "photos/s" is a folder, from file to mask, as `pixelwise predict --write label` does it.
Every way runs in a process of its own, warmed up; they take turns, and figures are medians over the rounds.
"""

import argparse
import json
import multiprocessing
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import openvino
import torch
from bench_inference import PHOTOS
from bench_training import Step, Worker
from recorded import RESULTS

import pixelwise as pw
from pixelwise.cli.export import CALIBRATING, parts_of
from pixelwise.data.dataset import Image, Split
from pixelwise.data.files.images import read_image
from pixelwise.data.sampling import even_sample
from pixelwise.export.export import opened, original
from pixelwise.export.many import ManyExported
from pixelwise.export.runtime import open_exported
from pixelwise.machine import describe, reuse_memory
from pixelwise.metrics import confusion, iou, mean_over_present
from pixelwise.prediction.files import Photo
from pixelwise.prediction.many import Many
from pixelwise.prediction.many_photos import AT_ONCE, ManyPhotos
from pixelwise.prediction.writing import Wanted
from pixelwise.weights import shipped

DATA = Path(__file__).parents[2] / "shared" / "data" / "camvid"
ROUNDS = 7
MODEL = "pixelwise"
FILES = {
    "torch.export": "street.pt2",
    "ONNX Runtime": "street.onnx",
    "OpenVINO": "street.xml",
    "OpenVINO, stored as float16": "half.xml",
    "ONNX Runtime, int8": "int8.onnx",
    "OpenVINO, int8": "int8.xml",
}
Label = Callable[[Image], np.ndarray]


def export_all(folder: Path, train: Split) -> dict[str, Path]:
    """Way -> file."""
    model = pw.load("street", "cpu")
    ranges = [sample.image for sample in even_sample(train, CALIBRATING)]
    files = {way: folder / name for way, name in FILES.items()}
    for way, file in files.items():
        model.export(file, half="float16" in way, int8=ranges if "int8" in way else None)
    return files


def labels_by(file: Path | None) -> Label:
    """What gives the label of an image."""
    if file is None:
        model = pw.load("street", "cpu")
        return lambda image: model.predict(image).label
    if file.suffix == ".pt2":
        run = opened(file)
        return lambda image: run(image[None])[0][0]
    exported = open_exported(file)
    return lambda image: exported.predict(image).label


def one_by_one(file: Path | None, _: torch.device) -> Step:
    """All photos in memory, one after the other."""
    reuse_memory()
    label, images = labels_by(file), [read_image(photo) for photo in PHOTOS]

    def step() -> None:
        for image in images:
            label(image)

    return step


def as_a_folder(file: Path | None, folder: Path, _: torch.device) -> Step:
    """All photos, from their files to those of their masks."""
    wanted = Wanted(("label",))
    many: ManyPhotos
    if file is None:
        many = Many(pw.load("street", "cpu").bundle, wanted, folder, "")
    else:
        exported = open_exported(file, at_once=min(AT_ONCE, torch.get_num_threads()))
        many = ManyExported(exported, wanted, folder, "")
    photos: dict[str, Photo] = {photo.stem: photo for photo in PHOTOS}

    def step() -> None:
        for _ in many.label_all(photos):
            pass

    return step


def accuracy(files: dict[str, Path], val: Split) -> dict[str, dict[str, Any]]:
    """Way -> share of the pixels labelled as the model labels them in float32, mean IoU, bytes."""
    bundle = pw.load("street", "cpu").bundle
    samples = list(val)
    true = [original(bundle, sample.image, "fp32")[0] for sample in samples]
    found: dict[str, dict[str, Any]] = {}
    for way, file in {MODEL: None, **files}.items():
        label = labels_by(file)
        labels = [label(sample.image) for sample in samples]
        counts = sum(
            confusion(sample.label, one, len(bundle.labels), ignore=bundle.labels.ignore)
            for sample, one in zip(samples, labels, strict=True)
        )
        equal = np.mean([(one == other).mean() for one, other in zip(labels, true, strict=True)])
        found[way] = {
            "equal": round(float(equal), 6),
            "mean IoU": round(float(mean_over_present(iou(np.asarray(counts)))), 4),
            "bytes": sum(part.stat().st_size for part in parts_of(file or shipped()["street"])),
        }
        print(way, found[way], flush=True)
    return found


def speed(files: dict[str, Path], folder: Path, rounds: int) -> dict[str, dict[str, float]]:
    """Way -> milliseconds of a photo, and photos of a folder in a second."""
    processor = torch.device("cpu")
    ways = {MODEL: None, **files}
    alone = {way: Worker(one_by_one, file, processor) for way, file in ways.items()}
    beside = {way: Worker(as_a_folder, file, folder, processor) for way, file in ways.items() if way != "torch.export"}
    rows = [
        [{way: worker.seconds(1) / len(PHOTOS) for way, worker in workers.items()} for workers in (alone, beside)]
        for _ in range(rounds)
    ]
    for worker in (*alone.values(), *beside.values()):
        worker.stop()
    found: dict[str, dict[str, float]] = {}
    for way in ways:
        found[way] = {"ms": round(1000 * statistics.median(row[0][way] for row in rows), 1)}
        ratio = statistics.median(row[0][MODEL] / row[0][way] for row in rows)
        found[way]["ratio"] = round(ratio, 2)
        if way in beside:
            found[way]["photos/s"] = round(1 / statistics.median(row[1][way] for row in rows), 1)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    rounds = 1 if quick else ROUNDS
    data = pw.open_dataset(DATA)
    with tempfile.TemporaryDirectory() as name:
        files = export_all(Path(name), data.train)
        known = accuracy(files, data.val)
        times = speed(files, Path(name), rounds)
    height, width = read_image(PHOTOS[0]).shape[:2]
    versions = f"ONNX Runtime {onnxruntime.__version__}, OpenVINO {openvino.__version__.split('-')[0]}"
    result = {
        "what": f"The model that ships, photos of {height}x{width}; speed: medians of {rounds} rounds of {len(PHOTOS)} "
        f"photos; accuracy: CamVid's {len(data.val)} validation images; {versions}",
        "environment": describe(torch.device("cpu")),
        "figures": {way: known[way] | times[way] for way in known},
    }
    written = json.dumps(result, indent=1)
    print(written)
    if not quick:
        (RESULTS / "bench_runtimes.json").write_text(written + "\n", encoding="utf-8")


if __name__ == "__main__":
    multiprocessing.set_start_method("spawn", force=True)  # a runtime has chosen one
    main()
