"""Losses of regions: 1 - the overlap of what is predicted and what is true, class by class.

Pixels are counted over the whole batch, by probabilities. Classes that no label of the batch shows are left out of the
mean, so rare classes weigh as much as large ones, and what is absent teaches nothing. Where nothing is left, it is 0.
"""

import math
from typing import Annotated

from jaxtyping import Float, Float32, Int64
from pydantic import Field
from torch import Tensor

from pixelwise.losses.truth import compared, mean_of_present

PIXELS = (0, 2, 3)  # the axes of (n, k, h, w) that are no class


def dice_loss(
    logits: Float[Tensor, "n k h w"],
    label: Int64[Tensor, "n h w"],
    *,
    ignore: int = 255,
    weights: Float[Tensor, " k"] | None = None,
) -> Float32[Tensor, ""]:
    """1 - the Dice coefficient of V-Net, with squares in the denominator; in [0, 1], 0 for right logits.

    weights: of the classes in the mean, positive.
    Source: Milletari, Navab, Ahmadi, "V-Net", 3DV 2016, section 3.

    >>> import torch
    >>> dice_loss(torch.zeros(1, 2, 1, 1), torch.tensor([[[1]]])).item()  # 1 - 2 * 0.5 / (0.25 + 1)
    0.19999998807907104
    """
    probability, truth = compared(logits, label, ignore=ignore)
    there = truth.sum(PIXELS)
    both, predicted = (probability * truth).sum(PIXELS), probability.square().sum(PIXELS)
    return mean_of_present(1 - 2 * both / (predicted + there).clamp(min=1e-12), there > 0, weights)


def generalised_dice_loss(
    logits: Float[Tensor, "n k h w"],
    label: Int64[Tensor, "n h w"],
    *,
    ignore: int = 255,
    weights: Float[Tensor, " k"] | None = None,
) -> Float32[Tensor, ""]:
    """1 - one Dice coefficient of all classes, each weighed by 1 / (its pixels)**2; in [0, 1], 0 for right logits.

    weights: of the classes, times that; positive.
    Source: Sudre et al., "Generalised Dice Overlap as a Deep Learning Loss Function", DLMIA 2017, section 2.

    >>> import torch
    >>> generalised_dice_loss(torch.zeros(1, 2, 1, 2), torch.tensor([[[0, 1]]])).item()
    0.5
    """
    probability, truth = compared(logits, label, ignore=ignore)
    there, predicted = truth.sum(PIXELS), probability.sum(PIXELS)
    both = (probability * truth).sum(PIXELS)
    amounts = (there > 0) / there.clamp(min=1).square()
    if weights is not None:
        amounts = amounts * weights.float()
    amounts = amounts / amounts.max().clamp(min=1e-30)  # the same quotient, far from the smallest floats
    # Written so that it is 0, not 1, where nothing is there.
    apart = (amounts * (there + predicted - 2 * both)).sum()
    return apart / (amounts * (there + predicted)).sum().clamp(min=1e-12)


def tversky_loss(
    logits: Float[Tensor, "n k h w"],
    label: Int64[Tensor, "n h w"],
    *,
    ignore: int = 255,
    weights: Float[Tensor, " k"] | None = None,
    alpha: Annotated[int | float, Field(ge=0, lt=math.inf)] = 0.3,
    beta: Annotated[int | float, Field(gt=0, lt=math.inf)] = 0.7,
) -> Float32[Tensor, ""]:
    """1 - Tversky's index: hits / (hits + alpha * false alarms + beta * misses); in [0, 1], 0 for right logits.

    alpha, beta: with beta > alpha more is found, with more false alarms; 0.5 and 0.5 are Dice, 1 and 1 IoU.
    weights: of the classes in the mean, positive.
    Source: Salehi, Erdogmus, Gholipour, "Tversky Loss Function for Image Segmentation", MLMI 2017, section 2.

    >>> import torch
    >>> tversky_loss(torch.zeros(1, 2, 1, 1), torch.tensor([[[1]]]), alpha=1, beta=1).item()
    0.5
    """
    probability, truth = compared(logits, label, ignore=ignore)
    there, hits = truth.sum(PIXELS), (probability * truth).sum(PIXELS)
    alarms, misses = (probability * (1 - truth)).sum(PIXELS), ((1 - probability) * truth).sum(PIXELS)
    index = hits / (hits + alpha * alarms + beta * misses).clamp(min=1e-12)
    return mean_of_present(1 - index, there > 0, weights)
