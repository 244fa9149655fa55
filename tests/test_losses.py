"""Cross-entropy against torch's own, and where there is nothing to learn from."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from pixelwise.losses import combine, cross_entropy, pixel_weight


def batch(seed: int = 0, classes: int = 5, ignored: float = 0.3) -> tuple[Tensor, Tensor]:
    """Logits (2, classes, 6, 7) and labels of which a share is ignored."""
    source = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(2, classes, 6, 7, generator=source)
    label = torch.randint(0, classes, (2, 6, 7), generator=source)
    label[torch.rand(label.shape, generator=source) < ignored] = 255
    return logits, label


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_cross_entropy_is_torchs_own_mean_in_float64(seed: int, weighted: bool) -> None:
    logits, label = batch(seed)
    weights = torch.tensor([0.2, 1.0, 3.0, 0.0, 7.0]) if weighted else None
    exact = F.cross_entropy(
        logits.double(), label, weight=None if weights is None else weights.double(), ignore_index=255
    )
    assert cross_entropy(logits, label, weights=weights).item() == pytest.approx(exact.item(), rel=1e-6)


def test_its_gradient_is_torchs_own_too() -> None:
    logits, label = batch()
    ours, theirs = logits.clone().requires_grad_(), logits.double().requires_grad_()
    weights = torch.tensor([0.5, 1.0, 2.0, 1.0, 4.0])
    cross_entropy(ours, label, weights=weights).backward()
    F.cross_entropy(theirs, label, weight=weights.double(), ignore_index=255).backward()
    assert torch.allclose(ours.grad.double(), theirs.grad, atol=1e-8)


@pytest.mark.parametrize("smoothing", [0.1, 0.9])
@pytest.mark.parametrize("weighted", [False, True])
def test_smoothing_is_torchs_own(smoothing: float, weighted: bool) -> None:
    logits, label = batch()
    weights = torch.tensor([0.5, 1.0, 2.0, 1.0, 4.0]) if weighted else None
    exact = F.cross_entropy(logits, label, weight=weights, ignore_index=255, label_smoothing=smoothing)
    ours = cross_entropy(logits, label, weights=weights, smoothing=smoothing)
    assert ours.item() == pytest.approx(exact.item(), rel=1e-6)


@pytest.mark.parametrize(
    ("expression", "weighted"),
    [
        ("ce", True),
        ("focal + unet", True),
        ("ce(smoothing=0.1)", False),
        ("ce + 0.01 boundary", False),  # which counts every pixel alike
    ],
)
def test_parts_of_a_batch_add_up_to_the_whole_by_their_pixel_weight(expression: str, weighted: bool) -> None:
    logits, label = batch()
    weights = torch.tensor([0.5, 1.0, 2.0, 1.0, 4.0]) if weighted else None
    loss = combine(expression)
    amounts = [pixel_weight(one[None], weights=weights) for one in label]
    parts = [loss(logits[[at]], label[[at]], weights=weights) * amounts[at] for at in range(2)]
    whole = loss(logits, label, weights=weights)
    assert (sum(parts) / sum(amounts)).item() == pytest.approx(whole.item(), rel=1e-5)


def test_even_logits_cost_the_logarithm_of_the_number_of_classes() -> None:
    assert cross_entropy(torch.zeros(1, 8, 2, 2), torch.zeros(1, 2, 2).long()).item() == pytest.approx(math.log(8))


def test_ignored_pixels_neither_cost_nor_teach() -> None:
    logits, label = batch()
    changed = torch.where((label == 255)[:, None], 1e4, logits).requires_grad_()
    loss = cross_entropy(changed, label)
    loss.backward()
    assert loss.item() == cross_entropy(logits, label).item()
    assert not changed.grad.movedim(1, -1)[label == 255].any()


def test_any_value_can_be_the_ignored_one() -> None:
    logits, label = batch()
    other = torch.where(label == 255, 2, torch.where(label == 2, 255, label))
    known = torch.where(label == 2, 255, label)
    with pytest.raises((IndexError, RuntimeError)):
        cross_entropy(logits, other, ignore=2)  # 255 is no class then
    expected = cross_entropy(logits, known)
    assert cross_entropy(logits, torch.where(known == 255, 2, known), ignore=2).item() == expected.item()


@pytest.mark.parametrize("weights", [None, torch.ones(5)])
def test_where_all_is_ignored_the_loss_is_zero_and_so_is_its_gradient(weights: Tensor | None) -> None:
    logits = batch()[0].requires_grad_()
    loss = cross_entropy(logits, torch.full((2, 6, 7), 255), weights=weights)
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_bf16_logits_are_summed_in_float32() -> None:
    logits, label = batch()
    loss = cross_entropy(logits.bfloat16(), label)
    assert loss.dtype == torch.float32
    assert loss.item() == cross_entropy(logits.bfloat16().float(), label).item()


def test_shapes_are_checked_while_the_tests_run() -> None:
    logits, label = batch()
    with pytest.raises(TypeError):
        cross_entropy(logits, label[:, 1:])
