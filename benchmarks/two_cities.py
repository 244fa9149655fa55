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
from pixelwise.data.dataset import SPLITS, Entry, Sample, Split
from pixelwise.data.writers import write_dataset
from pixelwise.progress import track

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
FOLDERS = {ROOT / "runs" / "data" / name: every for name, every in (("two_cities", 1), ("mostly_camvid", 4))}
COPIES = 4  # of CamVid's training images


@dataclass(frozen=True)
class Taken:
    """A sample under another name. wide: twice as wide as it is high, as before it was squeezed into a square."""

    entry: Entry
    name: str
    wide: bool = False

    @property
    def files(self) -> tuple[Path, ...]:
        return self.entry.files

    def read(self) -> Sample:
        """The sample."""
        image, label, _ = self.entry.read()
        if self.wide:
            size = 2 * image.shape[0], image.shape[0]
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), np.uint8)
            label = np.asarray(cv2.resize(label, size, interpolation=cv2.INTER_NEAREST), label.dtype)
        return Sample(image, label, self.name)


def wide(pairs: Split) -> list[Taken]:
    """Cityscapes pairs at their camera's proportions."""
    return [Taken(entry, f"cityscapes_{entry.name}", wide=True) for entry in pairs.entries]


def main() -> None:
    camvid = open_dataset(DATA / "camvid")
    pairs = open_dataset(DATA / "cityscapes_pairs", classes="cityscapes19-to-camvid11")
    entries = camvid.train.entries
    copies = [Taken(entry, f"camvid_{entry.name}_{number}") for number in range(COPIES) for entry in entries]
    for folder, every in FOLDERS.items():
        if folder.exists():
            continue
        both = camvid.with_splits(
            {
                "train": [*copies, *wide(pairs.train[::every])],
                "val": camvid.val.entries,
                "test": wide(pairs.val),
            }
        )
        folder.parent.mkdir(parents=True, exist_ok=True)
        bar = track(range(sum(len(both.split(name)) for name in SPLITS)), f"writing {folder.name}")
        write_dataset(both, folder, "folders", progress=lambda *_, bar=bar: next(bar, None) and None)


if __name__ == "__main__":
    main()
