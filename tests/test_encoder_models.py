"""U-Net, DeepLabv3+ and street over an encoder: as large as worked out by hand, of the right shape, able to learn."""

import declared_torchvision  # noqa: F401
import pytest
import torch
from small_models import streets
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.segmentation import deeplabv3

from pixelwise.errors import UserError
from pixelwise.models.deeplabv3plus import ASPP, DeepLabV3Plus
from pixelwise.models.encoder_street import EncoderStreet
from pixelwise.models.encoder_unet import EncoderUNet
from pixelwise.models.network import Network

BODIES = [EncoderUNet, DeepLabV3Plus, EncoderStreet]
ENCODERS = ["squeezenet", "timm:resnet18", "timm:mobilenetv3_small_050", "timm:convnext_atto"]
SQUEEZENET = 735_424


def size(network: nn.Module) -> int:
    return sum(weights.numel() for weights in network.parameters())


def photo(height: int, width: int, images: int = 1, channels: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (images, channels, height, width), generator=generator).byte()


def convolution(before: int, after: int, kernel: int) -> int:
    """Parameters of one without bias, and of the batch norm behind it."""
    return before * after * kernel**2 + 2 * after


def test_the_parameters_of_the_unet_over_squeezenet_are_those_worked_out_by_hand() -> None:
    beside_conv1 = convolution(96 + 64, 32, 3) + convolution(32, 32, 3)
    beside_fire4 = convolution(256 + 128, 64, 3) + convolution(64, 64, 3)
    beside_fire8 = convolution(512 + 512, 128, 3) + convolution(128, 128, 3)
    total = SQUEEZENET + beside_conv1 + beside_fire4 + beside_fire8 + 32 * 11 + 11
    with torch.device("meta"):
        assert size(EncoderUNet(3, 11)) == total == 2_377_131


def test_no_level_of_the_decoder_is_wider_than_8_times_the_finest() -> None:
    with torch.device("meta"):
        body = EncoderUNet(3, 11, encoder="timm:vgg11", width=4)
    assert [block[0].out_channels for block in body.up] == [4, 8, 16, 32, 32]


def test_the_parameters_of_street_over_squeezenet_are_those_worked_out_by_hand() -> None:
    beside_encoder = convolution(256, 48, 1) + convolution(512, 96, 1) + convolution(512, 144, 1)
    context = 4 * 2 * convolution(144, 144, 3)
    joins = convolution(144, 96, 1) + convolution(96, 96, 3) + convolution(96, 48, 1) + convolution(48, 48, 3)
    heads = (48 + 96 + 144 + 3) * 11
    with torch.device("meta"):
        assert size(EncoderStreet(3, 11)) == SQUEEZENET + beside_encoder + context + joins + heads == 2_492_353


def test_the_parameters_of_deeplab_over_squeezenet_are_those_worked_out_by_hand() -> None:
    branches = 2 * convolution(512, 256, 1) + 3 * convolution(512, 256, 3)
    pyramid = branches + convolution(5 * 256, 256, 1)
    decoder = convolution(256, 48, 1) + convolution(48 + 256, 256, 3) + convolution(256, 256, 3)
    with torch.device("meta"):
        assert size(DeepLabV3Plus(3, 11)) == SQUEEZENET + pyramid + decoder + 256 * 11 + 11 == 6_173_739


def test_the_parameters_of_deeplab_over_resnet50_are_those_worked_out_by_hand() -> None:
    branches = 2 * convolution(2048, 256, 1) + 3 * convolution(2048, 256, 3)
    pyramid = branches + convolution(5 * 256, 256, 1)
    decoder = convolution(256, 48, 1) + convolution(48 + 256, 256, 3) + convolution(256, 256, 3)
    with torch.device("meta"):
        total = size(DeepLabV3Plus(3, 21, encoder="timm:resnet50"))
    assert total == 23_508_032 + pyramid + decoder + 256 * 21 + 21 == 40_352_181


def test_the_pyramid_has_the_parameters_of_torchvisions() -> None:
    with torch.device("meta"):
        assert size(ASPP(2048, 256, (6, 12, 18))) == size(deeplabv3.ASPP(2048, [6, 12, 18])) == 15_535_104


