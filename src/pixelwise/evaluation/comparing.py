"""Models and images in, a Comparison out."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pixelwise.bundle import Bundle
from pixelwise.data import Dataset, Sample, Split
from pixelwise.data.sampling import even_sample
from pixelwise.errors import UserError
from pixelwise.evaluation.bootstrap import bootstrap
from pixelwise.evaluation.comparison import Compared, Comparison, Disagreement, Shown, pairs_of
from pixelwise.evaluation.cost import Cost, memory_growth, milliseconds_of
from pixelwise.evaluation.evaluate import check_classes
from pixelwise.evaluation.evaluation import Conditions, Evaluation
from pixelwise.evaluation.image_result import ImageResult, measure
from pixelwise.evaluation.prediction_values import read_prediction
from pixelwise.evaluation.predictions import located
from pixelwise.labels import Label, LabelMap
from pixelwise.machine import describe
from pixelwise.prediction.labelling import label_images
from pixelwise.progress import track

SHOWN = 6  # images whose labels are kept
TIMED = 3  # images that are labelled to measure time and memory


class Answer(NamedTuple):
    """What a model says of an image. label: (h, w) class indices. confidence: of each pixel, in [0, 1], where known."""

    label: Label
    confidence: np.ndarray | None = None


@dataclass(frozen=True)
class Candidate:
    """Something that labels images: a model, or a folder of what another program has predicted.

    name: no two alike. network: which one. label: answers at the size of the sample's label. conditions: of its scores.
    bundle: of a model. file: in which that lies, if known.
    """

    name: str
    network: str
    label: Callable[[Sample], Answer]
    conditions: Conditions
    bundle: Bundle | None = None
    file: Path | None = None


def candidate_of(name: str, bundle: Bundle, dataset: Dataset, split: str, *, file: Path | None = None) -> Candidate:
    """A model that will label the images of a split.

    file: in which it lies, if known. Raises UserError where its classes are not those of the data.
    """
    if bundle.paints_photos:
        raise UserError(f"{name}: {bundle.model} paints photos, which have no classes to score; leave it out")
    try:
        check_classes(bundle.labels, dataset.labels)
    except UserError as error:
        raise UserError(f"{name}: {error}") from error
    conditions = Conditions(
        dataset.name,
        split,
        len(dataset.split(split)),
        bundle.model,
        bundle.size,
        painted=bundle.painter is not None,
        offsets=bundle.offsets,
    )

    def label(sample: Sample) -> Answer:
        return Answer(*label_images(bundle.network, [sample.image], bundle.size)[0])

    return Candidate(name, bundle.model, label, conditions, bundle, file)


def candidate_of_folder(name: str, folder: Path, dataset: Dataset, split: str) -> Candidate:
    """A folder of predictions of the images of a split, one file for each, as `evaluate_predictions` reads them.

    Raises UserError where one is missing; what is wrong within a file is told when it is read.
    """
    samples, labels = dataset.split(split), dataset.labels
    found = located(folder, samples.names, labels)
    files = dict(zip(samples.names, found.paths, strict=True))

    def label(sample: Sample) -> Answer:
        answer = read_prediction(files[sample.name], sample.label.shape, labels, found.values, no_class=False)
        return Answer(answer.classes.astype(np.uint16), answer.confidence)

    return Candidate(name, "predictions", label, found.conditions(dataset, split))


def compare(
    candidates: Sequence[Candidate], dataset: Dataset, split: str, *, blocks: int = 1, speed: bool = True
) -> Comparison:
    """Labels every image of a split with every model; each is read once, and none is kept but the few that are shown.

    candidates: two or more. blocks: how many images that follow each other are resampled together; longer than a scene
    lasts, where they are frames of films. speed: whether the models are timed.
    Raises UserError where an image cannot be read or labelled.
    """
    samples, labels = dataset.split(split), dataset.labels
    results, disagreements = _labelled(candidates, samples, labels, f"comparing on {split}")
    evaluations = {one.name: Evaluation(tuple(results[one.name]), labels, one.conditions) for one in candidates}
    ordered = sorted(candidates, key=lambda one: -np.nan_to_num(evaluations[one.name].mean_iou, nan=-1.0))
    counts = {one.name: np.stack([image.counts for image in results[one.name]]) for one in ordered}
    intervals = {name: bootstrap(of_images, blocks=blocks) for name, of_images in counts.items()}
    costs = _costs(ordered, even_sample(samples, TIMED) if speed else ())
    return Comparison(
        tuple(
            Compared(one.name, one.network, evaluations[one.name], intervals[one.name], costs[one.name])
            for one in ordered
        ),
        pairs_of(counts, blocks),
        tuple(disagreements),
        _shown(ordered, samples, disagreements),
        labels,
        blocks,
        _machine(ordered) if speed else "",
    )


def _labelled(
    candidates: Sequence[Candidate], samples: Split, labels: LabelMap, what: str
) -> tuple[dict[str, list[ImageResult]], list[Disagreement]]:
    """What is counted in every image, by the name of the model, and where the models differ. what: is being done."""
    results: dict[str, list[ImageResult]] = {one.name: [] for one in candidates}
    disagreements = []
    for sample in track(samples, what):
        answers = {one.name: one.label(sample) for one in candidates}
        for name, (label, confidence) in answers.items():
            results[name].append(measure(sample.name, sample.label, label, labels, confidence=confidence))
        found = {name: answer.label for name, answer in answers.items()}
        disagreements.append(disagreement(sample, found, labels.ignore))
    return results, disagreements


def disagreement(sample: Sample, found: Mapping[str, Label], ignore: int) -> Disagreement:
    """Where models differ, of the pixels that count. found: what each says, by its name.

    >>> sample = Sample(np.zeros((1, 4, 3), np.uint8), np.array([[0, 1, 1, 255]], np.uint8), "street")
    >>> one, other = np.array([[0, 1, 0, 0]], np.uint8), np.array([[0, 0, 0, 1]], np.uint8)
    >>> disagreement(sample, {"one": one, "other": other}, 255)
    Disagreement(name='street', differ=0.3333333333333333, alone={'one': 0.3333333333333333, 'other': 0.0})
    """
    counted = sample.label != ignore
    truth, stacked = sample.label[counted], np.stack([label[counted] for label in found.values()])
    if not truth.size:
        return Disagreement(sample.name, math.nan, dict.fromkeys(found, math.nan))
    right = stacked == truth
    alone = (right & (right.sum(0) == 1)).mean(1)
    differ = float((stacked != stacked[0]).any(0).mean())
    return Disagreement(sample.name, differ, dict(zip(found, map(float, alone), strict=True)))


def _shown(candidates: Sequence[Candidate], samples: Split, found: Sequence[Disagreement]) -> tuple[Shown, ...]:
    """The images where the models disagree most, labelled once more; of neighbours, which are often alike, one."""
    differ = {place: one.differ for place, one in enumerate(found) if one.differ > 0}
    chosen: list[int] = []
    for place in sorted(differ, key=lambda place: -differ[place]):
        if all(abs(place - other) > len(samples) // (4 * SHOWN) for other in chosen):
            chosen.append(place)
    shown = [samples[place] for place in chosen[:SHOWN]]
    return tuple(Shown(sample, {one.name: one.label(sample).label for one in candidates}) for sample in shown)


def _costs(candidates: Sequence[Candidate], samples: Sequence[Sample]) -> dict[str, Cost]:
    """What each model takes, by its name. samples: that are labelled to measure time and memory; may be none."""
    times = milliseconds_of({one.name: one.label for one in candidates if one.bundle}, samples) if samples else {}
    return {one.name: _cost(one, samples, times.get(one.name)) for one in candidates}


def _cost(model: Candidate, samples: Sequence[Sample], milliseconds: float | None) -> Cost:
    size = model.file.stat().st_size if model.file else None
    if not model.bundle:
        return Cost(file_bytes=size)
    network = model.bundle.network
    grown = [memory_growth(partial(model.label, sample), network.mean.device) for sample in samples]
    memory = max((amount for amount in grown if amount is not None), default=None)
    return Cost(sum(weights.numel() for weights in network.parameters()), size, milliseconds, memory)


def _machine(candidates: Sequence[Candidate]) -> str:
    """On what the models were timed, in words; "" where there is none."""
    device = next((one.bundle.network.mean.device for one in candidates if one.bundle), None)
    if device is None:
        return ""
    here = describe(device)
    threads = f", {here['threads']} thread{'s' * (here['threads'] != '1')}" if device.type == "cpu" else ""
    return f"{here['processor']}{threads}, {here['precision']}"
