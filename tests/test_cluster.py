"""`pixelwise predict --engine ray` on two real workers: the files of a run on one machine, whatever happens."""

import io
import json
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from command_line import files_below, pixelwise, refused
from PIL import Image as Pillow

from pixelwise.data import Dataset
from pixelwise.model import load
from pixelwise.prediction.files import each_photo
from pixelwise.prediction.many import Many
from pixelwise.prediction.names import Names
from pixelwise.prediction.planning import plan
from pixelwise.prediction.record import RECORD, Record
from pixelwise.prediction.shards import BEGUN, label_shard
from pixelwise.prediction.writing import Wanted

# Of Ray itself: its sockets and child processes outlive the test that started it.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray"),
    pytest.mark.filterwarnings("ignore::FutureWarning:ray"),
]
PHOTOS = 24


@pytest.fixture(scope="module")
def _ray() -> Iterator[None]:
    """One Ray for all tests of this file."""
    from pixelwise.prediction.cluster import joined

    with joined():
        yield


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, small: Dataset) -> Path:
    """Rendered streets, no two alike."""
    folder = tmp_path_factory.mktemp("photos") / "streets"
    folder.mkdir()
    samples = [*small.train, *small.val, *small.test]
    for number in range(PHOTOS):
        image = samples[number % len(samples)].image
        Pillow.fromarray(image).rotate(7 * number).save(folder / f"{number:02}.png")
    return folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, small_run: Path, photos: Path) -> Path:
    """What a run on one machine writes."""
    folder = tmp_path_factory.mktemp("alone") / "out"
    assert label(small_run, photos, folder)["failed"] == []
    return folder


def label(run: Path, photos: Path, output: Path, *options: object, code: int = 0) -> dict[str, object]:
    """What --json says."""
    words = ("predict", run, photos, "--write", "label,overlay,coco", "--device", "cpu", "--output", output)
    answer = pixelwise(*words, "--json", *options)
    assert answer.code == code, answer
    found: dict[str, object] = json.loads(answer.out)
    return found


def bytes_below(folder: Path) -> dict[str, bytes]:
    """Every file, and the record too; not what a killed process has left half written."""
    return {name: (folder / name).read_bytes() for name in files_below(folder) if ".part" not in name}


RAY = ("--engine", "ray", "--workers", 2)


@pytest.mark.usefixtures("_ray")
def test_two_workers_write_the_files_and_the_record_of_one_machine(
    small_run: Path, photos: Path, alone: Path, tmp_path: Path
) -> None:
    found = label(small_run, photos, tmp_path / "out", *RAY)
    assert len(found["photos"]) == PHOTOS
    assert bytes_below(tmp_path / "out") == bytes_below(alone)
    # Both engines see what the other has done.
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.png")}
    for options in ((), RAY):
        assert label(small_run, photos, tmp_path / "out", *options) == found
    assert {path: path.stat().st_mtime_ns for path in written} == written


@pytest.mark.usefixtures("_ray")
def test_a_killed_worker_and_a_bad_photo_cost_the_other_photos_nothing(
    small_run: Path, photos: Path, alone: Path, tmp_path: Path
) -> None:
    shutil.copytree(photos, tmp_path / "photos")
    bad = tmp_path / "photos" / "07.png"
    bad.write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    killed: list[int] = []

    def kill_one() -> None:
        while not list((tmp_path / "out").glob("*.png")):
            time.sleep(0.005)
        labellers = [one for one in psutil.Process().children(recursive=True) if "Labeller" in "".join(one.cmdline())]
        labellers[0].send_signal(signal.SIGKILL)
        killed.append(labellers[0].pid)

    threading.Thread(target=kill_one, daemon=True).start()
    found = label(small_run, tmp_path / "photos", tmp_path / "out", *RAY, code=2)
    assert len(killed) == 1
    assert [str(bad) in failed for failed in found["failed"]] == [True]
    assert sorted(found["photos"]) == [f"{number:02}" for number in range(PHOTOS) if number != 7]
    whole, parts = bytes_below(alone), bytes_below(tmp_path / "out")
    assert whole.keys() - parts.keys() == {"07_label.png", "07_overlay.png"}
    for name in parts.keys() - {RECORD, "coco.json"}:
        assert parts[name] == whole[name]


@pytest.fixture
def many(small_run: Path, tmp_path: Path) -> Many:
    return Many(load(small_run, "cpu").bundle, Wanted(("label",)), tmp_path / "out", "a model")


