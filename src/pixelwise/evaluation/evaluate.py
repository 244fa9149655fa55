"""A model and a split in, an Evaluation out."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from pixelwise.bundle import Bundle
from pixelwise.data import Dataset, Split
from pixelwise.data.dataset import SPLITS, Image, Sample
from pixelwise.errors import UserError, unknown
from pixelwise.evaluation.evaluation import Conditions, Evaluation
from pixelwise.evaluation.gathering import gathered
from pixelwise.evaluation.image_result import ImageResult, measure
from pixelwise.evaluation.instances import IDS, count_instances, instance_files
from pixelwise.evaluation.protocols import Protocol, find_protocol
from pixelwise.evaluation.suspicious import Region, rank, suspicious_regions
from pixelwise.export.runtime import Exported
from pixelwise.labels import LabelMap
from pixelwise.prediction.labelling import Labelled, label_images
from pixelwise.prediction.view import WHOLE, View
from pixelwise.processes import own_slice
from pixelwise.progress import track

MOST_SUSPICIOUS = 100  # annotations that are kept


def evaluate(
    bundle: Bundle,
    dataset: Dataset,
    split: str,
    *,
    view: View = WHOLE,
    protocol: str = "default",
    together: bool = False,
) -> Evaluation:
    """Labels every image of a split and counts its pixels at the label's own resolution.

    split: "train", "val" or "test". view: how the network looks at an image. protocol: one of PROTOCOLS. together: each
    process labels its share of the images, and all get the whole; all must call it.
    Raises UserError where there is no such split, it is empty, the model's classes are not those of the data, or the
    protocol is for others.
    """
    samples = samples_of(dataset, split)
    if bundle.paints_photos:
        raise UserError(f"{bundle.model} paints photos, which have no classes to score; look at what it paints")
    check_classes(bundle.labels, dataset.labels)
    annotated = annotated_instances(samples, find_protocol(protocol, dataset.labels))
    labels = dataset.labels
    share = own_slice(len(samples)) if together else slice(None)
    bar = track(samples[share], f"evaluating {split}")
    images, regions = _measured(
        bar, annotated[share], labels, lambda image: label_images(bundle.network, [image], bundle.size, view=view)[0]
    )
    if together:
        images, regions = gathered(images, regions)
    conditions = Conditions(
        dataset.name,
        split,
        len(samples),
        bundle.model,
        bundle.size,
        painted=bundle.painter is not None,
        view=str(view),
        offsets=bundle.offsets,
        protocol=protocol,
    )
    return evaluation_of(images, regions, labels, conditions)


def evaluate_exported(exported: Exported, dataset: Dataset, split: str, *, protocol: str = "default") -> Evaluation:
    """Scores an exported model as `evaluate` scores the model itself. Takes and raises what that does."""
    samples = samples_of(dataset, split)
    check_classes(exported.labels, dataset.labels)

    def label(image: Image) -> Labelled:
        found = exported.predict(image)
        return found.label, found.confidence

    annotated = annotated_instances(samples, find_protocol(protocol, dataset.labels))
    images, regions = _measured(track(samples, f"evaluating {split}"), annotated, dataset.labels, label)
    card = exported.card
    name = f"{card.model} as {exported.path.suffix} in {card.precision}"
    conditions = Conditions(dataset.name, split, len(samples), name, card.size, offsets=card.offsets, protocol=protocol)
    return evaluation_of(images, regions, dataset.labels, conditions)


def _measured(
    samples: Iterable[Sample],
    annotated: Sequence[Path] | Sequence[None],
    labels: LabelMap,
    label: Callable[[Image], Labelled],
) -> tuple[list[ImageResult], list[Region]]:
    """What is counted of each sample, and what is suspicious in it. label: of an image, and its confidence."""
    images, regions = [], []
    for sample, file in zip(samples, annotated, strict=True):
        predicted, confidence = label(sample.image)
        instances = count_instances(file, sample.label, IDS[predicted]) if file else None
        images.append(measure(sample.name, sample.label, predicted, labels, confidence=confidence, instances=instances))
        regions += suspicious_regions(sample.label, predicted, confidence, name=sample.name, ignore=labels.ignore)
    return images, regions


def evaluation_of(
    images: Sequence[ImageResult], regions: Sequence[Region], labels: LabelMap, conditions: Conditions
) -> Evaluation:
    """All that was counted, with the most suspicious of the regions."""
    counted = Evaluation(tuple(images), labels, conditions)
    return replace(counted, suspicious=tuple(rank(regions, counted.counts)[:MOST_SUSPICIOUS]))


def samples_of(dataset: Dataset, split: str) -> Split:
    """The split called "train", "val" or "test". Raises UserError where there is no such split, or it is empty."""
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    samples = dataset.split(split)
    if not samples:
        raise UserError(f"{dataset.name}: has no {split} split; choose another with --split")
    return samples


def annotated_instances(samples: Split, protocol: Protocol) -> list[Path] | list[None]:
    """The file with each sample's instances, where the protocol counts them and they are annotated; else None."""
    return (instance_files(samples) if protocol.instances else None) or [None] * len(samples)


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
