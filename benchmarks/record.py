"""The runs of record: lists what results/ still lacks and runs it, each as a user would type it.

    python benchmarks/record.py            runs all that are owed and can run on this machine
    python benchmarks/record.py --list     only lists them
    python benchmarks/record.py NAME ...   runs these, again if need be

Each run writes results/NAME.json: the command, the recipe, the machine, the history and the scores.
"""

import argparse
import csv
import json
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
import yaml

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results"
RUNS = ROOT / "runs" / "record"


@dataclass(frozen=True)
class Record:
    """One figure of record. arguments: of pixelwise. split: that its scores are of. gpu: needs one."""

    name: str
    arguments: str
    split: str = "val"
    gpu: bool = False


RECORDS = (
    Record("demo_streets", "demo", split="test"),
    Record("camvid_unet_30m_cpu", "train ../shared/data/camvid --model unet --budget 30m --device cpu"),
    Record("camvid_segnet_30m_cpu", "train ../shared/data/camvid --model segnet --budget 30m --device cpu"),
    Record("cityscapes_pairs_unet_8m_cpu", "train ../shared/data/cityscapes_pairs --budget 8m --device cpu"),
    Record("camvid_unet_full_gpu", "train ../shared/data/camvid --size 352x480 --budget 8m --device cuda", gpu=True),
    Record("camvid_segnet_full_gpu", "train ../shared/data/camvid --model segnet --size 352x480 --budget 8m"
           " --device cuda", gpu=True),
)  # fmt: skip


def owed() -> list[Record]:
    """The records that results/ lacks."""
    return [record for record in RECORDS if not (RESULTS / f"{record.name}.json").exists()]


def run(record: Record) -> None:
    """Runs a record's command from the root of the repository and writes its result."""
    folder = RUNS / record.name
    command = ["pixelwise", *shlex.split(record.arguments), "--run", str(folder.relative_to(ROOT))]
    print(f"{record.name}: {shlex.join(command)}", flush=True)
    resumed = ["pixelwise", "train", "--resume", str(folder)] if (folder / "state.safetensors").exists() else command
    subprocess.run([sys.executable, "-m", *resumed], cwd=ROOT, check=True)
    write(record, shlex.join(command), folder)


def write(record: Record, command: str, folder: Path) -> None:
    """Gathers what the run wrote into results/NAME.json."""
    with (folder / "history.csv").open(newline="", encoding="utf-8") as file:
        history = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    recipe = yaml.safe_load((folder / "recipe.yaml").read_text(encoding="utf-8"))
    evaluation = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    environment = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
    result = {
        "command": command,
        "recipe": recipe,
        "environment": {key: value for key, value in environment.items() if key != "command"},
        "conditions": evaluation["conditions"],
        "scores": evaluation["scores"],
        "per_class": evaluation["per_class"],
        "history": history,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{record.name}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="only list what is owed")
    parser.add_argument("names", nargs="*", help="run these, again if need be")
    options = parser.parse_args()
    records = [record for record in RECORDS if record.name in options.names] if options.names else owed()
    for record in records:
        if options.list or (record.gpu and not torch.cuda.is_available()):
            print(f"owed: {record.name}{' (needs a GPU)' if record.gpu else ''}: pixelwise {record.arguments}")
        else:
            run(record)


if __name__ == "__main__":
    main()
