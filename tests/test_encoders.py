"""The encoders: as large as their papers' networks, and features of exactly the sizes that they promise."""

import subprocess
import sys

import declared_torchvision  # noqa: F401
import pytest
import timm
import torch
from torch import nn
from torchvision.models import resnet50, squeezenet1_0

from pixelwise.errors import UserError
from pixelwise.models.encoders import ENCODERS, build_encoder

NAMES = [*ENCODERS, "timm:resnet18", "timm:mobilenetv3_small_050", "timm:convnext_atto", "timm:vgg11"]


def size(network: nn.Module) -> int:
    return sum(weights.numel() for weights in network.parameters())


def test_squeezenet_has_the_parameters_of_the_paper_before_its_classifier() -> None:
    classifier = 512 * 1000 + 1000
    with torch.device("meta"):
        assert size(build_encoder("squeezenet", 3)) == 1_248_424 - classifier
        assert size(build_encoder("squeezenet", 3)) == size(squeezenet1_0().features)


def test_squeezenet_has_eight_fire_modules_as_wide_as_in_the_table_of_the_paper() -> None:
    encoder = build_encoder("squeezenet", 3)
    fires = [getattr(encoder, f"fire{number}") for number in range(2, 10)]
    assert [fire.squeeze1x1.out_channels for fire in fires] == [16, 16, 32, 32, 48, 48, 64, 64]
    assert [fire.expand1x1.out_channels for fire in fires] == [64, 64, 128, 128, 192, 192, 256, 256]
    assert [fire.expand3x3.out_channels for fire in fires] == [64, 64, 128, 128, 192, 192, 256, 256]


def test_the_encoder_of_timms_resnet50_has_the_parameters_of_torchvisions_without_its_classifier() -> None:
    with torch.device("meta"):
        whole = resnet50()
        assert size(build_encoder("timm:resnet50", 3)) == size(whole) - size(whole.fc) == 23_508_032


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("height", [1, 3])
def test_every_feature_is_exactly_as_large_as_the_image_divided_by_its_stride(name: str, height: int) -> None:
    with torch.device("meta"):
        encoder = build_encoder(name, 3)
        sides = height * max(encoder.strides), 2 * max(encoder.strides)
        features = encoder(torch.zeros(2, 3, *sides))
    assert list(encoder.strides) == sorted(encoder.strides)
    for feature, channels, stride in zip(features, encoder.channels, encoder.strides, strict=True):
        assert feature.shape == (2, channels, sides[0] // stride, sides[1] // stride)


@pytest.mark.parametrize("name", ["squeezenet", "timm:resnet18"])
@pytest.mark.parametrize("in_channels", [1, 5])
def test_an_encoder_takes_any_number_of_channels(name: str, in_channels: int) -> None:
    encoder = build_encoder(name, in_channels).eval()
    assert encoder(torch.zeros(1, in_channels, 32, 32))[0].shape == (1, encoder.channels[0], 16, 16)


def test_the_largest_stride_of_a_resnet_can_be_16_with_the_same_parameters() -> None:
    with torch.device("meta"):
        coarse, fine = build_encoder("timm:resnet18", 3), build_encoder("timm:resnet18", 3, output_stride=16)
    assert (coarse.strides, fine.strides) == ((2, 4, 8, 16, 32), (2, 4, 8, 16, 16))
    assert size(coarse) == size(fine)


@pytest.mark.parametrize(
    ("name", "output_stride", "said"),
    [
        ("squeezenett", None, "there is no encoder 'squeezenett'; did you mean 'squeezenet'"),
        ("resnet34", None, "timm:NAME"),
        ("squeezenet", 8, "squeezenet has an output stride of 16, not 8"),
        ("timm:resnt34", None, "timm has no network 'resnt34'; did you mean 'resnet34'"),
        ("timm:resnet18.no_such_tag", None, r"timm:resnet18.no_such_tag cannot be built \(Invalid pretrained tag"),
        ("timm:densenet121", 16, "timm:densenet121 cannot be built with an output stride of 16"),
        ("timm:efficientnet_b0", 64, "timm:efficientnet_b0 cannot .* an output stride of 64"),
        ("timm:swin_tiny_patch4_window7_224", None, "does not take images of any size"),
        ("timm:mambaout_femto", None, r"a feature of shape \(1, 16, 24, 48\), not \(1, 48, 16, 24\)"),
        ("timm:mobilevitv2_050", None, r"a feature of shape \(1, 256, 2, 4\), not \(1, 256, 2, 3\)"),
        ("timm:tiny_vit_5m_224", None, "keeps tables that are not saved with its weights"),
    ],
)
def test_an_encoder_that_does_not_fit_is_one_clear_error(name: str, output_stride: int | None, said: str) -> None:
    with torch.device("meta"), pytest.raises(UserError, match=said) as caught:
        build_encoder(name, 3, output_stride=output_stride)
    assert "\n" not in str(caught.value)


def test_a_new_encoder_is_ready_to_be_trained_and_has_seen_no_image() -> None:
    encoder = build_encoder("timm:resnet18", 3)
    assert encoder.training
    assert all(layer.training for layer in encoder.modules())
    assert encoder.state_dict()["features.bn1.num_batches_tracked"] == 0
    assert not encoder.state_dict()["features.bn1.running_mean"].any()


def test_a_missing_timm_is_one_line_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UserError, match=r"need timm, .*pip install 'pixelwise\[pretrained\]'"):
        build_encoder("timm:resnet18", 3)


def test_a_timm_that_cannot_be_imported_is_one_line_that_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("operator torchvision::nms does not exist\nand more")

    monkeypatch.delitem(sys.modules, "timm")
    monkeypatch.setattr(sys, "meta_path", [type("Broken", (), {"find_spec": staticmethod(fail)})])
    with pytest.raises(UserError, match="operator torchvision::nms does not exist") as caught:
        build_encoder("timm:resnet18", 3)
    assert "install the torchvision that was built for this torch" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_squeezenet_needs_neither_timm_nor_torchvision() -> None:
    script = (
        "import sys; from pixelwise.models.encoders import build_encoder; build_encoder('squeezenet', 3); "
        "sys.exit(bool({'timm', 'torchvision', 'huggingface_hub'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_timm_knows_the_networks_that_the_error_messages_recommend() -> None:
    assert timm.is_model("resnet34")
