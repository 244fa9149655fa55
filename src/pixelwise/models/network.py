"""What is saved and run: any image size in, logits of that size out, with the preprocessing inside."""

from collections.abc import Callable
from typing import cast

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn import functional as F


class Network(nn.Module):
    """Normalises, pads to what the body can halve, runs the body, crops back.

    body: logits from a normalised image whose height and width are multiples of ``body.stride``.
    mean, std: per channel, of images in [0, 255]; they are saved with the weights.

    >>> from pixelwise.models.unet import UNet
    >>> Network(UNet(3, 11, width=8))(torch.zeros(1, 3, 97, 31, dtype=torch.uint8)).shape
    torch.Size([1, 11, 97, 31])
    """

    mean: Tensor
    std: Tensor

    def __init__(self, body: nn.Module, mean: float = 127.5, std: float = 64.0, in_channels: int = 3) -> None:
        super().__init__()
        self.body = body
        self.register_buffer("mean", torch.full((in_channels, 1, 1), mean))
        self.register_buffer("std", torch.full((in_channels, 1, 1), std))

    @property
    def stride(self) -> int:
        """The height and width inside are padded to multiples of this."""
        return cast(int, self.body.stride)

    def forward(self, image: Shaped[Tensor, "n c h w"]) -> Float[Tensor, "n k h w"]:
        """Images in [0, 255], uint8 or float, of any size -> logits of that size."""
        height, width = image.shape[-2:]
        normalised = (image - self.mean) / self.std
        padding = (0, -width % self.stride, 0, -height % self.stride)
        if any(padding):
            normalised = F.pad(normalised, padding, mode="replicate")
        body = cast(Callable[[Tensor], Tensor], self.body)
        return body(normalised.contiguous(memory_format=torch.channels_last))[..., :height, :width]
