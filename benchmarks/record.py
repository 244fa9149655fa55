"""The runs of record: lists what results/ still lacks and runs it, each as a user would type it.

    python benchmarks/record.py                runs all that are owed and can run on this machine
    python benchmarks/record.py --list         only lists them
    python benchmarks/record.py NAME ...       runs these, again if need be; "ablation_*" are all that begin so
    python benchmarks/record.py --within 9m    stops after nine minutes; the next call goes on from there
    python benchmarks/record.py --rehearse     two steps on the processor of each that needs a GPU; writes no result

Each run writes results/NAME.json: the command, the recipe, the machine, the history and the scores.
"""

import argparse
import csv
import json
import math
import re
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import torch
import yaml

from pixelwise.bundle import load_bundle
from pixelwise.training.parsing import parse_duration

ROOT = Path(__file__).parents[1]
CAMVID, PAIRS = "../shared/data/camvid", "../shared/data/cityscapes_pairs"
BOTH, MOSTLY = "runs/data/two_cities", "runs/data/mostly_camvid"  # of both
RESULTS = ROOT / "results"
RUNS = ROOT / "runs" / "record"


@dataclass(frozen=True)
class Record:
    """One figure of record.

    arguments: of pixelwise; or, where it is a script, the benchmark that writes the result, with its own. gpu: needs
    one.
    """

    name: str
    arguments: str
    gpu: bool = False
    script: bool = False

    @property
    def command(self) -> str:
        """As one types it."""
        return f"{'python' if self.script else 'pixelwise'} {self.arguments}"


def models_of(*runs: str) -> str:
    """The models of runs that ship, as arguments."""
    return " ".join(f"runs/record/shipped_{run}/best.safetensors" for run in runs)


# Every model under one recipe: 20 passes over CamVid's 367 training images, crops of 256x352, seed 0, no GPU.
ALIKE = "--size 256x352 --epochs 20"
SQUEEZENET = "--weights ../shared/data/weights/squeezenet1_0_imagenet.safetensors"
LITE0 = "--option encoder=efficientnet_lite0 --weights runs/weights/efficientnet_lite0_imagenet.safetensors"
LITE2 = LITE0.replace("lite0", "lite2")
MODELS = {
    "unet": f"--model unet --option width=16 {ALIKE}",
    "unet_nearest": f"--model unet --option width=16 --option upsample=nearest {ALIKE}",
    "segnet": f"--model segnet --option width=16 {ALIKE}",
    "segnet_basic": f"--model segnet_basic --option width=16 {ALIKE}",
    "encoder_unet": f"--model encoder_unet {SQUEEZENET} {ALIKE}",
    "deeplabv3plus": f"--model deeplabv3plus {SQUEEZENET} {ALIKE}",
    "street": f"--model street {ALIKE}",
    # At sizes of their own: frames as large as the notebook's; and valid convolutions, which need larger images.
    "unet_carla": "--model unet_carla --size 96x128 --epochs 40",
    "unet_valid": "--model unet --option width=16 --option padding=valid --size 192x256 --epochs 8",
}
# A pretrained encoder against the same from scratch: three seeds, smaller and shorter.
SHORT = "--model encoder_unet --size 192x256 --epochs 10"
MODELS |= {f"pretrained_{seed}": f"{SHORT} --seed {seed} {SQUEEZENET}" for seed in range(3)}
MODELS |= {f"scratch_{seed}": f"{SHORT} --seed {seed}" for seed in range(3)}

