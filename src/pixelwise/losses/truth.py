"""What several losses share: probabilities beside the truth, and the mean over the classes that are there."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor


class Compared(NamedTuple):
    """Two (n, k, h, w) float32 tensors, both 0 at ignored pixels: of the network, and 1 at each pixel's true class."""

    probability: Tensor
    truth: Tensor


def compared(logits: Float[Tensor, "n k h w"], label: Int64[Tensor, "n h w"], *, ignore: int) -> Compared:
    """The probabilities of a network and the true ones. Raises RuntimeError for a label that is no class.

    >>> compared(torch.zeros(1, 2, 1, 2), torch.tensor([[[1, 255]]]), ignore=255).truth.tolist()
    [[[[0.0, 0.0]], [[1.0, 0.0]]]]
    """
    counted = (label != ignore)[:, None]
    probability = logits.float().softmax(1) * counted
    index = label[:, None].where(counted, 0)
    return Compared(probability, torch.zeros_like(probability).scatter_(1, index, counted.float()))


def mean_of_present(
    costs: Float32[Tensor, " k"], present: Bool[Tensor, " k"], weights: Float[Tensor, " k"] | None
) -> Float32[Tensor, ""]:
    """The mean of the classes' costs, each by its weight, without the classes that are absent; 0 if all are.

    >>> mean_of_present(torch.tensor([0.5, 1.0, 9.0]), torch.tensor([True, True, False]), None).item()
    0.75
    """
    amounts = present.float() if weights is None else present * weights.float()
    return (costs * amounts).sum() / amounts.sum().clamp(min=1e-12)
