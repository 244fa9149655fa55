"""What the writers share: names, and pictures as files."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from pixelwise.data.dataset import SPLITS, Dataset, Sample, Split
from pixelwise.labels import Label, LabelMap

Written = Iterator[None]  # once per sample

QUALITY = 95  # JPEG quality of pairs
CHROMA_HALVED = 2  # Pillow's word for 4:2:0


def splits(source: Dataset) -> dict[str, Split]:
    """The splits that hold samples, by name."""
    return {name: split for name in SPLITS if (split := source.split(name))}


def samples(split: Split) -> Iterator[tuple[Sample, str]]:
    """Each sample with a name that can be one file's and one word of a list."""
    return ((sample, stem(sample.name)) for sample in split)


def stem(name: str) -> str:
    """A sample's name as one file's name and one word of a list."""
    return "_".join(name.replace("/", " ").replace("\\", " ").split())


def save(picture: npt.NDArray[np.uint8] | Pillow.Image, path: Path) -> None:
    """Writes a picture, its folder too: JPEG as lossy as pairs are, else without loss."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = picture if isinstance(picture, Pillow.Image) else Pillow.fromarray(picture)
    if path.suffix == ".jpg":
        image.save(path, quality=QUALITY, subsampling=CHROMA_HALVED)
    else:
        image.save(path)


def with_palette(label: Label, labels: LabelMap) -> Pillow.Image:
    """An index mask with the classes' colours as palette."""
    image = Pillow.fromarray(label.astype(np.uint8))
    image.putpalette(labels.palette[:256].tobytes())
    return image
