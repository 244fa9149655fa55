"""EfficientNet-Lite: timm's network to the bit, ImageNet's weights in their places, and gradients that are right."""

from pathlib import Path

import declared_torchvision  # noqa: F401
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.errors import UserError
from pixelwise.models.efficientnet_lite import Same, norm
from pixelwise.models.encoder_unet import EncoderUNet
from pixelwise.models.encoders import LITE, build_encoder
from pixelwise.models.network import Network
from pixelwise.models.pretrained import load_pretrained


def timm_weights(scale: int) -> dict[str, Tensor]:
    """A whole timm network's, its batch norm's too as if it had learnt."""
    torch.manual_seed(3)
    whole = timm.create_model(f"tf_efficientnet_lite{scale}").eval()
    with torch.no_grad():
        for tensor in whole.state_dict().values():
            tensor.add_(torch.rand_like(tensor.float()).mul(0.1).to(tensor.dtype))
    return {name: tensor.contiguous() for name, tensor in whole.state_dict().items()}


def loaded(path: Path, scale: int = 0, channels: int = 3) -> Network:
    network = Network(EncoderUNet(channels, 4, encoder=f"efficientnet_lite{scale}", width=4), in_channels=channels)
    load_pretrained(network, str(path))
    return network.eval()


@pytest.mark.parametrize("name", LITE)
def test_each_scale_has_the_parameters_of_timms(name: str) -> None:
    with torch.device("meta"):
        theirs = timm.create_model(f"tf_{name}", features_only=True)
        ours = build_encoder(name, 3)
    sizes = [sum(weights.numel() for weights in network.parameters()) for network in (ours, theirs)]
    assert sizes[0] == sizes[1]
    assert list(ours.channels) == theirs.feature_info.channels()


@pytest.mark.parametrize("scale", [0, 2])
@pytest.mark.parametrize("stride", [16, 32])
def test_with_the_same_weights_every_feature_is_timms(scale: int, stride: int, tmp_path: Path) -> None:
    weights = timm_weights(scale)
    save_file(weights, tmp_path / "lite.safetensors")
    theirs = timm.create_model(f"tf_efficientnet_lite{scale}", features_only=True, output_stride=stride).eval()
    theirs.load_state_dict({name: weights[name] for name in theirs.state_dict()})
    ours = build_encoder(f"efficientnet_lite{scale}", 3, output_stride=stride).eval()
    ours.load_state_dict(loaded(tmp_path / "lite.safetensors", scale).encoder.state_dict())
    image = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        for own, other in zip(ours(image), theirs(image), strict=True):
            torch.testing.assert_close(own, other, rtol=0, atol=0)


def test_images_are_normalised_as_googles_weights_want_it(tmp_path: Path) -> None:
    save_file(timm_weights(0), tmp_path / "lite.safetensors")
    network = loaded(tmp_path / "lite.safetensors")
    assert network.mean.flatten().tolist() == [127] * 3
    assert network.std.flatten().tolist() == [128] * 3


def test_of_an_image_of_five_channels_the_stem_sees_as_much_as_of_grey_rgb(tmp_path: Path) -> None:
    save_file(timm_weights(0), tmp_path / "lite.safetensors")
    grey = torch.randn(1, 1, 32, 32)
    five, three = (loaded(tmp_path / "lite.safetensors", channels=channels).encoder for channels in (5, 3))
    torch.testing.assert_close(five(grey.expand(-1, 5, -1, -1)), three(grey.expand(-1, 3, -1, -1)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"blocks.1.0.conv_dw.weight": None}, r"1 missing \(stages.1.0.depthwise.0.weight\)"),
        ({"classifier.weight": None}, r"1 missing \(classifier.weight\)"),
        ({"blocks.1.0.se.conv_reduce.weight": torch.zeros(1)}, "1 unexpected"),
        ({"conv_stem.weight": torch.zeros(16, 3, 3, 3)}, "1 of another shape"),
    ],
)
def test_weights_of_another_network_are_one_error_that_names_them(
    change: dict[str, Tensor | None], said: str, tmp_path: Path
) -> None:
    tensors = {name: tensor for name, tensor in (timm_weights(0) | change).items() if tensor is not None}
    save_file(tensors, tmp_path / "lite.safetensors")
    with pytest.raises(UserError, match=r"lite.safetensors: its weights do not fit the encoder: " + said):
        loaded(tmp_path / "lite.safetensors")


def test_what_halves_the_size_adds_a_pixel_less_above_and_to_the_left() -> None:
    layer, image = Same(4, 4, 5, stride=2, groups=4), torch.randn(1, 4, 8, 6)
    plain = F.conv2d(F.pad(image, (1, 2, 1, 2)), layer.weight, stride=2, groups=4)
    with torch.no_grad():
        torch.testing.assert_close(layer(image), plain)


def test_batch_norm_is_that_of_the_weights() -> None:
    assert norm(4).eps == 1e-3
    assert all(
        layer.eps == 1e-3
        for layer in build_encoder("efficientnet_lite0", 3).modules()
        if isinstance(layer, nn.BatchNorm2d)
    )
