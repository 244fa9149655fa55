"""Anybody's predictions in, an Evaluation out: files in a folder are scored as a model would be."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pixelwise.data import Dataset, Sample
from pixelwise.errors import UserError, unknown
from pixelwise.evaluation.evaluate import annotated_instances, evaluation_of, samples_of
from pixelwise.evaluation.evaluation import Conditions, Evaluation
from pixelwise.evaluation.image_result import ImageResult, measure
from pixelwise.evaluation.instances import IDS, count_instances
from pixelwise.evaluation.prediction_files import find_predictions
from pixelwise.evaluation.prediction_values import VALUES, Prediction, guess_values, read_prediction
from pixelwise.evaluation.protocols import find_protocol
from pixelwise.evaluation.suspicious import suspicious_regions
from pixelwise.labels import CITYSCAPES19, LabelMap
from pixelwise.progress import track


def evaluate_predictions(
    folder: str | Path, dataset: Dataset, split: str, *, protocol: str = "default", values: str | None = None
) -> Evaluation:
    """Scores a folder of predicted masks, one for every image of a split, at the label's own resolution.

    folder: its files, also in folders below, are called as the images, with or without what programs add, such as
    a_pred.png; others are left alone. Images of 8 bits, or .npy with integers (h, w) or with probabilities (k, h, w) or
    (h, w, k), which give confidences too. split: "train", "val" or "test". protocol: one of PROTOCOLS. values: what
    images and integers hold, "indices", "ids" (Cityscapes' labelIds) or "colors"; None = it is guessed from the files,
    and `Evaluation.conditions` says how. The ignore index is no class, a miss where the protocol allows it.

    Raises UserError, one line that names the file, for whatever is missing, there twice, of another size or value than
    it should be, or cannot be read; and for a split or protocol that does not fit.
    """
    folder, labels = Path(folder), dataset.labels
    rules = find_protocol(protocol, labels)
    samples = samples_of(dataset, split)
    files = located(folder, samples.names, labels, values)
    annotated = annotated_instances(samples, rules)
    images, regions = [], []
    for sample, path, file in zip(track(samples, f"scoring {split}"), files.paths, annotated, strict=True):
        predicted = read_prediction(path, sample.label.shape, labels, files.values, no_class=rules.no_class)
        images.append(_measure(sample, predicted, labels, file, no_class=rules.no_class))
        if predicted.confidence is not None:
            label, classes = sample.label, predicted.classes.astype(sample.label.dtype)
            regions += suspicious_regions(label, classes, predicted.confidence, name=sample.name, ignore=labels.ignore)
    images, missed = _without_empty_column(images)
    conditions = replace(files.conditions(dataset, split), protocol=protocol)
    if missed:
        told = f"; {missed:.1%} of the counted pixels predicted as no class, which is a miss"
        conditions = replace(conditions, read=conditions.read + told)
    return evaluation_of(images, regions, labels, conditions)


class Located(NamedTuple):
    """The files of predictions: one for every image. values: one of VALUES. read: what that is and why, in words."""

    folder: Path
    paths: list[Path]
    values: str
    read: str

    def conditions(self, dataset: Dataset, split: str) -> Conditions:
        """What scores of these files are measured on."""
        return Conditions(
            dataset.name, split, len(self.paths), f"predictions in {self.folder}", working_size=None, read=self.read
        )


def located(folder: Path, names: Sequence[str], labels: LabelMap, values: str | None = None) -> Located:
    """The files in a folder for the images of these names. values, errors: as of `evaluate_predictions`."""
    _check_values(values, labels)
    paths = find_predictions(folder, names, colors=values == "colors")
    chosen, why = (values, "") if values else guess_values(paths, labels)
    if chosen == "colors":
        labels.check_colors_differ()
    return Located(folder, paths, chosen, f"predictions read as {VALUES[chosen]}{f' (guessed: {why})' if why else ''}")


def _check_values(values: str | None, labels: LabelMap) -> None:
    if values and values not in VALUES:
        raise unknown("kind of values", values, VALUES)
    if values == "ids" and labels.names != CITYSCAPES19.names:
        raise UserError("original ids are known of Cityscapes' 19 classes alone; save class indices or colours")


def _measure(
    sample: Sample, predicted: Prediction, labels: LabelMap, file: Path | None, *, no_class: bool
) -> ImageResult:
    """Counts one image. file: of its instances, where they are counted."""
    instances = None
    if file:
        ids = IDS[predicted.classes] if predicted.ids is None else predicted.ids
        instances = count_instances(file, sample.label, ids)
    return measure(
        sample.name,
        sample.label,
        predicted.classes,
        labels,
        confidence=predicted.confidence,
        no_class=no_class,
        instances=instances,
    )


def _without_empty_column(images: list[ImageResult]) -> tuple[list[ImageResult], float]:
    """The images without the column of predictions of no class, where it is empty; and these pixels' share."""
    counts = np.sum([image.counts for image in images], axis=0)
    classes = len(counts)
    missed = counts[:, classes:].sum()
    if missed:
        return images, float(missed / counts.sum())
    return [replace(image, counts=image.counts[:, :classes]) for image in images], 0.0
