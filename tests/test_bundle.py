"""The one-file model: what is saved comes back; what is no model, or no longer whole, is one clear error."""

import json
import os
import pickle
import resource
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import save_file
from small_models import TWO, tiny_bundle

from pixelwise.bundle import FORMAT, load_bundle
from pixelwise.errors import UserError
from pixelwise.models import build_network
from pixelwise.tensors import load_tensors, save_tensors


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A good model file."""
    path = tmp_path / "model.safetensors"
    tiny_bundle().save(path)
    return path


def parts(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, object]]:
    """The weights and the header of a model file."""
    weights, metadata = load_tensors(path)
    return weights, json.loads(metadata["pixelwise"])


def with_header(path: Path, **changes: object) -> Path:
    """The same weights under a changed header."""
    weights, header = parts(path)
    save_file(weights, path, {"pixelwise": json.dumps(header | changes)})
    return path


def refused(path: Path, message: str) -> None:
    """Loading is one clear line that begins with the file and has no second one."""
    with pytest.raises(UserError, match=message) as caught:
        load_bundle(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_saved_model_comes_back_with_the_same_logits(model: Path) -> None:
    image = torch.randint(0, 256, (1, 3, 40, 50), generator=torch.Generator().manual_seed(0)).byte()
    loaded = load_bundle(model)
    assert not loaded.network.training
    with torch.inference_mode():
        network = tiny_bundle().network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        assert torch.equal(loaded.network(image), network(image))


def test_a_saved_model_comes_back_with_all_that_belongs_to_it(model: Path) -> None:
    saved, loaded = tiny_bundle(), load_bundle(model)
    for field in ("model", "options", "labels", "size", "provenance", "scores"):
        assert getattr(loaded, field) == getattr(saved, field), field


def test_a_loaded_model_saved_again_is_the_same_file(model: Path) -> None:
    again = model.with_name("again.safetensors")
    load_bundle(model).save(again)
    assert again.read_bytes() == model.read_bytes()


def test_a_loaded_model_can_be_trained_on(model: Path) -> None:
    network = load_bundle(model).network.train()
    network(torch.zeros(1, 3, 32, 32)).sum().backward()
    assert all(weights.grad is not None for weights in network.parameters())


def test_a_model_file_works_alone_wherever_it_lies(model: Path) -> None:
    moved = model.rename(model.parent / "another name")
    assert load_bundle(moved).labels == tiny_bundle().labels


def test_a_segnet_of_one_channel_comes_back_too(tmp_path: Path) -> None:
    network = build_network("segnet", 2, in_channels=1, width=2)
    replace(tiny_bundle(TWO), network=network, model="segnet", options={"width": 2}).save(tmp_path / "m.safetensors")
    assert load_bundle(tmp_path / "m.safetensors").network.mean.numel() == 1


class _Bomb:
    """What a hostile pickle does when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch '{self.path}'",)


@pytest.mark.parametrize("write", [pickle.dump, torch.save], ids=["pickle", "torch"])
def test_a_pickle_under_the_name_of_a_model_is_refused_and_never_run(
    write: Callable[..., None], tmp_path: Path
) -> None:
    path, proof = tmp_path / "model.safetensors", tmp_path / "executed"
    with path.open("wb") as file:
        write(_Bomb(proof), file)
    refused(path, "is not a whole safetensors file")
    assert not proof.exists()
    pickle.loads(pickle.dumps(_Bomb(proof)))  # noqa: S301 - to see that it would have worked
    assert proof.exists()


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    refused(tmp_path / "none.safetensors", "there is no such file")
    refused(tmp_path, "there is no such file")


@pytest.mark.parametrize("kept", [0, 4, 8, 100, -1])
def test_a_file_that_is_cut_off_is_refused(kept: int, model: Path) -> None:
    model.write_bytes(model.read_bytes()[:kept])
    refused(model, "is not a whole safetensors file")


def test_a_file_with_something_behind_its_end_is_refused(model: Path) -> None:
    model.write_bytes(model.read_bytes() + b"more")
    refused(model, "is not a whole safetensors file")


@pytest.mark.parametrize("seed", range(5))
def test_random_bytes_are_refused(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "noise.safetensors"
    noise = torch.randint(0, 256, (1000,), generator=torch.Generator().manual_seed(seed))
    path.write_bytes(bytes(noise.tolist()))
    refused(path, "is not a whole safetensors file")


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_the_weights_of_another_program_are_refused(metadata: dict[str, str] | None, tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors", metadata)
    refused(tmp_path / "other.safetensors", "was not written by pixelwise")


@pytest.mark.parametrize("header", ["{", "[]", "null", '{"format": 1}', '{"format": "x"}', '{"format": 0}', ""])
def test_a_header_that_is_damaged_is_refused(header: str, model: Path) -> None:
    save_file(parts(model)[0], model, {"pixelwise": header})
    refused(model, "its header is damaged")


@pytest.mark.parametrize(
    "change",
    [
        {"size": [0, 32]},
        {"size": [10**9, 10**9]},
        {"size": [32]},
        {"in_channels": 10**9},
        {"names": "road"},
        {"colors": [[0, 0]]},
        {"options": None},
    ],
    ids=str,
)
def test_a_header_with_an_impossible_value_is_refused(change: dict[str, object], model: Path) -> None:
    refused(with_header(model, **change), "its header is damaged")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "gpt"}, "there is no model 'gpt'"),
        ({"options": {"wide": 4}}, "no option of unet 'wide'"),
        ({"options": {"width": 10**12}}, "width of unet is 1000000000000"),
        ({"options": {"depth": 10**9}}, "depth of unet is 1000000000"),
        ({"options": {"upsample": "magic"}}, "no upsample 'magic'"),
        ({"options": {"in_channels": 3}}, "multiple values"),
        ({"options": {"model": "unet"}}, "multiple values"),
        ({"names": ["one"]}, "1 class names but 11 colours"),
        ({"names": [], "colors": []}, "at least one class"),
        ({"names": ["same"] * 11}, "both called 'same'"),
    ],
    ids=str,
)
def test_a_header_that_describes_no_model_is_refused(change: dict[str, object], message: str, model: Path) -> None:
    refused(with_header(model, **change), message)


