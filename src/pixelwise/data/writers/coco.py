"""COCO's panoptic format, which unlike its instances holds every pixel's class and ignored pixels too."""

import json
from pathlib import Path

import numpy as np

from pixelwise.data.dataset import Dataset
from pixelwise.data.writers.common import Written, samples, save, splits
from pixelwise.labels import IGNORE, Label, LabelMap


def write_coco(source: Dataset, folder: Path) -> Written:
    """{train,val,test}/NAME.png and annotations/panoptic_SPLIT.json with a folder of PNGs, a segment for each class."""
    for split, part in splits(source).items():
        base = folder / "annotations" / f"panoptic_{split}"
        images, annotations = [], []
        for number, (sample, stem) in enumerate(samples(part), start=1):
            file, (height, width) = f"{stem}.png", sample.label.shape
            save(sample.image, folder / split / file)
            save(_segments(sample.label), base / file)
            images.append({"id": number, "file_name": file, "height": height, "width": width})
            annotations.append({"image_id": number, "file_name": file, "segments_info": _listed(sample.label)})
            yield
        content = {"images": images, "annotations": annotations, "categories": _categories(source.labels)}
        base.with_suffix(".json").write_text(json.dumps(content), encoding="utf-8")


def _segments(label: Label) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """(h, w, 3): the number of the segment, class + 1, in the red channel; 0 where ignored."""
    numbers = np.zeros((*label.shape, 3), np.uint8)
    numbers[..., 0] = np.where(label == IGNORE, 0, label + 1)
    return numbers


def _listed(label: Label) -> list[dict[str, int]]:
    values, areas = np.unique(label[label != IGNORE], return_counts=True)
    pairs = zip(values.tolist(), areas.tolist(), strict=True)
    return [{"id": value + 1, "category_id": value + 1, "area": area, "iscrowd": 0} for value, area in pairs]


def _categories(labels: LabelMap) -> list[dict[str, object]]:
    both = enumerate(zip(labels.names, labels.colors, strict=True), start=1)
    return [{"id": number, "name": name, "color": list(color), "isthing": 0} for number, (name, color) in both]
