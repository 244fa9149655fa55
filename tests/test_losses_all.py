"""What holds for every loss: it is the published formula, and it bears whatever a batch may hold."""

import numpy as np
import pytest
import torch
from loss_references import REFERENCES, numeric_gradient
from torch import Tensor

from pixelwise.losses import LOSSES, settings_of

every_loss = pytest.mark.parametrize("name", LOSSES)
WEIGHTS = torch.tensor([0.5, 1.0, 3.0, 2.0])
CASES = [(name, {}) for name in LOSSES] + [
    ("ce", {"smoothing": 0.2}),
    ("focal", {"gamma": 0.5}),
    ("focal", {"gamma": 3}),
    ("ohem", {"share": 0.6}),
    ("tversky", {"alpha": 1, "beta": 2.5}),
    ("unet", {"w0": 3, "sigma": 2, "background": 2}),
]


def batch(seed: int = 0, classes: int = 4, ignored: float = 0.25) -> tuple[Tensor, Tensor]:
    """Logits (2, classes, 4, 5) and labels of which a share is ignored."""
    source = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(2, classes, 4, 5, generator=source)
    label = torch.randint(0, classes, (2, 4, 5), generator=source)
    label[torch.rand(label.shape, generator=source) < ignored] = 255
    return logits, label


def right(label: Tensor, classes: int = 4) -> Tensor:
    """Logits that are sure of the truth."""
    known = label.where(label != 255, 0)
    return 200 * torch.nn.functional.one_hot(known, classes).movedim(-1, 1).float()


def test_every_loss_has_a_reference_here() -> None:
    assert set(REFERENCES) == set(LOSSES)
    assert {key for name in LOSSES for key in settings_of(name)} == {key for _, more in CASES for key in more}


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["alike", "weighted"])
@pytest.mark.parametrize(("name", "settings"), CASES)
def test_value_and_slope_are_those_of_the_published_formula(
    name: str, settings: dict[str, float], weights: Tensor | None
) -> None:
    logits, label = batch(seed=len(settings))
    label[label == 3] = 1  # a class that is absent
    logits.requires_grad_()
    loss = LOSSES[name](logits, label, ignore=255, weights=weights, **settings)
    loss.backward()

    plain = None if weights is None else weights.double().numpy()

    def reference(at: np.ndarray) -> float:
        return REFERENCES[name](at, label.numpy(), 255, plain, **settings)

    at = logits.detach().double().numpy()
    assert loss.item() == pytest.approx(reference(at), rel=1e-5)
    assert logits.grad.numpy() == pytest.approx(numeric_gradient(reference, at), rel=1e-3, abs=1e-6)


@every_loss
def test_ignored_pixels_neither_cost_nor_teach(name: str) -> None:
    logits, label = batch()
    changed = torch.where((label == 255)[:, None], 1e4 * torch.arange(4.0)[:, None, None], logits).requires_grad_()
    loss = LOSSES[name](changed, label)
    loss.backward()
    assert loss.item() == pytest.approx(LOSSES[name](logits, label).item(), rel=1e-6)
    assert not changed.grad.movedim(1, -1)[label == 255].any()


@every_loss
@pytest.mark.parametrize("ignore", [0, 3, -1, 65535])
def test_any_value_can_be_the_ignored_one(name: str, ignore: int) -> None:
    logits, label = batch()
    label = label.where(label != ignore, 255)  # what 255 ignores
    expected = LOSSES[name](logits, label)
    assert LOSSES[name](logits, label.where(label != 255, ignore), ignore=ignore).item() == expected.item()


@every_loss
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["alike", "weighted"])
def test_where_all_is_ignored_the_loss_is_zero_and_so_is_its_gradient(name: str, weights: Tensor | None) -> None:
    logits = batch()[0].requires_grad_()
    loss = LOSSES[name](logits, torch.full((2, 4, 5), 255), weights=weights)
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


@every_loss
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_logits_of_any_type_are_reckoned_in_float32(name: str, dtype: torch.dtype) -> None:
    logits, label = batch()
    logits = logits.to(dtype).requires_grad_()
    loss = LOSSES[name](logits, label, weights=WEIGHTS)
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.shape == ()
    assert loss.item() == LOSSES[name](logits.detach().float(), label, weights=WEIGHTS).item()
    assert logits.grad.isfinite().all()


@every_loss
def test_a_single_class_costs_nothing(name: str) -> None:
    logits, label = torch.randn(2, 1, 4, 5, requires_grad=True), torch.zeros(2, 4, 5).long()
    loss = LOSSES[name](logits, label, weights=torch.ones(1))
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert logits.grad.abs().max() < 1e-6


@every_loss
def test_right_logits_cost_nothing_and_wrong_ones_cost_more_than_even_ones(name: str) -> None:
    label = batch()[1]
    sure, even = right(label), torch.zeros(2, 4, 4, 5)
    wrong = right((label + 1).where(label < 3, 0))
    costs = [LOSSES[name](logits, label, weights=WEIGHTS).item() for logits in (sure, even, wrong)]
    assert costs[0] == pytest.approx(0, abs=1e-6)
    assert costs[0] < costs[1] < costs[2]


def test_with_smoothing_right_logits_still_cost_something() -> None:
    label = batch()[1]
    assert LOSSES["ce"](right(label), label, smoothing=0.1).item() > 1


@every_loss
@pytest.mark.parametrize("shown", [[0], [1, 3], []])
def test_absent_classes_make_no_nan_whatever_the_network_says(name: str, shown: list[int]) -> None:
    label = torch.full((1, 2, 6), 255)
    label[0, 0, : len(shown)] = torch.tensor(shown, dtype=torch.long)
    logits = torch.full((1, 4, 2, 6), -300.0)
    logits[:, 2] = 300  # of a class that is nowhere
    logits.requires_grad_()
    loss = LOSSES[name](logits, label)
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "unet"])  # there they stand beside w0
def test_only_the_ratios_of_the_weights_matter(name: str) -> None:
    logits, label = batch()
    loss = LOSSES[name](logits, label, weights=WEIGHTS)
    assert LOSSES[name](logits, label, weights=7 * WEIGHTS).item() == pytest.approx(loss.item(), rel=1e-5)
    assert LOSSES[name](logits, label).item() == pytest.approx(
        LOSSES[name](logits, label, weights=torch.full((4,), 3.0)).item(), rel=1e-5
    )
    assert loss.item() != pytest.approx(LOSSES[name](logits, label).item(), rel=1e-3)


@every_loss
def test_a_label_that_is_no_class_is_refused(name: str) -> None:
    logits, label = batch()
    label[0, 0, 0] = 4
    with pytest.raises((IndexError, RuntimeError)):
        LOSSES[name](logits, label)


@every_loss
def test_following_its_slope_makes_even_logits_right(name: str) -> None:
    label = torch.zeros(1, 12, 12).long()
    label[:, 3:9, 2:7] = 1
    label[:, 5:11, 8:11] = 2
    logits = torch.zeros(1, 3, 12, 12, requires_grad=True)
    optimizer = torch.optim.Adam([logits], 0.3)
    for _ in range(60):
        optimizer.zero_grad()
        LOSSES[name](logits, label).backward()
        optimizer.step()
    assert (logits.argmax(1) == label).float().mean() == 1
