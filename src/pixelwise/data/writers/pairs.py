"""Photo and colour mask side by side in one JPEG."""

from pathlib import Path

import numpy as np

from pixelwise.data.dataset import Dataset
from pixelwise.data.dataset_yaml import write_description
from pixelwise.data.writers.common import Written, samples, save, splits
from pixelwise.labels import PUBLISHED


def write_pairs(source: Dataset, folder: Path) -> Written:
    """{train,val,test}/NAME.jpg: the photo on the left, the label's colours on the right, ignored pixels black."""
    if source.labels not in PUBLISHED.values():
        write_description(folder, source.labels)
    for name, split in splits(source).items():
        for sample, stem in samples(split):
            both = np.concatenate([sample.image, source.labels.colorize(sample.label)], axis=1)
            save(both, folder / name / f"{stem}.jpg")
            yield
