"""The store of decoded samples: decoded once, never stale, never half, never in the way."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import files_below
from small_data import folders, held, label, photo, save

from pixelwise.data import Sample, Split
from pixelwise.data.layouts.entries import ImageAndMask
from pixelwise.data.layouts.streets_default import streets
from pixelwise.data.masks.decoders import IndexMask
from pixelwise.data.store import cache_folder, reading
from pixelwise.data.store import stored as store
from pixelwise.data.store.cache_folder import make_room
from pixelwise.data.store.reading import Decoded, in_memory
from pixelwise.data.store.stored import key_of, stored
from pixelwise.errors import UserError

DECODE = IndexMask(11, ignored=(255,))
PIXELS = 24 * 32 * 4  # bytes of one small sample


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    monkeypatch.setenv("PIXELWISE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def split_in(root: Path, names: str = "abc", decode: IndexMask = DECODE) -> Split:
    """Small photos and masks in files."""
    folders(root, names)
    entries = (ImageAndMask(name, root / f"images/{name}.png", root / f"masks/{name}.png", decode) for name in names)
    return Split(tuple(entries))


def same(first: Split, second: Split) -> bool:
    return len(first) == len(second) and all(
        one.name == two.name and np.array_equal(one.image, two.image) and np.array_equal(one.label, two.label)
        for one, two in zip(first, second, strict=True)
    )


def wholes(cache: Path) -> list[Path]:
    return sorted(cache.glob("*.pixels"))


def no_decoding(*_: object) -> None:
    raise AssertionError("decoded once more")


def test_what_is_stored_is_what_is_decoded_and_the_second_time_nothing_is(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = split_in(tmp_path / "data")
    assert same(stored(split), split)
    assert len(wholes(cache)) == 1
    before = list(split)
    monkeypatch.setattr(ImageAndMask, "read", no_decoding)
    assert same(stored(split), Split(tuple(Decoded(sample) for sample in before)))
    assert len(wholes(cache)) == 1


def test_samples_of_a_store_are_views_that_nobody_can_write_into(tmp_path: Path) -> None:
    for array in stored(split_in(tmp_path / "data"))[1][:2]:
        assert not array.flags.owndata
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1


def test_images_of_several_sizes_and_channels_are_stored(tmp_path: Path) -> None:
    shapes = [(3, 5, 1), (8, 2, 3), (4, 4, 4)]
    samples = [Sample(np.full(shape, 7, np.uint8), np.ones(shape[:2], np.uint8), f"é/{shape[2]}") for shape in shapes]
    split = Split(tuple(Decoded(sample) for sample in samples))
    path = tmp_path / "some.pixels"
    store._fill(split, path)
    assert same(store._open(path), split)


def test_a_stored_split_an_empty_one_and_one_in_memory_stay_as_they_are(tmp_path: Path, cache: Path) -> None:
    for split in (stored(split_in(tmp_path / "data")), Split(()), in_memory(held("a"))):
        assert stored(split) is split
    assert len(wholes(cache)) == 1


def test_entries_that_do_not_say_in_words_what_they_are_are_kept_in_memory(cache: Path) -> None:
    samples = held("a", "b")
    assert same(kept := stored(samples), samples)
    reads = [entry.reads for entry in samples.entries]
    assert kept[0].name == "a"
    assert [entry.reads for entry in samples.entries] == reads
    assert not cache.exists()


def test_a_changed_photo_mask_decoder_or_program_gives_a_new_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = split_in(tmp_path / "data")
    keys = [key_of(split), key_of(split_in(tmp_path / "data", decode=IndexMask(11, ignored=(255, 3))))]
    for folder, content in (("images", photo(9)), ("masks", label(9))):
        save(tmp_path / "data" / folder / "b.png", content)
        keys.append(key_of(split))
        assert same(stored(split), split)
    keys += [key_of(split[:2]), key_of(Split(split.entries[::-1]))]
    monkeypatch.setattr(store, "_code", lambda: b"another version")
    keys.append(key_of(split))
    assert len(set(keys)) == len(keys)


def test_a_file_that_is_only_touched_or_copied_back_is_known_again(tmp_path: Path) -> None:
    split = split_in(tmp_path / "data")
    before = key_of(split)
    shutil.copy(tmp_path / "data/images/a.png", tmp_path / "a.png")
    shutil.copy(tmp_path / "a.png", tmp_path / "data/images/a.png")
    assert key_of(split) == before


def test_rendered_streets_are_rendered_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenes = streets(2, 0, 0).train
    first = stored(scenes)
    monkeypatch.setattr(type(scenes.entries[0]), "read", no_decoding)
    assert same(stored(scenes), first)
    assert len(wholes(cache)) == 1
    assert key_of(streets(2, 0, 0, seed=1).train) != key_of(scenes)


def test_a_store_is_the_same_however_many_threads_decode(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split, contents = split_in(tmp_path / "data", "abcdefghijklmnop"), []
    for count in (1, 2, 5):
        monkeypatch.setattr(reading, "readers", lambda count=count: count)
        stored(split)
        [path] = wholes(cache)
        contents.append((path.name, path.read_bytes()))
        path.unlink()
    assert len(set(contents)) == 1


@pytest.mark.parametrize("damage", ["cut", "emptied", "lengthened", "index", "format", "pixels cut out", "of zeros"])
def test_a_damaged_store_is_made_anew_without_a_word(
    tmp_path: Path, cache: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    split = split_in(tmp_path / "data")
    stored(split)
    [path] = wholes(cache)
    whole = path.read_bytes()
    index = whole.index(b"[[")
    damaged = {
        "cut": whole[:-1],
        "emptied": b"",
        "lengthened": whole + b"x",
        "index": whole[:index] + b"[ " + whole[index + 2 :],
        "format": whole[:-1] + b"0",
        "pixels cut out": whole[100:],
        "of zeros": bytes(len(whole)),
    }
    path.write_bytes(damaged[damage])
    assert same(stored(split), split)
    assert path.read_bytes() == whole
    assert capsys.readouterr().err == ""


FILL = """
import sys
from pixelwise.data.layouts.streets_default import streets
from pixelwise.data.store.stored import stored
stored(streets(int(sys.argv[1]), 0, 0).train)
assert "torch" not in sys.modules
"""


def filling(scenes: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", FILL, str(scenes)])


def test_a_kill_while_it_is_filled_leaves_nothing_half_and_the_next_one_fills_it(cache: Path) -> None:
    process = filling(3000)
    while not any(path.stat().st_size for path in cache.glob("*.part")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not wholes(cache)
    scenes = streets(3, 0, 0).train
    assert same(stored(scenes), scenes)
    [part] = cache.glob("*.part")
    make_room(0)
    assert part.exists()  # as far as anyone knows it is being written
    os.utime(part, (0, 0))
    make_room(0)
    assert [path.suffix for path in cache.iterdir()] == [".pixels"]


def test_two_that_fill_the_same_store_at_once_do_no_harm(tmp_path: Path, cache: Path) -> None:
    split, found, start = split_in(tmp_path / "data", "abcdefgh"), [], threading.Barrier(4)

    def fill() -> None:
        start.wait()
        found.append(stored(split))

    threads = [threading.Thread(target=fill) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(same(one, split) for one in found)
    assert [path.suffix for path in cache.iterdir()] == [".pixels"]


# Where nothing can be stored


def test_where_the_cache_folder_cannot_be_made_samples_are_kept_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PIXELWISE_CACHE", str(tmp_path / "file" / "cache"))
    split = split_in(tmp_path / "data")
    kept = stored(split)
    [line] = capsys.readouterr().err.splitlines()
    assert "decoded images cannot be stored (Not a directory); kept in memory" in line
    before = list(split)
    monkeypatch.setattr(ImageAndMask, "read", no_decoding)
    assert same(kept, Split(tuple(Decoded(sample) for sample in before)))


def test_where_neither_disk_nor_memory_has_room_samples_are_read_from_their_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIXELWISE_CACHE_GB", "0")
    monkeypatch.setattr(reading, "free_memory", lambda: 3 * (3 * PIXELS - 1))
    split = split_in(tmp_path / "data")
    assert stored(split) is split
    [line] = capsys.readouterr().err.splitlines()
    assert line.endswith("they are read anew each time")


def test_a_store_that_grows_beyond_the_limit_is_given_up(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first image is the smallest, so that all of them seem to fit."""
    split = split_in(tmp_path / "data")
    save(tmp_path / "data/images/b.png", photo(1, 240, 320))
    save(tmp_path / "data/masks/b.png", label(1, 240, 320))
    monkeypatch.setenv("PIXELWISE_CACHE_GB", str(4 * PIXELS / 1e9))
    assert same(stored(split), split)
    assert "kept in memory" in capsys.readouterr().err
    assert list(cache.iterdir()) == []


