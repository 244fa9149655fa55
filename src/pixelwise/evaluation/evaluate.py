"""A model and a split in, an Evaluation out."""

import numpy as np

from pixelwise.bundle import Bundle
from pixelwise.data import Dataset
from pixelwise.errors import UserError, unknown
from pixelwise.evaluation.evaluation import Conditions, Evaluation, image_score
from pixelwise.labels import LabelMap
from pixelwise.metrics import confusion
from pixelwise.prediction.labelling import WHOLE, View, label_images
from pixelwise.progress import track

SPLITS = ("train", "val", "test")


def evaluate(bundle: Bundle, dataset: Dataset, split: str, *, view: View = WHOLE) -> Evaluation:
    """Labels every image of a split and counts its pixels at the label's own resolution.

    split: "train", "val" or "test". view: how the network looks at an image.
    Raises UserError where there is no such split, it is empty, or the model's classes are not those of the data.
    """
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    samples = dataset.split(split)
    if not samples:
        raise UserError(f"{dataset.name}: has no {split} split; choose another with --split")
    if bundle.paints_photos:
        raise UserError(f"{bundle.model} paints photos, which have no classes to score; look at what it paints")
    check_classes(bundle.labels, dataset.labels)
    classes = len(dataset.labels)
    total, images = np.zeros((classes, classes), np.int64), []
    for sample in track(samples, f"evaluating {split}"):
        [(predicted, _)] = label_images(bundle.network, [sample.image], bundle.size, view=view)
        counts = confusion(sample.label, predicted, classes, ignore=dataset.labels.ignore)
        total += counts
        images.append(image_score(sample.name, counts))
    conditions = Conditions(
        dataset.name,
        split,
        len(samples),
        bundle.model,
        bundle.size,
        painted=bundle.painter is not None,
        view=str(view),
        offsets=bundle.offsets,
    )
    return Evaluation(total, dataset.labels, conditions, tuple(images))


def check_classes(model: LabelMap, data: LabelMap) -> None:
    """Raises UserError where the model was trained on other classes than the data has."""
    if model.names == data.names:
        return
    missing = [name for name in data.names if name not in model.names]
    extra = [name for name in model.names if name not in data.names]
    difference = "; ".join(
        f"{what}: {', '.join(names[:5])}{' ...' if len(names) > 5 else ''}"
        for what, names in (("only in the data", missing), ("only in the model", extra))
        if names
    )
    raise UserError(
        f"the model knows {len(model)} classes and the data has {len(data)} "
        f"({difference or 'the same ones in another order'}); use a model trained on these classes"
    )
