"""Offsets of the classes: what is added to their logits for the best mean IoU."""

from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import small_streets

import pixelwise as pw
from pixelwise import metrics
from pixelwise.data import Dataset, open_dataset
from pixelwise.models import build_network
from pixelwise.training.offsets import STEPS, counts_with, fit_offsets, offsets_of


def noisy_pixels(seed: int, shift: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of 20,000 pixels of three classes, of which the last is rare; shift: what its logit lacks."""
    generator = torch.Generator().manual_seed(seed)
    truth = torch.multinomial(torch.tensor([0.6, 0.37, 0.03]), 20_000, replacement=True, generator=generator)
    logits = 2 * torch.nn.functional.one_hot(truth, 3) + torch.randn(20_000, 3, generator=generator)
    logits[:, 2] -= shift
    return logits, truth


def mean_iou(logits: torch.Tensor, truth: torch.Tensor, offsets: torch.Tensor) -> float:
    return metrics.mean_iou(counts_with(logits, truth, offsets).numpy())


def test_the_offset_that_a_class_lacks_is_found() -> None:
    exact, lacking = (fit_offsets(*noisy_pixels(0, shift)) for shift in (0.0, 1.5))
    lacks = (lacking - exact)[2] - (lacking - exact)[:2].mean()
    assert lacks.item() == pytest.approx(1.5, abs=0.31)


def test_no_offset_of_one_class_would_be_better_than_the_one_found() -> None:
    logits, truth = noisy_pixels(1, shift=1.0)
    offsets = fit_offsets(logits, truth)
    best = mean_iou(logits, truth, offsets)
    for index in range(3):
        for change in STEPS:
            moved = offsets.clone()
            moved[index] += change
            assert mean_iou(logits, truth, moved) <= best + 0.002  # the sweeps end before the last thousandth


def test_offsets_bring_more_on_pixels_that_were_not_fitted_on() -> None:
    offsets = fit_offsets(*noisy_pixels(2, shift=4.0))
    seen_never = noisy_pixels(3, shift=4.0)
    assert mean_iou(*seen_never, offsets) > mean_iou(*seen_never, torch.zeros(3)) + 0.05


def test_the_counts_are_those_of_the_metrics() -> None:
    logits, truth = noisy_pixels(4)
    found = (logits + torch.tensor([0.0, 0.5, 1.0])).argmax(1)
    expected = metrics.confusion(truth[None].numpy(), found[None].numpy(), 3)
    assert np.array_equal(counts_with(logits, truth, torch.tensor([0.0, 0.5, 1.0])).numpy(), expected)


def test_a_network_answers_with_its_offsets_once_it_is_trained_and_never_while_it_is() -> None:
    network = build_network("street", 3, width=2)
    image = torch.randint(0, 256, (1, 3, 32, 48), dtype=torch.uint8)
    before = network.eval()(image)
    network.offsets = torch.tensor([1.0, 0.0, -1.0]).view(-1, 1, 1)
    assert torch.allclose(network(image) - before, network.offsets, atol=1e-5)
    network.train()
    first = network.outputs(image)[0]
    network.offsets = None
    assert torch.equal(network.outputs(image)[0], first)


def test_offsets_of_one_image_cannot_be_checked_crosswise_and_are_none() -> None:
    streets = open_dataset("streets")
    network = build_network("street", len(streets.labels), width=2).eval()
    assert offsets_of(network, streets.val[:1], (32, 48), ignore=255) is None


@pytest.fixture(scope="module")
def streets() -> Dataset:
    return small_streets(train=12, val=12, test=0)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, streets: Dataset) -> pw.Model:
    folder = tmp_path_factory.mktemp("run") / "run"
    return pw.train(streets, size=(64, 80), run=folder, options={"width": 4}, steps=30, validations=2)


def test_a_run_says_what_its_offsets_brought_and_its_file_keeps_them(trained: pw.Model, streets: Dataset) -> None:
    assert trained.evaluation
    told = trained.evaluation.conditions.offsets
    assert told["crosswise"] > told["without"]
    assert f"{told['without']:.3f} without them" in str(trained.evaluation.conditions)
    again = pw.load(str(trained.run))
    assert again.bundle.network.offsets is not None
    assert pw.evaluate(again, streets).mean_iou == trained.evaluation.mean_iou


def test_without_offsets_the_score_is_that_of_the_last_validation(tmp_path: Path, streets: Dataset) -> None:
    quick = {"options": {"width": 4}, "steps": 10, "validations": 1}
    model = pw.train(streets, size=(64, 80), run=tmp_path / "run", offsets=False, **quick)
    assert model.evaluation
    assert model.bundle.network.offsets is None
    assert not model.evaluation.conditions.offsets
    history = (tmp_path / "run" / "history.csv").read_text().splitlines()
    column = history[0].split(",").index("validation_mean_iou")
    assert float(history[1].split(",")[column]) == pytest.approx(model.evaluation.mean_iou, abs=1e-5)
