"""SegNet: a VGG16 encoder whose max-pooling indices tell the decoder where every value came from.

Badrinarayanan, Kendall, Cipolla, "SegNet: A Deep Convolutional Encoder-Decoder Architecture for Image
Segmentation", PAMI 2017; the encoder is that of Simonyan and Zisserman, "VGG", ICLR 2015.
"""

from itertools import chain, pairwise

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.models.layers import conv_relu, he_normal

# Convolutions per stage, and filters as multiples of `width`: the 13 convolutions of VGG16.
STAGES = ((2, 1), (2, 2), (3, 4), (3, 8), (3, 8))


class SegNet(nn.Module):
    """13 convolutions down, 13 up, batch norm and ReLU after each; pooling indices and no skips.

    in_channels: of the image. classes: of the logits. width: filters of the first stage (64 in the
    paper). Weights start He-normal, as in the paper.

    >>> import torch
    >>> SegNet(in_channels=3, classes=11, width=8)(torch.zeros(2, 3, 64, 96)).shape
    torch.Size([2, 11, 64, 96])
    """

    stride = 32

    def __init__(self, in_channels: int, classes: int, *, width: int = 64) -> None:
        super().__init__()
        filters = [in_channels, *(width * factor for _, factor in STAGES)]
        down = [
            [before] + [after] * count for (count, _), (before, after) in zip(STAGES, pairwise(filters), strict=True)
        ]
        up = [[width, width], *([*stage[1:], stage[0]] for stage in down[1:])]  # the classifier ends the first
        self.down = nn.ModuleList(_convolutions(stage) for stage in down)
        self.up = nn.ModuleList(_convolutions(stage) for stage in up)
        self.classify = nn.Conv2d(width, classes, 3, padding=1)
        he_normal(self)

    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k h w"]:
        """(n, in_channels, h, w), h and w multiples of 32 -> logits (n, classes, h, w)."""
        indices: list[Tensor] = []
        deep = image
        for convolutions in self.down:
            deep, where = F.max_pool2d(convolutions(deep), 2, return_indices=True)
            indices.append(where)
        for convolutions, where in zip(reversed(self.up), reversed(indices), strict=True):
            deep = convolutions(F.max_unpool2d(deep, where, (2, 2)))
        logits: Tensor = self.classify(deep)
        return logits


def _convolutions(filters: list[int]) -> nn.Sequential:
    layers = (conv_relu(before, after, bias=True) for before, after in pairwise(filters))
    return nn.Sequential(*chain.from_iterable(layers))