FINE = "--model encoder_street --option finest=2"
# The models that ship: CamVid at its own size, long, with strong scale and colour changes and ClassMix.
STRONG = "--size 360x480 --set zoom=[0.5,2.0] --set color=0.5 --set classmix=0.5 --set ema=0.999"
CROPS = f"{STRONG} --set crop=[256,352]"
BEGUN = "--weights runs/record/shipped_street/best.safetensors --set encoder_rate=0.3"  # what 70 passes have learnt
LONGER = "--weights runs/record/shipped_street_longer/best.safetensors"  # what 80 more have
GENTLY = "--set encoder_rate=0.3 --set learning_rate=0.001 --set warm_up=0.05"
# From the model that ships on, with logits at half the size of images that are seen half as large again as they are.
LARGER = "--size 540x720 --set crop=[320,432] --set zoom=[0.6,1.6] --set classmix=0.3 --set ema=0.999"
# Of CamVid and the Cityscapes pairs at once, from what these had learnt of CamVid alone; then of CamVid above all
# (benchmarks/two_cities.py). The larger one was stopped after 5 of 8 passes, and its next run takes its last weights.
LARGE, LARGE_CITIES = "runs/record/shipped_street_large", "runs/record/shipped_street_large_cities"
CITIES = {
    "street_cities": f"{BOTH} --model encoder_street {LONGER} {CROPS} {GENTLY} --epochs 8",
    "street_large_cities": f"{BOTH} {FINE} --weights {LARGE}/best.safetensors {LARGER} {GENTLY} --set color=0.4 "
    "--epochs 8",
    "street_both": f"{MOSTLY} --model encoder_street --weights runs/record/shipped_street_cities/last.safetensors "
    f"{CROPS} {GENTLY} --epochs 12",
    "street_large_both": f"{MOSTLY} {FINE} --weights {LARGE_CITIES}/last.safetensors {LARGER} "
    "--set encoder_rate=0.3 --set learning_rate=0.0006 --set warm_up=0.05 --set color=0.4 --epochs 8",
    # It labelled its training images no better than the others, so it is held back by less here.
    "street_large_longer": f"{MOSTLY} {FINE} --weights runs/record/shipped_street_large_both/best.safetensors "
    "--size 540x720 --set crop=[320,432] --set zoom=[0.7,1.5] --set color=0.3 --set ema=0.999 "
    "--set encoder_rate=0.5 --set learning_rate=0.0008 --set warm_up=0.05 --epochs 6",
}
# The larger one and its longer run averaged; from there two runs that see other things, and these three averaged.
AVERAGE = "runs/record/shipped_street_large_average"
FROM_AVERAGE = f"{FINE} --weights {AVERAGE}/best.safetensors --size 540x720 --set crop=[320,432] --set ema=0.999"
FROM_AVERAGE += " --set encoder_rate=0.5 --set learning_rate=0.0008 --set warm_up=0.05 --set validations=3 --device cpu"
AVERAGED = {
    "street_large_average": f"average {models_of('street_large_both', 'street_large_longer')} --data {CAMVID}",
    "street_large_mostly": f"train {MOSTLY} {FROM_AVERAGE} --set zoom=[0.7,1.5] --set color=0.3 --epochs 2.5 --seed 1",
    "street_large_alike": f"train {BOTH} {FROM_AVERAGE} --set zoom=[0.6,1.6] --set color=0.4 --epochs 2 --seed 2",
}
AVERAGED["street_large_averages"] = f"average {models_of(*AVERAGED)} --data {CAMVID}"
SHIPPED = {
    "street": f"--model encoder_street {SQUEEZENET} {CROPS} --epochs 70",
    "street_longer": f"--model encoder_street {BEGUN} {CROPS} --set learning_rate=0.001 --epochs 80",
    "street_wide": f"--model encoder_street --option width=48 {BEGUN} {CROPS} --epochs 60",
    "street_large": f"{FINE} {LONGER} {LARGER} {GENTLY} --epochs 50",
}
# Beside published figures, as far as two cores go: the papers' networks at a fraction of their width.
MARKS = {
    "deeplabv3plus": f"--model deeplabv3plus --option width=128 {SQUEEZENET} {CROPS} --epochs 80",
    "unet": f"--model unet --option width=16 {CROPS} --epochs 50",
    "segnet": f"--model segnet --option width=16 {CROPS} --epochs 50",
}

