"""SegNet: an encoder whose max-pooling indices tell the decoder where every value came from.

Badrinarayanan, Kendall, Cipolla, "SegNet: A Deep Convolutional Encoder-Decoder Architecture for Image
Segmentation", PAMI 2017; the large encoder is that of Simonyan and Zisserman, "VGG", ICLR 2015.
"""

from itertools import chain, pairwise

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.models.layers import conv_relu, expect_sides, he_normal

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
        expect_sides(image, self.stride)
        logits: Tensor = self.classify(there_and_back(image, self.down, self.up))
        return logits


class SegNetBasic(nn.Module):
    """The small variant: 4 convolutions of 7x7 down and 4 up, so that a deep pixel sees 106x106 of the image.

    Batch norm after each and no biases; ReLU on the way down only. The Caffe model's local response normalisation of
    the image is left out. in_channels: of the image. classes: of the logits. width: filters everywhere (64 in the
    paper). Weights start He-normal.

    >>> import torch
    >>> SegNetBasic(in_channels=3, classes=11, width=8)(torch.zeros(2, 3, 64, 96)).shape
    torch.Size([2, 11, 64, 96])
    """

    stride = 16

    def __init__(self, in_channels: int, classes: int, *, width: int = 64) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            nn.Sequential(*_wide_convolution(before, width), nn.ReLU(inplace=True))
            for before in (in_channels, *[width] * 3)
        )
        self.up = nn.ModuleList(nn.Sequential(*_wide_convolution(width, width)) for _ in range(4))
        self.classify = nn.Conv2d(width, classes, kernel_size=1)
        he_normal(self)

    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k h w"]:
        """(n, in_channels, h, w), h and w multiples of 16 -> logits (n, classes, h, w)."""
        expect_sides(image, self.stride)
        logits: Tensor = self.classify(there_and_back(image, self.down, self.up))
        return logits


def there_and_back(image: Tensor, down: nn.ModuleList, up: nn.ModuleList) -> Tensor:
    """Each stage down ends in 2x2 max pooling; each stage up begins by putting values back where they came from."""
    indices: list[Tensor] = []
    deep = image
    for convolutions in down:
        deep, where = F.max_pool2d(convolutions(deep), 2, return_indices=True)  # (n, c, h / 2^i, w / 2^i)
        indices.append(where)
    for convolutions, where in zip(reversed(up), reversed(indices), strict=True):
        deep = convolutions(F.max_unpool2d(deep, where, (2, 2)))
    return deep


def _convolutions(filters: list[int]) -> nn.Sequential:
    layers = (conv_relu(before, after, bias=True) for before, after in pairwise(filters))
    return nn.Sequential(*chain.from_iterable(layers))


def _wide_convolution(before: int, after: int) -> list[nn.Module]:
    return [nn.Conv2d(before, after, 7, padding=3, bias=False), nn.BatchNorm2d(after)]
