"""What is cut out of an image, and what is pasted into it from another."""

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from pixelwise.training.resampling import OUTSIDE

CUT = (0.1, 0.5)  # sides of the rectangle, as shares of the crop's, evenly

Box = tuple[slice, slice]


def draw_box(random: np.random.Generator, height: int, width: int) -> Box:
    """The rows and columns of a rectangle whose middle lies anywhere; what would lie beyond the crop is cut off."""
    sides = np.array([height, width]) * random.uniform(*CUT, 2)
    middle = random.uniform(0, [height, width])
    first, last = np.rint(middle - sides / 2).astype(int).clip(0), np.rint(middle + sides / 2).astype(int)
    return slice(int(first[0]), int(last[0])), slice(int(first[1]), int(last[1]))


def cut_out(image: Float[Tensor, "c h w"], label: Int64[Tensor, "h w"], box: Box, *, ignore: int) -> None:
    """Makes a rectangle middle grey and ignored, in place (DeVries and Taylor 2017, "Cutout").

    >>> image, label = torch.zeros(1, 2, 3), torch.zeros(2, 3, dtype=torch.int64)
    >>> cut_out(image, label, (slice(0, 1), slice(1, 3)), ignore=255)
    >>> label.tolist()
    [[0, 255, 255], [0, 0, 0]]
    """
    image[:, *box] = OUTSIDE
    label[box] = ignore


def draw_classes(random: np.random.Generator, label: Int64[Tensor, "h w"], *, ignore: int) -> list[int]:
    """Half of the classes that a label shows, rounded down: none where it shows but one."""
    shown = [found for found in torch.unique(label).tolist() if found != ignore]
    return sorted(random.permutation(shown)[: len(shown) // 2].tolist())


def paste(
    image: Float[Tensor, "c h w"],
    label: Int64[Tensor, "h w"],
    other_image: Float[Tensor, "c h w"],
    other_label: Int64[Tensor, "h w"],
    classes: list[int],
) -> None:
    """Pastes the pixels of these classes of another image of the same size, in place (Olsson et al. 2021, "ClassMix").

    The paper mixes images without labels by what a network takes them for; here the labels are known.

    >>> image, label = torch.zeros(1, 1, 3), torch.tensor([[5, 5, 5]])
    >>> paste(image, label, torch.ones(1, 1, 3), torch.tensor([[0, 1, 2]]), [0, 2])
    >>> image.tolist(), label.tolist()
    ([[[1.0, 0.0, 1.0]]], [[0, 5, 2]])
    """
    pasted = torch.isin(other_label, other_label.new_tensor(classes))
    image[:] = torch.where(pasted, other_image, image)
    label[:] = torch.where(pasted, other_label, label)
