"""A model and a split in, an Evaluation out."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pixelwise.bundle import Bundle
from pixelwise.data import Dataset, Split
from pixelwise.data.dataset import SPLITS
from pixelwise.errors import UserError, unknown
from pixelwise.evaluation.evaluation import Conditions, Evaluation
from pixelwise.evaluation.gathering import gathered
from pixelwise.evaluation.image_result import ImageResult, measure
from pixelwise.evaluation.instances import IDS, count_instances, instance_files
from pixelwise.evaluation.protocols import Protocol, find_protocol
from pixelwise.evaluation.suspicious import Region, rank, suspicious_regions
from pixelwise.labels import LabelMap
from pixelwise.prediction.labelling import WHOLE, View, label_images
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
    labels, images, regions = dataset.labels, [], []
    share = own_slice(len(samples)) if together else slice(None)
    for sample, file in zip(track(samples[share], f"evaluating {split}"), annotated[share], strict=True):
        [(predicted, confidence)] = label_images(bundle.network, [sample.image], bundle.size, view=view)
        instances = count_instances(file, sample.label, IDS[predicted]) if file else None
        images.append(measure(sample.name, sample.label, predicted, labels, confidence=confidence, instances=instances))
        regions += suspicious_regions(sample.label, predicted, confidence, name=sample.name, ignore=labels.ignore)
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
