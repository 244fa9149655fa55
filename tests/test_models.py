"""The networks: as large as in the papers, of the right shape, and able to learn."""

import numpy as np
import pytest
import torch
from small_models import streets, tiny_network
from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.errors import UserError
from pixelwise.losses import cross_entropy, deeply_supervised
from pixelwise.machine import mixed_precision
from pixelwise.models import MODELS, PAINTERS, Network, SegNet, SegNetBasic, UNet, build_network, unet_carla
from pixelwise.models.layers import he_normal
from pixelwise.models.unet import crop

VARIANTS = [
    ("unet", {}),
    ("unet", {"upsample": "nearest", "batch_norm": False}),
    ("unet", {"upsample": "bilinear", "depth": 2, "padding": "valid"}),
    ("unet_carla", {}),
    ("segnet", {}),
    ("segnet_basic", {}),
    ("street", {}),
]


def size(network: nn.Module) -> int:
    return sum(weights.numel() for weights in network.parameters())


def convolutions(network: nn.Module, kind: type[nn.Module] = nn.Conv2d) -> list[nn.Module]:
    return [layer for layer in network.modules() if isinstance(layer, kind)]


def photo(height: int, width: int, images: int = 1) -> Tensor:
    return torch.randint(0, 256, (images, 3, height, width), generator=torch.Generator().manual_seed(1)).byte()


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_the_unet_of_the_paper_has_31_030_658_parameters(padding: str) -> None:
    with torch.device("meta"):
        assert size(UNet(1, 2, batch_norm=False, padding=padding)) == 31_030_658


def test_the_unet_has_the_23_convolutional_layers_of_the_paper() -> None:
    with torch.device("meta"):
        network = UNet(1, 2, batch_norm=False)
    kernels = [layer.kernel_size for layer in convolutions(network)]
    assert kernels.count((3, 3)) == 18
    assert kernels.count((1, 1)) == 1
    assert len(convolutions(network, nn.ConvTranspose2d)) == 4
    assert len(kernels) + 4 == 23


def test_the_unet_of_the_paper_makes_388_pixels_of_572_through_the_sizes_of_its_figure() -> None:
    with torch.device("meta"):
        network = UNet(1, 2, batch_norm=False, padding="valid")
        sides = []
        for block in (*network.down, *reversed(network.up)):
            block.register_forward_hook(lambda _, __, answer: sides.append(answer.shape[-1]))
        assert network(torch.zeros(1, 1, 572, 572)).shape == (1, 2, 388, 388)
    assert sides == [568, 280, 136, 64, 28, 52, 100, 196, 388]


