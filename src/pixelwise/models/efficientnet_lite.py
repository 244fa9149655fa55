"""EfficientNet-Lite without its classifier: encoders for processors and phones, with ImageNet weights on the hub.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019; the Lite networks are
those that its authors published in 2020 for phones: no squeeze-and-excitation, ReLU6 where there was swish, and a stem
and a last stage that are not scaled. The block is that of Sandler et al., "MobileNetV2", CVPR 2018.
"""

import math
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.models.layers import CarefulConv2d, he_normal

STEM = 32  # filters of the first convolution
EPSILON = 1e-3  # of batch norm, as the weights were trained with


class Stage(NamedTuple):
    """A row of table 1: so many blocks of ``filters``, of which the first has the stride."""

    blocks: int
    kernel: int
    stride: int
    expand: int
    filters: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
LAST_OF_STRIDE = (0, 1, 2, 4, 6)  # the stages whose features are read
SCALES = ((1.0, 1.0), (1.0, 1.1), (1.1, 1.2), (1.2, 1.4), (1.4, 1.8))  # of width and depth, Lite0 to Lite4


class EfficientNetLite(nn.Module):
    """Table 1 of the paper at one of five scales, from the stem to the seventh stage.

    in_channels: of the image. scale: 0 to 4, of Lite0 to Lite4; 3.0 to 11.1 million weights. output_stride: 32, or 16,
    where the last two stages keep the size and are dilated instead. Weights start He-normal; `load_pretrained` brings
    those of ImageNet. As they want it, what halves the size pads more below and to the right than on the other sides.

    >>> import torch
    >>> [tuple(feature.shape) for feature in EfficientNetLite(3)(torch.zeros(2, 3, 64, 96))]
    [(2, 16, 32, 48), (2, 24, 16, 24), (2, 40, 8, 12), (2, 112, 4, 6), (2, 320, 2, 3)]
    """

    def __init__(self, in_channels: int, *, scale: int = 0, output_stride: int = 32) -> None:
        super().__init__()
        width, _ = SCALES[scale]
        self.stem = nn.Sequential(Same(in_channels, STEM, 3, stride=2), norm(STEM), nn.ReLU6(inplace=True))
        self.stages, before, reached, dilation, strides = nn.ModuleList(), STEM, 2, 1, []
        for number, stage in enumerate(STAGES):
            after = scaled(stage.filters, width)
            stride = stage.stride if reached * stage.stride <= output_stride else 1
            first = Block(before, after, stage, stride=stride, dilation=dilation)
            reached, dilation = reached * stride, dilation * stage.stride // stride
            rest = (Block(after, after, stage, dilation=dilation) for _ in range(blocks_of(number, scale) - 1))
            self.stages.append(nn.Sequential(first, *rest))
            strides.append(reached)
            before = after
        self.channels = tuple(scaled(STAGES[place].filters, width) for place in LAST_OF_STRIDE)
        self.strides = tuple(strides[place] for place in LAST_OF_STRIDE)
        he_normal(self)

    def forward(self, image: Float[Tensor, "n c h w"]) -> list[Tensor]:
        """(n, in_channels, h, w), h and w multiples of the largest stride -> five features, finest first."""
        features, seen = [], self.stem(image)  # (n, 32, h/2, w/2)
        for place, stage in enumerate(self.stages):
            seen = stage(seen)
            if place in LAST_OF_STRIDE:
                features.append(seen)
        return features


class Block(nn.Module):
    """The inverted residual: a 1x1 convolution widens, one filter per channel looks around, a 1x1 narrows again."""

    def __init__(self, before: int, after: int, stage: Stage, *, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        wide = before * stage.expand
        self.expand = nn.Sequential()
        if stage.expand > 1:
            self.expand = nn.Sequential(nn.Conv2d(before, wide, 1, bias=False), norm(wide), nn.ReLU6(inplace=True))
        around = Same(wide, wide, stage.kernel, stride=stride, dilation=dilation, groups=wide)
        self.depthwise = nn.Sequential(around, norm(wide), nn.ReLU6(inplace=True))
        self.project = nn.Sequential(nn.Conv2d(wide, after, 1, bias=False), norm(after))
        self.residual = stride == 1 and before == after

    def forward(self, seen: Float[Tensor, "n before h w"]) -> Float[Tensor, "n after H W"]:
        answer: Tensor = self.project(self.depthwise(self.expand(seen)))
        return seen + answer if self.residual else answer


class Same(CarefulConv2d):
    """A convolution without bias that keeps the size, or halves an even one as TensorFlow does ("SAME").

    Then one pixel less is added above and to the left than below and to the right.

    >>> import torch
    >>> Same(3, 8, 5, stride=2)(torch.zeros(1, 3, 8, 6)).shape
    torch.Size([1, 8, 4, 3])
    """

    def __init__(
        self, before: int, after: int, kernel: int, *, stride: int = 1, dilation: int = 1, groups: int = 1
    ) -> None:
        reach = dilation * (kernel // 2)
        self.more = (reach - 1, reach, reach - 1, reach) if stride > 1 else None
        super().__init__(before, after, kernel, stride, 0 if self.more else reach, dilation, groups, bias=False)

    def forward(self, seen: Float[Tensor, "n before h w"]) -> Float[Tensor, "n after H W"]:
        return super().forward(F.pad(seen, self.more) if self.more else seen)


def norm(filters: int) -> nn.BatchNorm2d:
    """Batch norm as the weights were trained with it."""
    return nn.BatchNorm2d(filters, eps=EPSILON)


def blocks_of(stage: int, scale: int) -> int:
    """How many blocks one of STAGES has; the first and the last are not scaled.

    >>> [blocks_of(stage, 2) for stage in range(7)]
    [1, 3, 3, 4, 4, 5, 1]
    """
    blocks = STAGES[stage].blocks
    return blocks if stage in (0, len(STAGES) - 1) else math.ceil(SCALES[scale][1] * blocks)


def scaled(filters: int, width: float) -> int:
    """So many times as many filters, in multiples of 8 and at most 10 % fewer.

    >>> [scaled(filters, 1.1) for filters in (16, 24, 40, 320)]
    [16, 24, 48, 352]
    """
    rounded = max(8, int(filters * width + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * filters * width else rounded
