"""Pix2Pix: its two generators, their rivals, and the way back from a painted picture to classes."""

import copy
import io

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from small_data import flat
from small_models import streets, tiny_network
from torch import Tensor, nn

from pixelwise.errors import UserError
from pixelwise.labels import CITYSCAPES19
from pixelwise.models import PAINTERS, Painter, build_discriminator, build_network
from pixelwise.models.painter import color_logits
from pixelwise.models.pix2pix import BatchNorm, Dropout, PatchGAN, PatchGAN128, Pix2Pix, Pix2Pix128
from pixelwise.prediction.labelling import label_images, paint_image


def size(network: nn.Module, *, statistics: bool = False) -> int:
    """Parameters; with the moving statistics of batch norm, as Keras counts them."""
    if not statistics:
        return sum(weights.numel() for weights in network.parameters())
    return sum(values.numel() for name, values in network.state_dict().items() if "num_batches" not in name)


class Mirror(nn.Module):
    """A body that paints what it sees."""

    stride = 1

    def forward(self, image: Tensor) -> Tensor:
        return torch.atanh(image.clamp(-0.999999, 0.999999))


def mirror() -> Painter:
    painter = Painter(Mirror(), len(CITYSCAPES19)).eval()
    painter.colors.copy_(torch.tensor(CITYSCAPES19.colors))
    return painter


# The networks


def test_the_paper_s_generator_and_discriminator_are_as_large_as_the_authors_code_prints() -> None:
    with torch.device("meta"):
        assert f"{size(Pix2Pix(3, 3)) / 1e6:.3f}" == "54.414"
        assert f"{size(PatchGAN(6)) / 1e6:.3f}" == "2.769"


def test_the_notebook_s_stage_2_generator_and_its_discriminator_are_as_large_as_keras_counts() -> None:
    with torch.device("meta"):
        assert size(Pix2Pix128(3, 3), statistics=True) == 17_023_363
        assert size(PatchGAN128(6), statistics=True) == 6_968_257


def test_stage_1_differs_from_stage_2_by_the_kernels_that_grow() -> None:
    with torch.device("meta"):
        first, second = (size(Pix2Pix128(3, 3, stage=stage)) for stage in (1, 2))
    growing = 512 * 512 + 1024 * 512 * 2 + 1024 * 256 + 512 * 128 + 256 * 64
    last_1, last_2 = 16 * 128 * 3 + 3, 128 * 64 + 64 + 9 * 64 * 3 + 3
    assert first - second == 15 * growing + last_1 - last_2


def test_the_paper_s_generator_brings_256_pixels_down_to_one_and_back() -> None:
    sides: list[int] = []
    with torch.device("meta"):
        network = Pix2Pix(3, 3)
        for block in (*network.down, *reversed(network.up), network.paint):
            block.register_forward_hook(lambda _, __, answer: sides.append(answer.shape[-1]))
        network(torch.zeros(1, 3, 256, 256))
    assert sides == [128, 64, 32, 16, 8, 4, 2, 1, 2, 4, 8, 16, 32, 64, 128, 256]


def test_one_verdict_of_the_discriminator_looks_at_70x70_pixels() -> None:
    rival = PatchGAN(6, width=4).eval()
    for layer in rival.modules():  # so that it is eyes alone: every pixel that is seen, is felt
        if isinstance(layer, nn.Conv2d):
            nn.init.constant_(layer.weight, 0.01)
        if isinstance(layer, BatchNorm):
            layer.as_trained = False
    photo = torch.zeros(1, 3, 256, 256, requires_grad=True)
    rival(photo, torch.zeros(1, 3, 256, 256))[0, 0, 15, 15].backward()
    rows, columns = photo.grad[0, 0].nonzero(as_tuple=True)
    assert (rows.max() - rows.min() + 1, columns.max() - columns.min() + 1) == (70, 70)


def test_the_notebook_s_discriminator_gives_4x4_verdicts_of_128x128_pixels_between_minus_1_and_1() -> None:
    verdict = PatchGAN128(6, width=4)(torch.rand(2, 3, 128, 128), 100 * torch.rand(2, 3, 128, 128))
    assert verdict.shape == (2, 1, 4, 4)
    assert verdict.abs().max() <= 1


@pytest.mark.parametrize("model", [*PAINTERS, "pix2pix_softmax"])
def test_every_convolution_starts_with_a_standard_deviation_of_0_02(model: str) -> None:
    network = build_network(model, 5, width=16)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and layer.weight.numel() > 4000:
            assert layer.weight.std().item() == pytest.approx(0.02, rel=0.1)


# How it generates


@pytest.mark.parametrize("model", PAINTERS)
def test_an_answer_can_be_had_again_and_does_not_depend_on_the_other_images(model: str) -> None:
    images, _ = streets(2, 64, 64)
    painter = tiny_network(model)
    with torch.no_grad():
        together = painter.paint(images)
        assert torch.equal(painter.paint(images), together)
        assert torch.allclose(painter.paint(images[1:]), together[1:], atol=1e-6)


@pytest.mark.parametrize("model", PAINTERS)
def test_it_generates_an_image_as_it_was_trained_with_batches_of_one(model: str) -> None:
    image = streets(1, 64, 64)[0]
    painter = tiny_network(model, dropout=0.0)
    with torch.no_grad():
        assert torch.allclose(copy.deepcopy(painter).train().paint(image), painter.paint(image), atol=1e-4)


