"""All that lies between a decoded photo and its labels as one graph, which torch.export can follow."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.bundle import Bundle
from pixelwise.errors import UserError
from pixelwise.export.resizing import Sides, resize, rounds_up, shares, working_sides

MOST = 2**14  # pixels that a side of the working size may have, in units of the network's stride


class LabelImages(nn.Module):
    """Photos of one size, as a decoder gives them, in; their labels at that size out.

    What `label_images` does lies inside: the working size, the preprocessing, the padding, the network, its offsets,
    and the way back. A network with a margin sees the whole at once, which gives the same logits as tiles.
    Height, width and batch may be anything; height and width decide inside how much the network sees, so that nobody
    can call it wrongly. Raises UserError for a model that paints, whose classes are told region by region.
    """

    def __init__(self, bundle: Bundle) -> None:
        super().__init__()
        if bundle.painter is not None:
            raise UserError(f"{bundle.model} paints, and its classes are told region by region; it cannot be exported")
        self.network = bundle.network
        self.size = bundle.size

    def forward(self, image: UInt8[Tensor, "n h w c"]) -> tuple[UInt8[Tensor, "n h w"], Float[Tensor, "n k h w"]]:
        """The most probable class of every pixel, and the probabilities of all classes, which sum to 1."""
        height, width = image.shape[1:3]
        before = Sides(*(torch.full((), side, dtype=torch.int64) for side in (height, width)))
        inner = working_sides(before, self.size)
        rows, columns = (shares(self._padded(side), whole, side) for whole, side in zip(before, inner, strict=True))
        up = rounds_up(before, inner)
        seen = resize(image, rows, columns, up=up)
        logits = self.network.of_padded((seen - self.network.mean) / self.network.std)[0]
        high, wide = (_length(side, MOST) for side in inner)
        logits = F.interpolate(logits[:, :, :high, :wide], size=(height, width), mode="bilinear")
        return logits.argmax(1).to(torch.uint8), logits.softmax(1)

    def _padded(self, side: Tensor) -> Tensor:
        """Which pixels of a side of the working size the body sees: all, and at the end repeated or mirrored ones."""
        network = self.network
        least = 0 if network.remainder else 1
        strides = ((side - network.remainder) / network.stride).ceil().long()
        many = _length(strides.clamp(min=least), MOST, least)
        at = torch.arange(many * network.stride + network.remainder + 2 * network.margin)
        if not network.margin:
            return at.minimum(side - 1)
        there_and_back = (2 * (side - 1)).clamp(min=1)
        at = (at + network.margin * (there_and_back - 1)) % there_and_back
        return at.minimum(there_and_back - at).minimum(side - 1)


def _length(side: Tensor, most: int, least: int = 1) -> int:
    """A number in the graph as the length of something. torch.export cannot know it, but is told its bounds."""
    length: int = side.item()  # type: ignore[assignment]
    torch._check(length >= least)  # type: ignore[no-untyped-call]
    torch._check(length <= most)  # type: ignore[no-untyped-call]
    return length
