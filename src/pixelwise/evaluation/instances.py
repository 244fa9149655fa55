"""Cityscapes' instances: where they are annotated, and what is counted of them."""

import re
from pathlib import Path

import numpy as np

from pixelwise.data import Split
from pixelwise.data.dataset import Entry
from pixelwise.data.files.images import Pixels, read_mask
from pixelwise.errors import DataError, UserError
from pixelwise.labels import CITYSCAPES_LABELS, IGNORE, Label
from pixelwise.metrics import InstanceOverlap, instance_overlap

ANNOTATION = re.compile(r"(?P<base>.+_gt(Fine|Coarse))_(labelTrainIds|labelIds|polygons|color)\.\w+")

# Class index -> the id in labelIds masks; what is ignored is 0, unlabeled.
IDS = np.zeros(IGNORE + 1, np.uint8)
for _one in CITYSCAPES_LABELS:
    if _one.train_id != IGNORE:
        IDS[_one.train_id] = _one.id


def instance_files(split: Split) -> list[Path] | None:
    """X_gtFine_instanceIds.png of every sample, beside its annotation; None where none has one.

    Raises UserError where only some have one.
    """
    files = [_instance_file(entry) for entry in split.entries]
    found = [file for file in files if file]
    if not found:
        return None
    missing = [entry.name for entry, file in zip(split.entries, files, strict=True) if not file]
    if missing:
        raise UserError(
            f"{len(missing)} of {len(files)} images have no instanceIds beside their annotation: "
            f"{', '.join(missing[:3])}{' ...' if len(missing) > 3 else ''}; add them, or take all away"
        )
    return found


def _instance_file(entry: Entry) -> Path | None:
    for file in entry.files[1:]:
        if match := ANNOTATION.fullmatch(file.name):
            path = file.with_name(f"{match['base']}_instanceIds.png")
            return path if path.is_file() else None
    return None


def count_instances(path: Path, label: Label, predicted: Pixels) -> InstanceOverlap:
    """The pixels of one image. path: of its instanceIds. label: class indices. predicted: ids as in labelIds masks.

    Raises UserError where the file cannot be read or fits the label not.
    """
    instances = read_mask(path)
    if instances.shape != label.shape:
        raise DataError(path, "has another size than its annotation", "restore it", "size mismatch")
    return instance_overlap(IDS[label], predicted, instances)
