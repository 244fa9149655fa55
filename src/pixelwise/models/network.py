"""What is saved and run: any image size in, logits of that size out, with the preprocessing inside."""

from collections.abc import Callable
from itertools import product
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.errors import UserError

TILE = 512  # pixels of a tile's logits, at least


class Network(nn.Module):
    """Normalises, pads to what the body can take, runs the body, brings its logits to the size of the image.

    body: logits from a normalised image whose height and width are multiples of ``body.stride``. They may be smaller
    than the image, and are then resized. In training it may give a tuple: logits, then those of auxiliary heads.
    Where it loses pixels along the border, as valid convolutions do, ``body.margin`` says how many on every side and
    ``body.remainder`` by how much height and width of its logits are more than multiples of ``stride``.
    mean, std: per channel, of images in [0, 255]; they are saved with the weights. offsets: of each class, (k, 1, 1),
    added to its logits once it is trained, where they have been fitted (`pixelwise.training.offsets`).

    A body with a margin labels a large image tile by tile, which gives the same logits as all at once: the U-Net's
    overlap-tile strategy (Ronneberger et al. 2015, figure 2).

    >>> from pixelwise.models.unet import UNet
    >>> Network(UNet(3, 11, width=8))(torch.zeros(1, 3, 97, 31, dtype=torch.uint8)).shape
    torch.Size([1, 11, 97, 31])
    """

    mean: Tensor
    std: Tensor
    offsets: Tensor | None

    def __init__(self, body: nn.Module, mean: float = 127.5, std: float = 64.0, in_channels: int = 3) -> None:
        super().__init__()
        self.body = body
        self.register_buffer("mean", torch.full((in_channels, 1, 1), mean))
        self.register_buffer("std", torch.full((in_channels, 1, 1), std))
        self.register_buffer("offsets", None)

    @property
    def stride(self) -> int:
        """The height and width of the logits inside are this much apart."""
        return cast(int, self.body.stride)

    @property
    def encoder(self) -> nn.Module:
        """The part that may be pretrained, of a body that has one."""
        return cast(nn.Module, self.body.encoder)

    @property
    def remainder(self) -> int:
        """Height and width of the logits inside are multiples of the stride and this."""
        return cast(int, getattr(self.body, "remainder", 0))

    @property
    def margin(self) -> int:
        """Pixels that the body loses on every side; mirrored ones stand in for them."""
        return cast(int, getattr(self.body, "margin", 0))

    def forward(self, image: Shaped[Tensor, "n c h w"]) -> Float[Tensor, "n k h w"]:
        """Images in [0, 255], uint8 or float, of any size -> logits of that size."""
        return self.outputs(image)[0]

    def outputs(self, image: Shaped[Tensor, "n c h w"]) -> list[Float[Tensor, "n k h w"]]:
        """The logits, then those of the auxiliary heads, which some bodies have while they are trained.

        Raises UserError for images of another number of channels.
        """
        channels, height, width = image.shape[1:]
        if channels != self.mean.numel():
            raise UserError(f"the network takes images of {self.mean.numel()} channels, but these have {channels}")
        padded = self._padded((image - self.mean) / self.std)
        tiled = self.margin and not self.training
        return [logits[..., :height, :width] for logits in self.of_padded(padded, tiled=bool(tiled))]

    def of_padded(self, padded: Float[Tensor, "n c H W"], *, tiled: bool = False) -> list[Tensor]:
        """What `outputs` gives for what is normalised and padded already, for all within the margin.

        tiled: tile by tile, in less memory.
        """
        answers = self._by_tiles(padded) if tiled else self._run(padded)
        if self.offsets is not None and not self.training:
            answers = (answers[0] + self.offsets,)
        return [_resized(logits, [side - 2 * self.margin for side in padded.shape[-2:]]) for logits in answers]

    def _run(self, padded: Tensor) -> tuple[Tensor, ...]:
        body = cast(Callable[[Tensor], Tensor | tuple[Tensor, ...]], self.body)
        answers = body(padded.contiguous(memory_format=torch.channels_last))
        return answers if isinstance(answers, tuple) else (answers,)

    def _by_tiles(self, padded: Tensor) -> tuple[Tensor]:
        """Each tile with its margin, and begun at a multiple of the stride, so that pooling falls as in the whole."""
        height, width = (side - 2 * self.margin for side in padded.shape[-2:])
        step = -(-TILE // self.stride) * self.stride
        reach = step + self.remainder + 2 * self.margin
        whole: Tensor | None = None
        for top, left in product(*(range(0, max(1, side - self.remainder), step) for side in (height, width))):
            (logits,) = self._run(padded[..., top : top + reach, left : left + reach])
            if whole is None:
                whole = logits.new_empty(*logits.shape[:2], height, width)
            whole[..., top : top + step + self.remainder, left : left + step + self.remainder] = logits
        return (cast(Tensor, whole),)

    def _padded(self, image: Tensor) -> Tensor:
        """With the margin mirrored, as the U-Net's paper has it; else the edge repeated."""
        rows, columns = (
            (self.margin, self.margin + (self.remainder - side) % self.stride) for side in image.shape[-2:]
        )
        if self.margin:
            return _mirrored(_mirrored(image, -2, rows), -1, columns)
        return F.pad(image, (*columns, *rows), mode="replicate") if any(rows + columns) else image


def _mirrored(image: Tensor, axis: int, padding: tuple[int, int]) -> Tensor:
    """Mirrored at its edges, again and again where the padding is larger than the image."""
    places = np.pad(np.arange(image.shape[axis]), padding, mode="reflect")
    return image.index_select(axis, torch.from_numpy(places).to(image.device))


def _resized(logits: Tensor, size: list[Any]) -> Tensor:  # symbols, where torch.export follows it
    """Bilinear, in float32; where a gradient is wanted by two products of matrices, which give the same numbers.

    The gradient of torch's own kernel is slow on processors, and on GPUs not deterministic. Without one it is fastest
    class after class.
    """
    if list(logits.shape[-2:]) == size:
        return logits
    if not logits.requires_grad or logits.is_meta:  # of which only the shape is asked
        return F.interpolate(logits.float().contiguous(), size=size, mode="bilinear")
    rows, columns = (_shares(*sides, logits.device) for sides in zip(logits.shape[-2:], size, strict=True))
    with torch.autocast(logits.device.type, enabled=False):
        return rows @ (logits.float().contiguous() @ columns.T)


def _shares(before: int, after: int, device: torch.device) -> Float[Tensor, "after before"]:
    """What each of ``before`` values is to each of ``after`` between which one interpolates."""
    unit = torch.eye(before, device=device)[None, None]
    return F.interpolate(unit, size=(after, before), mode="bilinear")[0, 0]