@pytest.mark.parametrize("model", PAINTERS)
def test_evaluated_it_generates_by_moving_statistics_and_without_dropout(model: str) -> None:
    image = streets(1, 64, 64)[0]
    painter = tiny_network(model, generate="evaluated")
    plain = copy.deepcopy(painter)
    for network in plain.modules():
        for name, layer in network.named_children():
            if isinstance(layer, BatchNorm):
                torch_s = nn.BatchNorm2d(layer.num_features, eps=layer.eps)
                torch_s.load_state_dict(layer.state_dict())
                setattr(network, name, torch_s)
            elif isinstance(layer, Dropout):
                setattr(network, name, nn.Identity())
    with torch.no_grad():
        assert torch.allclose(painter.paint(image), plain.eval().paint(image), atol=1e-6)


def test_dropout_stays_and_keeps_the_mean() -> None:
    seen = Dropout(0.3).eval()(torch.ones(2, 100, 8, 8))
    assert (seen == 0).float().mean().item() == pytest.approx(0.3, abs=0.02)
    assert seen.mean().item() == pytest.approx(1.0, abs=0.03)
    assert torch.equal(seen[0], seen[1])


@pytest.mark.parametrize("options", [{"norm": "layer"}, {"generate": "sometimes"}, {"paints": "walls"}])
def test_an_option_without_sense_is_told_with_those_that_have(options: dict[str, str]) -> None:
    with pytest.raises(UserError, match=f"there is no {next(iter(options))} '"):
        build_network("pix2pix", 3, width=2, **options)


def test_a_third_stage_is_refused() -> None:
    with pytest.raises(UserError, match="stage is 3; give 1"):
        build_network("pix2pix_128", 3, width=2, stage=3)


def test_a_generator_that_halves_only_once_is_refused() -> None:
    with pytest.raises(UserError, match="depth of pix2pix is 1; give at least 2"):
        build_network("pix2pix", 3, width=2, depth=1)


@pytest.mark.parametrize("gan", ["vanilla", "least_squares"])
def test_a_rival_is_as_wide_as_its_painter_and_ends_in_tanh_where_the_notebook_s_game_wants_it(gan: str) -> None:
    rival = build_discriminator("pix2pix_128", 6, gan=gan, width=8, dropout=0.1)
    assert rival.layers[0].out_channels == 8
    assert isinstance(rival.layers[-1], nn.Tanh) == (gan == "least_squares")
    assert build_discriminator("pix2pix", 6, gan=gan, width=8, depth=5).layers[0].out_channels == 8


# From colours to classes


def test_the_highest_logit_is_of_the_nearest_colour() -> None:
    picture = 2 * torch.rand(1, 3, 20, 30, generator=torch.Generator().manual_seed(0)) - 1
    colors = torch.tensor(CITYSCAPES19.colors, dtype=torch.float32)
    away = (127.5 * (picture[:, None] + 1) - colors[None, :, :, None, None]).square().sum(2)
    assert torch.equal(color_logits(picture, colors).argmax(1), away.argmin(1))


def test_probabilities_are_those_of_normal_distributions_around_the_colours() -> None:
    picture, colors = torch.tensor([0.3, -0.5, 0.1]).view(1, 3, 1, 1), torch.tensor([[200.0, 50, 90], [160, 80, 120]])
    away = ((127.5 * (picture.flatten() + 1) - colors) / 32).square().sum(1)
    by_hand = torch.exp(-away / 2) / torch.exp(-away / 2).sum()
    assert torch.allclose(color_logits(picture, colors).softmax(1).flatten(), by_hand, atol=1e-5)


def test_a_painted_picture_is_read_as_the_classes_it_shows() -> None:
    label = flat(0, 5, 13, 8).astype(np.uint8)
    [(found, confidence)] = label_images(mirror(), [CITYSCAPES19.colorize(label)], label.shape)
    assert np.array_equal(found, label)
    assert confidence.min() > 0.5


def test_a_smeared_picture_is_read_as_a_lossy_mask_and_no_pixel_is_left_without_a_class() -> None:
    label = np.kron(flat(0, 13, 8, 10).astype(np.uint8), np.ones((4, 4), np.uint8))
    file = io.BytesIO()
    Pillow.fromarray(CITYSCAPES19.colorize(label)).save(file, "JPEG", quality=75, subsampling=2)
    smeared = np.asarray(Pillow.open(file))
    [(found, _)] = label_images(mirror(), [smeared], label.shape)
    nearest = color_logits(
        torch.from_numpy(smeared / 127.5 - 1).permute(2, 0, 1)[None].float(), mirror().colors
    ).argmax(1)[0]
    assert set(np.unique(found)) == {0, 13, 8, 10}
    assert len(nearest.unique()) > 4  # by the nearest colour alone, edges would be of classes that are not there
    assert (found == label).mean() > 0.99


def test_a_picture_of_no_class_at_all_still_gets_the_nearest_colour_everywhere() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 56, 3), np.uint8)
    [(found, _)] = label_images(mirror(), [noise], (40, 56))
    assert found.max() < len(CITYSCAPES19)


def test_what_is_painted_comes_at_the_size_of_the_image() -> None:
    image = np.random.default_rng(0).integers(0, 256, (37, 90, 3), np.uint8)
    assert np.array_equal(paint_image(mirror(), image, (37, 90)), image)
    assert paint_image(mirror(), image, (20, 45)).shape == image.shape
