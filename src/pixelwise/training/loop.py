"""A step of training, of whatever kind the network needs; and the score by which the best model is chosen."""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pixelwise.data import Dataset
from pixelwise.data.dataset import Sample, Split
from pixelwise.labels import LabelMap
from pixelwise.losses import combine, deeply_supervised, pixel_weight
from pixelwise.machine import mixed_precision
from pixelwise.metrics import confusion, mean_iou
from pixelwise.models import Network, Painter
from pixelwise.prediction.labelling import label_images, paint_image
from pixelwise.prediction.view import View
from pixelwise.processes import count, own_slice, rank, total
from pixelwise.training.adversarial import adversarial_step
from pixelwise.training.batches import batch_of_step, chance
from pixelwise.training.cache import TrainingImages
from pixelwise.training.recipe import Recipe
from pixelwise.training.schedule import frozen
from pixelwise.training.state import State

Losses = dict[str, Tensor]


def train_step(state: State, recipe: Recipe, cache: TrainingImages, weights: Tensor, ignore: int) -> Losses:
    """One step of all that is trained; the losses before it, first the one that the network minimises.

    weights: of the classes, (k). ignore: the label that nothing is learnt from. Of several processes each sees its
    share of the batch, and each loss is what it adds to the whole batch's.
    """
    images, labels = batch_of_step(recipe, state.step, cache, ignore)
    state.network.train()
    learn = adversarial_step if isinstance(state.network, Painter) else supervised_step
    losses = learn(state, recipe, images, labels, weights=weights, ignore=ignore)
    state.step += 1
    state.average(recipe.ema)
    return losses


def supervised_step(
    state: State, recipe: Recipe, images: Tensor, labels: Tensor, *, weights: Tensor, ignore: int
) -> Losses:
    """One optimiser step on the recipe's loss between logits and labels, part by part of the batch."""
    _thaw(state.network, recipe, state.step)
    loss, seen = combine(recipe.loss), torch.zeros((), device=images.device)
    for part in _parts(recipe, images, labels, weights=weights, ignore=ignore):
        with (
            mixed_precision(images.device, recipe.precision),
            chance(recipe.seed, state.step, images.device, part.number),
        ):
            outputs = state.forward(part.images)
        learnt = partial(loss, label=part.labels, ignore=ignore, weights=weights)
        mean = deeply_supervised(learnt, outputs, recipe.deep_supervision)
        state.player.descend(mean * part.share)
        seen += (mean * part.share).detach()
    # What the processes tell is added up.
    return {"loss": seen, "gradient_norm": state.player.take_step(recipe, state.step) / count()}


class Part(NamedTuple):
    """Some images of a batch. share: of the whole batch's weight. number: no other part of the step has it."""

    images: Tensor
    labels: Tensor
    share: Tensor
    number: int


def _parts(recipe: Recipe, images: Tensor, labels: Tensor, *, weights: Tensor, ignore: int) -> Iterator[Part]:
    """The parts in which this process takes its images.

    Each weighs as much as the pixels in it that are not ignored, so that the mean over the batch's pixels is that of no
    parts at all.
    """
    pairs = list(zip(images.tensor_split(recipe.accumulate), labels.tensor_split(recipe.accumulate), strict=True))
    amounts = [pixel_weight(label, ignore=ignore, weights=weights) for _, label in pairs]
    whole = total(torch.stack(amounts).sum()).to(images.device).clamp(min=1e-12)
    for number, ((image, label), amount) in enumerate(zip(pairs, amounts, strict=True)):
        yield Part(image, label, amount / whole, rank() * recipe.accumulate + number)


def _thaw(network: Network, recipe: Recipe, step: int) -> None:
    """A frozen encoder's batch norm stays as it was loaded, too."""
    if recipe.freeze:
        cold = frozen(recipe, step)
        network.encoder.requires_grad_(not cold).train(not cold)


def measure(network: Network) -> str:
    """What `validate` measures, as history.csv calls it."""
    paints_photos = isinstance(network, Painter) and network.paints == "photo"
    return "validation_likeness" if paints_photos else "validation_mean_iou"


def validate(network: Network, split: Split, dataset: Dataset, recipe: Recipe) -> float:
    """Mean IoU over a split, at the labels' own resolution; every process labels its share of the images.

    Of a network that paints photos: 1 - the mean absolute difference from the true ones, in parts of 255.
    """
    own = split[own_slice(len(split))]
    if isinstance(network, Painter) and network.paints == "photo":
        return 1 - float(np.mean([_difference(network, sample, dataset.labels, recipe.size) for sample in own]))
    classes = len(dataset.labels)
    counts = np.zeros((classes, classes), np.int64)
    for sample in own:
        [(predicted, _)] = label_images(network, [sample.image], recipe.size, view=view_of(recipe))
        counts += confusion(sample.label, predicted, classes, ignore=dataset.labels.ignore)
    return mean_iou(total(torch.from_numpy(counts)).cpu().numpy())


def view_of(recipe: Recipe) -> View:
    """How images are validated.

    >>> view_of(Recipe(view="tiles", size=(192, 256)))
    View(flip=False, tile=(192, 256), scales=(1.0,))
    """
    return View(flip=recipe.view == "flip", tile=recipe.window if recipe.view == "tiles" else None)


def _difference(network: Painter, sample: Sample, labels: LabelMap, size: tuple[int, int]) -> float:
    painted = paint_image(network, labels.colorize(sample.label), size)
    return float(np.abs(painted.astype(np.float32) - sample.image).mean()) / 255
