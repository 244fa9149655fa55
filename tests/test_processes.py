"""One run in two real processes, started by torchrun: the same as in one, and it goes on when one of them dies."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import torch
from command_line import RUN_FOLDER, content, pixelwise
from torch import nn

from pixelwise import api
from pixelwise.data.dataset import Source
from pixelwise.errors import UserError
from pixelwise.processes import own_share
from pixelwise.tensors import load_tensors
from pixelwise.training import Recipe, read_history, save_recipe
from pixelwise.training.sharing import SharedBatchNorm, check_processes

# SGD, for AdamW divides by the size of each gradient: where that is all rounding, so is the step.
RECIPE = Recipe(
    "street",
    {"width": 4},
    size=(32, 64),
    steps=16,
    batch=4,
    validations=8,
    optimizer="sgd",
    learning_rate=1e-3,
    precision="fp32",
    classmix=0.5,
    ema=0.5,
)


def torchrun(*options: object, processes: int = 2) -> list[str]:
    """`torchrun ... -m pixelwise`."""
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    return [*start, *map(str, options), "-m", "pixelwise"]


@contextmanager
def together(run: Path, *more: object, processes: int = 2) -> Iterator["subprocess.Popen[str]"]:
    """`torchrun ... -m pixelwise train --recipe RUN/../recipe.yaml --run-folder RUN`; what hangs is ended."""
    words = [*torchrun(*more, processes=processes), "train", "--recipe", str(run.parent / "recipe.yaml")]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    words += ["--run-folder", str(run), "--device", "cpu"]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.terminate()  # torchrun ends its processes too


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, small_folder: Path) -> Path:
    """A run of two processes that nobody disturbed."""
    run = tmp_path_factory.mktemp("together") / "two"
    save_recipe(RECIPE, run.parent / "recipe.yaml", Source(str(small_folder)))
    with together(run) as process:
        out, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert out.count("all classes, %") == 1
    return run


def weights(run: Path, name: str = "last") -> dict[str, torch.Tensor]:
    return load_tensors(run / f"{name}.safetensors")[0]


def test_two_processes_learn_and_score_what_one_does(two: Path) -> None:
    assert content(two) == RUN_FOLDER
    api.train_recipe(two.parent / "recipe.yaml", device="cpu", run=two.parent / "one")
    alone, shared = (read_history(two.parent / run / "history.csv") for run in ("one", "two"))
    for one, both in zip(alone, shared, strict=True):
        for name, near in {"step": 0, "epoch": 0, "learning_rate": 0, "loss": 1e-3, "gradient_norm": 2e-2}.items():
            assert both[name] == pytest.approx(one[name], rel=near), name
        assert both["validation_mean_iou"] == pytest.approx(one["validation_mean_iou"], abs=2e-3)
    for name, tensor in weights(two.parent / "one").items():
        assert torch.allclose(weights(two)[name], tensor, rtol=1e-3, atol=1e-3), name


def test_a_run_whose_process_is_killed_is_started_anew_by_torchrun_and_ends_with_the_same_bytes(two: Path) -> None:
    run = two.parent / "disturbed"
    with together(run, "--max-restarts", 1) as process:
        state, began = run / "state.safetensors", time.monotonic()
        while not state.exists() and time.monotonic() - began < 200:
            time.sleep(0.02)
        workers = [one for one in psutil.Process(process.pid).children() if "--recipe" in one.cmdline()]
        workers[-1].send_signal(signal.SIGKILL)
        _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert content(run) == RUN_FOLDER
    steps = [row["step"] for row in read_history(run / "history.csv")]
    assert steps == [row["step"] for row in read_history(two / "history.csv")]
    for name in ("best", "last", "state"):
        undisturbed = weights(two, name)
        assert all(torch.equal(tensor, undisturbed[key]) for key, tensor in weights(run, name).items()), name


@pytest.mark.parametrize(("items", "processes"), [(5, 2), (4, 4), (101, 8), (1, 3), (0, 2)])
def test_every_image_is_validated_by_one_process_and_none_twice(
    items: int, processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pixelwise.processes.count", lambda: processes)
    shares = []
    for own in range(processes):
        monkeypatch.setattr("pixelwise.processes.rank", lambda own=own: own)
        shares.append(list(own_share(items)))
    assert [place for share in shares for place in share] == list(range(items))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_two_processes_count_what_one_does(two: Path, small_folder: Path, tmp_path: Path) -> None:
    words = ["evaluate", str(two), str(small_folder), "--device", "cpu"]
    alone = json.loads(pixelwise(*words, "--json").out)
    rows = tmp_path / "rows.csv"
    both = subprocess.run(
        [*torchrun(), *words, "--json", "--rows", str(rows)], capture_output=True, text=True, check=True
    )
    assert json.loads(both.stdout) == alone
    assert len(rows.read_text().splitlines()) == 1 + alone["conditions"]["images"]


def test_what_cannot_be_shared_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pixelwise.training.sharing.count", lambda: 4)
    check_processes(Recipe(batch=4))
    with pytest.raises(UserError, match="a batch of 3 cannot be shared by 4 processes; give a larger --batch"):
        check_processes(Recipe(batch=3))
    with pytest.raises(UserError, match="a batch of 7 cannot be shared by 4 processes in 2 parts each"):
        check_processes(Recipe(batch=7, accumulate=2))
    with pytest.raises(UserError, match="pix2pix trains in one process"):
        check_processes(Recipe(model="pix2pix", batch=8))


def test_shared_batch_norm_alone_is_batch_norm() -> None:
    """Its answers, its gradients and what it remembers, against torch's own."""
    generator = torch.Generator().manual_seed(0)
    image = 3 + 2 * torch.randn(4, 5, 6, 7, generator=generator)
    answers = []
    for kind in (nn.BatchNorm2d, SharedBatchNorm):
        norm, seen = kind(5), image.clone().requires_grad_()
        nn.init.uniform_(norm.weight, generator=torch.Generator().manual_seed(1))
        answer = norm(seen)
        (answer**3).sum().backward()
        norm.eval()
        answers.append([answer, seen.grad, norm.weight.grad, norm.bias.grad, *norm.buffers(), norm(image)])
    for theirs, ours in zip(*answers, strict=True):
        assert torch.allclose(theirs.float(), ours.float(), rtol=1e-4, atol=1e-4)
