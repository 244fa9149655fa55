"""CARLA's frames as its Python examples save them."""

from pathlib import Path

import numpy as np

from pixelwise.data.dataset import Dataset
from pixelwise.data.writers.common import Written, samples, save, splits
from pixelwise.errors import UserError
from pixelwise.labels import CARLA_0_9_9, CARLA_0_9_13, CARLA_0_9_14


def write_carla(source: Dataset, folder: Path) -> Written:
    """SPLIT/CameraRGB/NAME.png and SPLIT/CameraSeg/NAME.png, tags in the red channel; ignored pixels have tag 0.

    For the classes of one of CARLA's versions.
    """
    if source.labels not in (CARLA_0_9_9, CARLA_0_9_13, CARLA_0_9_14):
        raise UserError(f"{source.name}: the carla layout holds CARLA's tags only; write it as folders")
    for split, content in splits(source).items():
        for sample, stem in samples(content):
            mask = np.zeros((*sample.label.shape, 3), np.uint8)
            mask[..., 0] = np.where(sample.label == source.labels.ignore, 0, sample.label)
            save(sample.image, folder / split / "CameraRGB" / f"{stem}.png")
            save(mask, folder / split / "CameraSeg" / f"{stem}.png")
            yield
