"""Pix2Pix: one network turns a photo into a picture of its labels, another learns to tell such pictures from real ones.

Isola, Zhu, Zhou, Efros, "Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017. The generators
end in plain numbers: `Painter` makes a picture of them by tanh, as the paper does, `Network` logits (pix2pix_softmax).
The training, a game of both, is in training/adversarial.py.
"""

from collections.abc import Iterable
from itertools import accumulate, pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.errors import UserError, unknown
from pixelwise.models.layers import draw_normal, expect_sides

NORMS = ("batch", "instance")
STAGES = (1, 2)
GENERATE = ("as_trained", "evaluated")
KERAS_EPSILON, KERAS_MOMENTUM = 1e-3, 0.01  # of batch norm, as Keras has them; torch counts momentum from the other end


class Pix2Pix(nn.Module):
    """The paper's U-Net-256: eight 4x4 convolutions of stride 2 down, eight transposed ones up, a skip at every size.

    in_channels: of the image. out_channels: of the picture.
    width: filters of the first level (64 in the paper); at most eight times as many deeper down.
    depth: how often the image is halved (8 in the paper, down to one pixel of 256x256).
    norm: "batch" or "instance", which is batch norm of one image.
    dropout: probability in the first three blocks of the decoder.
    generate: how batch norm and dropout behave once it is trained. "as_trained": as in the paper, by the statistics of
    the very image, and with dropout as the only source of chance (each image meets the same mask, so that an answer can
    be had again); "evaluated": as in every other network, by moving statistics and without dropout, which is better
    where it was trained with batches of more than one image.

    >>> Pix2Pix(in_channels=3, out_channels=3, width=4, depth=6)(torch.zeros(2, 3, 64, 128)).shape
    torch.Size([2, 3, 64, 128])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        width: int = 64,
        depth: int = 8,
        norm: str = "batch",
        dropout: float = 0.5,
        generate: str = "as_trained",
    ) -> None:
        super().__init__()
        if depth < 2:
            raise UserError(f"depth of pix2pix is {depth}; give at least 2")
        widths = [width * 2 ** min(level, 3) for level in range(depth)]
        self.stride = 2**depth
        down = [[nn.LeakyReLU(0.2), *_conv(before, after, norm)] for before, after in pairwise(widths)]
        down[-1].pop()  # one pixel, all that is left of 256x256, has no statistics: no norm
        first = nn.Conv2d(in_channels, width, 4, stride=2, padding=1)
        self.down = nn.ModuleList([first, *(nn.Sequential(*layers) for layers in down)])
        self.up = nn.ModuleList()
        for level, (after, before) in enumerate(pairwise(widths)):
            skip = 0 if level == depth - 2 else before
            drop = [Dropout(dropout)] if level >= depth - 4 else []
            self.up.append(nn.Sequential(nn.ReLU(), *_transposed(before + skip, after, norm), *drop))
        self.paint = nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(2 * width, out_channels, 4, stride=2, padding=1))
        set_generation(self, generate)
        start_normal(self)

    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n p h w"]:
        """Height and width: multiples of ``stride``."""
        expect_sides(image, self.stride)
        *skips, deep = _down(self.down, image)
        for block, skip in zip(reversed(self.up), reversed(skips), strict=True):
            deep = torch.cat([skip, block(deep)], dim=1)
        painted: Tensor = self.paint(deep)
        return painted


class Pix2Pix128(nn.Module):
    """The 128x128 generator of a well-known pair of Keras notebooks, whose second stage grows without checkerboards.

    Six 4x4 convolutions of stride 2, ReLU throughout, a bottleneck of one pixel, six blocks up with skips.
    in_channels: of the image. out_channels: of the picture.
    stage: how the decoder grows: 1 = 4x4 transposed convolutions of stride 2, 2 = nearest upsampling, then a 1x1
    convolution, and one of 3x3 at the end.
    width: filters of the first level; at most eight times as many deeper down.
    dropout: probability in the first two blocks of the decoder.
    generate: "as_trained" or "evaluated", as in `Pix2Pix`.

    >>> network = Pix2Pix128(in_channels=3, out_channels=3)
    >>> state = {name: values for name, values in network.state_dict().items() if "num_batches" not in name}
    >>> sum(values.numel() for values in state.values())  # as Keras counts, with the statistics of batch norm
    17023363
    """

    stride = 128

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stage: int = 2,
        width: int = 64,
        dropout: float = 0.3,
        generate: str = "as_trained",
    ) -> None:
        super().__init__()
        if stage not in STAGES:
            raise UserError(f"stage is {stage!r}; give 1 (transposed convolutions) or 2 (upsampling)")
        widths = [width * times for times in (1, 2, 4, 8, 8, 8)]
        self.down = nn.ModuleList([nn.Sequential(nn.Conv2d(in_channels, width, 4, stride=2, padding=1), nn.ReLU())])
        self.down.extend(
            nn.Sequential(nn.Conv2d(before, after, 4, stride=2, padding=1), _keras_norm(after), nn.ReLU())
            for before, after in pairwise(widths)
        )
        self.bottleneck = nn.Sequential(nn.Conv2d(widths[-1], widths[-1], 4, stride=2, padding=1), nn.ReLU())
        self.up = nn.ModuleList()
        before = widths[-1]
        for level, after in enumerate(reversed(widths)):
            drop = [Dropout(dropout)] if level < 2 else []
            self.up.append(nn.Sequential(*_grow(before, after, stage), _keras_norm(after), *drop))
            before = 2 * after
        last = [*_grow(before, width, stage), nn.Conv2d(width, out_channels, 3, padding=1)]
        self.paint = nn.Sequential(*(last if stage == 2 else _grow(before, out_channels, stage)))
        set_generation(self, generate)
        start_normal(self)

    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n p h w"]:
        """Height and width: multiples of 128."""
        expect_sides(image, self.stride)
        skips = _down(self.down, image)
        deep = self.bottleneck(skips[-1])
        for block, skip in zip(self.up, reversed(skips), strict=True):
            deep = F.relu(torch.cat([block(deep), skip], dim=1))
        painted: Tensor = self.paint(deep)
        return painted


class Discriminator(nn.Module):
    """Numbers for the patches of photo and picture together, the higher the more real they look."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)
        start_normal(self)

    def forward(self, photo: Float[Tensor, "n c h w"], picture: Float[Tensor, "n p h w"]) -> Float[Tensor, "n 1 H W"]:
        """Both in [-1, 1]."""
        verdict: Tensor = self.layers(torch.cat([photo, picture], dim=1))
        return verdict


