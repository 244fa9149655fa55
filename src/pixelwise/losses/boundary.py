"""Losses that know how far a boundary is; the distances are computed on the processor, by OpenCV."""

import math
from collections.abc import Iterator
from typing import Annotated

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int64
from pydantic import Field
from torch import Tensor

from pixelwise.losses.cross_entropy import pixel_cross_entropy, pixel_weights
from pixelwise.losses.truth import compared

NEGLIGIBLE = 6  # standard deviations after which a Gaussian is below float32's rounding


def _distance(to: Bool[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w"]:
    """How far the nearest of these pixels is, in pixels; exact."""
    return cv2.distanceTransform((~to).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def signed_distances(
    label: Int64[np.ndarray, "h w"], classes: int, *, ignore: int = 255
) -> Float32[np.ndarray, "k h w"]:
    """How far each class's boundary is, in pixels: negative inside the class, positive outside.

    A boundary runs halfway between two pixels. Ignored pixels have 0 and make no boundary; a class that is nowhere or
    everywhere has 0.

    >>> signed_distances(np.array([[0, 0, 1]]), 2)[0].tolist()
    [[-1.5, -0.5, 0.5]]
    """
    distances = np.zeros((classes, *label.shape), np.float32)
    counted = label != ignore
    for index in np.unique(label[counted]):
        inside, outside = label == index, counted & (label != index)
        if outside.any():
            distances[index][inside] = 0.5 - _distance(outside)[inside]
            distances[index][outside] = _distance(inside)[outside] - 0.5
    return distances


def boundary_loss(
    logits: Float[Tensor, "n k h w"],
    label: Int64[Tensor, "n h w"],
    *,
    ignore: int = 255,
    weights: Float[Tensor, " k"] | None = None,
) -> Float32[Tensor, ""]:
    """How far from the true boundary the wrong pixels are, in pixels: the mean over pixels and classes.

    The truth's own part, a constant that the paper leaves out, is taken off, so that right logits cost 0. It says
    nothing about classes that an image lacks: use it beside another loss, at about 0.01.
    weights: of the classes in the mean, positive.
    Source: Kervadec et al., "Boundary loss for highly unbalanced segmentation", MIDL 2019, section 2.

    >>> boundary_loss(torch.zeros(1, 2, 1, 2), torch.tensor([[[0, 1]]])).item()  # four times 0.5 * 0.5
    0.25
    """
    classes = logits.shape[1]
    probability, truth = compared(logits, label, ignore=ignore)
    maps = np.stack([signed_distances(one, classes, ignore=ignore) for one in label.cpu().numpy()])
    far = torch.from_numpy(maps).to(logits.device)
    costs = ((probability - truth) * far).sum((0, 2, 3))
    amounts = torch.ones_like(costs) if weights is None else weights.float()
    return (costs * amounts).sum() / ((label != ignore).sum() * amounts.sum()).clamp(min=1e-12)


def _instances(
    label: Int64[np.ndarray, "h w"], *, ignore: int, background: int
) -> Iterator[tuple[Bool[np.ndarray, "h w"], tuple[int, int, int, int]]]:
    """Every connected piece of a class, corners connect too; and its left, top, width and height."""
    for index in np.unique(label):
        if index not in (ignore, background):
            count, pieces, boxes, _ = cv2.connectedComponentsWithStats((label == index).astype(np.uint8))
            for piece in range(1, count):
                left, top, width, height, _ = (int(side) for side in boxes[piece])
                yield pieces == piece, (left, top, width, height)


def border_weights(
    label: Int64[np.ndarray, "h w"],
    *,
    ignore: int = 255,
    background: int = 0,
    w0: int | float = 10.0,
    sigma: int | float = 5.0,
) -> Float32[np.ndarray, "h w"]:
    """How much more pixels between two instances weigh: w0 * exp(-(d1 + d2)**2 / (2 * sigma**2)).

    d1, d2: pixels to the nearest and to the second nearest instance, 0 inside it. An instance is a connected piece of
    any class but `background`. Source: Ronneberger, Fischer, Brox, "U-Net", MICCAI 2015, equation 2, second term.

    >>> print(border_weights(np.array([[1, 0, 1]])))  # distances 0 + 2, 1 + 1, 2 + 0: 10 * exp(-4 / 50)
    [[9.231164 9.231164 9.231164]]
    """
    reach = math.ceil(NEGLIGIBLE * sigma)
    nearest, second = np.full((2, *label.shape), np.inf, np.float32)
    for inside, (left, top, width, height) in _instances(label, ignore=ignore, background=background):
        near = np.s_[max(0, top - reach) : top + height + reach, max(0, left - reach) : left + width + reach]
        distance = _distance(inside[near])
        second[near] = np.minimum(second[near], np.maximum(nearest[near], distance))
        nearest[near] = np.minimum(nearest[near], distance)
    extra: Float32[np.ndarray, "h w"] = w0 * np.exp(-np.square(nearest + second) / (2 * sigma**2))
    return extra


def unet_loss(
    logits: Float[Tensor, "n k h w"],
    label: Int64[Tensor, "n h w"],
    *,
    ignore: int = 255,
    weights: Float[Tensor, " k"] | None = None,
    w0: Annotated[int | float, Field(ge=0, lt=math.inf)] = 10.0,
    sigma: Annotated[int | float, Field(gt=0, lt=math.inf)] = 5.0,
    background: Annotated[int, Field(ge=0)] = 0,
) -> Float32[Tensor, ""]:
    """Cross-entropy in which pixels between two instances weigh more, as in U-Net, to keep touching things apart.

    An instance is a connected piece of any class but `background`. A pixel weighs its class's weight, the paper's w_c,
    and what `border_weights` adds: up to w0, where sigma is in pixels. The sum is divided by that of w_c, as in
    `cross_entropy`, which it is with w0 = 0. weights: w_c, of the classes, positive; 1 if not given.
    Source: Ronneberger, Fischer, Brox, "U-Net", MICCAI 2015, equations 1 and 2.

    >>> unet_loss(torch.zeros(1, 2, 1, 1), torch.tensor([[[1]]])).item()  # one thing alone: as cross-entropy
    0.6931471824645996
    """
    borders = [
        border_weights(one, ignore=ignore, background=background, w0=w0, sigma=sigma) for one in label.cpu().numpy()
    ]
    amounts = pixel_weights(label, ignore=ignore, weights=weights)
    costs = pixel_cross_entropy(logits, label, ignore=ignore)  # 0 where it is ignored
    total = ((amounts + torch.from_numpy(np.stack(borders)).to(logits.device)) * costs).sum()
    return total / amounts.sum().clamp(min=1e-12)
