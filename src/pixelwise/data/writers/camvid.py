"""CamVid as SegNet's authors published it."""

from pathlib import Path

import numpy as np

from pixelwise.data.dataset import Dataset
from pixelwise.data.layouts.camvid import VOID
from pixelwise.data.writers.common import Written, samples, save, splits
from pixelwise.errors import UserError
from pixelwise.labels import CAMVID11, IGNORE


def write_camvid(source: Dataset, folder: Path) -> Written:
    """SegNet's lists and folders, index masks with void as 11; for the classes of CamVid-11 alone."""
    if source.labels != CAMVID11:
        raise UserError(f"{source.name}: the camvid layout holds CamVid's 11 classes only; write it as folders")
    for name, split in splits(source).items():
        lines = []
        for sample, stem in samples(split):
            photo, mask = f"{name}/{stem}.png", f"{name}annot/{stem}.png"
            save(sample.image, folder / photo)
            save(np.where(sample.label == IGNORE, VOID, sample.label).astype(np.uint8), folder / mask)
            lines.append(f"{photo} {mask}\n")
            yield
        (folder / f"{name}.txt").write_text("".join(lines), encoding="utf-8")
