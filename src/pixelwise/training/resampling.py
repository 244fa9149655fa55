"""One resampling of images and labels and one of colours: by OpenCV on the processor, by torch elsewhere.

Both give the same pixels within rounding (tests/test_resampling.py); benchmarks/bench_data.py says how fast. What
OpenCV gives lies channels last, as the networks want it.
"""

import cv2
import numpy as np
import torch
from jaxtyping import Float, Int64, Shaped, UInt8
from torch import Tensor
from torch.nn import functional as F

OUTSIDE = 127.5  # middle grey, around every image
# Numbers of channels for which OpenCV does not round coordinates to 1/32 of a pixel; before version 5 it always does.
EXACT = (1, 3, 4) if int(cv2.__version__.split(".")[0]) >= 5 else ()


def resample(
    images: UInt8[Tensor, "n c h w"],
    labels: Shaped[Tensor, "n h w"],
    affines: Float[Tensor, "n 2 3"],
    *,
    extents: Float[Tensor, "n 2"],
    crop: tuple[int, int],
    ignore: int,
    shifts: Float[Tensor, "n 2 crop_h crop_w"] | None = None,
) -> tuple[Float[Tensor, "n c crop_h crop_w"], Int64[Tensor, "n crop_h crop_w"]]:
    """Bilinear for the images, nearest for the labels; what lies outside is middle grey and ignored.

    affines: from crop to image, in pixels from their centres. extents: width and height of each image, which lies in
    the upper left. shifts: by how much (x, y) each pixel of the crop is shifted before the affine map, in its pixels.
    """
    way = by_opencv if images.device.type == "cpu" and images.shape[1] in EXACT else by_grid_sample
    return way(images, labels, affines, extents=extents, crop=crop, ignore=ignore, shifts=shifts)


def by_opencv(
    images: UInt8[Tensor, "n c h w"],
    labels: Shaped[Tensor, "n h w"],
    affines: Float[Tensor, "n 2 3"],
    *,
    extents: Float[Tensor, "n 2"],
    crop: tuple[int, int],
    ignore: int,
    shifts: Float[Tensor, "n 2 crop_h crop_w"] | None = None,
) -> tuple[Float[Tensor, "n c crop_h crop_w"], Int64[Tensor, "n crop_h crop_w"]]:
    """As `resample`, image by image; of 1, 3 or 4 channels."""
    channels = images.shape[1]
    seen = np.empty((len(images), *crop, channels), np.float32)
    found = np.empty((len(images), *crop), np.uint8)
    stored, truth = images.permute(0, 2, 3, 1).numpy(), labels.numpy().astype(np.uint8, copy=False)
    corner = np.array([(1 - crop[1]) / 2, (1 - crop[0]) / 2])  # the first pixel of the crop, from its centre
    for index, affine in enumerate(affines.double().numpy()):
        width, height = (int(side) for side in extents[index])
        start = affine[:, :2] @ corner + affine[:, 2] + [(width - 1) / 2, (height - 1) / 2]
        turn = np.column_stack([affine[:, :2], start])
        where = turn if shifts is None else _shifted(turn, shifts[index].numpy())
        image = stored[index, :height, :width].astype(np.float32)
        _warp(image, where, seen[index], cv2.INTER_LINEAR, OUTSIDE)
        _warp(truth[index, :height, :width], where, found[index], cv2.INTER_NEAREST, ignore)
    return torch.from_numpy(seen).permute(0, 3, 1, 2), torch.from_numpy(found.astype(np.int64))


def _shifted(turn: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """(h, w, 2) the place that each pixel of a crop comes from; turn: from its pixels to those of the image."""
    down, across = np.indices(shift.shape[1:], np.float32)
    return np.asarray(cv2.transform(np.dstack([across + shift[0], down + shift[1]]), turn))


def _warp(pixels: np.ndarray, where: np.ndarray, out: np.ndarray, way: int, outside: float | int) -> None:
    """where: an affine map, (2, 3), or the place that each pixel comes from, (h, w, 2)."""
    border = (outside,) * 4
    if where.ndim == 2:
        shape = (out.shape[1], out.shape[0])
        cv2.warpAffine(pixels, where, shape, dst=out, flags=way | cv2.WARP_INVERSE_MAP, borderValue=border)
    else:
        across, down = cv2.split(where)
        cv2.remap(pixels, across, down, way, dst=out, borderMode=cv2.BORDER_CONSTANT, borderValue=border)


def by_grid_sample(
    images: UInt8[Tensor, "n c h w"],
    labels: Shaped[Tensor, "n h w"],
    affines: Float[Tensor, "n 2 3"],
    *,
    extents: Float[Tensor, "n 2"],
    crop: tuple[int, int],
    ignore: int,
    shifts: Float[Tensor, "n 2 crop_h crop_w"] | None = None,
) -> tuple[Float[Tensor, "n c crop_h crop_w"], Int64[Tensor, "n crop_h crop_w"]]:
    """As `resample`, all images at once, on any device."""
    n, channels, height, width = images.shape
    stored = torch.tensor([width, height], device=images.device)
    # affine_grid speaks of [-1, 1] over the crop and over the stored image; ours is in pixels from the centres.
    to_crop = affines.new_tensor([crop[1] / 2, crop[0] / 2, 1.0])
    theta = affines * to_crop
    theta = torch.cat([theta[..., :2], theta[..., 2:] + (extents / 2)[..., None]], dim=2)
    theta = theta * (2 / stored)[:, None]
    theta[..., 2] -= 1
    grid = F.affine_grid(theta, [n, channels, *crop], align_corners=False)
    if shifts is not None:
        grid = grid + torch.einsum("nij,njhw->nhwi", affines[..., :2] * (2 / stored)[:, None], shifts)
    seen = F.grid_sample(images.float() - OUTSIDE, grid, align_corners=False) + OUTSIDE
    # Labels are moved up by one so that the zeros outside can be told from class 0.
    moved = F.grid_sample(labels[:, None].float() + 1, grid, mode="nearest", align_corners=False)
    label = moved[:, 0].long() - 1
    label[label < 0] = ignore
    return seen, label


def recolor(images: Float[Tensor, "n 3 h w"], colors: Float[Tensor, "n 3 4"]) -> Float[Tensor, "n 3 h w"]:
    """Every RGB value times its image's matrix, its offset added, cut off at black and white."""
    if images.device.type != "cpu":
        changed = torch.baddbmm(colors[..., 3:], colors[..., :3], images.flatten(2))
        return changed.clamp_(0, 255).reshape(images.shape)
    pixels = np.ascontiguousarray(images.permute(0, 2, 3, 1).numpy())
    turned = np.empty_like(pixels)
    for index, color in enumerate(colors.numpy()):
        cv2.transform(pixels[index], color, dst=turned[index])
    return torch.from_numpy(np.clip(turned, 0, 255, out=turned)).permute(0, 3, 1, 2)
