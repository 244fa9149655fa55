"""What can go wrong around a run: nothing that was learnt is lost, and one clear line says what to do."""

import json
import math
import os
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import count, cycle
from pathlib import Path

import pytest
import torch
from command_line import RUN_FOLDER, content, files_below, pixelwise, refused

import pixelwise as pw
from pixelwise import api
from pixelwise.data import Dataset
from pixelwise.data.dataset import Source
from pixelwise.errors import UserError
from pixelwise.tensors import load_tensors
from pixelwise.training import Interrupted, Recipe, Request, save_recipe
from pixelwise.training.folders import locked
from pixelwise.training.guard import LIMIT, STEPS, Guard
from pixelwise.training.loop import train_step
from pixelwise.training.run import read_history

RECIPE = Recipe("unet", {"width": 4}, size=(32, 64), steps=8, batch=2, validations=4)
LONG = replace(RECIPE, steps=10_000, validations=5_000)


def begin(folder: Path, data: Path, recipe: Recipe = RECIPE) -> Path:
    """A run folder that holds its recipe and nothing else."""
    save_recipe(recipe, folder / api.RECIPE, Source(str(data)))
    return folder


def weights_of(run: Path) -> dict[str, dict[str, bytes]]:
    """The bytes of every tensor of a run's three files."""
    names = ("best", "last", "state")
    tensors = {name: load_tensors(run / f"{name}.safetensors")[0] for name in names}
    return {name: {key: one.numpy().tobytes() for key, one in found.items()} for name, found in tensors.items()}


def saved_step(run: Path) -> int:
    """The step from which a run would go on."""
    return int(json.loads(load_tensors(run / "state.safetensors")[1]["state"])["step"])


def steps_of(run: Path) -> list[float]:
    return [row["step"] for row in read_history(run / "history.csv")]


def half_written(folder: Path) -> list[str]:
    """Hidden files in and below a folder, but for its lock."""
    return [name for name in files_below(folder) if Path(name).name.startswith(".") and name != ".lock"]


def training(run: Path) -> "subprocess.Popen[str]":
    """`pixelwise train --resume RUN` in a process of its own, as soon as it has saved."""
    words = [sys.executable, "-m", "pixelwise", "train", "--resume", str(run), "--device", "cpu"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment)
    while process.poll() is None and not (run / "state.safetensors").exists():
        time.sleep(0.01)
    return process


@contextmanager
def asking_to_stop_after(step: int) -> Iterator[None]:
    """As if Ctrl-C came in the course of that step."""

    @contextmanager
    def asked() -> Iterator[Callable[[], int]]:
        calls = count(1)
        yield lambda: signal.SIGINT if next(calls) >= step else 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pixelwise.training.run.stop_asked", asked)
        yield


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, small_folder: Path) -> Path:
    """A run that was never stopped."""
    folder = begin(tmp_path_factory.mktemp("runs") / "undisturbed", small_folder)
    api.resume(folder, "cpu")
    return folder


@pytest.fixture(scope="module")
def _halfway(tmp_path_factory: pytest.TempPathFactory, small_folder: Path) -> Path:
    folder = begin(tmp_path_factory.mktemp("runs") / "halfway", small_folder)
    with asking_to_stop_after(5), pytest.raises(Interrupted):
        api.resume(folder, "cpu")
    return folder


@pytest.fixture
def run(tmp_path: Path, _halfway: Path) -> Path:
    """A run of one's own, stopped after five of its eight steps."""
    return shutil.copytree(_halfway, tmp_path / "run")


def check_goes_on(run: Path, undisturbed: Path) -> None:
    """Resumed it ends as if nothing had been."""
    api.resume(run, "cpu")
    assert weights_of(run) == weights_of(undisturbed)
    assert list(files_below(run)) == list(files_below(undisturbed))


# Places that cannot be written (test_bad_input.py fills disks while training)


