"""DeepLabv3+: atrous convolutions look at several scales at once, a small decoder sharpens the edges.

Chen, Zhu, Papandreou, Schroff, Adam, "Encoder-Decoder with Atrous Separable Convolution for Semantic Image
Segmentation", ECCV 2018.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.errors import UserError
from pixelwise.models.encoders import build_encoder
from pixelwise.models.layers import CarefulConv2d, expect_sides, he_normal

OUTPUT_STRIDE = 16
LOW_LEVEL_STRIDE, LOW_LEVEL_WIDTH = 4, 48
LARGEST_RATE = 1024  # beyond any image; a damaged file may say anything


class DeepLabV3Plus(nn.Module):
    """Figure 2 of the paper over any encoder: output stride 16, logits a quarter as high and wide as the image.

    in_channels: of the image. classes: of the logits. encoder: "squeezenet", "efficientnet_lite0" to 4, "timm:NAME".
    width: filters of the pyramid and of the decoder (256 in the paper). rates: of the pyramid's atrous 3x3
    convolutions. separable: these and the decoder's 3x3 convolutions are depthwise separable (section 3.1).
    Fresh weights start He-normal. Not as in the paper: layer norm in the pyramid's image pooling.

    >>> DeepLabV3Plus(in_channels=3, classes=11, width=8)(torch.zeros(1, 3, 64, 96)).shape
    torch.Size([1, 11, 16, 24])
    """

    def __init__(
        self,
        in_channels: int,
        classes: int,
        *,
        encoder: str = "squeezenet",
        width: int = 256,
        rates: Sequence[int] = (6, 12, 18),
        separable: bool = False,
    ) -> None:
        super().__init__()
        if not all(isinstance(rate, int) and 1 <= rate <= LARGEST_RATE for rate in rates):
            raise UserError(f"rates are {rates!r}; give whole numbers from 1 to {LARGEST_RATE}")
        self.encoder = build_encoder(encoder, in_channels, output_stride=OUTPUT_STRIDE)
        self.stride = OUTPUT_STRIDE
        if LOW_LEVEL_STRIDE not in self.encoder.strides:
            raise UserError(
                f"{encoder} has no feature of stride {LOW_LEVEL_STRIDE}; choose another, timm:resnet34 for one"
            )
        self.low_level = self.encoder.strides.index(LOW_LEVEL_STRIDE)
        self.pyramid = ASPP(self.encoder.channels[-1], width, rates, separable=separable)
        self.reduce = _conv(self.encoder.channels[self.low_level], LOW_LEVEL_WIDTH, 1)
        self.decode = nn.Sequential(
            _conv(width + LOW_LEVEL_WIDTH, width, 3, separable=separable), _conv(width, width, 3, separable=separable)
        )
        self.classify = nn.Conv2d(width, classes, kernel_size=1)
        for part in (self.pyramid, self.reduce, self.decode, self.classify):
            he_normal(part)

    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k H W"]:
        """(n, in_channels, h, w), h and w multiples of 16 -> logits (n, classes, h/4, w/4)."""
        expect_sides(image, self.stride)
        features = self.encoder(image)
        deep = self.pyramid(features[-1])  # (n, width, h/16, w/16)
        low = self.reduce(features[self.low_level])  # (n, 48, h/4, w/4)
        deep = F.interpolate(deep, size=low.shape[-2:], mode="bilinear")  # (n, width, h/4, w/4)
        deep = self.decode(torch.cat([low, deep], dim=1))  # (n, width, h/4, w/4)
        logits: Tensor = self.classify(deep)  # (n, classes, h/4, w/4)
        return logits


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling: each pixel, its surroundings at several rates and the whole image, side by side.

    The whole image is one pixel, of which batch norm could not learn from a batch of one image; its branch has layer
    norm (group norm of one group) instead, with as many parameters.

    >>> ASPP(512, 256, rates=(6, 12, 18))(torch.zeros(1, 512, 4, 6)).shape
    torch.Size([1, 256, 4, 6])
    """

    def __init__(self, before: int, width: int, rates: Sequence[int], *, separable: bool = False) -> None:
        super().__init__()
        self.point = _conv(before, width, 1)
        self.atrous = nn.ModuleList(_conv(before, width, 3, rate=rate, separable=separable) for rate in rates)
        self.image = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(before, width, 1, bias=False), nn.GroupNorm(1, width), nn.ReLU()
        )
        self.project = nn.Sequential(_conv((2 + len(rates)) * width, width, 1), nn.Dropout(0.5))

    def forward(self, deep: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k h w"]:
        """(n, before, h, w) -> (n, width, h, w)."""
        image = self.image(deep).expand(-1, -1, *deep.shape[-2:])  # (n, width, h, w), the same everywhere
        branches = [self.point(deep), *(branch(deep) for branch in self.atrous), image]
        joined: Tensor = self.project(torch.cat(branches, dim=1))  # (n, width, h, w)
        return joined


def _conv(before: int, after: int, kernel: int, *, rate: int = 1, separable: bool = False) -> nn.Sequential:
    """A convolution that keeps the size, batch norm, ReLU; separable: one filter per channel, so too, before a 1x1."""
    if separable:
        return nn.Sequential(*_layers(before, before, kernel, rate, groups=before), *_layers(before, after, 1, 1))
    return nn.Sequential(*_layers(before, after, kernel, rate))


def _layers(before: int, after: int, kernel: int, rate: int, groups: int = 1) -> list[nn.Module]:
    padding = rate * (kernel // 2)
    convolution = CarefulConv2d(before, after, kernel, padding=padding, dilation=rate, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
