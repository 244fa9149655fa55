"""A network that labels by painting: the picture of an image's labels, in the classes' colours."""

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from pixelwise.errors import unknown
from pixelwise.models.network import Network

PAINTED = ("label", "photo")
SPREAD = 32.0  # of the values in [0, 255] around a class's colour, from which probabilities follow


class Painter(Network):
    """Paints what its body says, by tanh; its logits say how near each pixel is to the colour of each class.

    body: (n, 3, h, w) from an image in [-1, 1]. classes: how many. paints: "label": the classes' colours from a photo,
    "photo": a photo from the classes' colours, whose logits mean nothing.
    colors: (k, 3) in [0, 255], the classes' colours, saved with the weights; black until they are set.

    >>> from pixelwise.models.pix2pix import Pix2Pix
    >>> painter = Painter(Pix2Pix(3, 3, width=2, depth=3), classes=2)
    >>> photo = torch.zeros(1, 3, 17, 30, dtype=torch.uint8)
    >>> painter.paint(photo).shape, painter(photo).shape
    (torch.Size([1, 3, 17, 30]), torch.Size([1, 2, 17, 30]))
    """

    colors: Tensor

    def __init__(self, body: nn.Module, classes: int, *, in_channels: int = 3, paints: str = "label") -> None:
        super().__init__(body, mean=127.5, std=127.5, in_channels=in_channels)
        if paints not in PAINTED:
            raise unknown("paints", paints, PAINTED)
        self.paints = paints
        self.register_buffer("colors", torch.zeros(classes, 3))

    def paint(self, image: Shaped[Tensor, "n c h w"]) -> Float[Tensor, "n 3 h w"]:
        """Images in [0, 255], uint8 or float, of any size -> pictures of that size in [-1, 1]."""
        [painted] = self.outputs(image)
        return torch.tanh(painted.float())

    def forward(self, image: Shaped[Tensor, "n c h w"]) -> Float[Tensor, "n k h w"]:
        """Images in [0, 255] of any size -> logits of that size; the highest is of the nearest colour."""
        return color_logits(self.paint(image), self.colors)


def color_logits(picture: Float[Tensor, "n 3 h w"], colors: Float[Tensor, "k 3"]) -> Float[Tensor, "n k h w"]:
    """Minus half the squared distance from every colour, in units of 32 of 255 values.

    So the classes' probabilities are those of normal distributions around their colours. What all classes share, the
    square of the pixel's own colour, is left out: the logits are linear in the picture.
    picture: in [-1, 1]. colors: in [0, 255].

    >>> color_logits(torch.ones(1, 3, 1, 1), torch.tensor([[255.0, 255, 255], [255, 255, 223]])).softmax(1).flatten()
    tensor([0.6225, 0.3775])
    """
    seen, known = 127.5 * (picture + 1) / SPREAD, (colors / SPREAD).to(picture)
    return torch.einsum("kc,nchw->nkhw", known, seen) - (known**2).sum(1)[:, None, None] / 2
