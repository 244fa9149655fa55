"""Reading many samples at once: a little ahead, within the memory there is, and every damaged file is named."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from small_data import save
from test_store import split_in

import pixelwise as pw
from pixelwise.data.store import reading
from pixelwise.data.store.reading import free_memory, in_threads
from pixelwise.data.store.stored import stored
from pixelwise.errors import UserError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    monkeypatch.setenv("PIXELWISE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_threads_stay_only_a_little_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "readers", lambda: 2)
    begun: list[int] = []
    results = in_threads(begun.append, range(1000))
    for _ in range(10):
        next(results)
    assert len(begun) < 20
    results.close()


def test_free_memory_is_that_of_the_machine_or_of_the_control_group_whichever_is_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = free_memory()
    assert 2**20 < whole < 2**50
    for name, value in (("LIMIT_OF_GROUP", "5000\n"), ("USED_BY_GROUP", "2000\n")):
        (tmp_path / name).write_text(value)
        monkeypatch.setattr(reading, name, tmp_path / name)
    assert free_memory() == 3000
    (tmp_path / "LIMIT_OF_GROUP").write_text("max\n")
    assert free_memory() > 2**20


def test_every_damaged_file_is_named_and_nothing_is_stored(tmp_path: Path, cache: Path) -> None:
    split = split_in(tmp_path / "data", "abcdefgh")
    (tmp_path / "data/images/b.png").write_bytes(b"")
    whole = (tmp_path / "data/masks/d.png").read_bytes()
    (tmp_path / "data/masks/d.png").write_bytes(whole[: len(whole) // 2])
    save(tmp_path / "data/masks/h.png", np.full((24, 32), 77, np.uint8))
    with pytest.raises(UserError) as raised:
        stored(split)
    said = str(raised.value)
    assert said.startswith("3 files cannot be used: ")
    assert all(str(tmp_path / "data" / name) in said for name in ("images/b.png", "masks/d.png", "masks/h.png"))
    assert "`pixelwise check DATA`" in said
    assert "\n" not in said
    assert list(cache.iterdir()) == []


def test_one_damaged_file_is_named_with_its_own_mend(tmp_path: Path) -> None:
    split = split_in(tmp_path / "data")
    save(tmp_path / "data/masks/b.png", np.full((24, 32), 77, np.uint8))
    with pytest.raises(UserError, match="pixel value 77 is not one of the 11 classes") as raised:
        stored(split)
    assert str(raised.value).startswith(str(tmp_path / "data/masks/b.png"))


def test_of_many_damaged_files_twenty_are_named(tmp_path: Path) -> None:
    names = "abcdefghijklmnopqrstuvwxyz"
    split = split_in(tmp_path / "data", names)
    for name in names:
        (tmp_path / f"data/images/{name}.png").unlink()
    with pytest.raises(UserError, match="26 files cannot be used") as raised:
        stored(split)
    assert " and 6 more; " in str(raised.value)


def test_damaged_files_of_a_real_dataset_are_named_before_training(tmp_path: Path, small_folder: Path) -> None:
    shutil.copytree(small_folder, tmp_path / "data")
    broken = sorted((tmp_path / "data/train/images").iterdir())[:2]
    for path in broken:
        path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(UserError) as raised:
        pw.train(tmp_path / "data", epochs=1, size=(32, 64), run=tmp_path / "run")
    assert all(str(path) in str(raised.value) for path in broken)
    assert not (tmp_path / "run").exists()
