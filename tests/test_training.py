"""Training for real, tiny: what a run leaves, how it stops and goes on, and what a step is made of."""

import csv
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from command_line import RUN_FOLDER, content, files_below, pixelwise, refused
from small_data import held

import pixelwise as pw
from pixelwise import api
from pixelwise.data import Dataset
from pixelwise.data.dataset import Source
from pixelwise.errors import UserError
from pixelwise.labels import CAMVID11
from pixelwise.tensors import load_tensors
from pixelwise.training import Interrupted, Recipe, Request, load_recipe, plan, save_recipe
from pixelwise.training.augmentation import draw_affine, draw_color, generator
from pixelwise.training.batches import class_weights, samples_of_step
from pixelwise.training.cache import Cache, fill_cache
from pixelwise.training.parsing import parse_duration, parse_size
from pixelwise.training.plan import scaled_size
from pixelwise.training.run import read_history, stop_asked, validation_steps
from pixelwise.training.schedule import learning_rate

CPU = torch.device("cpu")
TINY = Recipe("unet", {"width": 4}, size=(32, 64), steps=8, batch=2, validations=2)
LONG = replace(TINY, steps=80, validations=40)


def begin(folder: Path, data: Path, recipe: Recipe = TINY) -> Path:
    """A run folder that holds its recipe and nothing else."""
    save_recipe(recipe, folder / api.RECIPE, Source(str(data)))
    return folder


def weights_of(path: Path) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in load_tensors(path)[0].items()}


def all_weights_of(run: Path) -> list[dict[str, bytes]]:
    return [weights_of(run / f"{name}.safetensors") for name in ("best", "last", "state")]


def steps_of(run: Path) -> list[float]:
    return [row["step"] for row in read_history(run / "history.csv")]


