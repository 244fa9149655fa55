"""What a dataset is: three sequences of samples, read only when they are asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, overload

import numpy as np
import numpy.typing as npt

from pixelwise.labels import Label, LabelMap

Image = npt.NDArray[np.uint8]


class Sample(NamedTuple):
    """One photo and what is on it.

    image: (h, w, 3) uint8 RGB. label: (h, w) class indices at the mask's own resolution, the ignore
    index where unlabelled. name: of the photo within its dataset, without the file ending.
    """

    image: Image
    label: Label
    name: str


class Entry(Protocol):
    """Where one sample lies and how it is read."""

    @property
    def name(self) -> str: ...

    def read(self) -> Sample: ...


@dataclass(frozen=True)
class Split(Sequence[Sample]):
    """A sequence of samples; each is read anew whenever it is asked for, none before.

    >>> len(Split(()))
    0
    """

    entries: tuple[Entry, ...]

    def __len__(self) -> int:
        return len(self.entries)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> "Split": ...
    def __getitem__(self, index: int | slice) -> "Sample | Split":
        return Split(self.entries[index]) if isinstance(index, slice) else self.entries[index].read()

    def __iter__(self) -> Iterator[Sample]:
        return (entry.read() for entry in self.entries)

    @property
    def names(self) -> tuple[str, ...]:
        """The samples' names, without reading them."""
        return tuple(entry.name for entry in self.entries)


@dataclass(frozen=True)
class Dataset:
    """Images with labels, in three splits; missing splits are empty.

    name: for people and run folders. layout: how it lies on disk. evidence: why it was read so.
    source: what `open_dataset` was given, to open it again.
    """

    name: str
    layout: str
    evidence: str
    labels: LabelMap
    train: Split = Split(())
    val: Split = Split(())
    test: Split = Split(())
    source: str = ""

    def split(self, name: str) -> Split:
        """The split called "train", "val" or "test"."""
        return {"train": self.train, "val": self.val, "test": self.test}[name]

    def __str__(self) -> str:
        counts = ", ".join(f"{len(self.split(name))} {name}" for name in ("train", "val", "test") if self.split(name))
        return f"{self.name}: {self.layout} layout ({self.evidence}); {counts}; {len(self.labels)} classes"