def test_a_skip_is_cropped_to_its_middle() -> None:
    skip = torch.arange(64.0).view(1, 1, 8, 8)
    assert torch.equal(crop(skip, torch.zeros(1, 1, 4, 2)), skip[..., 2:6, 3:5])


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_overlapping_tiles_give_the_logits_of_the_whole_image_without_a_seam(
    depth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, image = tiny_network(padding="valid", width=2, depth=depth), photo(85, 170)
    whole = network(image)
    monkeypatch.setattr("pixelwise.models.network.TILE", 32)
    assert (network(image) - whole).abs().max() < 1e-6 * whole.abs().max()


def test_the_border_of_a_valid_unet_sees_the_image_mirrored() -> None:
    network, image = tiny_network(padding="valid", width=2), photo(100, 116)
    mirrored = torch.from_numpy(np.pad(image.numpy(), ((0, 0), (0, 0), (92, 92), (92, 92)), mode="reflect"))
    assert torch.allclose(network(image), network.body((mirrored.float() - 127.5) / 64), atol=1e-5)


def test_the_unet_of_the_course_has_8_640_471_parameters() -> None:
    with torch.device("meta"):
        assert size(unet_carla(3, 23)) == 8_640_471


def test_the_unet_of_the_course_labels_frames_of_96x128_with_23_classes() -> None:
    with torch.device("meta"):
        assert unet_carla(3, 23)(torch.zeros(2, 3, 96, 128)).shape == (2, 23, 96, 128)


def test_the_unet_of_the_course_drops_out_in_its_two_deepest_blocks_alone() -> None:
    dropped = [
        [layer.p for layer in block if isinstance(layer, nn.Dropout)] for block in unet_carla(3, 2, width=2).down
    ]
    assert dropped == [[], [], [], [0.3], [0.3]]


def test_a_3x3_transposed_convolution_grows_as_that_of_keras_does() -> None:
    """Keras: output[2 i + k] += input[i] * kernel[k] for k in 0, 1, 2, cut to twice the input, from the upper left."""
    network = UNet(1, 1, width=1, depth=1, upsample="transpose3", batch_norm=False)
    network.grow[0].weight.data = torch.tensor([1.0, 10, 100])[:, None].mul(torch.ones(3)).expand(2, 1, 3, 3).clone()
    network.down = nn.ModuleList([nn.Identity(), nn.Identity()])
    network.up[0] = seen = _Recorder()
    network.classify = nn.Identity()
    network(torch.tensor([1.0, 2, 3, 4])[:, None].expand(1, 2, 4, 4))
    assert seen.seen[0, -1, :, 0].tolist() == [4, 40, 408, 80]  # two input channels; rows 2 and 4 are pooled


def test_segnet_basic_has_4_convolutions_of_7x7_down_and_4_up_and_about_the_paper_s_1_4_million_parameters() -> None:
    with torch.device("meta"):
        network = SegNetBasic(3, 11)
    kernels = [layer.kernel_size for layer in convolutions(network)]
    assert kernels == [(7, 7)] * 8 + [(1, 1)]
    assert size(network) == 3 * 64 * 49 + 7 * 64 * 64 * 49 + 8 * 2 * 64 + 64 * 11 + 11 == 1_416_075


def test_segnet_for_camvid_has_29_449_355_parameters() -> None:
    with torch.device("meta"):
        assert size(SegNet(3, 11)) == 29_449_355


def test_segnet_has_13_convolutions_down_and_13_up() -> None:
    with torch.device("meta"):
        network = SegNet(3, 11)
    assert len(convolutions(network.down)) == 13
    assert len(convolutions(network.up)) + len([network.classify]) == 13
    assert len(convolutions(network, nn.BatchNorm2d)) == 25  # the classifier has none


def test_the_encoder_of_segnet_has_the_weights_of_vgg16_before_its_classifier() -> None:
    with torch.device("meta"):
        network = SegNet(3, 11)
    assert sum(size(layer) for layer in convolutions(network.down)) == 14_714_688


@pytest.mark.parametrize(("model", "options"), VARIANTS)
def test_logits_are_as_large_as_the_image(model: str, options: dict[str, object]) -> None:
    network = tiny_network(model, **options)
    assert network(photo(64, 96, 2)).shape == (2, 11, 64, 96)


@pytest.mark.parametrize("upsample", ["transpose", "nearest", "bilinear"])
def test_every_way_to_upsample_doubles_height_and_width(upsample: str) -> None:
    grow = tiny_network("unet", upsample=upsample).body.grow[0]
    assert grow(torch.zeros(1, 8, 3, 5)).shape == (1, 4, 6, 10)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("shape", [(1, 1), (97, 1031), (33, 64), (64, 31)])
def test_any_size_is_padded_inside_and_cropped_back(model: str, shape: tuple[int, int]) -> None:
    with torch.inference_mode():
        assert tiny_network(model, width=2)(photo(*shape)).shape == (1, 11, *shape)


def test_padding_repeats_the_edge_below_and_to_the_right() -> None:
    network, image = tiny_network(), photo(30, 47)
    padded = F.pad(image.float(), (0, 1, 0, 2), mode="replicate")
    assert torch.equal(network(image), network(padded)[..., :30, :47])


@pytest.mark.parametrize("model", MODELS)
def test_a_size_that_needs_no_padding_goes_through_the_body_as_it_is(model: str) -> None:
    network, image = tiny_network(model), photo(256, 256)
    answer = network.body((image.float() - network.mean) / network.std)
    plain = F.interpolate(answer, size=(256, 256), mode="bilinear")
    assert (network.outputs(image)[0] - plain).abs().max() <= 1e-4 * plain.abs().max().clamp(min=1)


def test_normalisation_is_saved_with_the_weights() -> None:
    weights = tiny_network().state_dict()
    assert weights["mean"].flatten().tolist() == [127.5] * 3
    assert weights["std"].flatten().tolist() == [64.0] * 3


def test_uint8_and_float_images_get_the_same_logits() -> None:
    network, image = tiny_network(), photo(32, 32)
    assert torch.equal(network(image), network(image.float()))


@pytest.mark.parametrize("channels", [1, 4])
def test_images_of_other_channels_than_the_networks_are_refused_and_not_spread(channels: int) -> None:
    with pytest.raises(UserError, match=f"takes images of 3 channels, but these have {channels}"):
        tiny_network()(torch.zeros(1, channels, 32, 32))


def test_another_mean_and_spread_change_nothing_but_the_scale_of_the_image() -> None:
    network, image = tiny_network(), photo(32, 32)
    raw = Network(network.body, mean=0.0, std=1.0).eval()
    assert torch.allclose(network(image), raw((image.float() - 127.5) / 64), atol=1e-6)


class _Recorder(nn.Module):
    """In the place of the convolutions: keeps what comes in and hands it on."""

    def forward(self, deep: Tensor) -> Tensor:
        self.seen = deep
        return deep


def test_unpooling_puts_every_value_back_where_it_came_from() -> None:
    network = SegNet(1, 1, width=1).eval()
    network.stride = 2
    first, last = _Recorder(), _Recorder()
    network.down = nn.ModuleList([first])
    network.up = nn.ModuleList([last])
    image = torch.tensor([[1.0, 2, 5, 0], [3, 4, 6, 7], [9, 8, 1, 1], [0, 2, 1, 3]])[None, None]
    network(image)
    assert last.seen[0, 0].tolist() == [[0, 0, 0, 0], [0, 4, 0, 7], [9, 0, 0, 0], [0, 0, 0, 3]]


def test_each_decoder_stage_unpools_with_the_indices_of_its_own_encoder_stage() -> None:
    network = SegNet(1, 1, width=1).eval()
    network.stride = 4
    network.down = nn.ModuleList([_Recorder(), _Recorder()])
    network.up = nn.ModuleList([_Recorder(), _Recorder()])
    image = torch.arange(16.0).view(1, 1, 4, 4)
    image[..., 0, 1] = 99  # the largest of the upper left block, and of all
    network(image)
    assert network.up[1].seen[0, 0].tolist() == [[99, 0], [0, 0]]
    assert network.up[0].seen[0, 0].nonzero().tolist() == [[0, 1]]


@pytest.mark.parametrize(("model", "options"), VARIANTS)
def test_the_gradient_reaches_every_parameter(model: str, options: dict[str, object]) -> None:
    network = tiny_network(model, **options).train()
    images, labels = streets()
    deeply_supervised(lambda logits: cross_entropy(logits, labels), network.outputs(images)).backward()
    for name, weights in network.named_parameters():
        assert weights.grad is not None, name
        # Batch norm takes the mean away, so the bias that SegNet has before it feels nothing but rounding.
        assert weights.grad.isfinite().all(), name
        assert weights.grad.abs().sum() > 0, name


# Width and learning rate: smaller without batch norm; more filters where logits have a quarter of the resolution.
BY_HEART = dict.fromkeys(MODELS, (24, 1e-2)) | {"unet_carla": (24, 1e-3), "deeplabv3plus": (128, 1e-2)}


@pytest.mark.parametrize("model", [model for model in MODELS if model not in PAINTERS])  # these: test_adversarial.py
def test_each_model_learns_a_street_by_heart_where_nothing_drops_out(model: str) -> None:
    width, rate = BY_HEART[model]
    network = tiny_network(model, width=width).train().to(memory_format=torch.channels_last)
    for layer in network.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    images, labels = streets(1, 32, 64)
    optimizer = torch.optim.AdamW(network.parameters(), rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=60)
    losses = []
    for _ in range(60):
        with mixed_precision(images.device):
            logits = network(images)
        loss = cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    assert losses[-1] < 0.05 * losses[0], losses


def test_weights_start_he_normal_and_biases_zero() -> None:
    layer = nn.Conv2d(64, 64, 3)
    he_normal(layer)
    assert layer.weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.02)
    assert not layer.bias.any()


