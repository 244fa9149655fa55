"""All that a run needs to go on where it stopped: one safetensors file, nothing unpickled."""

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from torch import nn

from pixelwise.errors import UserError
from pixelwise.files import replacing
from pixelwise.labels import LabelMap
from pixelwise.machine import precision_of
from pixelwise.models import Network, Painter, build_discriminator, build_network
from pixelwise.models.pretrained import load_pretrained
from pixelwise.processes import agreed_tensors, rank
from pixelwise.progress import say
from pixelwise.tensors import load_tensors, save_tensors
from pixelwise.training.recipe import Recipe
from pixelwise.training.schedule import frozen, set_rates
from pixelwise.training.sharing import share_gradients, share_statistics

Tensors = dict[str, torch.Tensor]

SCALING = ("scale", "_growth_tracker")  # what a GradScaler learns


@dataclass
class Player:
    """A network and the optimiser that trains it. scaler: of losses, so that small gradients survive in fp16."""

    network: nn.Module
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler

    @property
    def weights(self) -> list[nn.Parameter]:
        """What is trained, in the optimiser's order."""
        return [weights for group in self.optimizer.param_groups for weights in group["params"]]

    def learn(self, loss: torch.Tensor, recipe: Recipe, step: int) -> torch.Tensor:
        """One optimiser step down a loss; gives the norm of its gradient."""
        self.descend(loss)
        return self.take_step(recipe, step)

    def descend(self, loss: torch.Tensor) -> None:
        """Adds the gradient of a part of the step's loss."""
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]

    def take_step(self, recipe: Recipe, step: int) -> torch.Tensor:
        """One optimiser step along the gradient of all processes, at that step's rate; gives its norm."""
        set_rates(self.optimizer, recipe, step)
        share_gradients(self.weights)
        self.scaler.unscale_(self.optimizer)
        norm = _clip(self.weights, recipe.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad()
        return norm

    def tensors(self) -> Tensors:
        """Weights and what the optimiser and the scaler keep, by names under which `load` finds them."""
        tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        for index, kept in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": value for name, value in kept.items() if value is not None}
        scaling = self.scaler.state_dict()
        return tensors | {f"scaler.{name}": torch.tensor(scaling[name]) for name in SCALING if name in scaling}

    def load(self, tensors: Tensors) -> None:
        """Takes over what `tensors` gave. Raises RuntimeError, KeyError or ValueError where it does not fit."""
        self.network.load_state_dict(_below("network.", tensors))
        kept = _below("optimizer.", tensors)
        names = {index: sorted(_below(f"{index}.", kept)) for index, _ in enumerate(self.weights)}
        if len({tuple(kinds) for kinds in names.values() if kinds}) > 1:
            raise ValueError("something is missing")
        written = self.optimizer.state_dict()
        written["state"] = {
            index: {name: _laid_out_as(weights, value) for name, value in _below(f"{index}.", kept).items()}
            for index, weights in enumerate(self.weights)
            if names[index]  # frozen weights have nothing yet
        }
        self.optimizer.load_state_dict(written)
        scaling = self.scaler.state_dict()
        self.scaler.load_state_dict(scaling | {name: tensors[f"scaler.{name}"].item() for name in SCALING if scaling})


@dataclass
class State:
    """A run between two steps. Order and augmentation follow from the step, so no generator is kept.

    player: the network that the run is about, and its optimiser. averaged: its exponential moving average, which is
    validated and saved. forward: the network's answers to images, compiled where that was asked for. rival: the
    discriminator of an adversarial game. step: steps done. best: highest validation score so far, -1 before the first.
    """

    player: Player
    averaged: Network
    forward: Callable[[torch.Tensor], list[torch.Tensor]]
    rival: Player | None = None
    step: int = 0
    best: float = -1.0

    @property
    def network(self) -> Network:
        """The network as the optimiser sees it."""
        return cast(Network, self.player.network)

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        """What trains the network."""
        return self.player.optimizer

    def tensors(self) -> Tensors:
        """All that is learnt, of the rival too."""
        tensors = self.player.tensors()
        tensors |= {f"averaged.{name}": tensor for name, tensor in self.averaged.state_dict().items()}
        if self.rival:
            tensors |= {f"rival.{name}": tensor for name, tensor in self.rival.tensors().items()}
        return tensors

    def save(self, path: Path, images: int) -> None:
        """Writes the state whole or not at all. images: that the run learns from."""
        whole = {name: tensor.detach().cpu().contiguous() for name, tensor in self.tensors().items()}
        told = {"step": self.step, "best": self.best, "images": images}
        with replacing(path) as temporary:  # one text, for several are written in any order
            save_tensors(whole, temporary, {"state": json.dumps(told)})

    def load(self, path: Path, images: int) -> None:
        """Takes over a saved state; process 0 reads the file for all.

        Raises UserError where the file is damaged, of another recipe, or of other than so many training images.
        """
        tensors, metadata = agreed_tensors(*(load_tensors(path) if rank() == 0 else ({}, {})))
        try:
            told = json.loads(metadata["state"])
            if told["images"] != images:
                raise UserError(
                    f"{path}: the run began with {told['images']} training images and now there are {images}; bring "
                    "the data back as it was, or train anew"
                )
            self.step, self.best = int(told["step"]), float(told["best"])
            self.player.load(tensors)
            self.averaged.load_state_dict(_below("averaged.", tensors))
            if self.rival:
                self.rival.load(_below("rival.", tensors))
        except (RuntimeError, LookupError, TypeError, ValueError) as error:
            raise UserError(
                f"{path}: is not the state of a run with this recipe; train anew in another --run"
            ) from error

    def average(self, decay: float) -> None:
        """Moves the averaged network towards the network; early on faster, so that it forgets its start."""
        weight = 1 - min(decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            pairs = zip(self.averaged.state_dict().values(), self.network.state_dict().values(), strict=True)
            numbers = [(mean, value) for mean, value in pairs if mean.is_floating_point()]
            torch._foreach_lerp_([mean for mean, _ in numbers], [value for _, value in numbers], weight)


def fresh_state(
    recipe: Recipe, labels: LabelMap, device: torch.device, *, in_channels: int = 3, pretrained: bool = True
) -> State:
    """The state before the first step; the weights follow from the recipe's seed. in_channels: of the images.

    pretrained: whether the encoder's weights are read, which a state that will be loaded does not need.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network = build_network(recipe.model, len(labels), in_channels=in_channels, **recipe.options)
    if recipe.weights and pretrained and (fresh := load_pretrained(network, recipe.weights)):
        say(f"of {recipe.weights} all is taken over but {fresh} tensors of another shape or name, which start fresh")
    if isinstance(network, Painter):
        network.colors.copy_(torch.tensor(labels.colors))
    network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    averaged = copy.deepcopy(network).eval().requires_grad_(False)
    player = player_of(share_statistics(network), parameter_groups(network, recipe), recipe, device)
    forward = torch.compile(network.outputs) if recipe.compile else network.outputs
    return State(player, averaged, forward, fresh_rival(recipe, device, in_channels=in_channels))


def fresh_rival(recipe: Recipe, device: torch.device, *, in_channels: int) -> Player | None:
    """The discriminator before its first step, where the recipe plays a game; it sees photo and label together."""
    if recipe.gan == "none":
        return None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network = build_discriminator(recipe.model, in_channels + 3, gan=recipe.gan, **recipe.options)
    network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return player_of(network, [{"params": list(network.parameters()), "rate": 1.0}], recipe, device)


def player_of(network: nn.Module, groups: list[dict[str, object]], recipe: Recipe, device: torch.device) -> Player:
    """A network with the recipe's optimiser."""
    scaler = torch.amp.GradScaler(device.type, enabled=precision_of(device, recipe.precision) == "fp16")
    return Player(network, optimizer_of(groups, recipe), scaler)


def optimizer_of(groups: list[dict[str, object]], recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW, which without weight decay is Adam (Kingma and Ba 2015), or SGD with Nesterov's momentum."""
    rate, decay = recipe.learning_rate, recipe.weight_decay
    if recipe.optimizer == "sgd":
        momentum = recipe.beta1
        return torch.optim.SGD(groups, rate, momentum, weight_decay=decay, nesterov=momentum > 0, fused=True)
    return torch.optim.AdamW(groups, rate, (recipe.beta1, 0.999), weight_decay=decay, fused=True)


def parameter_groups(network: Network, recipe: Recipe) -> list[dict[str, object]]:
    """What is trained: a pretrained encoder at a rate of its own, if ever. rate: times the learning rate."""
    if not recipe.weights or not hasattr(network.body, "encoder"):
        return [{"params": list(network.parameters()), "rate": 1.0}]
    encoder = set(network.encoder.requires_grad_(not frozen(recipe, 0)).parameters())
    rest = [weights for weights in network.parameters() if weights not in encoder]
    groups: list[dict[str, object]] = [{"params": rest, "rate": 1.0}]
    if recipe.freeze < 1:
        groups.append({"params": list(network.encoder.parameters()), "rate": recipe.encoder_rate})
    return groups


def _clip(weights: list[nn.Parameter], longest: float) -> torch.Tensor:
    """Shortens the gradient to that norm, if it is longer (0 = any is short enough); gives the norm it had."""
    norm = nn.utils.get_total_norm([one.grad for one in weights if one.grad is not None])
    # On a processor the norm is known by now, so what need not be shortened is not multiplied by one.
    if longest and (norm.device.type != "cpu" or norm > longest):
        nn.utils.clip_grads_with_norm_(weights, longest, norm)
    return norm


def _laid_out_as(weights: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """The optimiser is slower where its averages lie in memory in another order than the weights."""
    if not kept.ndim:
        return kept.clone()  # a count of steps
    if kept.shape != weights.shape:
        raise ValueError(f"{tuple(kept.shape)} is not {tuple(weights.shape)}")
    return torch.empty_like(weights, requires_grad=False).copy_(kept)


def _below(prefix: str, tensors: Tensors) -> Tensors:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