def test_what_the_shards_of_a_stopped_run_have_done_is_not_done_again(many: Many, photos: Path) -> None:
    paths = sorted(photos.iterdir())
    first = plan(many, paths, 2, size=5)
    assert [len(first.shards.photos(number)) for number in range(len(first.shards))] == [5, 5, 5, 5, 4]
    for number in (3, 1):
        assert label_shard(many, first.shards, number) == {}
    again = plan(many, paths, 2, size=5)
    assert (again.photos, len(again.done), len(again.shards)) == (PHOTOS, 10, 3)
    assert [line.name for line in again.lines_before(many.folder)] == [*names(5, 10), *names(15, 20)]
    assert [name for number in range(3) for name in again.shards.photos(number)] == [
        *names(0, 5),
        *names(10, 15),
        *names(20, 24),
    ]
    assert len(plan(many, paths, 2, again=True).done) == 0
    assert list(Record(many.folder).lines()) == []


def names(first: int, last: int) -> list[str]:
    return [f"{number:02}" for number in range(first, last)]


def test_a_photo_at_which_three_workers_died_is_left_out(many: Many, photos: Path) -> None:
    shards = plan(many, sorted(photos.iterdir())[:4], 1, size=4).shards
    for died, left_out in (("0 1", {}), ("0 1 2 \n0 1 2", {}), ("0 1 \n0 1 \n0", {}), ("0 1 \n0 1 \n0 \n0 1", {"01"})):
        begun = shards.folder / "0" / BEGUN
        begun.parent.mkdir()
        begun.write_text(died)
        assert label_shard(many, shards, 0).keys() == set(left_out)
        assert (many.folder / "03_label.png").exists()
        shards.remove(0)


@pytest.mark.usefixtures("_ray")
def test_a_folder_that_cannot_be_written_stops_the_run_with_a_line(many: Many, photos: Path, small_run: Path) -> None:
    import ray

    from pixelwise.prediction.cluster import Labeller, Work, Workers

    shards = plan(many, sorted(photos.iterdir())[:4], 1, size=4).shards
    (many.folder / "02_label.png").mkdir()
    work = Work(shards, many.wanted, many.folder, many.model, many.view, Workers(1, 1, 0, "cpu"))
    labeller = Labeller(work, ray.put((small_run / "best.safetensors").read_bytes()))
    found = labeller({"shard": np.array([0])})
    assert "02_label.png: cannot be written (Is a directory)" in json.loads(found["failed"][0])
    (many.folder / "02_label.png").rmdir()
    assert labeller({"shard": np.array([0])}) == {"shard": [0], "failed": ["{}"]}
    assert [line.name for line in shards.record(0).lines()] == names(0, 4)


def test_names_are_those_of_a_plain_count(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    bases = [str(name) for name in random.choice(["a", "b", "a_1", "a_2", "a_1_1", "c"], 40)] + ["d"]
    names = Names(bases)
    found = [names.next(base) for base in bases]
    assert len(set(found)) == len(bases)
    for base, name in zip(bases, found, strict=True):
        assert name == base if bases.count(base) == 1 else name.startswith(f"{base}_")
    assert [name for base, name in zip(bases, found, strict=True) if base == "b"] == [
        f"b_{number}" for number in range(1, bases.count("b") + 1)
    ]


def test_a_list_of_any_length_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / f"{'long' * 9}{number}.png" for number in range(50)]
    for path in paths:
        path.touch()
    monkeypatch.setattr("pixelwise.prediction.files.PART", 300)
    for between in ("\n", "\0"):
        monkeypatch.setattr(sys, "stdin", io.StringIO(between.join(map(str, paths))))
        assert list(each_photo(["-"])) == paths


def test_options_that_do_not_go_together_are_refused(small_run: Path, photos: Path) -> None:
    assert "there is no engine 'rai'; did you mean 'ray'?" in refused("predict", small_run, photos, "--engine", "rai")
    assert "--workers is of a cluster; add --engine ray" in refused("predict", small_run, photos, "--workers", 2)
    assert "leave --tile, --scale" in refused("predict", small_run, photos, "--engine", "ray", "--scale", 1)


@pytest.mark.usefixtures("_ray")
def test_more_workers_than_cores_are_refused(small_run: Path, photos: Path, tmp_path: Path) -> None:
    words = ("predict", small_run, photos, "--engine", "ray", "--workers", 1000, "--output", tmp_path / "out")
    assert "--workers 1000: the cluster has" in refused(*words)


def test_without_ray_the_command_says_how_to_install_it(
    small_run: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "pixelwise.prediction.cluster", raising=False)
    assert "run `pip install 'pixelwise[scale]'`" in refused("predict", small_run, photos, "--engine", "ray")
