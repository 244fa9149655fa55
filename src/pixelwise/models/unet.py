"""U-Net: a contracting path, an expanding path, and skip connections that carry the detail across.

Ronneberger, Fischer, Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI 2015.
"""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.errors import unknown
from pixelwise.models.layers import conv_relu, expect_sides, he_normal

PADDINGS = ("same", "valid")
UPSAMPLES = ("transpose", "transpose3", "nearest", "bilinear")


class UNet(nn.Module):
    """The network of 2015: 23 convolutional layers, if depth is 4 and the decoder has transposed convolutions.

    in_channels: of the image. classes: of the logits.
    width: filters of the first level (64 in the paper); every deeper level has twice as many.
    depth: how often the image is halved (4 in the paper).
    padding: "valid" as in the paper: every 3x3 convolution takes a pixel off each side, skips are cropped, 572x572
    gives 388x388. "same": the answer is as large as the image.
    upsample: how the decoder grows, "transpose" = 2x2 transposed convolution of stride 2 as in the paper, "transpose3"
    = 3x3 of stride 2, "nearest" or "bilinear" = upsampling, then a 3x3 convolution.
    batch_norm: after every 3x3 convolution (not in the paper; trains faster).
    dropout: probability at the end of the two deepest levels of the contracting path (the paper has it, without a
    number). Weights start He-normal, as in the paper.

    >>> UNet(in_channels=3, classes=11, width=8)(torch.zeros(2, 3, 64, 96)).shape
    torch.Size([2, 11, 64, 96])
    >>> UNet(in_channels=1, classes=2, width=2, padding="valid")(torch.zeros(1, 1, 572, 572)).shape
    torch.Size([1, 2, 388, 388])
    """

    def __init__(
        self,
        in_channels: int,
        classes: int,
        *,
        width: int = 64,
        depth: int = 4,
        padding: str = "same",
        upsample: str = "transpose",
        batch_norm: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if padding not in PADDINGS:
            raise unknown("padding", padding, PADDINGS)
        if upsample not in UPSAMPLES:
            raise unknown("upsample", upsample, UPSAMPLES)
        around = 1 if padding == "same" else 0
        widths = [width * 2**level for level in range(depth + 1)]
        self.stride = 2**depth
        self.margin = 0 if around else 6 * self.stride - 4
        self.remainder = 0 if around else 4
        down = [_block(before, after, batch_norm, around) for before, after in pairwise([in_channels, *widths])]
        self.down = nn.ModuleList(down)
        for block in down[-2:]:
            block.append(nn.Dropout(dropout))
        self.grow = nn.ModuleList(_grow(2 * filters, filters, upsample) for filters in widths[:-1])
        self.up = nn.ModuleList(_block(2 * filters, filters, batch_norm, around) for filters in widths[:-1])
        self.classify: nn.Module = nn.Conv2d(width, classes, kernel_size=1)
        he_normal(self)

    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k H W"]:
        """(n, in_channels, h, w) -> logits (n, classes, h - 2 margin, w - 2 margin); margin is 0 with same padding.

        Those are multiples of ``stride`` with same padding, 4 more with valid.
        """
        expect_sides(image, self.stride, 2 * self.margin + self.remainder)
        skips: list[Tensor] = []
        *down, bottom = self.down
        deep = image
        for block in down:
            skips.append(block(deep))  # (n, width 2^i, h / 2^i, w / 2^i)
            deep = F.max_pool2d(skips[-1], 2)
        deep = bottom(deep)  # (n, width 2^depth, h / 2^depth, w / 2^depth)
        for grow, block, skip in zip(reversed(self.grow), reversed(self.up), reversed(skips), strict=True):
            deep = grow(deep)[..., : 2 * deep.shape[-2], : 2 * deep.shape[-1]]
            deep = block(torch.cat([crop(skip, deep), deep], dim=1))
        logits: Tensor = self.classify(deep)  # (n, classes, h, w)
        return logits


def crop(skip: Float[Tensor, "n c h w"], like: Float[Tensor, "n _ H W"]) -> Float[Tensor, "n c H W"]:
    """The middle of ``skip`` that is as high and wide as ``like``: the paper's "copy and crop".

    >>> crop(torch.arange(36.0).view(1, 1, 6, 6), torch.zeros(1, 8, 2, 2))
    tensor([[[[14., 15.],
              [20., 21.]]]])
    """
    top, left = ((skip.shape[axis] - like.shape[axis]) // 2 for axis in (-2, -1))
    return skip[..., top : top + like.shape[-2], left : left + like.shape[-1]]


def _block(before: int, after: int, batch_norm: bool, padding: int) -> nn.Sequential:
    convolutions = (conv_relu(filters, after, batch_norm, padding=padding) for filters in (before, after))
    return nn.Sequential(*(layer for convolution in convolutions for layer in convolution))


def _grow(before: int, after: int, upsample: str) -> nn.Module:
    """Twice as high and wide, with ``after`` channels (the paper's "up-convolution").

    A 3x3 transposed convolution gives a row and a column more, which `forward` cuts off as Keras does.
    """
    if upsample.startswith("transpose"):
        return nn.ConvTranspose2d(before, after, kernel_size=3 if upsample == "transpose3" else 2, stride=2)
    return nn.Sequential(nn.Upsample(scale_factor=2, mode=upsample), nn.Conv2d(before, after, 3, padding=1))
