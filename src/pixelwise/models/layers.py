"""The few building blocks that the networks share."""

from torch import nn


def conv_relu(before: int, after: int, batch_norm: bool = True, *, bias: bool | None = None) -> list[nn.Module]:
    """A 3x3 convolution that keeps the size, batch norm (Ioffe and Szegedy 2015) where asked, ReLU.

    bias: of the convolution; left out it is there only where no batch norm follows, which would undo it.

    >>> [type(layer).__name__ for layer in conv_relu(3, 8)]
    ['Conv2d', 'BatchNorm2d', 'ReLU']
    """
    norm: list[nn.Module] = [nn.BatchNorm2d(after)] if batch_norm else []
    bias = not batch_norm if bias is None else bias
    return [nn.Conv2d(before, after, 3, padding=1, bias=bias), *norm, nn.ReLU(inplace=True)]


def he_normal(network: nn.Module) -> None:
    """Every convolution's weights N(0, 2 / fan_in), biases 0 (He et al. 2015).

    fan_in is torch's: of a transposed convolution it is that of the convolution whose transpose it is.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
