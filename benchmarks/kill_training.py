"""A training run killed with SIGKILL again and again, resumed each time: does it end as one that was never stopped?

    python benchmarks/kill_training.py              50 kills; writes results/kill_training.json
    python benchmarks/kill_training.py --kills 3    fewer, and writes nothing

Real CamVid, all 367 training images and every eighth validation image, so that the run is validated 60 times within
minutes. The moments are drawn by a seeded generator, evenly from the start of a process to a time that leaves all kills
before the end; a tenth of them is kept for what comes after the last step. Ends with 1 where anything differs: a
tensor, a score, a picture, a file too many.
"""

import argparse
import json
import math
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from itertools import zip_longest
from pathlib import Path
from signal import SIGKILL, SIGUSR2
from typing import Any

from safetensors import safe_open

from pixelwise.data.dataset import Source
from pixelwise.tensors import load_tensors
from pixelwise.training import Recipe, read_history, save_recipe

ROOT = Path(__file__).parents[1]
CAMVID = ROOT.parent / "shared" / "data" / "camvid"
HERE = Path("runs", "kill_training")  # below ROOT, where all is run
DATA, UNDISTURBED, KILLED = HERE / "camvid", HERE / "undisturbed", HERE / "killed"
KILLS, SEED = 50, 0
VALIDATED = 8  # every how many validation images
ENDING_SHARE = 0.1  # of the kills, for the end
TOLD = ("images_per_second", "seconds")  # columns of history.csv that tell of the machine
RECIPE = Recipe(
    size=(96, 128),
    steps=300,
    batch=4,
    accumulate=2,
    validations=60,
    loss="ce + 0.5 dice",
    ema=0.99,
    class_balance=0.5,
    rare_sampling=0.3,
    elastic=4.0,
    blur=0.3,
    noise=8.0,
    jpeg=0.3,
    cutout=0.5,
    classmix=0.5,
)

# Every process of the benchmark writes what it is at when it is asked, so that a kill can say what it hit.
ASKED = """
import faulthandler, os, signal
told = open(os.environ["TOLD"], "w")
faulthandler.register(signal.SIGUSR2, told, all_threads=False)
print("ready", file=told, flush=True)
"""
# A function on the stack with its file, and what a process is then at; the first that is there counts.
PHASES = {
    "loop.py train_step": "training",
    "loop.py validate": "validating",
    "samples.py write": "drawing samples",
    "run.py _save": "saving",
    "run.py _validate_and_save": "saving",
    "run.py train": "between two steps",
    "evaluate.py evaluate": "final evaluation",
    "runs.py save_evaluation": "writing the report",
    "runs.py _finish": "writing the scored model",
    "run.py resume_run": "loading the state",
    "run.py start_run": "beginning",
    "plan.py fill": "reading images",
    "runs.py _stored": "decoding images",
}
OUTERMOST, MOST_TO_ANSWER = "_run_module_as_main", 0.5  # the last line of an answer; seconds
TOLD_LINE = re.compile(r'File ".*/(\w+\.py)", line \d+ in (\w+)')


@dataclass
class Kill:
    """One SIGKILL. seconds: after the start of the process. step: last saved. half_written: files that it left."""

    seconds: float
    phase: str
    step: int
    half_written: list[str]


@dataclass
class Pace:
    """How fast runs are here, in seconds. start: until a process has first saved. step: with its share of saving.

    done: that a start takes where no step is left.
    """

    start: float
    step: float
    done: float

    def window(self, left: int, kills: int) -> float:
        """Until when kills are drawn evenly, so that so many bring a run over the steps that are left."""
        if left == 0:
            return 0.9 * self.done
        lost = RECIPE.steps / RECIPE.validations / 2  # what was learnt since it was last saved
        wanted = self.step * (left / max(1, kills) + lost)
        # Of kills even over (0, w), w > start, the mean progress is (w - start)^2 / 2w.
        return self.start + wanted + math.sqrt((self.start + wanted) ** 2 - self.start**2)

    def learn(self, passed: float, saves: list[tuple[float, int]]) -> None:
        """Keeps up with a machine that has other work too. saves: when a process saved, and after which step."""
        if not saves:
            self.start = max(self.start, passed)
            return
        (first, one), (last, other) = saves[0], saves[-1]
        self.start = first
        self.step = (last - first) / (other - one) if other > one else self.step


