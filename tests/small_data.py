"""Tiny photos and labels for the data tests, and where the real data lies if it is there."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as Pillow

from pixelwise.data import Dataset, Sample, Split
from pixelwise.data.arrange import Relabelled
from pixelwise.labels import CAMVID11, CARLA_0_9_13, CITYSCAPES19, LabelMap

SHARED = Path(__file__).parents[2] / "shared" / "data"


def real(name: str) -> Path:
    """A folder of real data, or the test is skipped."""
    if not (SHARED / name).is_dir():
        pytest.skip(f"real data is not beside the repository (../shared/data/{name})")
    return SHARED / name


def photo(seed: int = 0, height: int = 24, width: int = 32) -> npt.NDArray[np.uint8]:
    """A busy picture: no two neighbours alike."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def label(seed: int = 0, height: int = 24, width: int = 32, classes: int = 11) -> npt.NDArray[np.uint8]:
    """Blocks of 8 x 8 pixels, each of one class; the first is ignored, the second of the last class."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, classes, (-(-height // 8), -(-width // 8)), np.uint8)
    blocks.flat[:2] = 255, classes - 1
    return np.kron(blocks, np.ones((8, 8), np.uint8))[:height, :width]


def flat(*values: int) -> npt.NDArray[np.uint8]:
    """A mask 8 pixels high with 8 columns of each value."""
    return np.tile(np.repeat(np.array(values, np.uint16 if max(values) > 255 else np.uint8), 8), (8, 1))


def save(path: Path, array: npt.NDArray[np.generic], palette: LabelMap | None = None) -> Path:
    """Writes a picture, with a palette where one is given; makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Pillow.fromarray(array)
    if palette:
        picture.putpalette(palette.palette[:256].tobytes())
    picture.save(path, **({"quality": 95, "subsampling": 2} if path.suffix == ".jpg" else {}))
    return path


def folders(root: Path, names: str = "abc", *, images: str = "images", masks: str = "masks") -> Path:
    """A folders layout of one split with plain index masks."""
    for seed, name in enumerate(names):
        save(root / images / f"{name}.png", photo(seed))
        save(root / masks / f"{name}.png", label(seed))
    return root


def side_by_side(seed: int, labels: LabelMap = CAMVID11, width: int = 64) -> npt.NDArray[np.uint8]:
    """Photo | label's colours, 64 pixels high."""
    classes = label(seed, 64, width, len(labels))
    return np.concatenate([photo(seed, 64, width), labels.colorize(classes)], axis=1)


class Held:
    """An entry that is in memory already."""

    def __init__(self, sample: Sample) -> None:
        self.sample = sample
        self.name = sample.name
        self.files: tuple[Path, ...] = ()
        self.reads = 0

    def read(self) -> Sample:
        self.reads += 1
        return self.sample


def held(*names: str, labels: LabelMap = CAMVID11) -> Split:
    """A split of small samples in memory."""
    entries = [Held(Sample(photo(seed), label(seed, classes=len(labels)), name)) for seed, name in enumerate(names)]
    return Split(tuple(entries))


def dataset(labels: LabelMap = CAMVID11, **splits: Split) -> Dataset:
    return Dataset("small", "held", "made by a test", labels, **splits)


# CamVid's 11 classes in the words of other label maps; riders have a tag of CARLA's since 0.9.14 only.
IN_CITYSCAPES = (
    *("sky", "building", "pole", "road", "sidewalk", "vegetation"),
    *("traffic sign", "fence", "car", "person", "rider"),
)
IN_CARLA_13 = (
    *("Sky", "Building", "Pole", "Road", "SideWalk", "Vegetation"),
    *("TrafficSign", "Fence", "Vehicles", "Pedestrian", "Pedestrian"),
)
IN_CARLA_14 = (
    *("Sky", "Building", "Pole", "Roads", "SideWalks", "Vegetation"),
    *("TrafficSign", "Fence", "Car", "Pedestrian", "Rider"),
)


def in_words(source: Dataset, labels: LabelMap, names: Sequence[str], ignored: int = 255) -> Dataset:
    """A dataset of CamVid's 11 classes with these of another map instead; ignored: what ignored pixels become."""
    table = np.full(256, ignored, np.uint8)
    table[: len(CAMVID11)] = [labels.index(name) for name in names]
    splits = {
        name: [Relabelled(entry, table.tobytes()) for entry in source.split(name).entries]
        for name in ("train", "val", "test")
    }
    return replace(source.with_splits(splits), labels=labels)


def for_layout(source: Dataset, layout: str) -> Dataset:
    """A dataset of CamVid's 11 classes in those that the layout holds."""
    if layout == "cityscapes":
        return in_words(source, CITYSCAPES19, IN_CITYSCAPES)
    return in_words(source, CARLA_0_9_13, IN_CARLA_13, 0) if layout == "carla" else source


def assert_same_samples(read: Dataset, written: Dataset) -> None:
    """Names, images and labels are equal in every split."""
    for split in ("train", "val", "test"):
        for one, other in zip(read.split(split), written.split(split), strict=True):
            assert one.name == other.name
            assert np.array_equal(one.image, other.image)
            assert np.array_equal(one.label, other.label)
