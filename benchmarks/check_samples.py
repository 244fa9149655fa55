"""`pixelwise check` on every sample of real data beside the repository; writes results/check_samples.json.

python benchmarks/check_samples.py            needs ../shared/data; reads every file there once
"""

import json
import sys
import time
from pathlib import Path

from pixelwise.checking import check
from pixelwise.machine import describe, pick_device

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
SAMPLES = (
    *("camvid", "camvid_color", "cityscapes_pairs", "carla"),
    *("labelme", "labelme/data_annotated", "labelme/data_dataset_voc"),
)


def row(name: str) -> dict[str, object]:
    """What check finds in one folder."""
    began = time.monotonic()
    found = check(DATA / name).to_dict()
    splits = {split: one["images"] for split, one in found["splits"].items()}
    problems = {f"{one['severity']}: {one['kind']}": len(one["files"]) for one in found["problems"]}
    return {
        "folder": name,
        "layout": found["layout"],
        "evidence": found["evidence"],
        "images": splits,
        "classes": len(found["classes"]),
        "problems": problems,
        "seconds": round(time.monotonic() - began, 2),
    }


def main() -> None:
    if not DATA.is_dir():
        sys.exit("the real data is not beside the repository (../shared/data)")
    rows = [row(name) for name in SAMPLES]
    for one in rows:
        print(json.dumps(one))
    result = {"what": "pixelwise check on every sample", "environment": describe(pick_device("cpu")), "samples": rows}
    (ROOT / "results" / "check_samples.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
