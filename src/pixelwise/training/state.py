"""All that a run needs to go on where it stopped: one safetensors file, nothing unpickled."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from torch import nn

from pixelwise.errors import UserError
from pixelwise.files import replacing
from pixelwise.labels import LabelMap
from pixelwise.models import Network, Painter, build_discriminator, build_network
from pixelwise.models.pretrained import load_pretrained
from pixelwise.tensors import load_tensors, save_tensors
from pixelwise.training.recipe import Recipe
from pixelwise.training.schedule import set_rates

Tensors = dict[str, torch.Tensor]

MOMENTS = ("exp_avg", "exp_avg_sq")  # AdamW's two averages


@dataclass
class Player:
    """A network and the optimiser that trains it."""

    network: nn.Module
    optimizer: torch.optim.AdamW

    @property
    def weights(self) -> list[nn.Parameter]:
        """What is trained, in the optimiser's order."""
        return [weights for group in self.optimizer.param_groups for weights in group["params"]]

    def learn(self, loss: torch.Tensor, recipe: Recipe, step: int, *, clip: float | None = None) -> None:
        """One optimiser step down a loss, at the rate of that step. clip: largest norm of the gradient, if any."""
        set_rates(self.optimizer, recipe, step)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), clip)
        self.optimizer.step()

    def tensors(self) -> Tensors:
        """Weights and the optimiser's averages, by names under which `load` finds them."""
        tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        for index, moments in self.optimizer.state_dict()["state"].items():
            tensors |= {f"{moment}.{index}": moments[moment] for moment in MOMENTS}
        return tensors

    def load(self, tensors: Tensors, step: int) -> None:
        """Takes over what `tensors` gave after ``step`` steps. Raises RuntimeError, KeyError or ValueError."""
        self.network.load_state_dict(_below("network.", tensors))
        written = self.optimizer.state_dict()
        if step:
            done = torch.tensor(float(step))
            written["state"] = {
                index: {"step": done.clone()}
                | {moment: _laid_out_as(weights, tensors[f"{moment}.{index}"]) for moment in MOMENTS}
                for index, weights in enumerate(self.weights)
            }
        self.optimizer.load_state_dict(written)


@dataclass
class State:
    """A run between two steps. Order and augmentation follow from the step, so no generator is kept.

    player: the network that the run is about, and its optimiser. averaged: its exponential moving average, which is
    validated and saved. rival: the discriminator of an adversarial game. step: steps done. best: highest validation
    score so far, -1 before the first.
    """

    player: Player
    averaged: Network
    rival: Player | None = None
    step: int = 0
    best: float = -1.0

    @property
    def network(self) -> Network:
        """The network as the optimiser sees it."""
        return cast(Network, self.player.network)

    @property
    def optimizer(self) -> torch.optim.AdamW:
        """What trains the network."""
        return self.player.optimizer

    def save(self, path: Path) -> None:
        """Writes the state whole or not at all."""
        tensors = self.player.tensors()
        tensors |= {f"averaged.{name}": tensor for name, tensor in self.averaged.state_dict().items()}
        if self.rival:
            tensors |= {f"rival.{name}": tensor for name, tensor in self.rival.tensors().items()}
        whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        with replacing(path) as temporary:
            save_tensors(whole, temporary, {"step": str(self.step), "best": repr(self.best)})

    def load(self, path: Path) -> None:
        """Takes over a saved state. Raises UserError where the file is damaged or of another recipe."""
        tensors, metadata = load_tensors(path)
        try:
            self.step, self.best = int(metadata["step"]), float(metadata["best"])
            self.player.load(tensors, self.step)
            self.averaged.load_state_dict(_below("averaged.", tensors))
            if self.rival:
                self.rival.load(_below("rival.", tensors), self.step)
        except (RuntimeError, KeyError, ValueError) as error:
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
    if recipe.weights and pretrained:
        load_pretrained(network, recipe.weights)
    if isinstance(network, Painter):
        network.colors.copy_(torch.tensor(labels.colors))
    network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    averaged = copy.deepcopy(network).eval().requires_grad_(False)
    player = Player(network, optimizer_of(parameter_groups(network, recipe), recipe))
    return State(player, averaged, fresh_rival(recipe, device, in_channels=in_channels))


def fresh_rival(recipe: Recipe, device: torch.device, *, in_channels: int) -> Player | None:
    """The discriminator before its first step, where the recipe plays a game; it sees photo and label together."""
    if recipe.gan == "none":
        return None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network = build_discriminator(recipe.model, in_channels + 3, gan=recipe.gan, **recipe.options)
    network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Player(network, optimizer_of([{"params": list(network.parameters()), "rate": 1.0}], recipe))


def optimizer_of(groups: list[dict[str, object]], recipe: Recipe) -> torch.optim.AdamW:
    """AdamW as the recipe has it; without weight decay it is Adam (Kingma and Ba 2015)."""
    betas = (recipe.beta1, 0.999)
    return torch.optim.AdamW(groups, recipe.learning_rate, betas, weight_decay=recipe.weight_decay, foreach=True)


def parameter_groups(network: Network, recipe: Recipe) -> list[dict[str, object]]:
    """What is trained: a pretrained encoder at a rate of its own, or not at all. rate: times the learning rate."""
    if not recipe.weights:
        return [{"params": list(network.parameters()), "rate": 1.0}]
    encoder = set(network.encoder.requires_grad_(not recipe.freeze).parameters())
    rest = [weights for weights in network.parameters() if weights not in encoder]
    groups: list[dict[str, object]] = [{"params": rest, "rate": 1.0}]
    if not recipe.freeze:
        groups.append({"params": list(network.encoder.parameters()), "rate": recipe.encoder_rate})
    return groups


def _laid_out_as(weights: torch.Tensor, moment: torch.Tensor) -> torch.Tensor:
    """The optimiser is slower where its averages lie in memory in another order than the weights."""
    if moment.shape != weights.shape:
        raise ValueError(f"{tuple(moment.shape)} is not {tuple(weights.shape)}")
    return torch.empty_like(weights, requires_grad=False).copy_(moment)


def _below(prefix: str, tensors: Tensors) -> Tensors:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
