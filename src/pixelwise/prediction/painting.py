"""What a painter paints, at the size of the image it paints from; and back from its colours to classes."""

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional as F

from pixelwise.data.masks.lossy import decode_lossy
from pixelwise.labels import IGNORE

Picture = UInt8[np.ndarray, "h w 3"]


def to_picture(painted: Float[Tensor, "1 3 _ _"], shape: tuple[int, ...]) -> Picture:
    """What was painted, in [-1, 1], as an image of this height and width (bilinear)."""
    resized = F.interpolate(painted, size=shape[:2], mode="bilinear") if painted.shape[2:] != shape[:2] else painted
    values: Picture = (127.5 * (resized[0] + 1)).round().clamp(0, 255).byte().permute(1, 2, 0).cpu().numpy()
    return np.ascontiguousarray(values)


def classes_of_picture(
    picture: Picture, colors: Float[Tensor, "k 3"], nearest: UInt8[np.ndarray, "h w"]
) -> UInt8[np.ndarray, "h w"]:
    """The classes of a painted picture, told as those of a lossy mask; where that leaves doubt, the nearest colour's.

    picture: RGB. colors: of the classes, in [0, 255]. nearest: the class of the nearest colour, for every pixel.

    >>> import torch
    >>> picture, nearest = np.full((8, 8, 3), 250, np.uint8), np.ones((8, 8), np.uint8)
    >>> classes_of_picture(picture, torch.tensor([[0.0, 0, 0], [255, 255, 255]]), nearest)[0].tolist()
    [1, 1, 1, 1, 1, 1, 1, 1]
    """
    label = decode_lossy(picture, colors.byte().cpu().numpy())
    doubtful = label == IGNORE
    label[doubtful] = nearest[doubtful]
    return label