@pytest.mark.parametrize("change", [{"options": {"width": 8}}, {"model": "segnet"}, {"in_channels": 1}], ids=str)
def test_weights_that_do_not_fit_the_architecture_are_refused(change: dict[str, object], model: Path) -> None:
    refused(with_header(model, **change), "its weights do not fit its architecture")


@pytest.mark.parametrize("damage", ["missing", "extra", "float64"])
def test_weights_that_are_missing_or_extra_or_of_another_type_are_refused(damage: str, model: Path) -> None:
    weights, header = parts(model)
    if damage == "missing":
        del weights["body.classify.bias"]
    elif damage == "extra":
        weights["body.more"] = torch.zeros(1)
    else:
        weights["mean"] = weights["mean"].double()
    save_file(weights, model, {"pixelwise": json.dumps(header)})
    refused(model, "its weights do not fit its architecture")


def test_a_newer_format_is_told_even_if_nothing_else_can_be_read(model: Path) -> None:
    save_file(parts(model)[0], model, {"pixelwise": json.dumps({"format": FORMAT + 1, "everything": "different"})})
    refused(model, f"was written by a newer pixelwise \\(format {FORMAT + 1}\\); upgrade pixelwise")


def test_huge_sizes_declared_in_a_file_take_no_memory(model: Path) -> None:
    before = psutil.Process().memory_info().rss
    refused(with_header(model, options={"width": 4096, "depth": 10}), "its weights do not fit")
    tensor = {"weight": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}
    lie = json.dumps(tensor).encode()
    model.write_bytes(struct.pack("<Q", len(lie)) + lie + bytes(64))
    refused(model, "is not a whole safetensors file")
    model.write_bytes(struct.pack("<Q", 2**62) + lie)
    refused(model, "is not a whole safetensors file")
    assert psutil.Process().memory_info().rss - before < 2**28


def test_saving_over_a_model_replaces_it_and_leaves_nothing_else(model: Path) -> None:
    replace(tiny_bundle(), scores={"mean IoU": 0.9}).save(model)
    assert load_bundle(model).scores == {"mean IoU": 0.9}
    assert [path.name for path in model.parent.iterdir()] == [model.name]


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UserError, match="cannot be written"):
        tiny_bundle().save(tmp_path / "file" / "model.safetensors")


def test_tensors_that_cannot_be_written_are_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        save_tensors({"weight": torch.zeros(1)}, tmp_path / "none" / "x.safetensors", {})


SAVE = "import sys; from small_models import tiny_bundle; tiny_bundle().save(sys.argv[1])"
ROOM = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}


def kept_after_failing(found: subprocess.CompletedProcess[str]) -> None:
    """Saving ended in one clear error."""
    assert "UserError" in found.stderr
    assert "cannot be written" in found.stderr
    assert "free some space" in found.stderr


def test_a_full_disk_leaves_the_last_good_model_and_nothing_half_written(model: Path, tmp_path: Path) -> None:
    """A real disk of 256 KiB that only the process below sees, so that it goes with it."""
    disk, network = tmp_path / "disk", build_network("unet", 11, width=2)
    disk.mkdir()
    small, kept = tmp_path / "small.safetensors", tmp_path / "kept.safetensors"
    replace(tiny_bundle(), network=network, options={"width": 2}).save(small)
    assert small.stat().st_size < 2**18 < model.stat().st_size
    script = f"""
        mount -t tmpfs -o size=256k tmpfs {disk} || exit 77
        cp {small} {disk}/model.safetensors
        {sys.executable} -c '{SAVE}' {disk}/model.safetensors
        cp {disk}/model.safetensors {kept}
        ls -A {disk}
    """
    found = subprocess.run(["unshare", "--mount", "sh", "-c", script], env=ROOM, capture_output=True, text=True)
    if found.returncode == 77 or "unshare" in found.stderr:
        pytest.skip("no right to mount a disk")
    kept_after_failing(found)
    assert found.stdout == "model.safetensors\n"
    assert kept.read_bytes() == small.read_bytes()


def test_a_limit_on_the_size_of_files_leaves_the_last_good_model_too(model: Path) -> None:
    """The same without the right to mount: the system refuses every byte beyond 64 KiB."""
    good = model.read_bytes()
    found = subprocess.run(
        [sys.executable, "-c", SAVE, model],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, 2**16)),
        env=ROOM,
        capture_output=True,
        text=True,
    )
    kept_after_failing(found)
    assert model.read_bytes() == good
    assert [path.name for path in model.parent.iterdir()] == [model.name]