# The ablation: street at half its width on small crops, 12 passes, three seeds; each changes one thing.
PLAIN = "--model street --option width=16 --size 240x320 --set crop=[192,256] --epochs 12"
ABLATION = {
    "base": PLAIN,
    "twice_as_long": PLAIN.replace("--epochs 12", "--epochs 24"),
    "width_24": PLAIN.replace("width=16", "width=24"),
    "resolution": PLAIN.replace("240x320", "360x480").replace("[192,256]", "[288,384]"),
    "pretrained": f"{PLAIN.replace('street', 'encoder_street')} {SQUEEZENET}",
    "pretrained_lite": f"{PLAIN.replace('street', 'encoder_street')} {LITE0}",
    "pretrained_unet": f"{PLAIN.replace('street', 'encoder_unet')} {LITE0}",
    "zoom_none": f"{PLAIN} --set zoom=[1.0,1.0]",
    "zoom_wide": f"{PLAIN} --set zoom=[0.5,2.0]",
    "color_none": f"{PLAIN} --set color=0 --set hue=0",
    "color_strong": f"{PLAIN} --set color=0.6 --set hue=20",
    "classmix": f"{PLAIN} --set classmix=0.5",
    "balance_none": f"{PLAIN} --set class_balance=0",
    "ema_none": f"{PLAIN} --set ema=0",
    "one_depth": f"{PLAIN} --set deep_supervision=0",
    "smoothing": f"{PLAIN} --set 'loss=ce(smoothing=0.1)'",
    "lovasz": f"{PLAIN} --set 'loss=ce + 0.5 lovasz'",
    "ohem": f"{PLAIN} --set loss=ohem",
    "flip": f"{PLAIN} --set view=flip",
}
ABLATION = {f"{name}_{seed}": f"{arguments} --seed {seed}" for seed in range(3) for name, arguments in ABLATION.items()}

# Photo to label on the Cityscapes pairs at 256x256, the generator of Pix2Pix at half its width: what each part of its
# loss brings, and the same network as an ordinary classifier. 18 passes over the 1,500 images, batches of 4.
HALF = "--model pix2pix --option width=32 --size 256x256 --epochs 18 --batch 4 --option generate=evaluated"
NOTEBOOK = "--model pix2pix_128 --size 128x128 --batch 4 --option generate=evaluated"
PIX2PIX = {
    "l1_gan": HALF,
    "l1": f"{HALF} --set gan=none",
    "softmax": HALF.replace("pix2pix ", "pix2pix_softmax "),
    # As the notebooks have it: 128x128, stage 1 with transposed convolutions, stage 2 with upsampling.
    "128_stage1": f"{NOTEBOOK} --option stage=1 --epochs 8",
    "128_stage2": f"{NOTEBOOK} --option stage=2 --epochs 8",
    "128_stage1_l1": f"{NOTEBOOK} --option stage=1 --epochs 4 --set gan=none",
    "128_stage2_l1": f"{NOTEBOOK} --option stage=2 --epochs 4 --set gan=none",
    "photo": f"{NOTEBOOK} --option paints=photo --epochs 2",
}
# The same without the innermost level, at 128x128, 4 passes: each part of the loss alone, batches of 1 against 4.
SMALL = "--model pix2pix --option width=32 --option depth=7 --size 128x128 --epochs 4"
EVALUATED = f"{SMALL} --batch 4 --option generate=evaluated"
PIX2PIX |= {
    "batch1": f"{SMALL} --batch 1",
    "batch4_instance": f"{SMALL} --batch 4 --option norm=instance",
    "batch4_evaluated": EVALUATED,
    "small_l1": f"{EVALUATED} --set gan=none",
    "small_gan": f"{EVALUATED} --set l1=0",
    "small_softmax": EVALUATED.replace("pix2pix ", "pix2pix_softmax "),
}