def test_an_unknown_model_is_told_with_the_nearest_known_one() -> None:
    with pytest.raises(UserError, match="there is no model 'sgnet'; did you mean 'segnet'"):
        build_network("sgnet", 11)


def test_an_unknown_option_is_told_with_the_nearest_known_one() -> None:
    with pytest.raises(UserError, match="no option of unet 'widht'; did you mean 'width'"):
        build_network("unet", 11, widht=8)


def test_an_option_of_another_model_is_unknown() -> None:
    with pytest.raises(UserError, match="no option of segnet 'upsample'"):
        build_network("segnet", 11, upsample="nearest")


def test_an_unknown_way_to_upsample_is_told_with_the_nearest_known_one() -> None:
    with pytest.raises(UserError, match="no upsample 'bilinar'; did you mean 'bilinear'"):
        build_network("unet", 11, upsample="bilinar")


@pytest.mark.parametrize("options", [{"width": 0}, {"width": -3}, {"width": 10**9}, {"width": "8"}, {"depth": 99}])
def test_a_width_or_depth_that_no_network_can_have_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(UserError, match="give a whole number from 1 to"):
        build_network("unet", 11, **options)


def test_a_network_that_torch_cannot_build_is_one_clear_error() -> None:
    with pytest.raises(UserError, match=r"unet cannot be built with {'width': 8}: .*negative dimension"):
        build_network("unet", -1, width=8)
