"""Decoders of transposed convolutions against decoders of upsampling: checkerboards, boundaries, classes.

    python benchmarks/decoders.py                                          the runs of record that are there
    python benchmarks/decoders.py --pair NAME DATA TRANSPOSED UPSAMPLED    these two run folders; may be repeated

Writes results/decoders.json (of other pairs than those of record: runs/decoders/decoders.json) and the page
runs/decoders/decoders.html. Checkerboards are measured in what the network draws itself, before anything is resized:
the picture of a painter, the logits (less their mean over the classes) of any other; of the trained networks on every
image of the split, of freshly built ones on a grey image and on photos.
"""

import argparse
import json
import math
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from decoders_page import Drawn, write_pairs

from pixelwise.api import load
from pixelwise.bundle import Bundle
from pixelwise.data import Dataset, open_dataset
from pixelwise.data.dataset import Image, Sample
from pixelwise.evaluation import evaluate
from pixelwise.files import replacing
from pixelwise.machine import describe
from pixelwise.metrics import (
    PERIODS,
    WINDOW,
    Spectrum,
    boundary_confusion,
    checkerboard_energy,
    checkerboard_ratio,
    pixel_accuracy,
    power_spectrum,
)
from pixelwise.models import Network, Painter, build_network
from pixelwise.prediction.labelling import label_images, to_working_size
from pixelwise.progress import track
from pixelwise.report.report import command_line

ROOT = Path(__file__).parents[1]
KINDS = ("transposed", "upsampled")
DISTANCE = 3  # pixels to a boundary
SEEDS, PHOTOS, SHOWN = 5, 8, 3
GREY = np.full((256, 256, 3), 128, np.uint8)


class Pair(NamedTuple):
    """Two runs that differ in nothing but how the decoder grows."""

    name: str
    data: str
    transposed: str
    upsampled: str


OF_RECORD = (
    Pair(
        "pix2pix_128",
        "../shared/data/cityscapes_pairs",
        "runs/record/pix2pix_128_stage1",
        "runs/record/pix2pix_128_stage2",
    ),
    Pair(
        "pix2pix_128, L1 alone",
        "../shared/data/cityscapes_pairs",
        "runs/record/pix2pix_128_stage1_l1",
        "runs/record/pix2pix_128_stage2_l1",
    ),
    Pair("unet", "../shared/data/camvid", "runs/record/models_unet", "runs/record/models_unet_nearest"),
)


@torch.inference_mode()
def drawn_by(network: Network, image: Image) -> np.ndarray:
    """What the network draws at its own resolution, (h, w, c): a painted picture in [-1, 1], or logits."""
    batch = torch.tensor(image).permute(2, 0, 1)[None]
    if isinstance(network, Painter):
        drawn = network.paint(batch)
    else:
        logits = network(batch)
        drawn = logits - logits.mean(1, keepdim=True)
    return np.asarray(drawn[0].permute(1, 2, 0).numpy())


def mean_spectrum(network: Network, images: Iterable[Image]) -> Spectrum:
    """Over what the network draws of the images, at working size."""
    return np.asarray(np.mean([power_spectrum(drawn_by(network, image)) for image in images], 0))


def checkerboards(spectrum: Spectrum) -> dict[str, dict[str, float]]:
    """Period in pixels -> how far it stands out in dB, its share of the variance, its root mean square."""
    variance = spectrum[1:].sum() / WINDOW
    found = {}
    for period in PERIODS:
        share = checkerboard_energy(spectrum, period)
        rms = math.sqrt(max(0.0, share * variance)) if variance else 0.0
        found[str(period)] = {"dB": _decibel(checkerboard_ratio(spectrum, period)), "share": share, "rms": rms}
    return found


def _decibel(ratio: float) -> float:
    return 10 * math.log10(ratio) if ratio > 0 else -math.inf if ratio == 0 else math.nan


def trained(bundle: Bundle, dataset: Dataset, split: str) -> dict[str, Any]:
    """Scores, boundaries and checkerboards of a trained network over a split."""
    evaluation = evaluate(bundle, dataset, split)
    samples, classes = dataset.split(split), len(dataset.labels)
    near, away, spectra = np.zeros((classes, classes), np.int64), np.zeros((classes, classes), np.int64), []
    for sample in track(samples, f"measuring {bundle.model}"):
        [(predicted, _)] = label_images(bundle.network, [sample.image], bundle.size)
        counts = boundary_confusion(sample.label, predicted, classes, distance=DISTANCE, ignore=dataset.labels.ignore)
        near, away = near + counts.near, away + counts.away
        spectra.append(power_spectrum(drawn_by(bundle.network, to_working_size(sample.image, bundle.size))))
    return {
        "conditions": str(evaluation.conditions),
        "scores": evaluation.scores(),
        "IoU": {name: values["IoU"] for name, values in evaluation.per_class().items()},
        "accuracy near": pixel_accuracy(near),
        "accuracy away": pixel_accuracy(away),
        "pixels near": float(near.sum() / (near.sum() + away.sum())),
        "checkerboards": checkerboards(np.mean(spectra, 0)),
        "spectrum": np.mean(spectra, 0).tolist(),
    }


