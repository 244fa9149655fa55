"""A dataset looked at as a whole: what is there, and what is wrong with it."""

from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pixelwise.checking.findings import problems_of
from pixelwise.checking.survey import Facts, survey
from pixelwise.data import open_dataset
from pixelwise.data.dataset import SPLITS, Dataset
from pixelwise.data.problems import Problem
from pixelwise.data.splitting import with_validation


@dataclass(frozen=True)
class Check:
    """What is in a dataset and what is wrong with it. facts: of each sample."""

    dataset: Dataset
    facts: tuple[Facts, ...]
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems with which nothing can be trained."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def bad_files(self) -> tuple[str, ...]:
        """The files that have errors, each once."""
        return tuple(dict.fromkeys(file for problem in self.errors for file in problem.files))

    def of_split(self, split: str) -> list[Facts]:
        """The samples of a split that could be read."""
        return [one for one in self.facts if one.split == split and not one.error]

    def pixels(self, split: str) -> npt.NDArray[np.int64]:
        """(k,) how many pixels of the split each class has."""
        return sum((one.pixels for one in self.of_split(split)), np.zeros(len(self.dataset.labels), np.int64))

    def images(self, split: str) -> npt.NDArray[np.int64]:
        """(k,) in how many images of the split each class occurs."""
        zero = np.zeros(len(self.dataset.labels), np.int64)
        return sum(((one.pixels > 0).astype(np.int64) for one in self.of_split(split)), zero)

    def ignored(self, split: str) -> float:
        """Share of the split's pixels that are ignored, in [0, 1]; NaN without pixels."""
        pixels = sum(one.size[0] * one.size[1] for one in self.of_split(split))
        return sum(one.ignored for one in self.of_split(split)) / pixels if pixels else float("nan")

    def sizes(self, split: str) -> list[tuple[tuple[int, int], int]]:
        """The sizes (height, width) of the split's images with how many have each, the most frequent first."""
        return Counter(one.size for one in self.of_split(split)).most_common()

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and text, for programs."""
        dataset = self.dataset
        return {
            "name": dataset.name,
            "layout": dataset.layout,
            "evidence": dataset.evidence,
            "channels": dataset.format.channels,
            "bits": dataset.format.bits,
            "splits": {name: self._split(name) for name in SPLITS if dataset.split(name)},
            "classes": list(dataset.labels.names),
            "problems": [asdict(problem) for problem in self.problems],
        }

    def _split(self, name: str) -> dict[str, Any]:
        pixels, ignored = self.pixels(name), self.ignored(name)
        shares = pixels / max(1, int(pixels.sum()))
        return {
            "images": len(self.dataset.split(name)),
            "read": len(self.of_split(name)),
            "sizes": [{"height": h, "width": w, "images": count} for (h, w), count in self.sizes(name)],
            "ignored": None if np.isnan(ignored) else round(ignored, 6),
            "class_shares": dict(zip(self.dataset.labels.names, np.round(shares, 6).tolist(), strict=True)),
            "class_images": dict(zip(self.dataset.labels.names, self.images(name).tolist(), strict=True)),
        }


def check(data: str | Path | Dataset, *, layout: str | None = None, classes: str | None = None) -> Check:
    """Reads every sample of a dataset and says what is there and what is wrong.

    data: a folder, dataset.yaml or table, or a dataset. layout, classes: as for `open_dataset`. Data without a
    validation split is checked with the one that training holds out. Raises UserError where nothing is recognised.

    >>> found = check(open_dataset("streets").with_splits({"train": open_dataset("streets").train.entries[:4]}))
    >>> len(found.dataset.val), int(found.images("val")[0]), found.errors
    (1, 1, ())
    """
    dataset = data if isinstance(data, Dataset) else open_dataset(data, layout, classes)
    facts = survey(dataset)
    split = with_validation(dataset, _presence(dataset, facts))
    held = set(split.val.names) - set(dataset.val.names)
    facts = tuple(replace(one, split="val") if one.split == "train" and one.name in held else one for one in facts)
    return Check(split, facts, problems_of(split, facts))


def _presence(dataset: Dataset, facts: tuple[Facts, ...]) -> npt.NDArray[np.bool_]:
    """(n, k) which classes each training sample has; those that cannot be read have none."""
    none = np.zeros(len(dataset.labels), bool)
    rows = [one.pixels > 0 if len(one.pixels) else none for one in facts if one.split == "train"]
    return np.array(rows).reshape(len(rows), len(dataset.labels))