def test_where_the_last_model_cannot_be_written_the_trained_one_survives_and_is_scored_later(
    tmp_path: Path, undisturbed: Path
) -> None:
    run = shutil.copytree(undisturbed, tmp_path / "run")
    for name in ("evaluation.json", "report.html"):
        (run / name).unlink()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # of what comes after training the model does not fit
    try:
        answer = pixelwise("train", "--resume", run, "--device", "cpu")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert answer.code == 2
    assert "best.safetensors: cannot be written" in answer.err.splitlines()[-1]
    assert "free some space or choose another place" in answer.err.splitlines()[-1]
    assert not half_written(run)
    check_goes_on(run, undisturbed)


def test_a_run_on_a_disk_that_has_become_read_only_is_refused_in_one_line(tmp_path: Path, run: Path) -> None:
    """A real one, seen by one process alone, so that nothing stays mounted whatever happens."""
    (tmp_path / "disk").mkdir()
    script = (
        "mount -t tmpfs tmpfs disk && cp -r run disk && mount -o remount,ro disk && touch begun || exit 77\n"
        f"exec {shlex.quote(sys.executable)} -m pixelwise train --resume disk/run --device cpu\n"
    )
    words = [shutil.which("unshare") or "false", "--user", "--map-root-user", "--mount", "sh", "-c", script]
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    if not (tmp_path / "begun").exists():
        pytest.skip("no disk can be mounted here")
    assert ran.returncode == 2, ran
    [line] = ran.stderr.splitlines()
    assert line.startswith("pixelwise: disk/run: cannot be written (Read-only file system)"), line


def test_a_run_below_a_file_can_neither_begin_nor_go_on(tmp_path: Path, run: Path) -> None:
    (tmp_path / "file").touch()
    before = list(files_below(tmp_path))
    said = refused("train", "--recipe", run / "recipe.yaml", "--run", tmp_path / "file" / "run", "--device", "cpu")
    assert "cannot be written (Not a directory)" in said
    assert "give a run folder that `train` made" in refused("train", "--resume", tmp_path / "file" / "run")
    assert list(files_below(tmp_path)) == before


# Two runs in one folder


def test_a_second_run_in_a_folder_is_refused_and_the_first_one_that_is_then_told_to_end_saves_and_says_how_to_go_on(
    tmp_path: Path, small_folder: Path
) -> None:
    run = begin(tmp_path / "run", small_folder, LONG)
    first = training(run)
    before = saved_step(run)
    for words in (("--resume", run), ("--recipe", run / "recipe.yaml", "--run", run)):
        said = refused("train", *words, "--device", "cpu")
        assert "another run is writing there" in said or "is not empty; give another --run" in said
    assert first.poll() is None
    while saved_step(run) <= before:  # it has gone on as if nothing were
        assert first.poll() is None
        time.sleep(0.01)

    first.send_signal(signal.SIGTERM)
    _, said = first.communicate(timeout=60)
    assert first.returncode == 128 + signal.SIGTERM == 143
    [line] = [line for line in said.splitlines() if line.startswith("pixelwise: ")]
    assert line.startswith(f"pixelwise: stopped after step {saved_step(run)} of 10000")
    assert f"to go on: pixelwise train --resume {run}" in line
    assert pw.load(run, "cpu").bundle.provenance["step"] <= saved_step(run)
    assert content(run) == sorted({*RUN_FOLDER} - {"evaluation.json", "report.html"})


