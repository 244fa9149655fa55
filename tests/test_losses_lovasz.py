"""The Lovasz-softmax loss at the corners of the cube of errors, and with more pixels than float32 can tell apart."""

from itertools import product

import numpy as np
import pytest
import torch
from loss_references import jaccard_loss
from sklearn.metrics import jaccard_score

from pixelwise.losses import lovasz_softmax


def sure_of(label: torch.Tensor, classes: int) -> torch.Tensor:
    return 300 * torch.nn.functional.one_hot(label, classes).movedim(-1, 1).float()


@pytest.mark.parametrize("truth", [(0, 0, 1, 1, 1), (0, 1, 0, 0, 0), (1, 1, 1, 1, 1)])
def test_at_every_corner_of_the_cube_it_is_the_jaccard_loss(truth: tuple[int, ...]) -> None:
    label = torch.tensor(truth)[None, None]
    for predicted in product((0, 1), repeat=5):
        wrong = {at for at in range(5) if predicted[at] != truth[at]}
        present = sorted(set(truth))
        expected = np.mean([jaccard_loss(wrong, {at for at in range(5) if truth[at] == k}) for k in present])
        loss = lovasz_softmax(sure_of(torch.tensor(predicted)[None, None], 2), label)
        assert loss.item() == pytest.approx(expected, abs=1e-6)


def test_sure_of_every_pixel_it_is_one_minus_scikit_learns_mean_iou() -> None:
    source = torch.Generator().manual_seed(3)
    label, predicted = torch.randint(0, 5, (2, 3, 20, 30), generator=source)
    score = jaccard_score(label.flatten(), predicted.flatten(), average="macro")
    assert lovasz_softmax(sure_of(predicted, 5), label).item() == pytest.approx(1 - score, rel=1e-5)


def published_slopes(errors: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Algorithm 1 of the paper, in float64."""
    order = np.argsort(-errors, kind="stable")
    intersection = true.sum() - np.cumsum(true[order])
    union = true.sum() + np.cumsum(~true[order])
    slopes = np.empty(len(errors))
    slopes[order] = np.diff(1 - intersection / union, prepend=0.0)
    return slopes


def test_the_slopes_of_half_a_million_pixels_are_exact_though_float32_cannot_tell_their_quotients_apart() -> None:
    label = torch.tensor([0, 1]).repeat(500, 500)[None]
    logits = torch.zeros(1, 2, 500, 1000)
    logits[:, 1] = torch.rand(500, 1000, generator=torch.Generator().manual_seed(0)) - 0.5
    logits.requires_grad_()
    lovasz_softmax(logits, label).backward()
    shares = logits.detach().softmax(1)
    slopes = []
    for index in range(2):
        true = (label == index).flatten().numpy()
        errors = np.abs(true.astype(np.float32) - shares[:, index].flatten().numpy())
        slopes.append(np.where(true, -1, 1) * published_slopes(errors, true) / 2)
    expected = shares.prod(1).flatten().numpy() * (slopes[1] - slopes[0])  # back through softmax
    np.testing.assert_allclose(logits.grad[:, 1].flatten().numpy(), expected, rtol=1e-4, atol=1e-15)


def test_which_of_equal_errors_comes_first_does_not_change_from_call_to_call() -> None:
    label = torch.randint(0, 3, (1, 64, 64), generator=torch.Generator().manual_seed(0))
    slopes = []
    for _ in range(3):
        logits = torch.zeros(1, 3, 64, 64, requires_grad=True)
        lovasz_softmax(logits, label).backward()
        slopes.append(logits.grad)
    assert torch.equal(slopes[0], slopes[1])
    assert torch.equal(slopes[0], slopes[2])