FILL_UP = """
import shutil
from pixelwise.data.layouts.streets_default import streets
from pixelwise.data.store.stored import stored
shutil.disk_usage = lambda _: shutil._ntuple_diskusage(10**12, 0, 10**12)  # as if others filled it in the meantime
scenes = streets(3, 0, 0).train
print(*(sample.name for sample in stored(scenes)))
"""


def test_on_a_disk_that_is_full_samples_are_kept_in_memory_and_nothing_half_is_left(tmp_path: Path) -> None:
    """A real disk, seen by one process alone, on which two of three scenes have room."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "fill_up.py").write_text(FILL_UP)
    fill = f"PIXELWISE_CACHE=disk {shlex.quote(sys.executable)} fill_up.py"
    script = f"mount -t tmpfs -o size=500k tmpfs disk || exit 77\n{fill}; code=$?; ls -A disk > left; exit $code"
    words = [shutil.which("unshare") or "false", "--user", "--map-root-user", "--mount", "sh", "-c", script]
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    if not (tmp_path / "left").exists():
        pytest.skip("no disk can be mounted here")
    assert (ran.returncode, ran.stdout) == (0, "street0000000 street0000001 street0000002\n"), ran
    assert "cannot be stored (No space left on device); kept in memory" in ran.stderr
    assert (tmp_path / "left").read_text() == ""


def test_a_disk_that_fills_up_while_the_store_is_written_leaves_nothing_behind(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    split = split_in(tmp_path / "data")
    assert same(stored(split), split)
    [line] = capsys.readouterr().err.splitlines()
    assert "No space left on device" in line
    assert list(files_below(cache)) == []


# How much is stored


def test_the_stores_that_were_not_used_for_longest_go_first(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIXELWISE_CACHE_GB", str(8 * PIXELS / 1e9))  # two stores of three samples and their indices
    splits = [split_in(tmp_path / name, "abc") for name in ("first", "second", "third")]
    for seconds, split in enumerate(splits[:2]):
        stored(split)
        os.utime(cache / f"{key_of(split)}.pixels", (seconds, seconds))
    stored(splits[0])  # used once more
    stored(splits[2])
    assert {path.stem for path in wholes(cache)} == {key_of(splits[0]), key_of(splits[2])}


def test_no_more_than_half_of_what_is_free_on_the_disk_is_used(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    split = split_in(tmp_path / "data")
    for free, kept in ((2 * 3 * PIXELS - 2, 0), (2 * 4 * PIXELS, 1)):
        usage = shutil._ntuple_diskusage(10**12, 0, free)
        monkeypatch.setattr(cache_folder.shutil, "disk_usage", lambda _, usage=usage: usage)
        stored(split)
        assert len(wholes(cache)) == kept
        assert bool(capsys.readouterr().err) != kept


def test_a_limit_that_is_no_number_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("much", "nan", "inf"):
        monkeypatch.setenv("PIXELWISE_CACHE_GB", text)
        with pytest.raises(UserError, match="which is no number; give gigabytes"):
            stored(split_in(tmp_path / "data"))


def test_the_cache_folder_is_where_the_user_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXELWISE_CACHE", "here")
    assert cache_folder.cache_folder() == Path("here")
    monkeypatch.delenv("PIXELWISE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/there")
    assert cache_folder.cache_folder() == Path("/there/pixelwise")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder.cache_folder() == Path.home() / ".cache" / "pixelwise"


def test_an_entry_with_another_decoder_is_another_entry(tmp_path: Path) -> None:
    entry = split_in(tmp_path / "data").entries[0]
    assert key_of(Split((entry,))) == key_of(Split((replace(entry),)))
    assert key_of(Split((entry,))) != key_of(Split((replace(entry, decode=IndexMask(12, (255,))),)))
