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
CAMVID, PAIRS = "../shared/data/camvid", "../shared/data/cityscapes_pairs"
FULL = "--size 352x480 --budget 8m"
RESULTS = ROOT / "results"
RUNS = ROOT / "runs" / "record"


@dataclass(frozen=True)
class Record:
    """One figure of record.

    arguments: of pixelwise; or, where it is a script, the benchmark that writes the result, with its own. split: that
    its scores are of. gpu: needs one.
    """

    name: str
    arguments: str
    split: str = "val"
    gpu: bool = False
    script: bool = False

    @property
    def command(self) -> str:
        """As one types it."""
        return f"{'python' if self.script else 'pixelwise'} {self.arguments}"


# Every model under one recipe: 20 passes over CamVid's 367 training images, crops of 256x352, seed 0, no GPU.
ALIKE = "--size 256x352 --epochs 20"
SQUEEZENET = "--weights ../shared/data/weights/squeezenet1_0_imagenet.safetensors"
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

# What a plan chooses from: street on CamVid, 10 passes at 192x256, seed 0; each changes one thing.
ONE = "--model street --size 192x256 --epochs 10"
TRAINING = {
    "base": ONE,
    "sgd": f"{ONE} --set optimizer=sgd --set schedule=poly",
    "sgd_faster": f"{ONE} --set optimizer=sgd --set schedule=poly --set learning_rate=0.03",
    "one_cycle": f"{ONE} --set schedule=one_cycle --set warm_up=0.3",
    "rare": f"{ONE} --set rare_sampling=0.25",
    "classmix": f"{ONE} --set classmix=0.5",
    "dice": f"{ONE} --set 'loss=ce + 0.5 dice'",
    "lovasz": f"{ONE} --set 'loss=ce + 0.5 lovasz'",
    "flip": f"{ONE} --set view=flip",
}

# The models that ship: CamVid at its own size, long, with strong scale and colour changes and ClassMix.
SHIPPED_RECIPE = (
    "--size 360x480 --set crop=[256,352] --set zoom=[0.5,2.0] --set color=0.5 --set classmix=0.5 --set ema=0.999"
)
SHIPPED = {
    "street": f"--model street --option width=24 {SHIPPED_RECIPE} --epochs 180",
    "street_large": f"--model deeplabv3plus --option width=128 {SQUEEZENET} {SHIPPED_RECIPE} --epochs 80",
}

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

RECORDS = (
    Record("demo_streets", "demo", split="test"),
    Record("camvid_unet_30m_cpu", f"train {CAMVID} --model unet --budget 30m --device cpu"),
    Record("camvid_segnet_30m_cpu", f"train {CAMVID} --model segnet --budget 30m --device cpu"),
    Record("cityscapes_pairs_street_8m_cpu", f"train {PAIRS} --model street --budget 8m --device cpu"),
    *(Record(f"models_{name}", f"train {CAMVID} {arguments} --device cpu") for name, arguments in MODELS.items()),
    *(Record(f"shipped_{name}", f"train {CAMVID} {arguments} --device cpu") for name, arguments in SHIPPED.items()),
    *(Record(f"training_{name}", f"train {CAMVID} {arguments} --device cpu") for name, arguments in TRAINING.items()),
    *(Record(f"pix2pix_{name}", f"train {PAIRS} {arguments} --device cpu") for name, arguments in PIX2PIX.items()),
    # The paper's own row: width 64, batches of 1, 200 passes.
    Record(
        "pix2pix_full_gpu",
        f"train {PAIRS} --model pix2pix --size 256x256 --batch 1 --epochs 200 --device cuda",
        gpu=True,
    ),
    Record(
        "pix2pix_full_l1_gpu",
        f"train {PAIRS} --model pix2pix --set gan=none --size 256x256 --batch 1 --epochs 200 --device cuda",
        gpu=True,
    ),
    Record("camvid_unet_full_gpu", f"train {CAMVID} --model unet {FULL} --device cuda", gpu=True),
    Record("camvid_segnet_full_gpu", f"train {CAMVID} --model segnet {FULL} --device cuda", gpu=True),
    Record("camvid_street_full_gpu", f"train {CAMVID} --model street {FULL} --device cuda", gpu=True),
    Record("bench_training_cuda", "benchmarks/bench_training.py --device cuda", gpu=True, script=True),
)


def owed() -> list[Record]:
    """The records that results/ lacks."""
    return [record for record in RECORDS if not (RESULTS / f"{record.name}.json").exists()]


def run(record: Record) -> None:
    """Runs a record's command from the root of the repository and writes its result."""
    if record.script:
        subprocess.run([sys.executable, *shlex.split(record.arguments)], cwd=ROOT, check=True)
        return
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
    scored = folder / "evaluation.json"  # a run that paints photos has none
    evaluation = json.loads(scored.read_text(encoding="utf-8")) if scored.exists() else {}
    environment = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
    result = {
        "command": command,
        "recipe": recipe,
        "environment": {key: value for key, value in environment.items() if key != "command"},
        **{name: evaluation[name] for name in ("conditions", "scores", "protocols", "per_class") if name in evaluation},
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
            print(f"owed: {record.name}{' (needs a GPU)' if record.gpu else ''}: {record.command}")
        else:
            run(record)


if __name__ == "__main__":
    main()
