"""Killed with SIGKILL at any moment and resumed, a run ends with the bytes of one that was never stopped.

benchmarks/kill_training.py does the same on real data, with fifty kills.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from command_line import RUN_FOLDER, content, files_below
from safetensors import safe_open

from pixelwise import api
from pixelwise.data.dataset import Source
from pixelwise.tensors import load_tensors
from pixelwise.training import Recipe, save_recipe
from pixelwise.training.run import read_history

RECIPE = Recipe(
    "unet",
    {"width": 4},
    size=(32, 64),
    steps=50,
    batch=2,
    accumulate=2,
    validations=25,
    ema=0.9,
    rare_sampling=0.5,
    elastic=2.0,
    jpeg=0.5,
    cutout=0.5,
    classmix=0.5,
)
MACHINE = ("images_per_second", "seconds")  # columns of history.csv that tell of it


def begin(folder: Path, data: Path) -> Path:
    """A run folder that holds its recipe and nothing else."""
    save_recipe(RECIPE, folder / api.RECIPE, Source(str(data)))
    return folder


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, small_folder: Path) -> Path:
    folder = begin(tmp_path_factory.mktemp("runs") / "undisturbed", small_folder)
    api.resume(folder, "cpu")
    return folder


@pytest.fixture(scope="module")
def processes() -> Iterator[ForkServerContext]:
    """Makes processes in which pixelwise is already loaded, so that a start takes no seconds."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["pixelwise.api", "pixelwise.report"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield context


def killed(process: BaseProcess | subprocess.Popen[bytes]) -> None:
    process.kill()
    ended = process.wait() if isinstance(process, subprocess.Popen) else process.join() or process.exitcode
    assert ended == -signal.SIGKILL


def wait_until_saved(process: BaseProcess, run: Path) -> None:
    before = saved_step(run)
    while saved_step(run) == before:
        assert process.is_alive()
        time.sleep(0.005)


def stop_within_writing(process: BaseProcess, run: Path) -> Path:
    """Halts the process while it writes the state, and gives the file that is half-written."""
    assert process.pid is not None
    while True:
        while not list(run.glob(".state.*.part*")):
            assert process.is_alive()
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(0.02)  # until it has stopped
        if halves := list(run.glob(".state.*.part*")):
            return halves[0]
        os.kill(process.pid, signal.SIGCONT)


def saved_step(run: Path) -> int:
    """The step from which the run would go on."""
    if not (run / "state.safetensors").exists():
        return 0
    with safe_open(run / "state.safetensors", framework="pt") as file:
        return int(json.loads(file.metadata()["state"])["step"])


def weights_of(run: Path) -> dict[str, dict[str, bytes]]:
    """The bytes of every tensor of a run's three files."""
    names = ("best", "last", "state")
    tensors = {name: load_tensors(run / f"{name}.safetensors")[0] for name in names}
    return {name: {key: one.numpy().tobytes() for key, one in found.items()} for name, found in tensors.items()}


def learnt(run: Path) -> list[dict[str, float]]:
    """The rows of the history without what tells of the machine."""
    return [
        {key: value for key, value in row.items() if key not in MACHINE} for row in read_history(run / "history.csv")
    ]


def test_a_run_killed_at_random_moments_and_resumed_ends_with_the_same_bytes_as_an_undisturbed_one(
    tmp_path: Path, small_folder: Path, undisturbed: Path, processes: ForkServerContext
) -> None:
    run, moments = begin(tmp_path / "run", small_folder), random.Random(0)

    def resumed() -> BaseProcess:
        process = processes.Process(target=api.resume, args=(run, "cpu"))
        process.start()
        return process

    command = subprocess.Popen([sys.executable, "-m", "pixelwise", "train", "--resume", str(run), "--device", "cpu"])
    time.sleep(moments.uniform(0, 0.3))  # killed as it starts
    killed(command)
    assert content(run) == ["recipe.yaml"]

    process = resumed()  # killed while it writes its state
    half = stop_within_writing(process, run)
    killed(process)
    assert half.exists()

    for _ in range(4):  # killed at any moment after it has got on
        process = resumed()
        wait_until_saved(process, run)
        time.sleep(moments.uniform(0, 0.2))
        killed(process)
    assert 0 < saved_step(run) < RECIPE.steps

    process = resumed()
    process.join()
    assert process.exitcode == 0
    assert weights_of(run) == weights_of(undisturbed)
    assert learnt(run) == learnt(undisturbed)
    assert (run / "evaluation.json").read_bytes() == (undisturbed / "evaluation.json").read_bytes()
    assert content(run) == RUN_FOLDER
    assert list(files_below(run)) == list(files_below(undisturbed))
    pictures = [sorted((folder / "samples").iterdir()) for folder in (run, undisturbed)]
    assert [one.read_bytes() for one in pictures[0]] == [one.read_bytes() for one in pictures[1]]
