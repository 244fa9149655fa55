"""What is minimised: pure functions of logits and labels."""

from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F


def cross_entropy(
    logits: Float[Tensor, "n k h w"],
    label: Int64[Tensor, "n h w"],
    *,
    ignore: int = 255,
    weights: Float[Tensor, " k"] | None = None,
) -> Float[Tensor, ""]:
    """Sparse categorical cross-entropy, the mean over the pixels that are not ignored (0 if there are none).

    weights: of the classes, positive; the mean is then weighted by them.
    Source: Long, Shelhamer, Darrell, "FCN", CVPR 2015 (per pixel); in float32 whatever the logits are.

    >>> import torch
    >>> cross_entropy(torch.zeros(1, 2, 1, 1), torch.tensor([[[1]]])).item()  # ln 2
    0.6931471824645996
    """
    total = F.cross_entropy(logits.float(), label, weight=weights, ignore_index=ignore, reduction="sum")
    counted = label != ignore
    weight = counted.sum() if weights is None else weights[label[counted]].sum()
    return total / weight.clamp(min=1e-12)
