"""CamVid and the Cityscapes pairs as one dataset of CamVid's 11 classes, from which a model learns both.

    python benchmarks/two_cities.py

Writes runs/data/two_cities, in which both weigh about alike: CamVid's 367 training images four times and the pairs'
1,500 once; and runs/data/mostly_camvid with every fourth of the pairs alone. Pairs are squeezed into squares; here they
are as wide as their camera saw, twice their height. val: CamVid's 101 images. test: the pairs' other 200.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pixelwise.data import open_dataset
from pixelwise.data.dataset import SPLITS, Entry, Sample
from pixelwise.data.writers import write_dataset
from pixelwise.progress import track

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
FOLDERS = {ROOT / "runs" / "data" / name: every for name, every in (("two_cities", 1), ("mostly_camvid", 4))}
COPIES = 4  # of CamVid's training images


@dataclass(frozen=True)
class Copy:
    """One of several copies of a sample."""

    entry: Entry
    number: int

    @property
    def name(self) -> str:
        return f"camvid_{self.entry.name}_{self.number}"

    @property
    def files(self) -> tuple[Path, ...]:
        return self.entry.files

    def read(self) -> Sample:
        """The sample under its own name."""
        return self.entry.read()._replace(name=self.name)


@dataclass(frozen=True)
class Unsqueezed:
    """A Cityscapes pair's photo and label, which were squeezed into a square, twice as wide as they are high."""

    entry: Entry

    @property
    def name(self) -> str:
        return f"cityscapes_{self.entry.name}"

    @property
    def files(self) -> tuple[Path, ...]:
        return self.entry.files

    def read(self) -> Sample:
        """The sample at its camera's proportions."""
        image, label, _ = self.entry.read()
        height = image.shape[0]
        wide = cv2.resize(image, (2 * height, height), interpolation=cv2.INTER_CUBIC)
        there = cv2.resize(label, (2 * height, height), interpolation=cv2.INTER_NEAREST)
        return Sample(np.asarray(wide, np.uint8), np.asarray(there, label.dtype), self.name)


def main() -> None:
    camvid = open_dataset(DATA / "camvid")
    pairs = open_dataset(DATA / "cityscapes_pairs", classes="cityscapes19-to-camvid11")
    copies = [Copy(entry, number) for number in range(COPIES) for entry in camvid.train.entries]
    for folder, every in FOLDERS.items():
        if folder.exists():
            continue
        both = camvid.with_splits(
            {
                "train": [*copies, *map(Unsqueezed, pairs.train.entries[::every])],
                "val": camvid.val.entries,
                "test": map(Unsqueezed, pairs.val.entries),
            }
        )
        folder.parent.mkdir(parents=True, exist_ok=True)
        bar = track(range(sum(len(both.split(name)) for name in SPLITS)), f"writing {folder.name}")
        write_dataset(both, folder, "folders", progress=lambda *_, bar=bar: next(bar, None) and None)


if __name__ == "__main__":
    main()