def started(run: Path) -> "subprocess.Popen[str]":
    """`pixelwise train --resume RUN` in a process of its own, as soon as it has validated once more."""
    before = len(steps_of(run))
    words = [sys.executable, "-m", "pixelwise", "train", "--resume", str(run), "--device", "cpu"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    while process.poll() is None and len(steps_of(run)) <= before:
        time.sleep(0.01)
    return process


# A run folder


def test_a_run_leaves_its_eight_files_a_picture_per_validation_and_nothing_else(small_run: Path) -> None:
    assert content(small_run) == RUN_FOLDER
    assert content(small_run / "samples") == ["0000003.png", "0000006.png"]


def test_the_files_of_a_run_say_what_was_asked_what_it_ran_on_and_how_it_went(
    small_run: Path, small_folder: Path
) -> None:
    recipe, data = load_recipe(small_run / "recipe.yaml")
    assert (recipe.options, recipe.steps, data) == ({"width": 4}, 6, Source(str(small_folder)))
    environment = json.loads((small_run / "environment.json").read_text())
    assert environment["torch"] == torch.__version__
    assert "command" in environment
    with (small_run / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["3", "6"]
    assert all(math.isfinite(float(value)) for row in rows for value in row.values())
    scored = json.loads((small_run / "evaluation.json").read_text())
    best = max(float(row["validation_mean_iou"]) for row in rows)
    assert scored["conditions"]["offsets"]["without"] == pytest.approx(best, abs=1e-4)
    assert scored["scores"]["mean IoU"] > best


def test_the_model_of_a_run_knows_where_it_comes_from_and_how_good_it_is(small_run: Path) -> None:
    model = pw.load(small_run, "cpu")
    assert model.labels == CAMVID11
    assert model.bundle.provenance["recipe"]["steps"] == 6
    assert model.bundle.provenance["train_images"] == 6
    scored = json.loads((small_run / "evaluation.json").read_text())
    assert model.bundle.scores["mean IoU"] == scored["scores"]["mean IoU"]
    assert model.bundle.scores["conditions"]["split"] == "val"


def test_the_same_recipe_gives_the_same_weights_and_another_seed_others(
    tmp_path: Path, small_run: Path, small_folder: Path
) -> None:
    recipe, _ = load_recipe(small_run / "recipe.yaml")
    api.resume(begin(tmp_path / "same", small_folder, recipe), "cpu")
    api.resume(begin(tmp_path / "other", small_folder, replace(recipe, seed=1)), "cpu")
    assert weights_of(tmp_path / "same" / "last.safetensors") == weights_of(small_run / "last.safetensors")
    assert weights_of(tmp_path / "other" / "last.safetensors") != weights_of(small_run / "last.safetensors")


def test_a_tiny_model_learns_what_it_sees(tmp_path: Path, small_folder: Path) -> None:
    plain = replace(TINY, flip=0.0, zoom=(1.0, 1.0), rotation=0.0, color=0.0, hue=0.0, class_balance=0.0)
    recipe = replace(
        plain, options={"width": 8}, size=(64, 96), steps=50, validations=2, batch=6, learning_rate=1e-2, ema=0.9
    )
    api.resume(begin(tmp_path / "run", small_folder, recipe), "cpu")
    losses = [row["loss"] for row in read_history(tmp_path / "run" / "history.csv")]
    assert losses[-1] < 0.5 * math.log(len(CAMVID11))  # half of what knowing nothing costs
    assert pw.evaluate(str(tmp_path / "run"), small_folder, "train").scores()["pixel accuracy"] > 0.7


def test_training_in_python_gives_a_scored_model(tmp_path: Path, small: Dataset) -> None:
    request = Request(epochs=1, size=(32, 64), options={"width": 4}, settings={"batch": 2})
    model = api.train_request(small, request, device="cpu", run=tmp_path / "run")
    assert model.evaluation is not None
    assert model.run == tmp_path / "run"
    assert "0.1 million weights" in repr(model)
    assert model.predict(small.test[0].image).label.shape == (64, 80)


# Stopping and going on


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, small_folder: Path) -> Path:
    folder = begin(tmp_path_factory.mktemp("runs") / "undisturbed", small_folder, LONG)
    api.resume(folder, "cpu")
    return folder


def test_a_run_stopped_by_ctrl_c_and_later_killed_ends_with_the_same_weights_as_an_undisturbed_one(
    tmp_path: Path, small_folder: Path, undisturbed: Path
) -> None:
    run = begin(tmp_path / "run", small_folder, LONG)
    with started(run) as process:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"to go on: pixelwise train --resume {run}" in said
    assert "Traceback" not in said
    assert pw.load(run, "cpu").predict(np.zeros((9, 7, 3), np.uint8)).label.shape == (9, 7)

    with started(run) as process:
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert 0 < len(steps_of(run)) < 40

    answer = pixelwise("train", "--resume", run, "--device", "cpu")
    assert answer.code == 0, answer
    assert all_weights_of(run) == all_weights_of(undisturbed)
    assert steps_of(run) == steps_of(undisturbed)


@pytest.mark.parametrize("step", [1, 4, 6])
def test_a_stop_after_any_step_leaves_a_usable_model_and_no_trace_in_the_end(
    tmp_path: Path, small_folder: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    whole = begin(tmp_path / "whole", small_folder)
    api.resume(whole, "cpu")
    run = begin(tmp_path / "run", small_folder)
    with monkeypatch.context() as patch:
        patch.setattr("pixelwise.training.run.stop_asked", lambda: asked_after(step))
        with pytest.raises(Interrupted, match=rf"stopped after step {step} of 8.*--resume"):
            api.resume(run, "cpu")
    assert pw.load(run, "cpu").labels == CAMVID11
    api.resume(run, "cpu")
    assert all_weights_of(run) == all_weights_of(whole)
    assert steps_of(run) == steps_of(whole) == [4, 8]


def test_ctrl_c_asks_for_a_stop_and_a_second_one_stops_at_once() -> None:
    before = signal.getsignal(signal.SIGINT)
    with stop_asked() as asked:
        assert not asked()
        signal.raise_signal(signal.SIGINT)
        assert asked()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) == before


def test_a_thread_that_trains_is_not_stopped_by_ctrl_c() -> None:
    def enter() -> None:
        with stop_asked() as asked:
            answers.append(asked())

    answers: list[bool] = []
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert answers == [False]


@contextmanager
def asked_after(step: int) -> Iterator[object]:
    calls = Counter[str]()

    def asked() -> bool:
        calls["all"] += 1
        return calls["all"] >= step

    yield asked


def test_a_run_killed_between_two_writes_goes_on_from_what_is_whole(tmp_path: Path, small_folder: Path) -> None:
    """As after a kill in the middle of a validation: best and last are newer than state, history too."""
    whole = begin(tmp_path / "whole", small_folder)
    api.resume(whole, "cpu")
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    (run / "state.safetensors").unlink()
    api.resume(run, "cpu")
    assert all_weights_of(run) == all_weights_of(whole)
    assert steps_of(run) == [4, 8]


def test_a_state_of_another_recipe_or_cut_off_is_refused(tmp_path: Path, small_run: Path, small_folder: Path) -> None:
    shutil.copytree(small_run, tmp_path / "run")
    begin(tmp_path / "run", small_folder, replace(TINY, options={"width": 8}))
    assert "not the state of a run with this recipe" in refused("train", "--resume", tmp_path / "run")
    state = tmp_path / "run" / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-100])
    assert "not a whole safetensors file" in refused("train", "--resume", tmp_path / "run")


