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

STRIDES = (4, 8, 16)  # of the features that are read


class EncoderStreet(nn.Module):
    """The encoder's features at 1/4, 1/8 and 1/16; dilated blocks at 1/16, then up to 1/4 by additions.

    in_channels: of the image. classes: of the logits, which have a quarter of the image's height and width.
    encoder: "squeezenet" or "timm:NAME", see `build_encoder`. width: filters, of which there are 2, 4 and 6 times as
    many at 1/4, 1/8 and 1/16. While it is trained, logits of the features at 1/16 and 1/8 are answers too. Fresh
    weights start He-normal.

    >>> import torch
    >>> EncoderStreet(in_channels=3, classes=11, width=8).eval()(torch.zeros(2, 3, 64, 96)).shape
    torch.Size([2, 11, 16, 24])
    """

    stride = 16

    def __init__(self, in_channels: int, classes: int, *, encoder: str = "squeezenet", width: int = 24) -> None:
        super().__init__()
        self.encoder = build_encoder(encoder, in_channels, output_stride=self.stride)
        last = {stride: place for place, stride in enumerate(self.encoder.strides)}  # of equal strides the deepest
        if not set(STRIDES) <= set(last):
            raise UserError(f"{encoder} has no features at 1/4, 1/8 and 1/16; choose another, timm:resnet34 for one")
        self.places = [last[stride] for stride in STRIDES]
        seen = [self.encoder.channels[place] for place in self.places]
        fine, middle, deep = 2 * width, 4 * width, 6 * width
        self.fine, self.middle, self.deep = project(seen[0], fine), project(seen[1], middle), project(seen[2], deep)
        self.context = nn.Sequential(*(Residual(deep, deep, dilation=dilation) for dilation in DILATIONS))
        self.to_middle = Join(deep, middle)
        self.to_fine = Join(middle, fine)
        self.classify = nn.Conv2d(fine, classes, kernel_size=1)
        self.auxiliary = nn.ModuleList(nn.Conv2d(filters, classes, kernel_size=1) for filters in (deep, middle))
        for name, part in self.named_children():
            if name != "encoder":
                he_normal(part)

    def forward(self, image: Float[Tensor, "n c h w"]) -> Tensor | tuple[Tensor, ...]:
        """(n, in_channels, h, w), h and w multiples of 16 -> logits (n, classes, h / 4, w / 4).

        In training: those, then logits at 1/16 and at 1/8.
        """
        expect_sides(image, self.stride)
        features = self.encoder(image)
        fine, middle, deep = (features[place] for place in self.places)
        deep = self.context(self.deep(deep))  # (n, 6 width, h/16, w/16)
        middle = self.to_middle(deep, self.middle(middle))  # (n, 4 width, h/8, w/8)
        fine = self.to_fine(middle, self.fine(fine))  # (n, 2 width, h/4, w/4)
        logits: Tensor = self.classify(fine)
        if not self.training:
            return logits
        return logits, *(head(seen) for head, seen in zip(self.auxiliary, (deep, middle), strict=True))
