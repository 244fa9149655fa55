"""Models averaged: their weights one by one, what cannot be averaged, and what the command says."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from command_line import pixelwise, refused
from small_models import TWO, tiny_bundle, tiny_network
from torch import Tensor

import pixelwise as pw
from pixelwise.bundle import Bundle
from pixelwise.data import Dataset
from pixelwise.model import Model


def changed(change: Callable[[Tensor], Tensor], bundle: Bundle | None = None) -> Model:
    """A tiny model with other weights."""
    bundle = bundle or tiny_bundle()
    for tensor in bundle.network.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(change(tensor))
    return Model(bundle)


def state(model: Model) -> dict[str, Tensor]:
    weights = model.bundle.network.state_dict()
    weights.pop("offsets", None)
    return weights


def test_every_weight_of_an_average_is_the_mean_of_those_of_the_models(tmp_path: Path, small: Dataset) -> None:
    first, other = Model(tiny_bundle()), changed(lambda weights: 0.5 * weights)
    before = {name: tensor.clone() for name, tensor in state(first).items()}
    mean = pw.average([first, other, first], small, run=tmp_path / "mean")
    for name, tensor in state(mean).items():
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, before[name] * (1 + 0.5 + 1) / 3)
        assert torch.equal(state(first)[name], before[name])  # what is averaged stays as it is
    assert first.bundle.network.offsets is None


def test_what_is_counted_in_whole_numbers_stays_that_of_the_first(tmp_path: Path, small: Dataset) -> None:
    segnets = [Bundle(tiny_network("segnet"), "segnet", {"width": 4}, small.labels, (32, 64)) for _ in range(2)]
    for count, one in enumerate(segnets):
        for name, tensor in one.network.state_dict().items():
            if name.endswith("num_batches_tracked"):
                tensor.fill_(7 + count)
    mean = pw.average([Model(one) for one in segnets], small, run=tmp_path / "mean")
    batches = [tensor for name, tensor in state(mean).items() if name.endswith("num_batches_tracked")]
    assert {int(count) for count in batches} == {7}


def test_an_average_of_one_model_and_itself_labels_and_scores_as_that_does(
    tmp_path: Path, small_run: Path, small_folder: Path
) -> None:
    mean = pw.average([small_run, small_run], small_folder, run=tmp_path / "mean")
    alone = pw.evaluate(pw.load(small_run), small_folder)
    assert mean.evaluation.mean_iou == pytest.approx(alone.mean_iou)
    first, second = mean.bundle.provenance["averaged"].values()
    assert first == second
    assert list(mean.bundle.provenance["averaged"]) == ["finished", "finished (2)"]


def test_an_average_tells_what_each_of_its_models_learnt_from(tmp_path: Path, small: Dataset) -> None:
    learnt = [{"data": data, "step": 7} for data in ("streets", "camvid, streets", "voc")]
    models = [Model(replace(tiny_bundle(), provenance=one)) for one in learnt]
    provenance = pw.average(models, small, run=tmp_path / "mean").bundle.provenance
    assert provenance["data"] == "streets, camvid, voc"
    assert [one["provenance"] for one in provenance["averaged"].values()] == learnt


def test_the_run_folder_holds_the_average_its_scores_and_its_report(
    tmp_path: Path, small_run: Path, small_folder: Path
) -> None:
    mean = pw.average([small_run, small_run], small_folder, run=tmp_path / "mean")
    files = {"best.safetensors", "environment.json", "evaluation.json", "report.html"}
    assert {path.name for path in (tmp_path / "mean").iterdir()} == files
    stored = pw.load(tmp_path / "mean")
    assert stored.bundle.provenance == mean.bundle.provenance
    assert all(torch.equal(tensor, state(mean)[name]) for name, tensor in state(stored).items())
    written = json.loads((tmp_path / "mean" / "evaluation.json").read_text())
    assert written["scores"]["mean IoU"] == pytest.approx(mean.evaluation.mean_iou)


def test_where_one_model_is_better_than_the_average_that_is_said(
    tmp_path: Path, small_run: Path, small_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    destroyed = changed(torch.rand_like, pw.load(small_run).bundle)
    pw.average([small_run, destroyed], small_folder, run=tmp_path / "mean")
    assert "that of finished alone" in capsys.readouterr().err
    assert (tmp_path / "mean" / "best.safetensors").exists()


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (
            Bundle(tiny_network("segnet"), "segnet", {"width": 4}, tiny_bundle().labels, (32, 48)),
            "network (unet; segnet)",
        ),
        (Bundle(tiny_network(width=8), "unet", {"width": 8}, tiny_bundle().labels, (32, 48)), "options"),
        (tiny_bundle(TWO), "classes"),
        (tiny_bundle(size=(64, 96)), r"size ((32, 48); (64, 96))"),
        (replace(tiny_bundle(), bits=16), "images"),
    ],
)
def test_models_that_differ_in_more_than_their_weights_are_refused(
    other: Bundle, said: str, tmp_path: Path, small: Dataset
) -> None:
    with pytest.raises(pw.UserError) as refusal:
        pw.average([Model(tiny_bundle()), Model(other)], small, run=tmp_path / "mean")
    assert f"differ in their {said}" in str(refusal.value)
    assert not (tmp_path / "mean").exists()


def test_models_of_other_classes_than_the_data_has_are_refused(tmp_path: Path, small: Dataset) -> None:
    with pytest.raises(pw.UserError, match="use a model trained on these classes"):
        pw.average([Model(tiny_bundle(TWO)), Model(tiny_bundle(TWO))], small, run=tmp_path / "mean")


def test_data_without_two_validation_images_is_refused(tmp_path: Path, small: Dataset) -> None:
    with pytest.raises(pw.UserError, match="takes two"):
        pw.average([Model(tiny_bundle())] * 2, replace(small, val=small.val[:1]), run=tmp_path / "mean")
    assert not (tmp_path / "mean").exists()


def test_painters_are_refused(tmp_path: Path, small: Dataset) -> None:
    painter = Bundle(tiny_network("pix2pix_128"), "pix2pix_128", {"width": 4}, small.labels, (128, 128))
    with pytest.raises(pw.UserError, match="paints"):
        pw.average([Model(painter)] * 2, small, run=tmp_path / "mean")


def test_the_command_shows_each_alone_and_the_average(tmp_path: Path, small_run: Path, small_folder: Path) -> None:
    words = ("average", small_run, small_run, "--data", small_folder, "--run")
    shown = pixelwise(*words, tmp_path / "mean")
    assert shown.code == 0
    alone, again, together = re.findall(r"│ (?:finished|finished \(2\)|average) +│ +([\d.]+) +│", shown.out)
    assert alone == again == together
    assert f"model    {tmp_path / 'mean' / 'best.safetensors'}" in shown.out
    answer = json.loads(pixelwise(*words, tmp_path / "again", "--json").out)
    assert answer["run"] == str(tmp_path / "again")
    assert 0 <= answer["scores"]["mean IoU"] <= 1


def test_the_command_refuses_one_model_alone(small_run: Path, small_folder: Path) -> None:
    assert "two or more" in refused("average", small_run, "--data", small_folder)
