"""The Lovasz-softmax loss: a surface stretched over IoU that can be descended.

Berman, Triki, Blaschko, "The Lovasz-Softmax Loss: A Tractable Surrogate for the Optimization of the
Intersection-over-Union Measure in Neural Networks", CVPR 2018.
"""

import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor

from pixelwise.losses.truth import compared, mean_of_present


def lovasz_softmax(
    logits: Float[Tensor, "n k h w"],
    label: Int64[Tensor, "n h w"],
    *,
    ignore: int = 255,
    weights: Float[Tensor, " k"] | None = None,
) -> Float32[Tensor, ""]:
    """1 - IoU, the mean over the classes that the batch's labels show, continued to probabilities; in [0, 1].

    The pixels of the whole batch are counted together. Where the network is sure of every pixel it is 1 - IoU exactly.
    weights: of the classes in the mean, positive. Source: Berman et al. 2018, sections 2 and 3, algorithm 1.

    >>> logits = 99 * torch.tensor([[[[1.0, 1.0, 0.0]], [[0.0, 0.0, 1.0]]]])  # predicts 0, 0, 1
    >>> lovasz_softmax(logits, torch.tensor([[[0, 1, 1]]])).item()  # IoU 1/2 and 1/2
    0.5
    """
    probability, truth = compared(logits, label, ignore=ignore)
    # An ignored pixel has an error of 0: it comes last and adds nothing.
    errors = (truth - probability).abs().movedim(1, 0).flatten(1)
    costs = (errors * _slopes(errors.detach(), truth.movedim(1, 0).flatten(1))).sum(1)
    return mean_of_present(costs, truth.sum((0, 2, 3)) > 0, weights)


def _slopes(errors: Float32[Tensor, "k p"], truth: Float32[Tensor, "k p"]) -> Float32[Tensor, "k p"]:
    """What each pixel's error adds to 1 - IoU of a class after all larger errors.

    It is a difference of two quotients that float32 could not tell apart, so it is written without a difference: a
    missed pixel takes 1 from the intersection, a false alarm adds 1 to the union.
    """
    # No error is negative, so their bits, read as whole numbers, have their order, and sort ten times as fast.
    order = torch.stack([falling.argsort(stable=True) for falling in ~errors.view(torch.int32)])
    true = truth.gather(1, order).bool()
    misses, alarms = true.cumsum(1), (~true).cumsum(1)  # whole numbers, so the sums are the same on any device
    pixels = misses[:, -1:]
    left, union = (pixels - misses).float(), (pixels + alarms).float()
    slopes = torch.where(true, 1 / union, left / (union * (union - 1).clamp(min=1)))
    return torch.zeros_like(errors).scatter_(1, order, slopes)