def untrained(bundle: Bundle, photos: list[Image]) -> dict[str, Any]:
    """The same network with random weights of several seeds: checkerboards on photos and on a grey image.

    Of the grey image, of which a network should draw nothing, the pattern's root mean square is told as a share of
    the standard deviation of what the same network draws of photos.
    """
    on_photos, grey = [], []
    for seed in range(SEEDS):
        torch.manual_seed(seed)
        network = build_network(bundle.model, len(bundle.labels), in_channels=GREY.shape[2], **bundle.options).eval()
        spectrum = mean_spectrum(network, photos)
        variance = spectrum[1:].sum() / WINDOW
        on_photos.append(spectrum / variance)
        pattern = checkerboards(mean_spectrum(network, [GREY]))
        grey.append(math.sqrt(sum(pattern[str(period)]["rms"] ** 2 for period in PERIODS) / variance))
    by_seed = [checkerboards(spectrum) for spectrum in on_photos]
    return {
        "seeds": SEEDS,
        "photos": len(photos),
        "dB": {str(period): [found[str(period)]["dB"] for found in by_seed] for period in PERIODS},
        "grey": grey,
        "spectrum": np.mean(on_photos, 0).tolist(),
    }


def evenly(dataset: Dataset, split: str, count: int) -> list[Sample]:
    """Samples at even distances over the split."""
    samples = dataset.split(split)
    return [samples[int(index)] for index in np.linspace(0, len(samples) - 1, min(count, len(samples)) + 2)[1:-1]]


def drawn(bundle: Bundle, sample: Sample) -> Drawn:
    """What the page shows of a network and a sample."""
    [(predicted, _)] = label_images(bundle.network, [sample.image], bundle.size)
    raw = drawn_by(bundle.network, to_working_size(sample.image, bundle.size))
    return Drawn(raw, predicted, isinstance(bundle.network, Painter))


def measure(pair: Pair, split: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The figures of a pair, and what its part of the page shows."""
    dataset = open_dataset(pair.data)
    bundles = {kind: load(ROOT / run, "cpu").bundle for kind, run in zip(KINDS, pair[2:], strict=True)}
    photos = [to_working_size(sample.image, bundles[KINDS[0]].size) for sample in evenly(dataset, split, PHOTOS)]
    figures: dict[str, Any] = {
        "data": pair.data,
        "split": split,
        "images": len(dataset.split(split)),
        "output": "painted picture" if isinstance(bundles[KINDS[0]].network, Painter) else "logits",
    }
    for kind, bundle in bundles.items():
        figures[kind] = {"run": pair[2 + KINDS.index(kind)], "model": bundle.model, "options": bundle.options}
        figures[kind] |= trained(bundle, dataset, split) | {"untrained": untrained(bundle, photos)}
    shown = [
        (sample, [drawn(bundle, sample) for bundle in bundles.values()]) for sample in evenly(dataset, split, SHOWN)
    ]
    return figures, {"labels": dataset.labels, "shown": shown}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", default="val")
    parser.add_argument("--pair", nargs=4, action="append", metavar=("NAME", "DATA", "TRANSPOSED", "UPSAMPLED"))
    return parser.parse_args()


def main() -> None:
    options = parse()
    pairs = [Pair(*words) for words in options.pair or OF_RECORD]
    figures, pages = {}, {}
    for pair in pairs:
        if owed := [run for run in pair[2:] if not (ROOT / run / "best.safetensors").exists()]:
            print(f"left out: {pair.name}, for want of {' and '.join(owed)}", file=sys.stderr)
            continue
        figures[pair.name], pages[pair.name] = measure(pair, options.split)
        for kind in KINDS:
            print(pair.name, kind, figures[pair.name][kind]["scores"]["mean IoU"], flush=True)
    result = {
        "what": f"every image of the split; boundary: within {DISTANCE} pixels of another true class; checkerboards "
        f"by the spectrum of rows and columns in windows of {WINDOW} pixels, float32",
        "command": f"python benchmarks/{command_line()}",
        "environment": describe(torch.device("cpu")),
        "pairs": figures,
    }
    folder = ROOT / "runs" / "decoders"
    with replacing((folder if options.pair else ROOT / "results") / "decoders.json") as temporary:
        temporary.write_text(json.dumps(rounded(result), indent=1) + "\n", encoding="utf-8")
    write_pairs(folder / "decoders.html", result, pages)


def rounded(value: Any) -> Any:  # noqa: ANN401
    """Numbers to five digits; what is not finite is null."""
    if isinstance(value, dict):
        return {key: rounded(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [rounded(entry) for entry in value]
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    return value


if __name__ == "__main__":
    main()
