"""Street's decoder over any encoder, so that it can start from pretrained weights: D-LinkNet in all but detail.

Zhou, Zhang, Wu, "D-LinkNet: LinkNet with Pretrained Encoder and Dilated Convolution for High Resolution Satellite
Imagery Road Extraction", CVPRW 2018; residual blocks and joins are those of `street`.
"""

from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.errors import UserError
from pixelwise.models.encoders import build_encoder
from pixelwise.models.layers import expect_sides, he_normal
from pixelwise.models.street import DILATIONS, Join, Residual, project

FEATURES = {4: "1/4, 1/8 and 1/16", 2: "1/2, 1/4, 1/8 and 1/16"}  # that are read, by the stride of the logits


class EncoderStreet(nn.Module):
    """The encoder's features at 1/4, 1/8 and 1/16; dilated blocks at 1/16, then up to 1/4 by additions.

    in_channels: of the image. classes: of the logits. encoder: "squeezenet", "efficientnet_lite0" to 4, "timm:NAME".
    width: filters, of which there are 2, 4 and 6 times as many at 1/4, 1/8 and 1/16. finest: 4 or 2, by which the
    logits are smaller than the image; with 2 the features at 1/2 are read too, which finds more of what is thin and
    takes longer. While it is trained, logits of all coarser features are answers too. Fresh weights start He-normal.

    >>> import torch
    >>> EncoderStreet(in_channels=3, classes=11, width=8).eval()(torch.zeros(2, 3, 64, 96)).shape
    torch.Size([2, 11, 16, 24])
    >>> EncoderStreet(in_channels=3, classes=11, width=8, finest=2).eval()(torch.zeros(2, 3, 64, 96)).shape
    torch.Size([2, 11, 32, 48])
    """

    stride = 16

    def __init__(
        self, in_channels: int, classes: int, *, encoder: str = "squeezenet", width: int = 24, finest: int = 4
    ) -> None:
        super().__init__()
        if finest not in FEATURES:
            raise UserError(f"finest is {finest!r}; give 4 or 2")
        self.encoder = build_encoder(encoder, in_channels, output_stride=self.stride)
        deepest = {stride: place for place, stride in enumerate(self.encoder.strides)}  # of equal strides the deepest
        strides = (4, 8, 16, 2) if finest == 2 else (4, 8, 16)
        if not set(strides) <= set(deepest):
            raise UserError(f"{encoder} has no features at {FEATURES[finest]}; choose another, timm:resnet34 for one")
        self.places = [deepest[stride] for stride in strides]
        seen = [self.encoder.channels[place] for place in self.places]
        fine, middle, deep = 2 * width, 4 * width, 6 * width
        self.fine, self.middle, self.deep = project(seen[0], fine), project(seen[1], middle), project(seen[2], deep)
        self.context = nn.Sequential(*(Residual(deep, deep, dilation=dilation) for dilation in DILATIONS))
        self.to_middle = Join(deep, middle)
        self.to_fine = Join(middle, fine)
        filters = [deep, middle, fine]
        if finest == 2:
            self.finest, self.to_finest = project(seen[3], width), Join(fine, width)
            filters.append(width)
        *coarser, last = filters
        self.classify = nn.Conv2d(last, classes, kernel_size=1)
        self.auxiliary = nn.ModuleList(nn.Conv2d(number, classes, kernel_size=1) for number in coarser)
        for name, part in self.named_children():
            if name != "encoder":
                he_normal(part)

    def forward(self, image: Float[Tensor, "n c h w"]) -> Tensor | tuple[Tensor, ...]:
        """(n, in_channels, h, w), h and w multiples of 16 -> logits (n, classes, h / finest, w / finest).

        In training: those, then logits at 1/16, at 1/8 and, where the finest are at 1/2, at 1/4.
        """
        expect_sides(image, self.stride)
        features = self.encoder(image)
        fine, middle, deep, *finest = (features[place] for place in self.places)
        deep = self.context(self.deep(deep))  # (n, 6 width, h/16, w/16)
        middle = self.to_middle(deep, self.middle(middle))  # (n, 4 width, h/8, w/8)
        fine = self.to_fine(middle, self.fine(fine))  # (n, 2 width, h/4, w/4)
        seen = [deep, middle, fine]
        if finest:
            seen.append(self.to_finest(fine, self.finest(finest[0])))  # (n, width, h/2, w/2)
        logits: Tensor = self.classify(seen[-1])
        if not self.training:
            return logits
        return logits, *(head(coarse) for head, coarse in zip(self.auxiliary, seen[:-1], strict=True))
