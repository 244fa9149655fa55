"""Street: this project's fast network, the default. Dense 3x3 convolutions where a processor is fastest at them.

Much of a network's time on a processor goes into reading and writing large, thin layers. So the image is brought to a
quarter of its size at once, most convolutions run at 1/8 and 1/16 with many filters, and the field of view comes from
dilation, as in RegSeg (Gao, "Rethinking Dilated Convolution for Real-time Semantic Segmentation", CVPRW 2023). Residual
blocks are those of He et al. 2016; the decoder that adds the finer features is that of LinkNet (Chaurasia and
Culurciello 2017); deep supervision as in Lee et al. 2015 and PSPNet (Zhao et al. 2017).
"""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.models.layers import CarefulConv2d, conv_relu, expect_sides, he_normal

DILATIONS = (1, 2, 4, 8)  # of the blocks at 1/16


class Street(nn.Module):
    """Down to 1/16 in residual blocks, then up to 1/4 over the features of 1/8 and 1/4.

    in_channels: of the image. classes: of the logits, which have a quarter of the image's height and width.
    width: filters at half the image's size; 2, 4 and 6 times as many at 1/4, 1/8 and 1/16. While it is trained, logits
    of the features at 1/16 and 1/8 are answers too. Weights start He-normal.

    >>> import torch
    >>> Street(in_channels=3, classes=11, width=8).eval()(torch.zeros(2, 3, 64, 96)).shape
    torch.Size([2, 11, 16, 24])
    """

    stride = 16

    def __init__(self, in_channels: int, classes: int, *, width: int = 32) -> None:
        super().__init__()
        fine, middle, deep = 2 * width, 4 * width, 6 * width
        self.stem = nn.Sequential(*conv_relu(in_channels, width, stride=2), *conv_relu(width, fine, stride=2))
        self.fine = Residual(fine, fine)
        self.middle = nn.Sequential(Residual(fine, middle, stride=2), Residual(middle, middle))
        self.deep = nn.Sequential(
            Residual(middle, deep, stride=2), *(Residual(deep, deep, dilation=dilation) for dilation in DILATIONS)
        )
        self.to_middle = Join(deep, middle)
        self.to_fine = Join(middle, fine)
        self.classify = nn.Conv2d(fine, classes, kernel_size=1)
        self.auxiliary = nn.ModuleList(nn.Conv2d(filters, classes, kernel_size=1) for filters in (deep, middle))
        he_normal(self)

    def forward(self, image: Float[Tensor, "n c h w"]) -> Tensor | tuple[Tensor, ...]:
        """(n, in_channels, h, w), h and w multiples of 16 -> logits (n, classes, h / 4, w / 4).

        In training: those, then logits at 1/16 and at 1/8.
        """
        expect_sides(image, self.stride)
        fine = self.fine(self.stem(image))  # (n, 2 width, h/4, w/4)
        middle = self.middle(fine)  # (n, 4 width, h/8, w/8)
        deep = self.deep(middle)  # (n, 6 width, h/16, w/16)
        middle = self.to_middle(deep, middle)
        fine = self.to_fine(middle, fine)
        logits: Tensor = self.classify(fine)
        if not self.training:
            return logits
        return logits, *(head(seen) for head, seen in zip(self.auxiliary, (deep, middle), strict=True))


class Residual(nn.Module):
    """Two 3x3 convolutions with batch norm, added to their input (He et al. 2016, figure 2)."""

    def __init__(self, before: int, after: int, *, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            *conv_relu(before, after, stride=stride),
            CarefulConv2d(after, after, 3, padding=dilation, dilation=dilation, bias=False),
            nn.BatchNorm2d(after),
        )
        same = stride == 1 and before == after
        self.shortcut = nn.Identity() if same else project(before, after, stride)

    def forward(self, seen: Float[Tensor, "n before h w"]) -> Float[Tensor, "n after H W"]:
        return F.relu(self.shortcut(seen) + self.convolutions(seen), inplace=True)


class Join(nn.Module):
    """The deeper features, reduced and grown to twice their size, added to the finer ones; one 3x3 convolution."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.reduce = project(before, after)
        self.smooth = nn.Sequential(*conv_relu(after, after))

    def forward(self, deep: Float[Tensor, "n before h w"], fine: Float[Tensor, "n after H W"]) -> Tensor:
        grown = F.interpolate(self.reduce(deep), scale_factor=2, mode="bilinear")
        joined: Tensor = self.smooth(grown + fine)
        return joined


def project(before: int, after: int, stride: int = 1) -> nn.Sequential:
    """A 1x1 convolution; where it halves the size, of the means of 2x2 (He et al. 2019, ResNet-D)."""
    halve = [nn.AvgPool2d(stride)] if stride > 1 else []
    return nn.Sequential(*halve, nn.Conv2d(before, after, 1, bias=False), nn.BatchNorm2d(after))
