"""What is said of the models: numbers against a count by hand, and what is seen of a network while it runs."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pixelwise.errors import UserError
from pixelwise.models import MODELS, PAINTERS, Network, build_network
from pixelwise.models.survey import describe, meanings, milliseconds, on_meta, survey
from pixelwise.models.tracing import Link, Stage, stages

SIZE = (64, 96)


def named(seen: list[Stage], name: str) -> Stage:
    return next(stage for stage in seen if stage.name == name)


def sources(seen: list[Stage], name: str) -> dict[str, str]:
    """What comes into a stage, and how."""
    return {seen[link.source].name or seen[link.source].kind: link.kind for link in named(seen, name).links}


def multiplications(network: Network, size: tuple[int, int]) -> int:
    """Of all convolutions, from the shapes that pass through them."""
    total = 0

    def count(layer: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
        nonlocal total
        assert isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
        height, width = layer.kernel_size
        pixels = given[0] if isinstance(layer, nn.ConvTranspose2d) else made  # a transposed one spreads every input
        others = layer.out_channels if isinstance(layer, nn.ConvTranspose2d) else layer.in_channels
        total += pixels.numel() * others // layer.groups * height * width

    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            layer.register_forward_hook(count)
    network(torch.zeros(1, 3, *size, dtype=torch.uint8, device=network.mean.device))
    return total


@pytest.mark.parametrize("model", MODELS)
def test_the_operations_are_two_for_every_multiplication_of_every_convolution(model: str) -> None:
    assert describe(model, 11, SIZE).gflops == pytest.approx(2e-9 * multiplications(on_meta(model, 11), SIZE))


def test_the_numbers_of_a_tiny_unet_are_those_counted_by_hand() -> None:
    found = describe("unet", 5, (4, 4), width=2, depth=1, batch_norm=False)
    down = (3 * 9 + 1) * 2 + (2 * 9 + 1) * 2 + (2 * 9 + 1) * 4 + (4 * 9 + 1) * 4
    up = (4 * 4 * 2 + 2) + (4 * 9 + 1) * 2 + (2 * 9 + 1) * 2 + (2 + 1) * 5
    assert (found.parameters, found.convolutions) == (down + up, 8)
    products = 16 * (27 * 2 + 18 * 2) + 4 * (18 * 4 + 36 * 4) + 4 * (4 * 4 * 2) + 16 * (36 * 2 + 18 * 2 + 2 * 5)
    assert found.gflops == pytest.approx(2e-9 * products)


def test_the_time_is_that_of_an_evaluated_network_without_gradients_after_two_runs_to_warm_up() -> None:
    network = build_network("unet", 2, width=2, depth=1).train()
    seen: list[tuple[bool, bool]] = []
    network.register_forward_hook(lambda module, *_: seen.append((module.training, torch.is_inference_mode_enabled())))
    assert milliseconds(network, (8, 8)) > 0
    assert set(seen) == {(False, True)}
    assert len(seen) >= 2 + 5


def test_every_option_that_is_explained_is_one_and_width_always_is() -> None:
    for model in MODELS:
        said = meanings(model)
        assert said["width"].startswith("filters"), model
        assert not any(meaning.endswith(".") for meaning in said.values())
    assert all(all(meanings(model).values()) for model in PAINTERS)
    assert meanings("pix2pix")["paints"].endswith("whose logits mean nothing")
    assert meanings("unet")["depth"] == "how often the image is halved (4 in the paper)"
    assert meanings("unet")["padding"].endswith('"same": the answer is as large as the image')


def test_a_model_that_cannot_be_built_here_is_said_to_be_so_beside_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "unet", not_installed)
    found = survey(["unet", "segnet"], 11, SIZE)
    assert "install" in str(found["unet"])
    assert isinstance(found["unet"], UserError)
    assert not isinstance(found["segnet"], UserError)


def not_installed(in_channels: int, classes: int, *, width: int = 8) -> nn.Module:
    raise UserError(f"{in_channels}, {classes}, {width}: something is missing; install it")


# What is seen while a network runs ------------------------------------------------------------------------------------


def test_the_unet_of_the_paper_is_seen_with_the_sizes_and_channels_of_its_figure() -> None:
    seen = stages(on_meta("unet", 2, in_channels=1, padding="valid", batch_norm=False), (388, 388))
    found = {stage.name: (stage.channels, stage.height) for stage in seen if stage.name}
    assert (seen[0].kind, seen[0].height) == ("image", 572)
    assert [found[f"down.{level}"] for level in range(5)] == [(64, 568), (128, 280), (256, 136), (512, 64), (1024, 28)]
    assert [found[f"grow.{level}"] for level in (3, 2, 1, 0)] == [(512, 56), (256, 104), (128, 200), (64, 392)]
    assert [found[f"up.{level}"] for level in (3, 2, 1, 0)] == [(512, 52), (256, 100), (128, 196), (64, 388)]
    assert found["classify"] == (2, 388)
    assert [stage.height for stage in seen if stage.kind == "max pooling"] == [284, 140, 68, 32]


def test_the_skips_of_the_unet_are_concatenated_and_come_from_the_same_level() -> None:
    seen = stages(on_meta("unet", 11), SIZE)
    for level in range(4):
        joined = {f"down.{level}": "concatenation", f"grow.{level}": "concatenation"}
        assert sources(seen, f"up.{level}") == joined


def test_segnet_has_no_skips_but_indices_of_every_pooling() -> None:
    seen = stages(on_meta("segnet", 11), SIZE)
    unpooled = [stage for stage in seen if stage.kind == "unpooling"]
    told = [seen[link.source].name for stage in unpooled for link in stage.links if link.kind == "indices"]
    assert told == [f"down.{level}" for level in (4, 3, 2, 1, 0)]
    assert {link.kind for stage in seen for link in stage.links} == {"", "indices"}


def test_additions_are_seen_where_different_stages_are_added_and_not_inside_a_residual_block() -> None:
    class Body(nn.Module):
        stride = 2

        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), Residual()
            self.last = nn.Conv2d(4, 2, 1)

        def forward(self, image: Tensor) -> Tensor:
            first = self.first(image)
            return self.last(first + self.second(first))

    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Conv2d(4, 4, 3, padding=2, dilation=2), nn.Conv2d(4, 4, 1)

        def forward(self, image: Tensor) -> Tensor:
            return image + self.two(self.one(image))

    with torch.device("meta"):
        seen = stages(Network(Body()).eval(), (8, 8))
    assert [stage.name or stage.kind for stage in seen] == ["image", "first", "second", "last"]
    assert seen[2].convolutions == (("3x3 dilated",), ("1x1",))
    assert seen[2].links == (Link(1),)
    assert sources(seen, "last") == {"first": "addition", "second": "addition"}


@pytest.mark.parametrize("model", MODELS)
def test_what_is_seen_of_every_model_is_what_its_blocks_really_give(model: str) -> None:
    network = build_network(model, 7, width=4).eval()
    size = tuple(-(-side // network.stride) * network.stride for side in SIZE)  # so that nothing is padded
    seen = stages(on_meta(model, 7, width=4), size)
    real: dict[str, tuple[int, ...]] = {}
    for name, module in network.body.named_modules():
        module.register_forward_hook(remember(real, name))
    with torch.no_grad():
        answer = network.outputs(torch.zeros(1, 3, *size, dtype=torch.uint8))[0]  # of painters the picture
    assert {stage.name for stage in seen if stage.kind == "block"} <= set(real)
    for stage in seen:
        if stage.kind == "block":
            assert real[stage.name] == (1, stage.channels, stage.height, stage.width)
    assert (seen[-1].channels, seen[-1].height, seen[-1].width) == answer.shape[1:]


def remember(real: dict[str, tuple[int, ...]], name: str) -> Callable[..., None]:
    def hook(_: nn.Module, __: Any, made: Tensor | list[Tensor]) -> None:  # noqa: ANN401
        if isinstance(made, Tensor):
            real[name] = tuple(made.shape)

    return hook


def test_a_generator_joins_its_skips_below_and_its_blocks_upsample_before_they_convolve() -> None:
    seen = stages(on_meta("pix2pix_128", 11), (128, 128))
    assert sources(seen, "paint") == {"down.0": "concatenation", "up.5": "concatenation"}
    assert named(seen, "up.5").convolutions == (("nearest upsampling, 1x1",),)
    assert named(seen, "paint").convolutions == (("nearest upsampling, 1x1",), ("3x3",))
    assert (named(seen, "paint").channels, named(seen, "paint").height) == (3, 128)
    assert {len(stage.links) for stage in seen if stage.name.startswith("down")} == {1}


@pytest.mark.parametrize("model", MODELS)
def test_every_convolution_that_runs_is_in_one_stage(model: str) -> None:
    ran: list[nn.Module] = []
    network = on_meta(model, 7, width=4)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            layer.register_forward_hook(lambda module, *_: ran.append(module))
    network(torch.zeros(1, 3, *SIZE, dtype=torch.uint8, device="meta"))
    seen = stages(on_meta(model, 7, width=4), SIZE)
    assert sum(len(step) for stage in seen for step in stage.convolutions) == len(ran)