# What an hour on one GPU pays: the papers' own width, and Pix2Pix long enough for its paper's rows.
LARGE = f"{STRONG} --batch 16"
GPU = {
    "camvid_unet": f"train {CAMVID} --model unet {LARGE} --budget 7m",
    "camvid_segnet": f"train {CAMVID} --model segnet {LARGE} --budget 4m",
    "camvid_street": f"train {CAMVID} --model street {LARGE} --budget 2m",
    "camvid_encoder_street": f"train {CAMVID} {FINE} {SQUEEZENET} {LARGE} --budget 3m",
    "camvid_lite2": f"train {CAMVID} {FINE} {LITE2} {LARGE} --budget 4m",
    "pairs_unet": f"train {PAIRS} --model unet --size 256x256 --batch 16 --budget 3m",
    "pix2pix_l1_gan": f"train {PAIRS} --model pix2pix --size 256x256 --batch 4 --budget 3m",
    "pix2pix_l1": f"train {PAIRS} --model pix2pix --set gan=none --size 256x256 --batch 4 --budget 2m",
}

# Cityscapes pairs, which it sees larger than they are, from what `street` had learnt of CamVid.
PAIRS_STREET = f"{FINE} {LONGER} --size 320x320 --set crop=[256,256] --epochs 20"
PAIRS_STREET += " --set zoom=[0.7,1.5] --set encoder_rate=0.3 --set learning_rate=0.001 --set ema=0.999"

# A tenth of the pairs, to begin with nothing, with what ImageNet teaches, and with what `street` had learnt of CamVid.
FEW = "benchmarks/few_pairs.yaml --size 192x192 --epochs 20 --set validations=5"
FEW_PAIRS = {
    "from_scratch": FEW,
    "from_imagenet": f"{FEW} --model encoder_street {SQUEEZENET}",
    "from_street": f"{FEW} --model encoder_street {LONGER}",
}

ON_CAMVID = {"models": MODELS, "shipped": SHIPPED, "marks": MARKS, "ablation": ABLATION}
RECORDS = (
    Record("demo_streets", "demo"),
    Record("cityscapes_pairs_street_8m_cpu", f"train {PAIRS} --model street --budget 8m --device cpu"),
    Record("cityscapes_pairs_from_street", f"train {PAIRS} {PAIRS_STREET} --device cpu"),
    *(
        Record(f"{group}_{name}", f"train {CAMVID} {arguments} --device cpu")
        for group, members in ON_CAMVID.items()
        for name, arguments in members.items()
    ),
    *(
        Record(f"shipped_{name}", f"train {arguments} --set validations=10 --device cpu")
        for name, arguments in CITIES.items()
    ),
    *(Record(f"shipped_{name}", arguments) for name, arguments in AVERAGED.items()),
    *(Record(f"few_{name}", f"train {arguments} --device cpu") for name, arguments in FEW_PAIRS.items()),
    *(Record(f"pix2pix_{name}", f"train {PAIRS} {arguments} --device cpu") for name, arguments in PIX2PIX.items()),
    *(Record(f"gpu_{name}", f"{arguments} --device cuda", gpu=True) for name, arguments in GPU.items()),
    Record("bench_training_cuda", "benchmarks/bench_training.py --device cuda", gpu=True, script=True),
)


def owed() -> list[Record]:
    """The records that results/ lacks."""
    return [record for record in RECORDS if not (RESULTS / f"{record.name}.json").exists()]


def run(record: Record, until: float) -> bool:
    """Runs a record's command from the root of the repository, until that time at most, and writes its result.

    Whether it came to its end: a run that was stopped is saved, and goes on when it is run again.
    """
    if record.script:
        subprocess.run([sys.executable, *shlex.split(record.arguments)], cwd=ROOT, check=True)
        return True
    fetch(record)
    folder = RUNS / record.name
    command = ["pixelwise", *shlex.split(record.arguments), "--run", str(folder.relative_to(ROOT))]
    print(f"{record.name}: {shlex.join(command)}", flush=True)
    resumed = ["pixelwise", "train", "--resume", str(folder)] if (folder / "state.safetensors").exists() else command
    with subprocess.Popen([sys.executable, "-m", *resumed], cwd=ROOT) as process:
        try:
            code = process.wait(max(1.0, until - time.monotonic()) if until < math.inf else None)
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait()
            print(f"{record.name}: stopped, for the time is up; it goes on when this is called again")
            return False
    if code:
        raise SystemExit(f"{record.name}: ended with exit code {code}")
    write(record, shlex.join(command), folder)
    return True