def test_neither_the_lock_nor_the_half_written_files_of_a_killed_process_are_in_the_way(
    run: Path, small_folder: Path, undisturbed: Path
) -> None:
    script = "import sys, filelock; lock = filelock.FileLock(sys.argv[1]); lock.acquire(); print('held'); input()"
    words = [sys.executable, "-c", script, str(run / ".lock")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert "another run is writing there" in refused("train", "--resume", run, "--device", "cpu")
        process.kill()
    assert (run / ".lock").exists()
    (run / ".state.12345.part.safetensors").write_bytes(b"half")
    (run / ".history.12345.part.csv").touch()
    check_goes_on(run, undisturbed)


def test_a_picture_that_a_killed_process_has_half_written_is_cleared_away_and_not_shown(
    run: Path, undisturbed: Path
) -> None:
    (run / "samples" / ".0000006.12345.part.png").write_bytes(b"\x89PNG half")
    check_goes_on(run, undisturbed)


def test_a_process_killed_while_it_writes_weights_leaves_nothing_that_the_next_one_does_not_clear_away(
    tmp_path: Path,
) -> None:
    script = (
        "import sys, torch\n"
        "from pathlib import Path\n"
        "from pixelwise.files import replacing\n"
        "from pixelwise.tensors import save_tensors\n"
        "with replacing(Path(sys.argv[1])) as temporary:\n"
        "    save_tensors({'weights': torch.zeros(50_000_000)}, temporary, {})\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "run" / "state.safetensors")])
    while not half_written(tmp_path / "run"):
        assert process.poll() is None
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert half_written(tmp_path / "run")
    with locked(tmp_path / "run"):
        assert content(tmp_path / "run") == [".lock"]


@pytest.mark.parametrize("half", [(), (".recipe.12345.part.yaml",)])
def test_a_run_killed_before_it_has_written_down_its_recipe_can_begin_again(
    tmp_path: Path, undisturbed: Path, half: tuple[str, ...]
) -> None:
    """half: what was half-written then."""
    run, recipe, written = tmp_path / "run", undisturbed / "recipe.yaml", dict.fromkeys(half, b"half")

    def killed(*_: object, **__: object) -> None:
        written.update({path.name: path.read_bytes() for path in run.iterdir()})
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pixelwise.runs.save_recipe", killed)
        with pytest.raises(KeyboardInterrupt):
            api.train_recipe(recipe, device="cpu", run=run)
    run.mkdir(exist_ok=True)
    for name, content_then in written.items():  # a killed process clears nothing away
        (run / name).write_bytes(content_then)
    api.train_recipe(recipe, device="cpu", run=run)
    assert weights_of(run) == weights_of(undisturbed)
    assert content(run) == RUN_FOLDER


# Clocks


class Jumping:
    """A clock that is set back and forward by hours each time it is looked at."""

    def __init__(self) -> None:
        self._jumps = cycle((5.0, -9.0, 0.0, 30.0, -200.0))

    def time(self) -> float:
        return 1.8e9 + 3600 * next(self._jumps)

    def now(self, _: object) -> datetime:
        return datetime.fromtimestamp(0, UTC) + timedelta(seconds=self.time())


@pytest.fixture
def jumping(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock on the wall is set again and again."""
    clock = Jumping()
    monkeypatch.setattr(time, "time", clock.time)
    for module in ("pixelwise.training.run", "pixelwise.training.folders"):
        monkeypatch.setattr(f"{module}.datetime", clock)


@pytest.mark.usefixtures("jumping")
def test_a_clock_that_is_set_while_training_changes_nothing(
    tmp_path: Path, small_folder: Path, undisturbed: Path
) -> None:
    run = begin(tmp_path / "run", small_folder)
    check_goes_on(run, undisturbed)
    seconds = [row["seconds"] for row in read_history(run / "history.csv")]
    assert sorted(seconds) == seconds
    assert 0 <= seconds[-1] < 60


@pytest.mark.usefixtures("jumping")
def test_a_budget_does_not_go_by_the_clock_on_the_wall(small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    planning = import_module("pixelwise.training.plan")  # the function of that name hides the module
    monkeypatch.setattr(planning.Probe, "seconds", lambda *_: 0.01)  # of a step, whatever the machine does meanwhile
    fixed = {"size": (32, 64), "options": {"width": 4}, "settings": {"batch": 2, "accumulate": 1}}
    asked = Request("unet", budget=60.0, began=time.monotonic(), **fixed)
    recipe = planning.plan(asked, small, torch.device("cpu")).recipe
    assert 0.5 * 60 < recipe.steps * 0.01 + planning.RESERVE < 60


# What is missing or damaged when a run goes on


@pytest.mark.parametrize("name", ["state.safetensors", "history.csv", "environment.json", "last.safetensors"])
def test_a_file_that_is_missing_is_made_anew_and_the_weights_are_the_same(
    run: Path, undisturbed: Path, name: str
) -> None:
    (run / name).unlink()
    check_goes_on(run, undisturbed)
    assert steps_of(run) == ([6, 8] if name == "history.csv" else [2, 4, 6, 8])


def test_without_its_recipe_a_run_is_refused(run: Path) -> None:
    (run / "recipe.yaml").unlink()
    assert "recipe.yaml: cannot be read (No such file or directory)" in refused("train", "--resume", run)


def test_without_its_best_model_a_run_goes_on_and_has_one_in_the_end(run: Path, undisturbed: Path) -> None:
    (run / "best.safetensors").unlink()
    api.resume(run, "cpu")
    assert weights_of(run)["last"] == weights_of(undisturbed)["last"]
    assert content(run) == RUN_FOLDER


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut off": lambda whole: whole[: len(whole) // 2],
    "empty": lambda _: b"",
    "zeros": lambda whole: bytes(len(whole)),
    "noise": lambda whole: bytes(byte ^ (index * 37 % 251) for index, byte in enumerate(whole[:2000])),
}


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *(("state.safetensors", damage) for damage in DAMAGES),
        *(("recipe.yaml", one) for one in ("empty", "zeros", "noise")),
    ],
)
def test_a_damaged_state_or_recipe_is_refused_in_one_line_that_names_it_and_nothing_is_touched(
    run: Path, name: str, damage: str
) -> None:
    damaged = run / name
    damaged.write_bytes(DAMAGES[damage](damaged.read_bytes()))
    before = {file: (run / file).read_bytes() for file in files_below(run)}
    assert str(damaged) in refused("train", "--resume", run, "--device", "cpu")
    assert {file: (run / file).read_bytes() for file in files_below(run)} == before


@pytest.mark.parametrize(
    "text",
    [
        "step,epoch,loss\n2,0.6",  # cut off in a row
        "stxp,epoch,loss,seconds,validation_mean_iou\n2,0.6,3,1,0.1\n",  # a column is misspelt
        "2,0.6,3.1\n4,1.3,2.9\n",  # the first line is lost
        'step,loss\n"' + 200_000 * "1",  # a quote that does not end
        "\xff\xfe",
    ],
)
def test_a_damaged_history_is_refused_in_one_line_that_says_how_to_go_on_without_it(run: Path, text: str) -> None:
    history = run / "history.csv"
    history.write_bytes(text.encode("latin-1"))
    said = refused("train", "--resume", run, "--device", "cpu")
    assert f"{history}: is damaged; remove it to go on" in said
    assert history.read_bytes() == text.encode("latin-1")


def test_the_history_of_a_run_that_went_on_has_whole_numbers_of_steps(run: Path) -> None:
    api.resume(run, "cpu")
    steps = [line.split(",")[0] for line in (run / "history.csv").read_text().splitlines()]
    assert steps == ["step", "2", "4", "6", "8"]


def test_a_damaged_note_of_the_machine_does_not_stop_a_run(
    run: Path, undisturbed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "environment.json").write_text('{"torch": ')
    check_goes_on(run, undisturbed)
    assert "environment.json cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("more", [-1, 1])
def test_another_number_of_training_images_than_before_the_stop_is_refused_in_one_line(
    tmp_path: Path, small_folder: Path, more: int
) -> None:
    data = shutil.copytree(small_folder, tmp_path / "data")
    run = begin(tmp_path / "run", data)
    with asking_to_stop_after(5), pytest.raises(Interrupted):
        api.resume(run, "cpu")
    before = weights_of(run)
    for folder in ("images", "masks"):
        one = min((data / "train" / folder).iterdir())
        if more > 0:
            shutil.copy(one, one.with_stem("another"))
        else:
            one.unlink()
    said = refused("train", "--resume", run, "--device", "cpu")
    assert f"the run began with 6 training images and now there are {6 + more}" in said
    assert weights_of(run) == before


def test_a_run_that_goes_on_with_less_memory_free_reads_its_images_ahead_and_ends_with_the_same_weights(
    tmp_path: Path, small_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There are six images, more than are counted where they are read ahead."""
    monkeypatch.setattr("pixelwise.training.cache.COUNTED", 4)
    recipe = replace(RECIPE, rare_sampling=0.5, class_balance=0.5)
    whole, run = (begin(tmp_path / name, small_folder, recipe) for name in ("whole", "run"))
    api.resume(whole, "cpu")
    with asking_to_stop_after(5), pytest.raises(Interrupted):
        api.resume(run, "cpu")
    monkeypatch.setattr("pixelwise.training.cache.room", lambda: 0)
    check_goes_on(run, whole)


# Losses


def test_a_loss_that_is_no_number_names_the_step_and_its_images_and_the_last_good_model_stays(
    tmp_path: Path, small_folder: Path
) -> None:
    run = begin(tmp_path / "run", small_folder, replace(RECIPE, learning_rate=1e30))
    answer = pixelwise("train", "--resume", run, "--device", "cpu")
    assert answer.code == 2
    line = answer.err.splitlines()[-1]
    names = [path.stem for path in (small_folder / "train" / "images").iterdir()]
    assert "at step 2, whose images were " in line  # the first step is taken on sound weights
    told = line.split("images were ")[1].split(":")[0].split(", ")
    assert len(told) == RECIPE.batch
    assert all(any(name in one for name in names) for one in told), line
    assert f"the last good model, if any was saved, is in {run}" in line
    assert not half_written(run)


def fed(losses: list[float], ordinary: float | None = None, *, every: int = 10) -> Guard:
    """A guard that has read these losses, a few at a time."""
    guard = Guard(Path("runs/mine"), lambda step: [f"image{step}"], ordinary)
    for step, loss in enumerate(losses):
        guard.add(step, {"loss": torch.tensor(loss), "gradient_norm": torch.tensor(1.0)})
        if (step + 1) % every == 0:
            guard.read()
    return guard


def test_a_loss_that_rises_without_end_stops_the_run_though_it_is_a_number() -> None:
    rising = [1.02**step for step in range(200)]
    mean_over = [sum(rising[step - STEPS + 1 : step + 1]) / STEPS for step in range(STEPS - 1, 200)]
    first = next(STEPS - 1 + place for place, mean in enumerate(mean_over) if mean > LIMIT)
    assert first > STEPS
    said = rf"was 3(\.\d+)? over the last 50 steps and 1 before at step {first + 1}, whose images were image{first}:"
    with pytest.raises(UserError, match=said):
        fed(rising)


@pytest.mark.parametrize("every", [1, 7, 50])
def test_a_loss_that_falls_or_leaps_now_and_then_does_not_stop_a_run(every: int) -> None:
    fed([3 * 0.99**step for step in range(300)], every=every)
    fed([30.0 if step % 25 == 24 else 1.0 for step in range(300)], every=every)  # a mean of 2.16


def test_a_run_that_goes_on_remembers_its_ordinary_loss() -> None:
    fed([5.0] * 200, ordinary=4.0)
    with pytest.raises(UserError, match=r"the loss was 5 over the last 50 steps and 1 before"):
        fed([5.0] * 200, ordinary=1.0)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_one_number_that_is_none_stops_a_run_at_its_own_step_however_late_it_is_read(bad: float) -> None:
    with pytest.raises(UserError, match=r"the loss is -?(nan|inf) at step 4, whose images were image3:"):
        fed([1.0, 1.0, 1.0, bad, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])


# Saving now and then


def test_saving_between_two_validations_leaves_no_trace_in_the_end_wherever_the_run_is_then_killed(
    tmp_path: Path, small_folder: Path, undisturbed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every step is saved, and the process ends in the course of the sixth."""
    recipe = replace(RECIPE, validations=1)
    whole = begin(tmp_path / "whole", small_folder, recipe)
    api.resume(whole, "cpu")
    run = begin(tmp_path / "run", small_folder, recipe)
    for name, value in {"SAVE_EVERY": 0.0, "SAVE_SHARE": 1e9, "READ_EVERY": 1}.items():
        monkeypatch.setattr(f"pixelwise.training.run.{name}", value)
    steps = count(1)

    def step_or_end(*words: object) -> dict[str, torch.Tensor]:
        if next(steps) == 6:
            raise KeyboardInterrupt
        return train_step(*words)

    with monkeypatch.context() as patch:
        patch.setattr("pixelwise.training.run.train_step", step_or_end)
        with pytest.raises(KeyboardInterrupt):
            api.resume(run, "cpu")
    assert saved_step(run) == 5
    assert pw.load(run, "cpu").bundle.provenance["step"] == 1  # the first to be saved, for none has been validated
    check_goes_on(run, whole)
    assert steps_of(run) == [8]
