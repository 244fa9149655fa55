"""The models that ship: small enough, as good on real streets as their cards say, and one there without a path."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line import pixelwise
from small_data import real
from small_models import tiny_bundle

import pixelwise as pw
from pixelwise.bundle import load_bundle
from pixelwise.model import is_model
from pixelwise.tensors import load_tensors
from pixelwise.weights import DEFAULT, shipped

STREET = shipped()[DEFAULT]
LARGE = Path(__file__).parents[1] / "weights" / "street_large.safetensors"


# CamVid's images four times, and Cityscapes pairs: every fourth, or all.
MOSTLY, ALIKE = ("mostly_camvid", 4 * 367 + 1500 // 4), ("two_cities", 4 * 367 + 1500)


@pytest.mark.parametrize(("model", "most_bytes", "learnt"), [(STREET, 6e6, {MOSTLY}), (LARGE, 30e6, {MOSTLY, ALIKE})])
def test_a_model_that_ships_is_small_and_says_where_it_comes_from(
    model: Path, most_bytes: float, learnt: set[tuple[str, int]]
) -> None:
    assert model.stat().st_size <= most_bytes
    bundle = load_bundle(model)
    assert len(bundle.labels) == 11
    assert bundle.provenance["data"] == ", ".join(name for name, _ in sorted(learnt))
    assert {(one["data"], one["train_images"]) for one in trainings(bundle.provenance)} == learnt


def trainings(provenance: dict[str, Any]) -> list[dict[str, Any]]:
    """Of what a model was trained, or each of those that it is the average of."""
    parts = provenance.get("averaged", {}).values()
    return [one for part in parts for one in trainings(part["provenance"])] or [provenance]


@pytest.mark.parametrize("model", [STREET, LARGE])
def test_a_model_that_ships_scores_what_its_card_says(model: Path) -> None:
    card = model.with_suffix(".md").read_text(encoding="utf-8")
    said = [
        float(figure)
        for figure in re.findall(r"as stored, float16\*\* \| \*\*([\d.]+)\*\* \|.*\| ([\d.]+) \|", card)[0]
    ]
    scores = pw.evaluate(pw.load(model), real("camvid"), "val").scores()
    assert [scores["mean IoU"], scores["pixel accuracy"]] == pytest.approx(said, abs=2e-3)


def test_the_name_of_a_model_that_ships_is_that_model_whatever_lies_in_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / DEFAULT).mkdir()
    assert "Bicyclist" in pw.load(DEFAULT).labels.names
    assert is_model(DEFAULT)
    assert not is_model(f"./{DEFAULT}")
    with pytest.raises(pw.UserError, match="holds no best"):
        pw.load(f"./{DEFAULT}")


@pytest.mark.usefixtures("desk")
def test_a_photo_is_labelled_without_naming_a_model() -> None:
    answer = pixelwise("predict", "street.jpg", "--output", "labelled")
    assert answer.code == 0
    assert "labelled by `street`, the model of streets that comes with pixelwise" in answer.err
    assert Path("labelled/street_overlay.png").exists()


def test_files_of_half_the_size_come_back_as_float32_within_half_a_unit_of_float16(tmp_path: Path) -> None:
    bundle = tiny_bundle()
    bundle.save(tmp_path / "whole.safetensors")
    bundle.save(tmp_path / "half.safetensors", half=True)
    whole, half = (load_bundle(tmp_path / f"{name}.safetensors").network.state_dict() for name in ("whole", "half"))
    for name, tensor in half.items():
        assert tensor.dtype == whole[name].dtype
        if tensor.dim() > 1:
            unit = torch.from_numpy(np.spacing(whole[name].half().abs().numpy())).float()
            assert bool(((tensor - whole[name]).abs() <= unit / 2).all()), name
        else:
            assert torch.equal(tensor, whole[name]), name
    stored = load_tensors(tmp_path / "half.safetensors")[0]
    assert {tensor.dtype for tensor in stored.values() if tensor.dim() > 1} == {torch.float16}
    assert all(tensor.dtype != torch.float16 for tensor in stored.values() if tensor.dim() < 2)


def test_a_filter_that_float16_cannot_hold_stays_as_it_is(tmp_path: Path) -> None:
    bundle = tiny_bundle()
    filters = next(weight for weight in bundle.network.parameters() if weight.dim() == 4)
    with torch.no_grad():
        filters[0, 0, 0, 0] = 1e6
    bundle.save(tmp_path / "model.safetensors", half=True)
    loaded = next(
        weight for weight in load_bundle(tmp_path / "model.safetensors").network.parameters() if weight.dim() == 4
    )
    assert torch.equal(loaded, filters)


def test_loading_a_model_loads_no_compiler() -> None:
    said = "import sys, pixelwise as pw; pw.load('street'); print('torch._dynamo' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True).stdout == "False\n"
