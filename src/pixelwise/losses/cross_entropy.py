"""Losses that are summed pixel by pixel: cross-entropy, and two that look at the hard pixels.

Each is computed in float32. Cross-entropy is taken pixel by pixel and then summed: torch's own sum is not deterministic
on CUDA, and no faster on a processor.
"""

import math
from typing import Annotated

import torch
from jaxtyping import Float, Float32, Int64
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F


def pixel_weights(
    label: Int64[Tensor, "n h w"], *, ignore: int = 255, weights: Float[Tensor, " k"] | None = None
) -> Float32[Tensor, "n h w"]:
    """What each pixel weighs: 0 if it is ignored, else the weight of its class, 1 if classes have none.

    >>> pixel_weights(torch.tensor([[[0, 1, 255]]]), weights=torch.tensor([1.0, 3.0])).tolist()
    [[[1.0, 3.0, 0.0]]]
    """
    counted = label != ignore
    return counted.float() if weights is None else weights.float()[label.where(counted, 0)] * counted


def pixel_weight(
    label: Int64[Tensor, "n h w"], *, ignore: int = 255, weights: Float[Tensor, " k"] | None = None
) -> Float32[Tensor, ""]:
    """What all pixels weigh: by it parts of a batch are weighed, for `cross_entropy` divides by it.

    >>> pixel_weight(torch.tensor([[[0, 1, 255]]]), weights=torch.tensor([1.0, 3.0])).item()
    4.0
    """
    return pixel_weights(label, ignore=ignore, weights=weights).sum()


def pixel_cross_entropy(
    logits: Float[Tensor, "n k h w"],
    label: Int64[Tensor, "n h w"],
    *,
    ignore: int = 255,
    weights: Float[Tensor, " k"] | None = None,
    smoothing: Annotated[int | float, Field(ge=0, lt=1)] = 0.0,
) -> Float32[Tensor, "n h w"]:
    """The cross-entropy of each pixel times its class's weight, 0 where it is ignored; as in `cross_entropy`."""
    return F.cross_entropy(
        logits.float(),
        label,
        weight=None if weights is None else weights.float(),
        ignore_index=ignore,
        reduction="none",
        label_smoothing=smoothing,
    )


def cross_entropy(
    logits: Float[Tensor, "n k h w"],
    label: Int64[Tensor, "n h w"],
    *,
    ignore: int = 255,
    weights: Float[Tensor, " k"] | None = None,
    smoothing: Annotated[int | float, Field(ge=0, lt=1)] = 0.0,
) -> Float32[Tensor, ""]:
    """Sparse categorical cross-entropy, the mean over the pixels that are not ignored (0 if there are none).

    weights: of the classes, positive; the mean is then weighted by them. smoothing: share of the truth, in [0, 1), that
    is spread evenly over all classes; right logits then still cost something.
    Source: Long, Shelhamer, Darrell, "FCN", CVPR 2015 (per pixel); smoothing: Szegedy et al., "Rethinking the Inception
    Architecture", CVPR 2016, section 7, with the weights as torch has them.

    >>> cross_entropy(torch.zeros(1, 2, 1, 1), torch.tensor([[[1]]])).item()  # ln 2
    0.6931471824645996
    """
    costs = pixel_cross_entropy(logits, label, ignore=ignore, weights=weights, smoothing=smoothing)
    return costs.sum() / pixel_weight(label, ignore=ignore, weights=weights).clamp(min=1e-12)


def focal_loss(
    logits: Float[Tensor, "n k h w"],
    label: Int64[Tensor, "n h w"],
    *,
    ignore: int = 255,
    weights: Float[Tensor, " k"] | None = None,
    gamma: Annotated[int | float, Field(ge=0, lt=math.inf)] = 2.0,
) -> Float32[Tensor, ""]:
    """Cross-entropy in which a pixel counts less, the surer the network is of the truth: times (1 - p) ** gamma.

    The mean over the pixels that are not ignored, as that of `cross_entropy`, which it is with gamma = 0.
    weights: of the classes, the paper's alpha; of the mean too. gamma: at least 0.
    Source: Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, equation 5, with softmax.

    >>> focal_loss(torch.zeros(1, 2, 1, 1), torch.tensor([[[1]]])).item()  # ln 2 / 4
    0.1732867956161499
    """
    costs = pixel_cross_entropy(logits, label, ignore=ignore)
    amounts = pixel_weights(label, ignore=ignore, weights=weights)
    # 1 - p; the clamp keeps the slope of its power finite where p = 1 and gamma < 1.
    unsure = (-torch.expm1(-costs)).clamp(min=1e-12)
    return (amounts * unsure**gamma * costs).sum() / amounts.sum().clamp(min=1e-12)


def ohem_loss(
    logits: Float[Tensor, "n k h w"],
    label: Int64[Tensor, "n h w"],
    *,
    ignore: int = 255,
    weights: Float[Tensor, " k"] | None = None,
    share: Annotated[int | float, Field(gt=0, le=1)] = 0.25,
) -> Float32[Tensor, ""]:
    """Cross-entropy of the hardest pixels of the batch alone: online hard example mining.

    share: of the pixels that are not ignored, in (0, 1], rounded up; more where several cost the same.
    weights: of the classes, for the mean of those pixels; which ones are hard is decided without.
    Source: Shrivastava, Gupta, Girshick, "Training Region-based Object Detectors with Online Hard Example Mining", CVPR
    2016; of pixels: Wu, Shen, van den Hengel, "High-performance Semantic Segmentation Using Very Deep FCNs", 2016.

    >>> logits = torch.tensor([[[[9.0, 0.0]], [[0.0, 0.0]]]])  # sure of the first pixel, not of the second
    >>> ohem_loss(logits, torch.tensor([[[0, 0]]]), share=0.5).item()
    0.6931471824645996
    """
    costs = pixel_cross_entropy(logits, label, ignore=ignore)
    valid = costs.detach()[label != ignore]
    if not len(valid):
        return costs.sum()
    least = valid.topk(math.ceil(share * len(valid)), sorted=False).values.min()
    amounts = pixel_weights(label, ignore=ignore, weights=weights) * (costs.detach() >= least)
    return (amounts * costs).sum() / amounts.sum().clamp(min=1e-12)
