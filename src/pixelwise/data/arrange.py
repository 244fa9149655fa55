"""What a dataset.yaml asks for, done to a dataset: files left out, samples put into splits, classes merged."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from pixelwise.data.dataset import SPLITS, Dataset, Entry, Sample
from pixelwise.data.files.file_content import leads_out, outside
from pixelwise.data.problems import gather
from pixelwise.errors import UserError
from pixelwise.labels import Groups, merge


def arrange_splits(dataset: Dataset, patterns: Mapping[str, tuple[str, ...]]) -> Dataset:
    """The dataset with every sample in the first split of which a pattern fits its name; the others are left out.

    patterns: by split, of names, in which * stands for anything; none where the splits stay as they are.
    Raises UserError where a pattern fits no sample.
    """
    if not patterns:
        return dataset
    entries = [entry for name in SPLITS for entry in dataset.split(name).entries]
    left = {entry.name for entry in entries}
    chosen: dict[str, list[Entry]] = {}
    for split, wanted in patterns.items():
        taken = {name for pattern in wanted for name in _fitting(dataset, split, pattern, left)}
        chosen[split] = [entry for entry in entries if entry.name in taken]
        left -= taken
    return dataset.with_splits(chosen)


def _fitting(dataset: Dataset, split: str, pattern: str, names: set[str]) -> list[str]:
    """The names that a pattern fits; most patterns are but one name."""
    plain = re.sub(r"\[([*?[])\]", r"\1", pattern)
    if plain in names:
        return [plain]
    found = [name for name in names if fnmatchcase(name, pattern)]
    if not found:
        raise UserError(f"{dataset.name}: no sample is called '{pattern}', as split {split} says; correct it")
    return found


def leave_out(dataset: Dataset, excluded: Callable[[Path], bool]) -> Dataset:
    """The dataset without the samples of which a file is excluded."""
    kept = {
        name: [entry for entry in dataset.split(name).entries if not any(map(excluded, entry.files))] for name in SPLITS
    }
    problems = (replace(p, files=tuple(f for f in p.files if not excluded(Path(f)))) for p in dataset.problems)
    return replace(dataset.with_splits(kept), problems=tuple(problem for problem in problems if problem.files))


def keep_inside(dataset: Dataset, root: Path) -> Dataset:
    """The dataset without the samples of which a file is a link that leads out of the folder; these are problems."""
    folders: dict[Path, bool] = {}

    def leaves(file: Path) -> bool:
        if file.parent not in folders:
            folders[file.parent] = leads_out(file.parent, root)
        return folders[file.parent] or (file.is_symlink() and leads_out(file, root))

    files = dict.fromkeys(file for name in SPLITS for entry in dataset.split(name).entries for file in entry.files)
    away = {file for file in files if leaves(file)}
    if not away:
        return dataset
    problems = dataset.problems + gather(map(outside, sorted(away)))
    return replace(leave_out(dataset, lambda file: file in away), problems=problems)


@dataclass(frozen=True)
class Relabelled:
    """An entry whose classes are merged: class i becomes ``table[i]``, and i beyond the table is ignored."""

    entry: Entry
    table: bytes

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def files(self) -> tuple[Path, ...]:
        """Those of the entry."""
        return self.entry.files

    def read(self) -> Sample:
        """The entry's sample with the merged classes."""
        image, label, name = self.entry.read()
        return Sample(image, np.frombuffer(self.table, np.uint8)[label], name)


def decoder_of(entry: Entry) -> object:
    """What turns an entry's mask into a label, whether or not its classes are merged; None where it has no mask."""
    while isinstance(entry, Relabelled):
        entry = entry.entry
    return getattr(entry, "decode", None)


def merge_classes(dataset: Dataset, how: Groups | str) -> Dataset:
    """The dataset with its classes merged as ``pixelwise.labels.merge`` says; as it is where ``how`` is empty."""
    if not how:
        return dataset
    labels, table = merge(dataset.labels, how)
    splits = {name: [Relabelled(entry, table.tobytes()) for entry in dataset.split(name).entries] for name in SPLITS}
    return replace(dataset.with_splits(splits), labels=labels)
