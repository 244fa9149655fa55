"""The few building blocks that the networks share."""

from torch import Tensor, nn


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