class PatchGAN(Discriminator):
    """The paper's discriminator: for every patch of 70x70 pixels one number, the higher the more real it looks.

    channels: of photo and picture together. width: filters of the first layer. norm: as in `Pix2Pix`.

    >>> PatchGAN(6)(torch.zeros(1, 3, 256, 256), torch.zeros(1, 3, 256, 256)).shape
    torch.Size([1, 1, 30, 30])
    """

    def __init__(self, channels: int, *, width: int = 64, norm: str = "batch") -> None:
        super().__init__(
            nn.Conv2d(channels, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            *_conv(width, 2 * width, norm),
            nn.LeakyReLU(0.2),
            *_conv(2 * width, 4 * width, norm),
            nn.LeakyReLU(0.2),
            *_conv(4 * width, 8 * width, norm, stride=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(8 * width, 1, 4, padding=1),
        )


class PatchGAN128(Discriminator):
    """The discriminator that goes with `Pix2Pix128`: 4x4 numbers for 128x128 pixels.

    channels: of photo and picture together. width: filters of the first layer. tanh: whether verdicts end in it, as in
    the notebooks, where -1 is painted and 1 real.

    >>> network = PatchGAN128(6)
    >>> state = {name: values for name, values in network.state_dict().items() if "num_batches" not in name}
    >>> sum(values.numel() for values in state.values())
    6968257
    """

    def __init__(self, channels: int, *, width: int = 64, tanh: bool = True) -> None:
        widths = [width * times for times in (1, 2, 4, 8, 8)]
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 4, stride=2, padding=1), _keras_norm(after), nn.LeakyReLU(0.2)]
        keras_same = nn.ZeroPad2d((1, 2, 1, 2))  # left, right, top, bottom
        super().__init__(*layers, keras_same, nn.Conv2d(widths[-1], 1, 4), *([nn.Tanh()] if tanh else []))


class BatchNorm(nn.BatchNorm2d):
    """Batch norm that, once trained, goes by the statistics of what it sees, image by image, while ``as_trained``.

    The paper: "using the statistics of the test batch", which is of one image.
    """

    as_trained = True

    def forward(self, image: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, c, h, w)."""
        if self.training or not self.as_trained:
            return super().forward(image)
        return F.instance_norm(image, weight=self.weight, bias=self.bias, eps=self.eps)


class Dropout(nn.Dropout):
    """Dropout that stays once trained, while ``as_trained``; there the same values fall out of every image."""

    as_trained = True

    def forward(self, image: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, c, h, w)."""
        if self.training or not self.as_trained:
            return super().forward(image)
        chance = torch.rand(image.shape[1:], generator=torch.Generator().manual_seed(0), device="cpu")
        return image * (chance >= self.p).to(image) / max(1e-12, 1 - self.p)


def set_generation(network: nn.Module, generate: str) -> None:
    """How batch norm and dropout of a network behave once it is trained; see `Pix2Pix`."""
    if generate not in GENERATE:
        raise unknown("generate", generate, GENERATE)
    for layer in network.modules():
        if isinstance(layer, BatchNorm | Dropout):
            layer.as_trained = generate == "as_trained"


def start_normal(network: nn.Module) -> None:
    """Weights N(0, 0.02), those of batch norm N(1, 0.02), biases 0: the paper's section 6.2 and its code.

    >>> layer = nn.Conv2d(64, 128, 4)
    >>> start_normal(layer)
    >>> round(layer.weight.std().item(), 3)
    0.02
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            draw_normal(layer.weight, std=0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            draw_normal(layer.weight, mean=1.0, std=0.02)


def _down(blocks: Iterable[nn.Module], image: Tensor) -> list[Tensor]:
    """What each block makes of the one before: the i-th (n, width 2^i, h / 2^(i+1), w / 2^(i+1))."""
    return list(accumulate(blocks, lambda deep, block: block(deep), initial=image))[1:]


def _conv(before: int, after: int, norm: str, stride: int = 2) -> list[nn.Module]:
    return [nn.Conv2d(before, after, 4, stride, padding=1, bias=norm == "instance"), _norm(norm, after)]


def _transposed(before: int, after: int, norm: str) -> list[nn.Module]:
    grow = nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=norm == "instance")
    return [grow, _norm(norm, after)]


def _norm(norm: str, channels: int) -> nn.Module:
    if norm not in NORMS:
        raise unknown("norm", norm, NORMS)
    return BatchNorm(channels) if norm == "batch" else nn.InstanceNorm2d(channels)


def _keras_norm(channels: int) -> nn.Module:
    return BatchNorm(channels, eps=KERAS_EPSILON, momentum=KERAS_MOMENTUM)


def _grow(before: int, after: int, stage: int) -> list[nn.Module]:
    """Twice as high and wide."""
    if stage == 1:
        return [nn.ConvTranspose2d(before, after, 4, stride=2, padding=1)]
    return [nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(before, after, 1)]
