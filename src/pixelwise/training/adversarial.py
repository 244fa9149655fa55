"""The game of Pix2Pix: one network paints, its rival tells painted from true pictures, and each learns from the other.

Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017, section 3 and its code.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from pixelwise.losses import GAN_LOSSES, mean_difference
from pixelwise.machine import mixed_precision
from pixelwise.models import Painter
from pixelwise.training.batches import chance
from pixelwise.training.recipe import Recipe
from pixelwise.training.state import Player, State

# What the authors of each generator train it with, where nothing else is asked for. Zoom 1 to 1.12 and mirroring are
# the paper's jitter, 286x286 pixels cut to 256x256.
COMMON: dict[str, Any] = {
    "batch": 1,
    "weight_decay": 0.0,
    "beta1": 0.5,
    "clip": 0.0,
    "class_balance": 0.0,
    "zoom": (1.0, 1.12),
    "rotation": 0.0,
    "color": 0.0,
    "hue": 0.0,
}
GAMES: dict[str, dict[str, Any]] = {
    "pix2pix": COMMON | {"gan": "vanilla", "learning_rate": 2e-4},
    "pix2pix_128": COMMON | {"gan": "least_squares", "learning_rate": 4e-4},
}
COLLAPSES = {
    "discriminator_loss": "the discriminator tells every picture, and the painter learns nothing from it any more; try "
    "another --gan, or a smaller learning rate",
    "gan_loss": "the discriminator takes whatever is painted for real; try --set gan=vanilla, or a larger l1",
}
SILENT = 0.01  # a loss below this teaches nothing any more; both games start near 0.7 or 1


def adversarial_step(
    state: State, recipe: Recipe, images: Tensor, labels: Tensor, *, weights: Tensor, ignore: int
) -> dict[str, Tensor]:
    """The rival learns to tell true from painted pictures, then the painter to paint like the truth and to fool it.

    Where nobody knows the truth, both pictures show the same. Without a rival the painter learns from the truth alone.
    """
    painter = cast(Painter, state.network)
    source, truth, known = pictures(painter, images, labels, ignore)
    with mixed_precision(images.device, recipe.precision), chance(recipe.seed, state.step, images.device):
        painted = painter.paint(source)
    pixel_weights = weights[labels.clamp(max=len(weights) - 1)][:, None] * known
    losses = {"l1_loss": mean_difference(painted, truth, pixel_weights)}
    total = recipe.l1 * losses["l1_loss"]
    if state.rival:
        seen = torch.where(known, painted, truth)
        beside = source / 127.5 - 1
        losses["discriminator_loss"] = _teach_rival(state.rival, recipe, state.step, beside, seen.detach(), truth)
        losses["gan_loss"] = _fool(state.rival, recipe, beside, seen)
        total = total + losses["gan_loss"]
    state.player.learn(total, recipe, state.step)
    return {name: loss.detach() for name, loss in {"loss": total, **losses}.items()}


def pictures(
    painter: Painter, images: Float[Tensor, "n c h w"], labels: Int64[Tensor, "n h w"], ignore: int
) -> tuple[Float[Tensor, "n s h w"], Float[Tensor, "n 3 h w"], Bool[Tensor, "n 1 h w"]]:
    """What is painted from, in [0, 255]; what should be painted, in [-1, 1]; and where that is known.

    Ignored pixels of a coloured label are black, as in the pairs of the paper.
    """
    palette = painter.colors.new_zeros(max(256, ignore + 1), 3)
    palette[: len(painter.colors)] = painter.colors
    colored = palette[labels].permute(0, 3, 1, 2)
    known = (labels != ignore)[:, None]
    if painter.paints == "photo":
        return colored, images / 127.5 - 1, torch.ones_like(known)
    return images, colored / 127.5 - 1, known


def _teach_rival(rival: Player, recipe: Recipe, step: int, source: Tensor, painted: Tensor, truth: Tensor) -> Tensor:
    """One optimiser step of the discriminator; half of both losses, so that it learns more slowly than the painter."""
    loss = (
        _verdict(rival, recipe, source, truth, real=True) + _verdict(rival, recipe, source, painted, real=False)
    ) / 2
    rival.learn(loss, recipe, step)
    return loss


def _fool(rival: Player, recipe: Recipe, source: Tensor, painted: Tensor) -> Tensor:
    """The painter's loss: how far the discriminator is from taking what is painted for real."""
    rival.network.requires_grad_(False)
    loss = _verdict(rival, recipe, source, painted, real=True)
    rival.network.requires_grad_(True)
    return loss


def _verdict(rival: Player, recipe: Recipe, source: Tensor, picture: Tensor, *, real: bool) -> Tensor:
    with mixed_precision(source.device, recipe.precision):
        verdict = rival.network(source, picture)
    return GAN_LOSSES[recipe.gan](verdict.float(), real)


@dataclass
class Watch:
    """Notices when one player's loss was at zero for an epoch, but for one reading in ten.

    steps_per_epoch: in which every image is seen once.

    >>> watch = Watch(steps_per_epoch=10.0)
    >>> [bool(watch.look(step, {"gan_loss": 1.0, "discriminator_loss": 0.0})) for step in (0, 5, 10, 15)]
    [False, False, True, False]
    """

    steps_per_epoch: float
    _readings: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    def look(self, step: int | float, losses: Mapping[str, float]) -> str:
        """What has happened and what it means, once for each player; else nothing."""
        for name, meaning in COLLAPSES.items():
            readings = self._readings.setdefault(name, [])
            readings.append((float(step), losses.get(name, math.inf)))
            while len(readings) > 1 and step - readings[1][0] >= self.steps_per_epoch:
                readings.pop(0)
            lively = sum(loss >= SILENT for _, loss in readings)
            whole = step - readings[0][0] >= self.steps_per_epoch
            if whole and 10 * lively <= len(readings) and name not in self._told:
                self._told.add(name)
                return f"the {name.replace('_', ' ')} has been at zero for an epoch: {meaning}"
        return ""


def collapses(history: Sequence[Mapping[str, float]]) -> list[str]:
    """What a `Watch` notices in the rows of history.csv, one per validation."""
    watch = Watch(steps_per_epoch=1.0)
    return [said for row in history if (said := watch.look(row["epoch"], row))]