def test_the_pyramid_gives_what_torchvisions_gives_where_both_have_the_same_weights_and_see_no_whole_image() -> None:
    ours, theirs = ASPP(8, 256, (1, 2, 3)).eval(), deeplabv3.ASPP(8, [1, 2, 3]).eval()
    pairs = zip([ours.point, *ours.atrous, ours.project[0]], [*theirs.convs[:4], theirs.project], strict=True)
    for one, other in pairs:
        one.load_state_dict(other.state_dict(), strict=False)
    for branch in (ours.image[1], theirs.convs[4][1]):
        nn.init.zeros_(branch.weight)
    deep = torch.randn(2, 8, 9, 7, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(ours(deep), theirs(deep))


def test_separable_convolutions_are_one_filter_per_channel_and_a_1x1() -> None:
    def separable(before: int, after: int) -> int:
        return before * 9 + 2 * before + convolution(before, after, 1)

    branches = 2 * convolution(512, 256, 1) + 3 * separable(512, 256)
    pyramid = branches + convolution(5 * 256, 256, 1)
    decoder = convolution(256, 48, 1) + separable(48 + 256, 256) + separable(256, 256)
    with torch.device("meta"):
        body = DeepLabV3Plus(3, 11, separable=True)
    assert size(body) == SQUEEZENET + pyramid + decoder + 256 * 11 + 11


def test_the_pyramid_looks_as_far_as_its_rates_say() -> None:
    pyramid = ASPP(1, 1, (2, 5)).eval()
    for branch, rate in zip(pyramid.atrous, (2, 5), strict=True):
        nn.init.ones_(branch[0].weight)
        with torch.no_grad():
            seen = branch(F.pad(torch.ones(1, 1, 1, 1), (10, 10, 10, 10)))[0, 0].nonzero() - 10
        assert {tuple(place) for place in seen.tolist()} == {(y, x) for y in (-rate, 0, rate) for x in (-rate, 0, rate)}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_one_image_trains_every_parameter(body: type[nn.Module], encoder: str) -> None:
    torch.manual_seed(0)
    network = Network(body(3, 11, encoder=encoder, width=8))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(2):  # timm's ResNets start with a factor of 0 behind every residual branch
        optimizer.zero_grad()
        sum(answer.square().mean() for answer in network.outputs(photo(64, 96))).backward()
        optimizer.step()
    idle = [name for name, weights in network.named_parameters() if weights.grad is None or not weights.grad.any()]
    assert idle == []


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("sides", [(32, 32), (97, 131), (1, 1)])
def test_an_image_of_any_size_gives_logits_of_that_size(body: type[nn.Module], sides: tuple[int, int]) -> None:
    network = Network(body(3, 11, width=8)).eval()
    with torch.no_grad():
        assert network(photo(*sides)).shape == (1, 11, *sides)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("channels", [1, 5])
def test_an_image_may_have_any_number_of_channels(body: type[nn.Module], channels: int) -> None:
    network = Network(body(channels, 4, width=8), in_channels=channels).eval()
    with torch.no_grad():
        assert network(photo(32, 48, channels=channels)).shape == (1, 4, 32, 48)


@pytest.mark.parametrize(("encoder", "shape"), [("squeezenet", (32, 48)), ("timm:convnext_atto", (16, 24))])
def test_the_unet_classifies_at_the_finest_feature_of_its_encoder(encoder: str, shape: tuple[int, int]) -> None:
    body = EncoderUNet(3, 11, encoder=encoder, width=8).eval()
    with torch.no_grad():
        assert body(torch.zeros(1, 3, 64, 96)).shape == (1, 11, *shape)


def test_deeplab_classifies_at_a_quarter_of_the_image() -> None:
    with torch.no_grad():
        assert DeepLabV3Plus(3, 11, width=8).eval()(torch.zeros(1, 3, 64, 96)).shape == (1, 11, 16, 24)


def test_street_classifies_at_a_quarter_of_the_image_and_while_it_is_trained_at_16_and_8_too() -> None:
    body = EncoderStreet(3, 11, width=8)
    assert [answer.shape[2:] for answer in body(torch.zeros(2, 3, 64, 96))] == [(16, 24), (4, 6), (8, 12)]
    with torch.no_grad():
        assert body.eval()(torch.zeros(1, 3, 64, 96)).shape == (1, 11, 16, 24)


def test_street_with_the_finest_features_classifies_at_half_and_at_a_quarter_too_while_it_is_trained() -> None:
    body = EncoderStreet(3, 11, width=8, finest=2)
    shapes = [answer.shape[2:] for answer in body(torch.zeros(2, 3, 64, 96))]
    assert shapes == [(32, 48), (4, 6), (8, 12), (16, 24)]
    with torch.no_grad():
        assert body.eval()(torch.zeros(1, 3, 64, 96)).shape == (1, 11, 32, 48)


def test_the_finest_features_cost_street_what_is_worked_out_by_hand() -> None:
    join = convolution(96, 24, 1) + convolution(48, 24, 1) + convolution(24, 24, 3)
    head = (24 + 1) * 11  # that of a quarter becomes an auxiliary one
    with torch.device("meta"):
        assert size(EncoderStreet(3, 11, finest=2)) - size(EncoderStreet(3, 11)) == join + head


@pytest.mark.parametrize("finest", [1, 3])
def test_a_stride_that_streets_logits_cannot_have_is_a_clear_error(finest: int) -> None:
    with pytest.raises(UserError, match=r"finest is .; give 4 or 2"):
        EncoderStreet(3, 11, finest=finest)


def test_of_two_features_at_16_street_reads_the_deeper_one() -> None:
    with torch.device("meta"):
        body = EncoderStreet(3, 11, encoder="timm:resnet18")
    assert body.encoder.strides[-2:] == (16, 16)
    assert body.deep[0].in_channels == 512


def test_an_encoder_without_a_stride_of_4_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pixelwise.models.squeezenet.SqueezeNet.strides", (2, 3, 8, 16))
    with pytest.raises(UserError, match="squeezenet has no feature of stride 4"):
        DeepLabV3Plus(3, 11)
    with pytest.raises(UserError, match="squeezenet has no features at 1/4, 1/8 and 1/16"):
        EncoderStreet(3, 11)


@pytest.mark.parametrize("rates", [(0,), (6, -12), (10**9,)])
def test_rates_that_no_convolution_can_have_are_a_clear_error(rates: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match=r"rates are .*; give whole numbers from 1 to 1024"):
        DeepLabV3Plus(3, 11, rates=rates)


@pytest.mark.parametrize("body", BODIES)
def test_a_body_alone_refuses_sides_that_are_no_multiples_of_its_stride(body: type[nn.Module]) -> None:
    with pytest.raises(ValueError, match="multiples of 16"):
        body(3, 11, width=8)(torch.zeros(1, 3, 40, 64))


@pytest.mark.parametrize("body", BODIES)
def test_fifteen_steps_on_one_scene_halve_the_loss(body: type[nn.Module]) -> None:
    torch.manual_seed(0)
    images, labels = streets(1, 64, 64)
    network = Network(body(3, 11, width=8))
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3)
    losses = []
    for _ in range(15):
        loss = F.cross_entropy(network(images), labels, ignore_index=255)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert min(losses[-5:]) < losses[0] / 2
