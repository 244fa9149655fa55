"""Makes the models that ship from their runs of record: stores them as float16, scores and times them, writes cards.

    python benchmarks/ship.py NAME ...      street, street_large; without names only the cards
    python benchmarks/ship.py NAME --keep-time      new weights of the same network, on a machine without bf16

Its run of record must lie in runs/record; `SHIPPED_RUNS` says which that is. Writes the model file, its card
beside it, and results/ship_NAME.json: the scores on CamVid's validation images before and after it was stored, and how
long it takes from a photo's file to the file of its mask.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from recorded import RESULTS, ROOT, SHIPPED_RUNS, chain, load, made

import pixelwise as pw
from pixelwise.machine import describe, reuse_memory
from pixelwise.report.model_card import render_card

CAMVID = ROOT.parent / "shared" / "data" / "camvid"
FILES = {
    "street": ROOT / "src" / "pixelwise" / "weights" / "street.safetensors",
    "street_large": ROOT / "weights" / "street_large.safetensors",
}
TIME = "photo file to mask file"
ROUNDS, WARM = 5, 5  # rounds over the validation images; photos before them


def ship(name: str, *, keep_time: bool) -> None:
    """Stores, scores and times one model; keep_time: how long it took the weights before stays."""
    trained = pw.load(ROOT / "runs" / "record" / SHIPPED_RUNS[name])
    trained.save(FILES[name], half=True)
    stored, data = pw.load(str(FILES[name])), pw.open_dataset(CAMVID)
    before, after = (pw.evaluate(model, data, "val").to_dict() for model in (trained, stored))
    found = {
        "file": str(FILES[name].relative_to(ROOT)),
        "bytes": FILES[name].stat().st_size,
        "parameters": sum(tensor.numel() for tensor in stored.bundle.network.parameters()),
        "as trained": before["scores"],
        "conditions": after["conditions"],
        "scores": after["scores"],
        "per_class": after["per_class"],
        TIME: load(f"ship_{name}")[TIME] | {"weights": "before"} if keep_time else timed(stored),
        "environment": describe(torch.device("cpu")),
    }
    write(RESULTS / f"ship_{name}.json", json.dumps(found, indent=1))


def timed(model: pw.Model) -> dict[str, Any]:
    """Images a second of a plain loop over the validation photos, 480x360: read, label, write the index mask."""
    reuse_memory()
    photos = sorted((CAMVID / "val").glob("*.png"))
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(-1, ROUNDS):
            chosen = photos if number >= 0 else photos[:WARM]
            began = time.perf_counter()
            for photo in chosen:
                model.predict(photo).index().save(Path(folder) / photo.name, compress_level=1)
            rounds.append(len(chosen) / (time.perf_counter() - began))
    return {
        "images": len(photos),
        "threads": torch.get_num_threads(),
        "images/s": round(statistics.median(rounds[1:]), 2),
        "bf16 GFLOP/s": matrix_speed(),
        "rounds": [round(one, 2) for one in rounds[1:]],
    }


def matrix_speed() -> int:
    """What this machine does now: GFLOP/s of products of bf16 matrices, the median of twenty."""
    matrix, times = torch.ones(2048, 2048, dtype=torch.bfloat16), []
    for _ in range(20):
        began = time.perf_counter()
        matrix @ matrix
        times.append(time.perf_counter() - began)
    return round(2 * len(matrix) ** 3 / statistics.median(times) / 1e9)


def describe_models() -> None:
    """Writes the card of every model that was shipped, from results/ alone."""
    for name, file in FILES.items():
        if made(f"ship_{name}"):
            run, shipped = load(SHIPPED_RUNS[name]), load(f"ship_{name}")
            ious = [(label, figures["IoU"]) for label, figures in shipped["per_class"].items()]
            ious.sort(key=lambda pair: -pair[1])
            runs = [load(one) for one in chain(SHIPPED_RUNS[name])]
            known = {"name": name, "shipped": shipped, "run": run, "runs": runs, "ious": ious}
            known["cities"] = load("cities")["figures"][SHIPPED_RUNS[name]]
            known |= {"place": name if name == "street" else shipped["file"], "classes": ious, "photos": False}
            write(file.with_suffix(".md"), render_card("shipped_card.md.j2", known, Path(__file__).parent))


def write(path: Path, text: str) -> None:
    """A text file that ends with a line's end."""
    path.write_text(text.rstrip() + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=" or ".join(FILES))
    parser.add_argument("--keep-time", action="store_true", help="time nothing, keep what was measured before")
    options = parser.parse_args()
    names = options.names
    if unknown := set(names) - set(FILES):
        parser.error(f"there is no {', '.join(unknown)}")
    for name in names:
        ship(name, keep_time=options.keep_time)
    describe_models()


if __name__ == "__main__":
    main()