@dataclass
class Killed:
    """The run that is killed, and what happened to it."""

    pace: Pace
    random: random.Random
    kills: list[Kill] = field(default_factory=list)
    starts: int = 0

    def kill(self, kills: int) -> None:
        """Starts or resumes the run and kills it at a random moment; counted where it had not ended before."""
        left, ending = RECIPE.steps - saved_step(KILLED), max(1, round(ENDING_SHARE * kills))
        moment = self.random.uniform(0, self.pace.window(left, kills - len(self.kills) - ending))
        process, began, self.starts = start(KILLED), time.monotonic(), self.starts + 1
        saves, before = [], stamp(KILLED)
        while (passed := time.monotonic() - began) < moment:
            if stamp(KILLED) != before:
                before = stamp(KILLED)
                saves.append((passed, saved_step(KILLED)))
            try:
                process.wait(min(0.05, moment - passed))
            except subprocess.TimeoutExpired:
                continue
            must_have_ended(process)
            self.pace.done = self.pace.done if left else passed
            return
        phase = ask(process)
        process.kill()
        if process.wait() != -SIGKILL:
            must_have_ended(process)
            return
        self.kills.append(Kill(round(passed, 2), phase, saved_step(KILLED), half_written(KILLED)))
        if left:
            self.pace.learn(passed, saves)


def start(run: Path) -> "subprocess.Popen[str]":
    """`pixelwise train` on a run folder: anew where it has no recipe yet, else on from where it is."""
    words = ["--resume", run] if (run / "recipe.yaml").exists() else ["--recipe", HERE / "recipe.yaml", "--run", run]
    (ROOT / HERE / "told").unlink(missing_ok=True)
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "PIXELWISE_CACHE": str(ROOT / HERE / f"cache_of_{run.name}"),
        "PYTHONPATH": os.pathsep.join([str(ROOT / HERE / "asked"), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep),
        "TOLD": str(ROOT / HERE / "told"),
    }
    command = [sys.executable, "-m", "pixelwise", "train", *map(str, words), "--device", "cpu"]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def must_have_ended(process: "subprocess.Popen[str]") -> None:
    """Ends the benchmark where a process has ended in another way than well."""
    _, said = process.communicate()
    if process.returncode:
        sys.exit(f"a start of the run ended with exit code {process.returncode}: {said.strip()[-2000:]}")


def ask(process: "subprocess.Popen[str]") -> str:
    """What a process is at."""
    told = ROOT / HERE / "told"
    if not (told.exists() and told.read_text()):
        return "starting Python"  # it could not answer yet
    process.send_signal(SIGUSR2)
    asked = time.monotonic()
    while OUTERMOST not in told.read_text() and time.monotonic() - asked < MOST_TO_ANSWER:
        time.sleep(0.001)
    functions = {" ".join(found) for found in TOLD_LINE.findall(told.read_text())}
    return next((phase for function, phase in PHASES.items() if function in functions), "starting pixelwise")


def stamp(run: Path) -> int:
    """Another number after each saving."""
    state = ROOT / run / "state.safetensors"
    return state.stat().st_mtime_ns if state.exists() else 0


def saved_step(run: Path) -> int:
    """The step from which a run would go on."""
    state = ROOT / run / "state.safetensors"
    if not state.exists():
        return 0
    with safe_open(state, framework="pt") as file:
        return int(json.loads(file.metadata()["state"])["step"])


def half_written(run: Path) -> list[str]:
    """Hidden files in a run folder, but for its lock."""
    return [name for name in files(run) if Path(name).name.startswith(".") and name != ".lock"]


