"""Networks trained in Keras, as model files of pixelwise."""

import math
from pathlib import Path

import torch

from pixelwise.bundle import Bundle
from pixelwise.data import open_dataset
from pixelwise.errors import UserError
from pixelwise.labels import CARLA_0_9_13, CITYSCAPES19, NAMED, LabelMap
from pixelwise.models import Painter
from pixelwise.models.keras_weights import load_keras


def import_keras(
    path: str | Path,
    labels: LabelMap | str | None = None,
    size: tuple[int, int] | None = None,
    *,
    divide: float | None = None,
) -> Bundle:
    """The network in a Keras file, a CARLA U-Net or a 128x128 Pix2Pix generator, ready to label.

    labels: what its classes are: a label map, the name of a published one (pixelwise.labels.NAMED), or a dataset that
    has it. By default CARLA's of 0.9.13 for a U-Net of 23 classes, Cityscapes' 19 for a generator.
    size: height and width it was trained at, by default as the file says, else 96x128 and 128x128, as in the notebooks.
    divide: what the U-Net's images, of values in [0, 255], were divided by; 255 if it is left out. Some copies of the
    notebook do that twice, which is 65025.
    Raises UserError for other networks, damaged files, and labels of another number.
    """
    found = load_keras(Path(path))
    network = found.network
    if divide is not None:
        if isinstance(network, Painter) or not 0 < divide < math.inf:
            raise UserError(f"{path}: divide is {divide}; give a number above 0, and only with a U-Net")
        network.std.fill_(divide)
    if isinstance(network, Painter):
        meant = _named(labels or CITYSCAPES19)
        network.colors = torch.tensor(meant.colors, dtype=torch.float32)
    else:
        meant = _labels_of(str(path), found.classes, labels)
    provenance = {"imported": {"file": Path(path).name, "arrays": found.arrays}}
    return Bundle(network, found.model, found.options, meant, size or found.size, provenance)


def _labels_of(path: str, classes: int, labels: LabelMap | str | None) -> LabelMap:
    """The labels of a network of so many classes."""
    if labels is None and classes != len(CARLA_0_9_13):
        raise UserError(
            f"{path}: has {classes} classes; say with --labels what they are: {', '.join(NAMED)}, or a dataset"
        )
    meant = _named(labels or CARLA_0_9_13)
    if len(meant) != classes:
        raise UserError(f"{path}: has {classes} classes, but these labels are {len(meant)}; give others")
    return meant


def _named(labels: LabelMap | str) -> LabelMap:
    if isinstance(labels, LabelMap):
        return labels
    return NAMED[labels] if labels in NAMED else open_dataset(labels).labels
