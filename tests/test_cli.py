"""The commands: what they print, for people and for programs, what they write, and their exit codes."""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from command_line import RUN_FOLDER, TINY, content, files_below, pixelwise, refused
from PIL import Image as Pillow

import pixelwise as pw
from pixelwise.evaluation.evaluate import SPLITS
from pixelwise.report import command_line


@pytest.mark.usefixtures("tiny_demo")
def test_the_demo_ends_with_test_scores_the_report_the_model_and_what_to_type_next(tmp_path: Path) -> None:
    run = tmp_path / "run"
    answer = pixelwise("demo", "--budget", "6s", "--run", run)
    assert answer.code == 0, answer
    assert "mean IoU" in answer.out
    assert "test split, 2 images" in " ".join(answer.out.split())
    lines = answer.out.splitlines()
    said = {line.split()[0]: Path(line.split()[1]) for line in lines if line.startswith(("report ", "model "))}
    assert said == {"report": run / "report.html", "model": run / "best.safetensors"}
    assert all(path.is_file() for path in said.values())
    ends = lines[lines.index("next:") + 1 :]
    assert [line.split()[:3] for line in ends] == [["pixelwise", word, str(run)] for word in ("predict", "evaluate")]
    assert content(run) == RUN_FOLDER


@pytest.mark.parametrize("layout", ["folders", "camvid", "pairs"])
def test_the_demo_writes_scenes_in_every_layout_that_is_recognised_again(tmp_path: Path, layout: str) -> None:
    answer = pixelwise("demo", "--write", tmp_path / "out", "--count", 5, "--layout", layout)
    assert (answer.code, answer.err) == (0, "")
    assert f"pixelwise train {tmp_path / 'out'}" in answer.out
    written = pw.open_dataset(tmp_path / "out")
    assert (written.layout, [len(written.split(name)) for name in SPLITS]) == (layout, [3, 1, 1])


def test_the_seed_of_written_scenes_decides_what_they_show(tmp_path: Path) -> None:
    shown = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        pixelwise("demo", "--write", tmp_path / name, "--count", 1, "--seed", seed)
        shown.append(pw.open_dataset(tmp_path / name).train[0].image)
    assert np.array_equal(shown[0], shown[1])
    assert not np.array_equal(shown[0], shown[2])


def test_train_prints_one_json_object_for_programs(tmp_path: Path, small_folder: Path) -> None:
    answer = pixelwise("train", small_folder, "--epochs", 1, *TINY, "--run", tmp_path / "run", "--json")
    said = json.loads(answer.out)
    assert answer.code == 0
    assert Path(said["run"]) == tmp_path / "run"
    assert Path(said["model"]).is_file()
    assert Path(said["report"]).is_file()
    written = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert said["scores"] == written["scores"]
    assert said["conditions"]["split"] == "val"


def test_runs_of_one_day_get_folders_of_their_own_and_are_never_overwritten(
    tmp_path: Path, small_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for number in ("", "-2"):
        answer = pixelwise(
            "train", small_folder, "--epochs", 0.5, "--model", "segnet", "--option", "width=4", *TINY, "--json"
        )
        assert json.loads(answer.out)["run"].endswith(f"_segnet_small_streets{number}")


def test_a_run_folder_that_holds_something_is_refused(small_run: Path, small_folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in small_run.iterdir()}
    said = refused("train", small_folder, "--epochs", 1, *TINY, "--run", small_run)
    assert "not empty" in said
    assert f"--resume {small_run}" in said
    assert {path: path.stat().st_mtime_ns for path in small_run.iterdir()} == before


def test_evaluate_prints_the_tables_and_what_was_counted(small_run: Path, small_folder: Path) -> None:
    answer = pixelwise("evaluate", small_run, small_folder, "--split", "test")
    assert answer.code == 0
    for said in ("mean IoU", "pixel accuracy", "Pedestrian", "test split, 2 images"):
        assert said in " ".join(answer.out.split())


def test_evaluate_gives_programs_the_counts_from_which_the_scores_follow(small_run: Path, small_folder: Path) -> None:
    said = json.loads(pixelwise("evaluate", small_run, small_folder, "--json").out)
    counts = np.array(said["counts"])
    assert said["scores"]["pixel accuracy"] == pytest.approx(np.trace(counts) / counts.sum())
    assert said["conditions"]["split"] == "val"
    assert not any(isinstance(value, float) and math.isnan(value) for value in said["scores"].values())


def test_evaluate_writes_a_report_of_data_whose_validation_is_held_out(
    tmp_path: Path, small_run: Path, small_folder: Path
) -> None:
    data = tmp_path / "data"
    for side in ("images", "masks"):
        shutil.copytree(small_folder / "train" / side, data / side)
    shutil.copy(small_folder / "dataset.yaml", data)
    answer = pixelwise("evaluate", small_run, data, "--output", tmp_path / "out")
    assert answer.code == 0, answer
    assert list(files_below(tmp_path / "out")) == ["evaluation.json", "report.html"]
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text())["conditions"]["images"] == 1


