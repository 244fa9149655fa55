"""What TensorBoard and MLflow are told is read back by their own readers."""

import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image as Pillow
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from pixelwise.errors import UserError
from pixelwise.training.tracking import TRACKERS, Tracker, tracker

if TYPE_CHECKING:
    from mlflow import MlflowClient  # which pixelwise imports quietly

ROW = {"step": 3, "epoch": 0.5, "loss": 2.25, "validation_mean_iou": math.nan}
FACTS = {"model": "unet", "options": {"width": 8}, "weights": "", "a|b": "c|d"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs, with a store of MLflow that they share: making its tables takes a second."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)


def begin(name: str, folder: Path, step: int = 0) -> Tracker:
    folder.mkdir(exist_ok=True)
    return tracker(name, folder, facts=FACTS, run_name="mine", step=step)


def picture(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    Pillow.fromarray(np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)).save(path)
    return path


def events(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder / "tensorboard")).Reload()


def client(runs: Path) -> "MlflowClient":
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{runs / 'mlflow' / 'mlflow.db'}")


def logged(runs: Path, folder: Path, name: str) -> list[tuple[int, float]]:
    run = (folder / "mlflow_run.txt").read_text()
    return [(metric.step, metric.value) for metric in client(runs).get_metric_history(run, name)]


def test_tensorboard_shows_every_figure_of_a_row_at_its_step(tmp_path: Path) -> None:
    track = begin("tensorboard", tmp_path)
    track.row(3, ROW)
    track.row(6, ROW | {"step": 6, "loss": 1.5})
    track.close({"mean IoU": 0.75})
    read = events(tmp_path)
    assert [(event.step, event.value) for event in read.Scalars("loss")] == [(3, 2.25), (6, 1.5)]
    assert math.isnan(read.Scalars("validation_mean_iou")[0].value)
    assert [(event.step, event.value) for event in read.Scalars("scores/mean IoU")] == [(6, 0.75)]
    assert "step" not in read.Tags()["scalars"]


def test_tensorboard_shows_the_facts_as_a_table_in_which_a_stroke_ends_no_cell(tmp_path: Path) -> None:
    begin("tensorboard", tmp_path).close(None)
    [event] = events(tmp_path).Tensors("run/text_summary")
    [text] = event.tensor_proto.string_val
    assert "| run | mine |" in text.decode()
    assert "| options | {'width': 8} |" in text.decode()
    assert "| c\\|d |" in text.decode()


def test_tensorboard_shows_the_picture_as_it_was_written(tmp_path: Path) -> None:
    track = begin("tensorboard", tmp_path)
    path = picture(tmp_path / "samples" / "0000003.png")
    track.picture(3, path)
    track.close(None)
    [event] = events(tmp_path).Images("samples")
    (tmp_path / "read.png").write_bytes(event.encoded_image_string)
    assert event.step == 3
    assert np.array_equal(np.asarray(Pillow.open(tmp_path / "read.png")), np.asarray(Pillow.open(path)))


def test_a_resumed_run_goes_on_in_tensorboard_without_the_steps_that_were_lost(tmp_path: Path) -> None:
    track = begin("tensorboard", tmp_path)
    for step in (3, 6, 9):
        track.row(step, ROW)
    track.close(None)
    track = begin("tensorboard", tmp_path, step=6)
    track.row(9, ROW | {"loss": 7.0})
    track.close({})
    assert [(event.step, event.value) for event in events(tmp_path).Scalars("loss")] == [(3, 2.25), (6, 2.25), (9, 7.0)]
    assert len(events(tmp_path).Tensors("run/text_summary")) == 1