def fetch(record: Record) -> None:
    """Brings the encoder's weights and the data that a run begins with; exits where the run before it is not there."""
    if BOTH in record.arguments or MOSTLY in record.arguments:
        subprocess.run([sys.executable, "benchmarks/two_cities.py"], cwd=ROOT, check=True)
    for file, scale in re.findall(r"(runs/weights/efficientnet_lite(\d)\S+)", record.arguments):
        if not (ROOT / file).exists():
            subprocess.run([sys.executable, "benchmarks/imagenet_weights.py", scale], cwd=ROOT, check=True)
    for file, before in re.findall(r"(runs/record/(\w+)/\w+\.safetensors)", record.arguments):
        if not (ROOT / file).exists():
            raise SystemExit(f"{record.name}: begins with {file}; make it: python benchmarks/record.py {before}")


def rehearse(record: Record) -> None:
    """Two steps of a run that needs a GPU, on the processor, so that it surely begins where there is one."""
    fetch(record)
    arguments = re.sub(r"--budget \S+", "--set steps=2", record.arguments).replace("--device cuda", "--device cpu")
    words = shlex.split(re.sub(r"--batch \d+", "--batch 2", arguments))
    print(f"{record.name}: {shlex.join(words)}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        run_there = ["--run", str(Path(folder) / record.name)]
        subprocess.run([sys.executable, "-m", "pixelwise", *words, *run_there], cwd=ROOT, check=True)


def write(record: Record, command: str, folder: Path) -> None:
    """Gathers what the run wrote into results/NAME.json."""
    scored = folder / "evaluation.json"  # a run that paints photos has none
    evaluation = json.loads(scored.read_text(encoding="utf-8")) if scored.exists() else {}
    environment = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
    result = {
        "command": command,
        **(learnt(folder) if (folder / "history.csv").exists() else averaged(folder)),
        "environment": {key: value for key, value in environment.items() if key != "command"},
        **{name: evaluation[name] for name in ("conditions", "scores", "protocols", "per_class") if name in evaluation},
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{record.name}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def learnt(folder: Path) -> dict[str, Any]:
    """How a run was trained."""
    with (folder / "history.csv").open(newline="", encoding="utf-8") as file:
        history = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    return {"recipe": yaml.safe_load((folder / "recipe.yaml").read_text(encoding="utf-8")), "history": history}


def averaged(folder: Path) -> dict[str, Any]:
    """Of which runs an average is, and what each reaches alone; its recipe is its network."""
    bundle = load_bundle(folder / "best.safetensors")
    recipe = {"model": bundle.model, "options": bundle.options, "size": bundle.size}
    alone = {name: found["mean IoU"] for name, found in bundle.provenance["averaged"].items()}
    return {"recipe": recipe, "averaged": alone, "history": []}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="only list what is owed")
    parser.add_argument("--within", type=parse_duration, default=math.inf, help="stop after 9m, 2h ...")
    parser.add_argument("--rehearse", action="store_true", help="try what needs a GPU for two steps without one")
    parser.add_argument("names", nargs="*", help="run these, again if need be")
    options = parser.parse_args()
    until = time.monotonic() + options.within
    chosen = [record for record in RECORDS if any(fnmatch(record.name, name) for name in options.names)]
    if options.names and not chosen:
        parser.error(f"there is no {' '.join(options.names)}; --list shows what is owed")
    for record in chosen or owed():
        if options.rehearse:
            if record.gpu and not record.script:
                rehearse(record)
        elif options.list or (record.gpu and not torch.cuda.is_available()):
            print(f"owed: {record.name}{' (needs a GPU)' if record.gpu else ''}: {record.command}")
        elif not run(record, until):
            break


if __name__ == "__main__":
    main()
