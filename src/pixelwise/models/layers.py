"""The few building blocks that the networks share."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def conv_relu(
    before: int, after: int, batch_norm: bool = True, *, bias: bool | None = None, padding: int = 1, stride: int = 1
) -> list[nn.Module]:
    """A 3x3 convolution, batch norm (Ioffe and Szegedy 2015) where asked, ReLU.

    bias: of the convolution; left out it is there only where no batch norm follows, which would undo it.
    padding: 1 keeps the size, 0 takes a pixel off every side.

    >>> [type(layer).__name__ for layer in conv_relu(3, 8)]
    ['Conv2d', 'BatchNorm2d', 'ReLU']
    """
    norm: list[nn.Module] = [nn.BatchNorm2d(after)] if batch_norm else []
    bias = not batch_norm if bias is None else bias
    return [nn.Conv2d(before, after, 3, stride, padding, bias=bias), *norm, nn.ReLU(inplace=True)]


class CarefulConv2d(nn.Conv2d):
    """A convolution with a gradient that is right in bfloat16 too; for those that are dilated or depthwise.

    On processors torch's own (2.13) is not: where filters are dilated, see a number of channels that is no multiple of
    16, as depthwise ones do, and rows are longer than some 24 pixels, their gradient is whatever lay in memory. And
    where depthwise filters are larger than 3x3, or halve the size, it takes longer than that in float32. So in these
    cases it is computed in float32.

    >>> CarefulConv2d(8, 8, 3, padding=2, dilation=2, groups=8)(torch.zeros(1, 8, 4, 6)).shape
    torch.Size([1, 8, 4, 6])
    """

    @property
    def in_float32(self) -> bool:
        """Whether the gradient had better be computed in float32."""
        channels = self.in_channels // self.groups  # that a filter sees
        if max(self.dilation) > 1:
            return channels % 16 > 0
        return channels == 1 < self.groups and (max(self.kernel_size) > 3 or max(self.stride) > 1)

    def forward(self, seen: Tensor) -> Tensor:
        """(n, in_channels, h, w) -> (n, out_channels, H, W)."""
        if not (self.in_float32 and seen.is_cpu and torch.is_grad_enabled() and in_bfloat16(seen)):
            return super().forward(seen)
        sizes = (*self.stride, *self.padding, *self.dilation)
        answer: Tensor = _Careful.apply(seen, self.weight, self.groups, *sizes)  # type: ignore[no-untyped-call]
        return answer if self.bias is None else answer + self.bias.to(answer.dtype)[:, None, None]


def in_bfloat16(seen: Tensor) -> bool:
    """Whether a convolution of it is computed in bfloat16, on a processor."""
    if torch.is_autocast_enabled("cpu"):
        return torch.get_autocast_dtype("cpu") == torch.bfloat16
    return seen.dtype == torch.bfloat16


class _Careful(torch.autograd.Function):
    """A convolution in bfloat16 whose gradient is computed in float32."""

    @staticmethod
    def forward(ctx: Any, seen: Tensor, weight: Tensor, groups: int, *sizes: int) -> Tensor:  # noqa: ANN401
        """sizes: stride, padding and dilation, each of rows and of columns."""
        ctx.before, seen = seen.dtype, seen.to(torch.bfloat16)
        ctx.save_for_backward(seen, weight)
        ctx.groups, ctx.sizes = groups, (sizes[:2], sizes[2:4], sizes[4:])
        return F.conv2d(seen, weight.to(torch.bfloat16), None, sizes[:2], sizes[2:4], sizes[4:], groups)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        seen, weight = ctx.saved_tensors
        tensors, wanted = (gradient.float(), seen.float(), weight.float()), [*ctx.needs_input_grad[:2], False]
        of_seen, of_weight, _ = torch.ops.aten.convolution_backward(
            *tensors, None, *ctx.sizes, False, (0, 0), ctx.groups, wanted
        )
        found = ((of_seen, ctx.before), (of_weight, weight.dtype))
        return *(one if one is None else one.to(dtype) for one, dtype in found), *[None] * 7


def expect_sides(image: Tensor, stride: int, more: int = 0) -> None:
    """Raises ValueError where height and width of an image are not multiples of ``stride``, plus ``more``.

    >>> import torch
    >>> expect_sides(torch.zeros(1, 3, 64, 100), 16)
    Traceback (most recent call last):
    ...
    ValueError: height and width must be multiples of 16, but the image has 64x100; Network takes any size
    """
    height, width = image.shape[-2:]
    if (height - more) % stride or (width - more) % stride:
        wanted = f"multiples of {stride}" + (f" and {more} more" if more else "")
        raise ValueError(
            f"height and width must be {wanted}, but the image has {height}x{width}; Network takes any size"
        )


def draw_normal(weight: Tensor, mean: float = 0.0, *, std: float) -> None:
    """Fills a weight with normally distributed numbers.

    One without memory is left alone: torch would load its compiler, which takes seconds, to draw nothing.

    >>> import torch
    >>> weight = torch.empty(3)
    >>> draw_normal(weight, mean=2.0, std=0.0)
    >>> weight.tolist()
    [2.0, 2.0, 2.0]
    """
    if not weight.is_meta:
        nn.init.normal_(weight, mean, std)


def he_normal(network: nn.Module) -> None:
    """Every convolution's weights N(0, 2 / fan_in), biases 0 (He et al. 2015, equation 10).

    fan_in: how many numbers are added up for one of the output. Of a transposed convolution these are
    in_channels x kernel area / stride area, for its input lies between zeros.

    >>> layer = nn.ConvTranspose2d(256, 128, kernel_size=2, stride=2)
    >>> he_normal(layer)
    >>> abs(layer.weight.var().item() * 256 / 2 - 1) < 0.05
    True
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            per_channel = float(layer.weight[0, 0].numel())
            if isinstance(layer, nn.ConvTranspose2d):
                per_channel /= layer.stride[0] * layer.stride[1]
            fan_in = layer.in_channels / layer.groups * per_channel
            draw_normal(layer.weight, std=(2 / fan_in) ** 0.5)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