def files(run: Path) -> list[str]:
    """All files in and below a run folder, hidden ones too."""
    folder = ROOT / run
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def prepare() -> None:
    """An empty folder, and in it the data, the recipe and what lets processes tell what they are at."""
    shutil.rmtree(ROOT / HERE, ignore_errors=True)
    for split, lines in chosen().items():
        for name in " ".join(lines).split():
            (ROOT / DATA / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(CAMVID / name, ROOT / DATA / name)
        (ROOT / DATA / f"{split}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (ROOT / HERE / "asked").mkdir()
    (ROOT / HERE / "asked" / "sitecustomize.py").write_text(ASKED, encoding="utf-8")
    save_recipe(RECIPE, ROOT / HERE / "recipe.yaml", Source(str(DATA)))


def chosen() -> dict[str, list[str]]:
    """The lines of train.txt, and every eighth of val.txt: an image and its mask each."""
    lines = {split: (CAMVID / f"{split}.txt").read_text(encoding="utf-8").splitlines() for split in ("train", "val")}
    return lines | {"val": lines["val"][::VALIDATED]}


def undisturbed() -> tuple[Pace, float]:
    """Trains without a stop; how fast that was, and the seconds in all."""
    process, began, first = start(UNDISTURBED), time.monotonic(), None
    last, before = began, 0
    while process.poll() is None:
        if before != (before := stamp(UNDISTURBED)):
            last = time.monotonic()
            first = first or last
        time.sleep(0.02)
    must_have_ended(process)
    ended = time.monotonic()
    assert first is not None
    steps = RECIPE.steps - RECIPE.steps // RECIPE.validations
    return Pace(first - began, (last - first) / steps, first - began + ended - last), ended - began


def differences(one: Path, other: Path) -> dict[str, list[str]]:
    """For all that two runs should have in common, where they differ."""
    found = {name: _different_tensors(one / name, other / name) for name in tensor_files(one)}
    rows = [_history(run) for run in (one, other)]
    found["history.csv"] = [f"row {n}" for n, pair in enumerate(zip_longest(*rows), start=1) if pair[0] != pair[1]]
    scores = [json.loads((ROOT / run / "evaluation.json").read_text(encoding="utf-8")) for run in (one, other)]
    found["evaluation.json"] = [key for key in scores[0] if scores[0][key] != scores[1].get(key)]
    found["files"] = sorted(set(files(one)) ^ set(files(other)))
    pictures = [name for name in files(one) if name.endswith(".png") and name in files(other)]
    found["samples"] = [name for name in pictures if _bytes(one / name) != _bytes(other / name)]
    return found


def tensor_files(run: Path) -> list[str]:
    """best, last and state."""
    return [name for name in files(run) if name.endswith(".safetensors") and not name.startswith(".")]


def _different_tensors(one: Path, other: Path) -> list[str]:
    (first, _), (second, _) = (load_tensors(ROOT / path) for path in (one, other))
    same = {
        name
        for name in first.keys() & second.keys()
        if first[name].dtype == second[name].dtype
        and first[name].shape == second[name].shape
        and first[name].numpy().tobytes() == second[name].numpy().tobytes()
    }
    return sorted((first.keys() | second.keys()) - same)


def _history(run: Path) -> list[dict[str, float]]:
    rows = read_history(ROOT / run / "history.csv")
    return [{key: value for key, value in row.items() if key not in TOLD} for row in rows]


def _bytes(path: Path) -> bytes:
    return (ROOT / path).read_bytes()


def result(killed: Killed, found: dict[str, list[str]], seconds: dict[str, float], seed: int) -> dict[str, Any]:
    """All of it, for results/."""
    environment = json.loads(_bytes(UNDISTURBED / "environment.json"))
    kills = killed.kills
    return {
        "command": "python benchmarks/kill_training.py",
        "trained_by": environment.pop("command"),
        "environment": environment,
        "seed": seed,
        "recipe": asdict(RECIPE),
        "images": {split: len(lines) for split, lines in chosen().items()},
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "kills": len(kills),
        "starts": killed.starts,
        "phases": dict(Counter(kill.phase for kill in kills).most_common()),
        "left_half_written_files": sum(bool(kill.half_written) for kill in kills),
        "equal": {name: not different for name, different in found.items()},
        "differences": {name: different for name, different in found.items() if different},
        "each": [asdict(kill) for kill in kills],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    prepare()
    pace, alone = undisturbed()
    print(f"undisturbed: {alone:.0f} s ({pace})", flush=True)
    killed, began = Killed(pace, random.Random(options.seed)), time.monotonic()
    while len(killed.kills) < options.kills:
        before = len(killed.kills)
        killed.kill(options.kills)
        if len(killed.kills) > before:
            print(f"{len(killed.kills):3} of {options.kills}: {killed.kills[-1]}", flush=True)
        if killed.starts > 2 * options.kills + 10:
            sys.exit("the run ends too often before it is killed")
    process = start(KILLED)
    process.wait()
    must_have_ended(process)
    found = differences(UNDISTURBED, KILLED)
    told = result(killed, found, {"undisturbed": alone, "killed": time.monotonic() - began}, options.seed)
    if options.kills >= KILLS:
        text = json.dumps(told, indent=1) + "\n"
        (ROOT / "results" / "kill_training.json").write_text(text, encoding="utf-8")
    print(json.dumps({name: told[name] for name in ("seconds", "starts", "phases", "equal", "differences")}, indent=1))
    sys.exit(bool(told["differences"]))


if __name__ == "__main__":
    main()
