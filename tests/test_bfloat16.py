"""Gradients in bfloat16: torch's own are wrong on processors where some filters are dilated; ours are right."""

from copy import deepcopy

import declared_torchvision  # noqa: F401
import pytest
import torch
from torch import Tensor, nn

from pixelwise.models import MODELS, build_network, options_of
from pixelwise.models.layers import CarefulConv2d

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
    ("channels", "groups", "kernel", "stride", "dilation"),
    [
        (16, 16, 3, 1, 2),
        (16, 16, 3, 1, 6),
        (16, 4, 3, 1, 2),
        (16, 16, 5, 1, 1),
        (16, 16, 5, 1, 2),
        (16, 16, 3, 2, 1),
        (16, 16, 7, 1, 1),
        (24, 1, 3, 1, 2),
        (16, 1, 3, 1, 2),
        (48, 2, 3, 1, 4),
    ],
)
def test_in_bfloat16_a_convolution_has_the_gradient_of_float64_within_its_rounding(
    channels: int, groups: int, kernel: int, stride: int, dilation: int, start: torch.dtype
) -> None:
    torch.manual_seed(0)
    padding = dilation * (kernel // 2)
    layer = CarefulConv2d(channels, channels, kernel, stride, padding, dilation, groups)
    layer.to(memory_format=torch.channels_last)
    seen = torch.randn(2, channels, 14, 40).to(BF16).contiguous(memory_format=torch.channels_last)
    found = gradients(layer, seen.to(start), mixed=True)
    assert [one.dtype for one in found] == [start, torch.float32]
    with torch.no_grad():
        layer.weight.copy_(layer.weight.to(BF16))  # what the gradient was taken at
    exact = gradients(layer.double(), seen.double(), mixed=False)
    for one, other in zip(found, exact, strict=True):
        assert (one.double() - other).norm() < 0.01 * other.norm()


def test_the_answers_are_those_of_torchs_own_convolution() -> None:
    torch.manual_seed(0)
    ours, theirs = CarefulConv2d(8, 8, 5, padding=4, dilation=2, groups=8), nn.Conv2d(8, 8, 5, 1, 4, 2, 8)
    theirs.load_state_dict(ours.state_dict())
    image = torch.randn(1, 8, 9, 30)
    torch.testing.assert_close(ours(image), theirs(image), rtol=0, atol=0)
    with torch.autocast("cpu", BF16):
        torch.testing.assert_close(ours(image), theirs(image), rtol=0.01, atol=0.01)
        assert ours(image).dtype == theirs(image).dtype == BF16


WIDE = (128, 480)  # at 1/16 rows of more than the 24 pixels from which on torch's own is wrong, and some of them
NETWORKS = {model: (model, {"width": 4} if "width" in options_of(model) else {}) for model in MODELS}
NETWORKS |= {
    "separable": ("deeplabv3plus", {"width": 4, "separable": True}),
    "lite": ("encoder_street", {"width": 4, "finest": 2, "encoder": "efficientnet_lite0"}),
    "timm": ("encoder_street", {"width": 4, "encoder": "timm:mobilenetv3_small_050"}),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_convolution_of_every_network_has_the_gradient_of_float32_within_the_rounding_of_bfloat16(
    name: str,
) -> None:
    torch.manual_seed(0)
    model, options = NETWORKS[name]
    network = build_network(model, 5, **options).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    seen: list[tuple[nn.Module, Tensor, list[Tensor]]] = []

    def note(layer: nn.Module, images: tuple[Tensor], answer: Tensor) -> None:
        gradient: list[Tensor] = []
        answer.register_hook(lambda found: gradient.append(found.detach()))
        seen.append((layer, images[0].detach(), gradient))

    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]
    for layer in layers:
        layer.register_forward_hook(note)
    with torch.autocast("cpu", BF16):
        answers = network.outputs(torch.randint(0, 256, (2, 3, *WIDE)).float())
    sum((answer.float() * torch.randn(answer.shape)).sum() for answer in answers).backward()  # type: ignore[union-attr]
    assert len(seen) == len(layers)  # each is run once
    for layer, image, gradient in seen:
        exact = [of_filters(layer, *one) for one in zip(image.split(1), gradient[0].split(1), strict=True)]
        rounding = 0.02 * sum(one.norm() for one in exact)  # not of the sum: behind a batch norm of two they cancel out
        assert (layer.weight.grad - sum(exact)).norm() <= rounding, layer  # type: ignore[operator]


def of_filters(layer: nn.Module, image: Tensor, gradient: Tensor) -> Tensor:
    """The gradient of a layer's filters in float32, of what went in and what came back in bfloat16."""
    copy = deepcopy(layer).float()
    copy._forward_hooks.clear()
    copy.zero_grad()
    copy(image.to(BF16).float()).backward(gradient.float())
    assert copy.weight.grad is not None
    return copy.weight.grad  # type: ignore[return-value]
