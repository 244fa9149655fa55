"""What a dataset is: three sequences of samples, read only when they are asked for."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Protocol, overload

import numpy as np
import numpy.typing as npt

from pixelwise.data.problems import Problem
from pixelwise.labels import Label, LabelMap

Image = npt.NDArray[np.uint8]

SPLITS = ("train", "val", "test")


class Format(NamedTuple):
    """How the image files of a dataset become arrays, all of them alike.

    channels: 1 (grey), 3 (RGB) or as many as the files have. bits: that the files' values use, 8 to 16; of more than
    8 the upper 8 are kept.
    """

    channels: int = 3
    bits: int = 8


RGB = Format()


class Sample(NamedTuple):
    """One photo and what is on it.

    image: (h, w, c) uint8, RGB where c is 3. label: (h, w) class indices at the mask's own resolution, the ignore
    index where unlabelled. name: of the photo within its dataset, without the file ending.
    """

    image: Image
    label: Label
    name: str


class Entry(Protocol):
    """Where one sample lies and how it is read: a frozen dataclass, equal where the same would be read.

    name: of the photo within its dataset, with "/" between folders and without the file ending; no two alike in a
    split. files: all that `read` reads, the photo's first.
    """

    @property
    def name(self) -> str: ...

    @property
    def files(self) -> tuple[Path, ...]: ...

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


class Source(NamedTuple):
    """What `open_dataset` was given, to open the same dataset again; its parameters."""

    path: str
    layout: str | None = None
    classes: str | None = None


NOWHERE = Source("")


@dataclass(frozen=True)
class Dataset:
    """Images with labels, in three splits; missing splits are empty.

    name: for people and run folders. layout: how it lies on disk. evidence: why it was read so.
    source: how to open it again. format: of the images. problems: found while it was opened.
    root: the folder in which it lies.
    """

    name: str
    layout: str
    evidence: str
    labels: LabelMap
    train: Split = Split(())
    val: Split = Split(())
    test: Split = Split(())
    source: Source = NOWHERE
    format: Format = RGB
    problems: tuple[Problem, ...] = ()
    root: Path = Path()

    def split(self, name: str) -> Split:
        """The split called "train", "val" or "test"."""
        return {"train": self.train, "val": self.val, "test": self.test}[name]

    def with_splits(self, splits: Mapping[str, Iterable[Entry]]) -> "Dataset":
        """The dataset with these entries in its splits; a split that is not given is empty."""
        train, val, test = (Split(tuple(splits.get(name, ()))) for name in SPLITS)
        return replace(self, train=train, val=val, test=test)

    def __str__(self) -> str:
        counts = ", ".join(f"{len(self.split(name))} {name}" for name in SPLITS if self.split(name))
        return f"{self.name}: {self.layout} layout ({self.evidence}); {counts}; {len(self.labels)} classes"

    def __repr__(self) -> str:  # without every single entry
        return f"Dataset({self})"

    def _repr_html_(self) -> str:
        from pixelwise.data.html import dataset_html  # which imports this file

        return dataset_html(self)
