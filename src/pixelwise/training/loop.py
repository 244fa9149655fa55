"""A step of training, of whatever kind the network needs; and the score by which the best model is chosen."""

import numpy as np
from torch import Tensor

from pixelwise.data import Dataset
from pixelwise.data.dataset import Sample, Split
from pixelwise.labels import LabelMap
from pixelwise.losses import cross_entropy, deeply_supervised
from pixelwise.machine import mixed_precision
from pixelwise.metrics import confusion, mean_iou
from pixelwise.models import Network, Painter
from pixelwise.prediction.labelling import label_images, paint_image
from pixelwise.training.adversarial import adversarial_step
from pixelwise.training.batches import batch_of_step, chance
from pixelwise.training.cache import TrainingImages
from pixelwise.training.recipe import Recipe
from pixelwise.training.state import State

CLIP = 5.0  # largest norm of a gradient

Losses = dict[str, Tensor]


def train_step(state: State, recipe: Recipe, cache: TrainingImages, weights: Tensor, ignore: int) -> Losses:
    """One step of all that is trained; the losses before it, first the one that the network minimises.

    weights: of the classes, (k). ignore: the label that nothing is learnt from.
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
    """One optimiser step on the cross-entropy between logits and labels."""
    if recipe.freeze:
        state.network.encoder.eval()  # batch norm too stays as it was loaded
    with mixed_precision(images.device), chance(recipe.seed, state.step, images.device):
        outputs = state.network.outputs(images)
    loss = deeply_supervised(lambda logits: cross_entropy(logits, labels, ignore=ignore, weights=weights), outputs)
    state.player.learn(loss, recipe, state.step, clip=CLIP)
    return {"loss": loss.detach()}


def measure(network: Network) -> str:
    """What `validate` measures, as history.csv calls it."""
    paints_photos = isinstance(network, Painter) and network.paints == "photo"
    return "validation_likeness" if paints_photos else "validation_mean_iou"


def validate(network: Network, split: Split, dataset: Dataset, size: tuple[int, int]) -> float:
    """Mean IoU over a split, at the labels' own resolution.

    Of a network that paints photos: 1 - the mean absolute difference from the true ones, in parts of 255.
    """
    if isinstance(network, Painter) and network.paints == "photo":
        return 1 - float(np.mean([_difference(network, sample, dataset.labels, size) for sample in split]))
    classes = len(dataset.labels)
    counts = np.zeros((classes, classes), np.int64)
    for sample in split:
        [(predicted, _)] = label_images(network, [sample.image], size)
        counts += confusion(sample.label, predicted, classes, ignore=dataset.labels.ignore)
    return mean_iou(counts)


def _difference(network: Painter, sample: Sample, labels: LabelMap, size: tuple[int, int]) -> float:
    painted = paint_image(network, labels.colorize(sample.label), size)
    return float(np.abs(painted.astype(np.float32) - sample.image).mean()) / 255
