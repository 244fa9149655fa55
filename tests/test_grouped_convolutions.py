"""Convolutions in groups: dilated, torch's own gradient in bfloat16 is wrong on processors; ours is right."""

import declared_torchvision  # noqa: F401
import pytest
import torch
from torch import Tensor, nn

from pixelwise.models.deeplabv3plus import DeepLabV3Plus
from pixelwise.models.encoders import build_encoder
from pixelwise.models.layers import GroupedConv2d

BF16 = torch.bfloat16


def gradients(layer: nn.Conv2d, seen: Tensor, *, mixed: bool) -> list[Tensor]:
    """Of a weighted sum of the answers, for the image and for the filters."""
    layer.zero_grad()
    image = seen.detach().clone().requires_grad_()
    with torch.autocast("cpu", BF16, enabled=mixed):
        answer = layer(image)
    wanted = torch.randn(answer.shape, generator=torch.Generator().manual_seed(1)).to(BF16)
    (answer * wanted.to(answer.dtype)).sum().backward()
    assert image.grad is not None
    assert layer.weight.grad is not None
    return [image.grad, layer.weight.grad.clone()]


@pytest.mark.parametrize("start", [torch.float32, BF16])
@pytest.mark.parametrize(
    ("groups", "kernel", "stride", "dilation"),
    [
        (16, 3, 1, 2),
        (16, 3, 1, 6),
        (4, 3, 1, 2),
        (16, 5, 1, 1),
        (16, 5, 1, 2),
        (16, 3, 2, 1),
        (16, 7, 1, 1),
        (1, 3, 1, 2),
    ],
)
def test_in_bfloat16_a_grouped_convolution_has_the_gradient_of_float64_within_its_rounding(
    groups: int, kernel: int, stride: int, dilation: int, start: torch.dtype
) -> None:
    torch.manual_seed(0)
    padding = dilation * (kernel // 2)
    layer = GroupedConv2d(16, 16, kernel, stride, padding, dilation, groups)
    layer.to(memory_format=torch.channels_last)
    seen = torch.randn(2, 16, 14, 40).to(BF16).contiguous(memory_format=torch.channels_last)
    found = gradients(layer, seen.to(start), mixed=True)
    assert [one.dtype for one in found] == [start, torch.float32]
    with torch.no_grad():
        layer.weight.copy_(layer.weight.to(BF16))  # what the gradient was taken at
    exact = gradients(layer.double(), seen.double(), mixed=False)
    for one, other in zip(found, exact, strict=True):
        assert (one.double() - other).norm() < 0.01 * other.norm()


def test_the_answers_are_those_of_torchs_own_convolution() -> None:
    torch.manual_seed(0)
    ours, theirs = GroupedConv2d(8, 8, 5, padding=4, dilation=2, groups=8), nn.Conv2d(8, 8, 5, 1, 4, 2, 8)
    theirs.load_state_dict(ours.state_dict())
    image = torch.randn(1, 8, 9, 30)
    torch.testing.assert_close(ours(image), theirs(image), rtol=0, atol=0)
    with torch.autocast("cpu", BF16):
        torch.testing.assert_close(ours(image), theirs(image), rtol=0.01, atol=0.01)
        assert ours(image).dtype == theirs(image).dtype == BF16


@pytest.mark.parametrize(
    "network",
    [
        lambda: build_encoder("efficientnet_lite0", 3, output_stride=16),
        lambda: build_encoder("timm:mobilenetv3_small_050", 3, output_stride=16),
        lambda: DeepLabV3Plus(3, 11, width=8, separable=True),
    ],
)
def test_every_grouped_convolution_of_our_networks_and_of_timms_is_one_of_these(network: object) -> None:
    with torch.device("meta"):
        layers = [layer for layer in network().modules() if isinstance(layer, nn.Conv2d) and layer.groups > 1]  # type: ignore[operator]
    assert layers
    assert all(isinstance(layer, GroupedConv2d) for layer in layers)
