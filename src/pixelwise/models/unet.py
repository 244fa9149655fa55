"""U-Net: a contracting path, an expanding path, and skip connections that carry the detail across.

Ronneberger, Fischer, Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI 2015.
"""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.errors import unknown
from pixelwise.models.layers import conv_relu, he_normal

UPSAMPLES = ("transpose", "nearest", "bilinear")


class UNet(nn.Module):
    """The 2015 network with same padding, so that the answer is as large as the image.

    in_channels: of the image. classes: of the logits. width: filters of the first level (64 in the
    paper); every deeper level has twice as many. depth: how often the image is halved (4 in the paper).
    upsample: how the decoder grows, "transpose" = 2x2 transposed convolution of stride 2 as in the
    paper, "nearest" or "bilinear" = upsampling, then a convolution. batch_norm: after every convolution
    (not in the paper of 2015; trains faster). Weights start He-normal, as in the paper.

    >>> UNet(in_channels=3, classes=11, width=8)(torch.zeros(2, 3, 64, 96)).shape
    torch.Size([2, 11, 64, 96])
    """

    def __init__(
        self,
        in_channels: int,
        classes: int,
        *,
        width: int = 64,
        depth: int = 4,
        upsample: str = "transpose",
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        if upsample not in UPSAMPLES:
            raise unknown("upsample", upsample, UPSAMPLES)
        widths = [width * 2**level for level in range(depth + 1)]
        self.stride = 2**depth
        self.down = nn.ModuleList(
            _two_convolutions(before, after, batch_norm) for before, after in pairwise([in_channels, *widths])
        )
        self.grow = nn.ModuleList(_grow(2 * filters, filters, upsample) for filters in widths[:-1])
        self.up = nn.ModuleList(_two_convolutions(2 * filters, filters, batch_norm) for filters in widths[:-1])
        self.classify = nn.Conv2d(width, classes, kernel_size=1)
        he_normal(self)

    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k h w"]:
        """(n, in_channels, h, w), h and w multiples of ``stride`` -> logits (n, classes, h, w)."""
        skips: list[Tensor] = []
        *down, bottom = self.down
        deep = image
        for block in down:
            skips.append(block(deep))  # (n, width 2^i, h / 2^i, w / 2^i)
            deep = F.max_pool2d(skips[-1], 2)
        deep = bottom(deep)  # (n, width 2^depth, h / 2^depth, w / 2^depth)
        for grow, block, skip in zip(reversed(self.grow), reversed(self.up), reversed(skips), strict=True):
            deep = block(torch.cat([skip, grow(deep)], dim=1))
        logits: Tensor = self.classify(deep)  # (n, classes, h, w)
        return logits


def _two_convolutions(before: int, after: int, batch_norm: bool) -> nn.Sequential:
    return nn.Sequential(*conv_relu(before, after, batch_norm), *conv_relu(after, after, batch_norm))


def _grow(before: int, after: int, upsample: str) -> nn.Module:
    """Twice as high and wide, with ``after`` channels (the paper's "up-convolution")."""
    if upsample == "transpose":
        return nn.ConvTranspose2d(before, after, kernel_size=2, stride=2)
    return nn.Sequential(nn.Upsample(scale_factor=2, mode=upsample), nn.Conv2d(before, after, 3, padding=1))