def test_mlflow_holds_facts_figures_pictures_and_scores_beside_the_run_folder(runs: Path) -> None:
    folder = runs / "whole"
    track = begin("mlflow", folder)
    track.row(3, ROW)
    track.row(6, ROW | {"loss": 1.5})
    track.picture(6, picture(folder / "samples" / "0000006.png"))
    track.close({"mean IoU": 0.75})
    run = client(runs).get_run((folder / "mlflow_run.txt").read_text())
    assert run.info.run_name == "mine"
    assert run.info.status == "FINISHED"
    assert run.data.params == {
        "model": "unet",
        "options": "{'width': 8}",
        "weights": "",
        "a_b": "c|d",
    }
    assert logged(runs, folder, "loss") == [(3, 2.25), (6, 1.5)]
    assert [math.isnan(value) for _, value in logged(runs, folder, "validation_mean_iou")] == [True, True]
    assert logged(runs, folder, "mean IoU") == [(6, 0.75)]
    assert [file.path for file in client(runs).list_artifacts(run.info.run_id, "samples")] == ["samples/0000006.png"]
    assert list((runs / "mlflow" / "artifacts").rglob("0000006.png"))


def test_a_resumed_run_goes_on_in_the_same_run_of_mlflow_with_every_step_once(runs: Path) -> None:
    folder = runs / "resumed"
    track = begin("mlflow", folder)
    for step in (3, 6):
        track.row(step, ROW)
    track.close(None)
    run = (folder / "mlflow_run.txt").read_text()
    assert client(runs).get_run(run).info.status == "KILLED"
    track = begin("mlflow", folder, step=3)
    assert client(runs).get_run(run).info.status == "RUNNING"
    for step in (6, 9):
        track.row(step, ROW)
    track.close({})
    assert (folder / "mlflow_run.txt").read_text() == run
    assert [step for step, _ in logged(runs, folder, "loss")] == [3, 6, 9]


def test_a_run_that_the_store_no_longer_has_begins_anew_there(runs: Path) -> None:
    folder = runs / "forgotten"
    folder.mkdir()
    (folder / "mlflow_run.txt").write_text("0123456789abcdef0123456789abcdef")
    begin("mlflow", folder).row(3, ROW)
    assert logged(runs, folder, "loss") == [(3, 2.25)]


def test_mlflow_goes_where_the_user_has_said(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begin("mlflow", runs / "first").close(None)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{runs / 'mlflow' / 'mlflow.db'}")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "of the user")
    begin("mlflow", tmp_path / "run").close(None)
    known = client(runs).get_run((tmp_path / "run" / "mlflow_run.txt").read_text())
    assert client(runs).get_experiment(known.info.experiment_id).name == "of the user"
    assert not (tmp_path / "mlflow").exists()


def test_mlflow_reports_nothing_of_its_use() -> None:
    if os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true") != "true":
        pytest.skip("the user wants MLflow to report")
    from mlflow.telemetry.client import get_telemetry_client

    assert get_telemetry_client() is None


def test_a_server_that_is_not_there_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(UserError, match=r"^MLflow: the run cannot be tracked \(.*127\.0\.0\.1.*without tracking$"):
        begin("mlflow", tmp_path)


def test_a_store_that_is_no_database_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "mlflow").mkdir()
    (tmp_path / "mlflow" / "mlflow.db").write_text("no database " * 100)
    with pytest.raises(UserError, match=r"^MLflow: the run cannot be tracked \(.*not a database"):
        begin("mlflow", tmp_path / "run")


def test_a_tensorboard_folder_that_cannot_be_made_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "tensorboard").write_text("a file")
    with pytest.raises(UserError, match=r"tensorboard: the run cannot be tracked \(.*without tracking$"):
        begin("tensorboard", tmp_path)


@pytest.mark.parametrize(
    ("name", "package"), [("tensorboard", "torch.utils.tensorboard"), ("mlflow", "sqlalchemy.exc")]
)
def test_a_missing_extra_is_said_with_the_pip_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=rf"^tracking by {name} needs .*; run `pip install 'pixelwise\[track\]'`$"):
        begin(name, tmp_path)


def test_a_misspelt_tracker_is_said_with_the_nearest_right_one(tmp_path: Path) -> None:
    assert set(TRACKERS) == {"tensorboard", "mlflow"}
    with pytest.raises(UserError, match="there is no tracker 'mlfow'; did you mean 'mlflow'"):
        begin("mlfow", tmp_path)