def test_predict_writes_four_pictures_a_photo_and_says_what_is_on_them(desk: Path) -> None:
    run = "runs/2026-11-20_unet_camvid"
    answer = pixelwise("predict", run, "street.jpg", "holiday_photos", "--output", "labelled")
    assert answer.code == 0, answer
    assert "3 photos labelled" in answer.out
    kinds = ("color", "label", "overlay", "side_by_side")
    expected = sorted(f"{name}_{kind}.png" for name in ("street", "0", "1") for kind in kinds)
    assert sorted(files_below(desk / "labelled")) == [".pixelwise-predict.jsonl", *expected]
    label = np.asarray(Pillow.open("labelled/street_label.png"))
    photo = np.asarray(Pillow.open("street.jpg"))
    assert label.shape == photo.shape[:2]
    color = np.asarray(Pillow.open("labelled/street_color.png"))
    assert np.array_equal(color, pw.load(run, "cpu").labels.colorize(label))
    assert np.asarray(Pillow.open("labelled/street_side_by_side.png")).shape == (64, 160, 3)


def test_predict_on_a_dataset_shows_the_truth_in_the_middle(desk: Path) -> None:
    answer = pixelwise("predict", "runs/2026-11-20_unet_camvid", "my_photos", "--json")
    said = json.loads(answer.out)
    assert (answer.code, len(said["photos"]), said["failed"], said["output"]) == (0, 10, [], "predictions")
    sample = pw.open_dataset("my_photos").val[0]
    panels = np.asarray(Pillow.open(f"predictions/{sample.name}_side_by_side.png"))
    truth = pw.load("runs/2026-11-20_unet_camvid").labels.colorize(sample.label)
    assert np.array_equal(panels[:, 80:160], truth)
    for shares in said["photos"].values():
        assert sum(shares.values()) == pytest.approx(1)


def test_photos_of_one_name_from_two_folders_both_get_pictures(desk: Path) -> None:
    shutil.copytree("holiday_photos", "more/of_them")
    run = "runs/2026-11-20_unet_camvid"
    said = json.loads(pixelwise("predict", run, "holiday_photos", "more", "--json").out)
    assert list(said["photos"]) == ["0_1", "1_1", "0_2", "1_2"]
    shutil.copy("street.jpg", "0_1.jpg")
    said = json.loads(pixelwise("predict", run, "holiday_photos", "more", "0_1.jpg", "--json").out)
    assert list(said["photos"]) == ["0_2", "1_1", "0_3", "1_2", "0_1"]


def test_the_model_file_alone_is_enough(desk: Path) -> None:
    shutil.copy("runs/2026-11-20_unet_camvid/best.safetensors", "street.safetensors")
    shutil.rmtree("runs")
    assert pixelwise("predict", "street.safetensors", "street.jpg").code == 0
    assert pixelwise("evaluate", "street.safetensors", "camvid", "--output", "scored").code == 0
    assert "report.html" in list(files_below(desk / "scored"))


def test_resume_takes_no_other_options(small_run: Path, small_folder: Path) -> None:
    assert "leave the other options out" in refused("train", "--resume", small_run, "--epochs", 3)
    assert "leave the other options out" in refused("train", small_folder, "--resume", small_run)


def test_resuming_a_finished_run_scores_it_again(small_run: Path, small_folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run with a space"
    shutil.copytree(small_run, run)
    answer = pixelwise("train", "--resume", run)
    assert answer.code == 0, answer
    assert f"pixelwise evaluate '{run}' {small_folder}" in answer.out


def test_the_command_is_kept_as_one_would_type_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/pixelwise", "train", "my photos"])
    assert command_line() == "pixelwise train 'my photos'"


def test_ctrl_c_while_photos_are_labelled_exits_with_130(desk: Path) -> None:
    for number in range(400):
        (Path("holiday_photos") / f"copy{number}.jpg").symlink_to("0.jpg")
    words = [sys.executable, "-m", "pixelwise", "predict", "runs/2026-11-20_unet_camvid", "holiday_photos"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, env=os.environ | {"OMP_NUM_THREADS": "1"}) as process:
        while process.poll() is None and not Path("predictions").is_dir():
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert b"Traceback" not in (process.stderr.read() if process.stderr else b"")
    assert not [name for name in files_below(Path("predictions")) if ".part" in name]