def test_a_damaged_history_is_named(tmp_path: Path, small_run: Path) -> None:
    shutil.copytree(small_run, tmp_path / "run")
    for text in ("step,seconds\n3,soon\n", "step\n3,4\n"):
        (tmp_path / "run" / "history.csv").write_text(text)
        with pytest.raises(UserError, match=r"history\.csv: is damaged"):
            read_history(tmp_path / "run" / "history.csv")


def test_training_that_diverges_ends_with_one_line_and_keeps_the_last_good_model(
    tmp_path: Path, small_folder: Path
) -> None:
    run = begin(tmp_path / "run", small_folder, replace(TINY, learning_rate=1e30))
    answer = pixelwise("train", "--resume", run, "--device", "cpu")
    assert answer.code == 2
    assert "training diverged" in answer.err.splitlines()[-1]
    assert "learning_rate in recipe.yaml" in answer.err.splitlines()[-1]


# Recipes


def test_a_misspelt_key_in_a_recipe_is_refused_with_the_nearest_right_one(tmp_path: Path, small_folder: Path) -> None:
    run = begin(tmp_path / "run", small_folder)
    recipe = run / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("learning_rate:", "learning_rat:"))
    assert "did you mean 'learning_rate'?" in refused("train", "--resume", run)
    assert list(files_below(run)) == ["recipe.yaml"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("data: here\nsteps: many\n", "steps is 'many'"),
        ("data: here\nsteps: 0\n", "steps is 0"),
        ("steps: 3\n", "should begin with `data: FOLDER`"),
        ("data: [", "is not valid YAML"),
    ],
)
def test_a_wrong_recipe_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "recipe.yaml").write_text(text)
    assert said in refused("train", "--resume", tmp_path)


def test_a_folder_that_is_no_run_cannot_be_resumed(tmp_path: Path) -> None:
    assert "give a run folder that `train` made" in refused("train", "--resume", tmp_path / "nowhere")


def test_a_recipe_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    recipe = Recipe("segnet", {"width": 8}, "a.safetensors", size=(64, 96), zoom=(0.5, 3.0), learning_rate=1e-3, seed=7)
    for data in (Source("some folder"), Source("some folder", "voc", "camvid32-to-11")):
        save_recipe(recipe, tmp_path / "recipe.yaml", data)
        assert load_recipe(tmp_path / "recipe.yaml") == (recipe, data)


# The plan


def test_epochs_fix_the_number_of_steps(small: Dataset) -> None:
    for epochs, steps in ((1.0, 3), (2.5, 8), (0.1, 1)):
        asked = Request(epochs=epochs, size=(32, 64), options={"width": 4}, settings={"batch": 2})
        recipe = plan(asked, small, CPU).recipe
        assert (recipe.steps, recipe.size, recipe.options) == (steps, (32, 64), {"width": 4})
        assert 1 <= recipe.validations <= 20


