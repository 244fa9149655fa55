"""Cityscapes as its authors publish it."""

from pathlib import Path

import numpy as np

from pixelwise.data.dataset import Dataset
from pixelwise.data.writers.common import Written, samples, save, splits
from pixelwise.errors import UserError
from pixelwise.labels import CITYSCAPES19, CITYSCAPES_LABELS, IGNORE

UNLABELED = 0  # the label id of ignored pixels


def write_cityscapes(source: Dataset, folder: Path) -> Written:
    """leftImg8bit/SPLIT/CITY/NAME_leftImg8bit.png and gtFine/SPLIT/CITY/NAME_gtFine_labelIds.png.

    CITY is what a sample's name begins with, or else the dataset's name. For classes that all are Cityscapes' alone.
    """
    if any(name not in CITYSCAPES19.names for name in source.labels.names):
        raise UserError(f"{source.name}: the cityscapes layout holds Cityscapes' classes only; write it as folders")
    ids = {one.name: one.id for one in CITYSCAPES_LABELS}
    table = np.full(IGNORE + 1, UNLABELED, np.uint8)
    table[: len(source.labels)] = [ids[name] for name in source.labels.names]
    for split, content in splits(source).items():
        for sample, stem in samples(content):
            city, _, rest = sample.name.partition("/")
            base = rest if rest.startswith(f"{city}_") and "/" not in rest else stem
            where = Path(split, base.split("_")[0] if "_" in base else source.name)
            save(sample.image, folder / "leftImg8bit" / where / f"{base}_leftImg8bit.png")
            save(table[sample.label], folder / "gtFine" / where / f"{base}_gtFine_labelIds.png")
            yield
