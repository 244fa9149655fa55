"""How the models that ship do in other cities, and did before they learnt more than one; results/cities.json.

    python benchmarks/bench_cities.py [RUN ...]     all, or these; needs ../shared/data and the runs in runs/record

Scored are the runs of both on CamVid's 101 validation images; on 200 of the Cityscapes pairs, of whose other 1,500 the
later runs have learnt (benchmarks/two_cities.py); and on CARLA's 6 rendered frames, which no run has seen, and in which
sky is not labelled and bicycles are cars.
"""

import json
import sys
from itertools import chain as joined
from typing import Any

import torch
import two_cities
from recorded import RESULTS, ROOT, load, made

import pixelwise as pw
from pixelwise.data import Dataset
from pixelwise.data.dataset import SPLITS
from pixelwise.machine import describe
from pixelwise.progress import track

RUNS = (
    "shipped_street_longer",
    "shipped_street_both",
    "shipped_street_large",
    "shipped_street_large_both",
    "shipped_street_large_longer",
    "shipped_street_large_average",
    "shipped_street_large_alike",
    "shipped_street_large_averages",
)


def places() -> dict[str, Dataset]:
    """What is scored on, as test splits, by name."""
    two_cities.main()
    both = pw.open_dataset(next(iter(two_cities.FOLDERS)))
    carla = pw.open_dataset(two_cities.DATA / "carla", classes="carla13-to-camvid11")
    frames = list(joined.from_iterable(carla.split(name).entries for name in SPLITS))
    return {
        "camvid": both.with_splits({"test": both.val.entries}),
        "cityscapes": both.with_splits({"test": both.test.entries}),
        "carla": carla.with_splits({"test": frames}),
    }


def main() -> None:
    chosen = sys.argv[1:] or RUNS
    scored, found = places(), load("cities")["figures"] if made("cities") else dict[str, Any]()
    for run in track(chosen, "scoring"):
        model = pw.load(ROOT / "runs" / "record" / run / "best.safetensors", "cpu")
        results = {place: pw.evaluate(model, data, "test").to_dict() for place, data in scored.items()}
        found[run] = {
            place: {part: result[part] for part in ("scores", "per_class")} for place, result in results.items()
        } | {"environment": describe(torch.device("cpu"))}
    result = {
        "images": {place: len(data.test) for place, data in scored.items()},
        "figures": found,
    }
    (RESULTS / "cities.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