def test_more_time_never_chooses_a_smaller_network_and_always_more_to_see(
    small: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine is imagined: a step takes a microsecond per pixel and filter, so that the choice is the same."""

    def seconds(recipe: Recipe, *_: object) -> float:
        return 1e-6 * recipe.batch * math.prod(recipe.size) * recipe.options["width"]

    planning = import_module("pixelwise.training.plan")  # the function of that name hides the module
    monkeypatch.setattr(planning.Probe, "seconds", lambda _, recipe, cache: seconds(recipe))
    chosen = []
    for budget in (30, 60, 120, 400, 4000):
        asked = Request("unet", budget=budget, began=time.monotonic(), settings={"batch": 2})
        planned = plan(asked, small, CPU)
        recipe, cache = planned.recipe, planned.cache
        assert 0.5 * budget < recipe.steps * seconds(recipe) + planning.RESERVE < budget
        assert recipe.validations >= 1
        assert len(cache) == 6
        chosen.append(recipe)
    for less, more in pairwise(chosen):
        assert seconds(less) <= seconds(more)
        assert math.prod(less.size) <= math.prod(more.size)
    assert seconds(chosen[-1]) > seconds(chosen[0])


@pytest.mark.usefixtures("tiny_demo")
def test_a_budget_is_kept_and_its_number_of_steps_is_written_down(tmp_path: Path, small_folder: Path) -> None:
    began = time.monotonic()
    answer = pixelwise("train", small_folder, "--budget", "6s", "--batch", "2", "--run", tmp_path / "run")
    assert answer.code == 0, answer
    recipe, _ = load_recipe(tmp_path / "run" / "recipe.yaml")
    assert recipe.steps == steps_of(tmp_path / "run")[-1] > 1
    assert yaml.safe_load((tmp_path / "run" / "recipe.yaml").read_text())["steps"] == recipe.steps
    assert time.monotonic() - began < 60  # a budget of minutes is kept to seconds; here only its order


def test_a_budget_that_leaves_no_time_to_train_is_refused(tmp_path: Path, small_folder: Path) -> None:
    said = refused("train", small_folder, "--budget", "1s", "--size", "32x32", "--run", tmp_path / "run")
    assert "leaves no time to train" in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--budget", "soon"), "'soon' is no duration; write 90s, 30m or 2h"),
        (("--budget", "-3m"), "is no duration"),
        (("--budget", "1m", "--epochs", "3"), "give one of them"),
        (("--epochs", "0"), "give a number above 0"),
        (("--epochs", "-1"), "give a number above 0"),
        (("--epochs", "nan"), "give a number above 0"),
        (("--size", "64"), "'64' is no size"),
        (("--size", "8x64", "--epochs", "1"), "too small; give at least 32 pixels"),
        (("--device", "gpu9", "--epochs", "1"), "there is no device 'gpu9'"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    small_folder: Path, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    assert said in refused("train", small_folder, *words, "--run", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_durations_and_sizes_are_read_as_people_write_them() -> None:
    assert [parse_duration(text) for text in ("90", "90s", "1.5m", "2h", "1d")] == [90, 90, 90, 7200, 86400]
    assert parse_size("352X480") == (352, 480)
    assert scaled_size((10, 10), 0.1) == (32, 32)


# What a step is made of


def test_every_image_is_seen_once_in_every_epoch_in_another_order() -> None:
    recipe = Recipe(batch=3)
    cache = fill_cache(held(*"abcdefghij"), (32, 32), CPU)
    seen = [drawn for step in range(20) for drawn in samples_of_step(recipe, step, cache)]
    orders = [[drawn.index for drawn in seen if drawn.chance[1] == number] for number in range(6)]
    assert all(sorted(order) == list(range(10)) for order in orders)
    assert len({tuple(order) for order in orders}) == 6
    other = [place for step in range(20) for place in samples_of_step(replace(recipe, seed=1), step, cache)]
    assert other != seen


def test_what_happens_to_an_image_follows_from_seed_epoch_and_index_alone() -> None:
    def drawn(seed: int, epoch: int, index: int) -> list[float]:
        recipe = Recipe(seed=seed)
        random = generator(seed, epoch, index)
        return [*draw_affine(recipe, random, 200, 300).ravel(), *draw_color(recipe, random).ravel()]

    assert drawn(0, 3, 5) == drawn(0, 3, 5)
    assert len({tuple(drawn(*place)) for place in ((0, 3, 5), (1, 3, 5), (0, 4, 5), (0, 3, 6))}) == 4


def test_the_learning_rate_rises_in_a_line_to_its_peak_and_falls_to_nothing() -> None:
    recipe = Recipe(steps=200, learning_rate=3.0)
    rates = np.array([learning_rate(recipe, step) for step in range(200)])
    assert rates[:20] == pytest.approx(3.0 * np.arange(1, 21) / 20)
    assert rates.argmax() in (19, 20)
    assert rates.max() == 3.0
    assert (np.diff(rates[20:]) < 0).all()
    # half a cosine: what is gained on the way down from the peak is symmetric about the middle
    assert rates[20:] + np.append(rates[21:], 0)[::-1] == pytest.approx(np.full(180, 3.0))


@pytest.mark.parametrize("steps", [1, 2, 9, 1000])
def test_every_learning_rate_is_positive_and_no_higher_than_asked(steps: int) -> None:
    recipe = Recipe(steps=steps, learning_rate=0.5)
    assert all(0 < learning_rate(recipe, step) <= 0.5 for step in range(steps))


def test_class_weights_are_as_worked_out_by_hand() -> None:
    """Shares 3/4 and 1/4 of the labelled pixels: (3/4)^-1/2 = 1.1547, (1/4)^-1/2 = 2; their mean 1.3660."""
    labels = torch.tensor([[[0, 0, 0, 1, 255]]], dtype=torch.uint8)
    cache = Cache(torch.zeros(1, 3, 1, 5, dtype=torch.uint8), labels, torch.tensor([[5.0, 1.0]]))
    assert class_weights(cache, 3, 0.5).tolist() == pytest.approx([1.1547 / 1.3660, 2 / 1.3660, 0], abs=1e-4)
    assert class_weights(cache, 3, 0.0).tolist() == [1, 1, 0]


@pytest.mark.parametrize("steps", [1, 7, 20, 1000])
@pytest.mark.parametrize("validations", [1, 3, 20])
def test_validations_are_spread_evenly_and_end_with_the_last_step(steps: int, validations: int) -> None:
    found = sorted(validation_steps(Recipe(steps=steps, validations=min(steps, validations))))
    assert found[-1] == steps
    assert len(found) == min(steps, validations)
    gaps = np.diff([0, *found])
    assert gaps.max() - gaps.min() <= 1
