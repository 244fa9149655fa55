"""SqueezeNet 1.0 without its classifier: a small encoder for which real ImageNet weights are at hand.

Iandola, Han, Moskewicz, Ashraf, Dally, Keutzer, "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and
<0.5MB model size", arXiv:1602.07360, 2016.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.models.layers import he_normal


class SqueezeNet(nn.Module):
    """The paper's table 1 from conv1 to fire9: 735,424 weights and biases for RGB images.

    in_channels: of the image. Weights start He-normal; `load_pretrained` brings those of ImageNet. One thing is not as
    in the paper: conv1 is padded by 3, so that every feature is exactly as large as the image divided by its stride.

    >>> [tuple(feature.shape) for feature in SqueezeNet(3)(torch.zeros(1, 3, 64, 96))]
    [(1, 96, 32, 48), (1, 256, 16, 24), (1, 512, 8, 12), (1, 512, 4, 6)]
    """

    channels = (96, 256, 512, 512)
    strides = (2, 4, 8, 16)

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 96, kernel_size=7, stride=2, padding=3)
        self.fire2 = Fire(96, squeeze=16, expand=64)
        self.fire3 = Fire(128, squeeze=16, expand=64)
        self.fire4 = Fire(128, squeeze=32, expand=128)
        self.fire5 = Fire(256, squeeze=32, expand=128)
        self.fire6 = Fire(256, squeeze=48, expand=192)
        self.fire7 = Fire(384, squeeze=48, expand=192)
        self.fire8 = Fire(384, squeeze=64, expand=256)
        self.fire9 = Fire(512, squeeze=64, expand=256)
        he_normal(self)

    def forward(self, image: Float[Tensor, "n c h w"]) -> list[Tensor]:
        """(n, in_channels, h, w), h and w multiples of 16 -> four features, finest first."""
        conv1 = F.relu(self.conv1(image), inplace=True)  # (n, 96, h/2, w/2)
        fire4 = self.fire4(self.fire3(self.fire2(pool(conv1))))  # (n, 256, h/4, w/4)
        fire8 = self.fire8(self.fire7(self.fire6(self.fire5(pool(fire4)))))  # (n, 512, h/8, w/8)
        fire9 = self.fire9(pool(fire8))  # (n, 512, h/16, w/16)
        return [conv1, fire4, fire8, fire9]


class Fire(nn.Module):
    """The fire module: few 1x1 filters squeeze the channels, as many 1x1 as 3x3 filters expand them again.

    >>> Fire(96, squeeze=16, expand=64)(torch.zeros(1, 96, 5, 7)).shape
    torch.Size([1, 128, 5, 7])
    """

    def __init__(self, before: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze1x1 = nn.Conv2d(before, squeeze, kernel_size=1)
        self.expand1x1 = nn.Conv2d(squeeze, expand, kernel_size=1)
        self.expand3x3 = nn.Conv2d(squeeze, expand, kernel_size=3, padding=1)

    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k h w"]:
        """(n, before, h, w) -> (n, 2 expand, h, w)."""
        few = F.relu(self.squeeze1x1(image), inplace=True)  # (n, squeeze, h, w)
        return F.relu(torch.cat([self.expand1x1(few), self.expand3x3(few)], dim=1), inplace=True)


def pool(image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c H W"]:
    """Maxima of 3x3 pixels, two pixels apart; the last ones may reach over the edge, so that even sizes are halved.

    >>> pool(torch.zeros(1, 1, 8, 6)).shape
    torch.Size([1, 1, 4, 3])
    """
    return F.max_pool2d(image, kernel_size=3, stride=2, ceil_mode=True)
