"""A hundred spoilt files in small datasets of several layouts; benchmarks/fuzz_files.py does the same with 2,000."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import spoilt
from command_line import TINY, pixelwise
from mutations import fitting

SOME = ("folders", "voc", "coco instances", "yolo", "npy")


@pytest.mark.parametrize("kind", SOME)
def test_every_destroyed_file_is_named_and_nothing_is_trained_on(tmp_path: Path, kind: str) -> None:
    data = spoilt.make(f"{kind}, some", random.Random(f"test {kind}"), tmp_path / "data", tmp_path / "outside")
    assert data.mutations.total() >= 18
    checked = pixelwise("check", data.path, "--json")
    assert checked.code == 3, checked
    said = "\n".join(file for problem in json.loads(checked.out)["problems"] for file in problem["files"])
    assert [what for what, names in data.destroyed if not any(name in said for name in names)] == []
    trained = pixelwise("train", data.path, "--epochs", 1, *TINY, "--run", tmp_path / "run")
    assert trained.code == 2, trained
    assert "pixelwise check" in trained.line


def test_a_dataset_of_damaged_files_alone_ends_with_one_line_that_names_them(tmp_path: Path) -> None:
    data = spoilt.make("jpeg, all", random.Random(1), tmp_path / "data", tmp_path / "outside")
    ran = subprocess.run(
        [sys.executable, "-m", "pixelwise", "check", str(data.path), "--json"],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ran.returncode in (2, 3)
    assert "Traceback" not in ran.stderr
    said = ran.stdout + ran.stderr
    assert sum(any(name in said for name in names) for _, names in data.destroyed) >= 15


def test_each_way_to_destroy_a_file_makes_it_a_problem_by_name(tmp_path: Path) -> None:
    path, outside = tmp_path / "data", tmp_path / "outside"
    spoilt.make("folders, pristine", random.Random(0), path, outside)
    ways = {name: way for name, way in fitting(Path("a.png")).items() if way.destroys}
    photos = sorted(path.glob("*/images/*.png"))
    for photo, way in zip(photos, ways.values(), strict=False):
        way.spoil(photo, random.Random(0), outside)
    said = pixelwise("check", path, "--json").out
    named = {file for problem in json.loads(said)["problems"] for file in problem["files"]}
    spared = {name for name, photo in zip(ways, photos, strict=False) if not named & {str(photo), _mask_of(photo)}}
    assert (len(ways) > 15, spared) == (True, set())


def _mask_of(photo: Path) -> str:
    return str(photo).replace("/images/", "/masks/")


def test_non_utf8_names_and_links_in_circles_are_no_bug(tmp_path: Path) -> None:
    data = spoilt.make("folders, pairs", random.Random(0), tmp_path / "data", tmp_path / "outside")
    assert pixelwise("check", data.path, "--json").code in (0, 2, 3)
