"""U-Net's expanding path over any encoder, so that it can start from pretrained weights.

Ronneberger, Fischer, Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI 2015; a pretrained
encoder under it: Iglovikov and Shvets, "TernausNet", arXiv:1801.05746, 2018.
"""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.models.encoders import build_encoder
from pixelwise.models.layers import conv_relu, expect_sides, he_normal


class EncoderUNet(nn.Module):
    """The features of an encoder, joined from the coarsest to the finest; logits as large as the finest.

    in_channels: of the image. classes: of the logits. encoder: "squeezenet", "efficientnet_lite0" to 4, "timm:NAME".
    width: filters beside the finest feature; beside every coarser one twice as many, but not more than 8 width.
    The decoder's weights start He-normal, batch norm after each of its 3x3 convolutions.

    >>> EncoderUNet(in_channels=3, classes=11, width=8)(torch.zeros(2, 3, 64, 96)).shape
    torch.Size([2, 11, 32, 48])
    """

    def __init__(self, in_channels: int, classes: int, *, encoder: str = "squeezenet", width: int = 32) -> None:
        super().__init__()
        self.encoder = build_encoder(encoder, in_channels)
        self.stride = max(self.encoder.strides)
        *skips, deepest = self.encoder.channels
        widths = [min(2**level, 8) * width for level in range(len(skips))]
        self.up = nn.ModuleList(
            nn.Sequential(*conv_relu(skip + before, after), *conv_relu(after, after))
            for skip, (after, before) in zip(skips, pairwise([*widths, deepest]), strict=True)
        )
        self.classify = nn.Conv2d(widths[0], classes, kernel_size=1)
        he_normal(self.up)
        he_normal(self.classify)

    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k H W"]:
        """(n, in_channels, h, w), h and w multiples of ``stride`` -> logits (n, classes, h/s, w/s), s the finest's."""
        expect_sides(image, self.stride)
        *skips, deep = self.encoder(image)  # (n, channels[i], h / strides[i], w / strides[i])
        for block, skip in zip(reversed(self.up), reversed(skips), strict=True):
            deep = F.interpolate(deep, size=skip.shape[-2:], mode="nearest")
            deep = block(torch.cat([skip, deep], dim=1))  # (n, width 2^i, h / strides[i], w / strides[i])
        logits: Tensor = self.classify(deep)  # (n, classes, h / strides[0], w / strides[0])
        return logits
