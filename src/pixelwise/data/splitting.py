"""A validation split for data that has none: the same every time, whole sequences, every class on both sides."""

import hashlib
import re
from collections.abc import Sequence
from itertools import islice

import numpy as np
import numpy.typing as npt

from pixelwise.data.dataset import Dataset, Split
from pixelwise.progress import track

SHARE = 0.1  # of the samples, for validation
MOST_SHARE = 1 / 3  # more is not held out, unless the smallest sequence is larger
MOST_READ = 20_000  # labels looked at for their classes; with more, the names alone decide

Presence = npt.NDArray[np.bool_]


def with_validation(dataset: Dataset, present: Presence | None = None) -> Dataset:
    """The dataset with some of its training samples as validation, where it has no validation split.

    present: (n, k) which classes each training sample has; read from the labels where it is not given.
    The choice follows from the samples' names and classes alone. Frames of one sequence stay together; one long
    sequence is cut into blocks of neighbours.
    """
    if dataset.val or len(dataset.train) < 2:
        return dataset
    if present is None:
        present = _presence(dataset.train, len(dataset.labels))
    held = set(hold_out(dataset.train.names, present))
    splits = {
        "train": [entry for index, entry in enumerate(dataset.train.entries) if index not in held],
        "val": [entry for index, entry in enumerate(dataset.train.entries) if index in held],
        "test": dataset.test.entries,
    }
    return dataset.with_splits(splits)


def _presence(split: Split, classes: int) -> Presence:
    if len(split) > MOST_READ:
        return np.zeros((len(split), 0), bool)
    counts = [np.bincount(sample.label.ravel(), minlength=256)[:classes] for sample in track(split, "reading labels")]
    return np.array(counts).reshape(len(split), classes) > 0


def sequence_of(name: str) -> str:
    """The sequence a frame is from: its name without the number at the end, and its folder.

    >>> sequence_of("0016E5_07959"), sequence_of("aachen/aachen_000000_000019"), sequence_of("17")
    ('0016E5_', 'aachen/aachen_000000_', '')
    """
    return re.sub(r"\d+\D{0,12}$", "", name)


def hold_out(names: Sequence[str], present: Presence, share: float = SHARE) -> list[int]:
    """Which samples are held out for validation: about ``share`` of them, at least one, never all.

    names: two or more. present: (n, k) whether sample i holds class c; k may be 0. Whole groups are taken: first, for
    every class from the rarest, the smallest that holds it; then others in an order that follows from their names.
    A group that is the last to hold a class stays in training.

    >>> hold_out(["a_1", "a_2", "b_1", "b_2", "c_1"], np.zeros((5, 0), bool), 0.3)
    [4]
    """
    target = max(1, round(len(names) * share))
    groups = sorted(_groups(names, target), key=lambda members: (len(members), _drawn(names[members[0]])))
    sizes = np.array([len(members) for members in groups])
    holds = np.array([present[members].any(axis=0) for members in groups]).reshape(len(groups), -1)
    chosen = np.zeros(len(groups), bool)
    most = max(target, MOST_SHARE * len(names))

    def can_spare(group: int) -> bool:
        left = holds[~chosen].sum(axis=0)
        return not chosen[group] and sizes[chosen].sum() + sizes[group] <= most and bool((left[holds[group]] > 1).all())

    for cls in np.argsort(holds.sum(axis=0), kind="stable"):
        if not holds[chosen, cls].any():
            fit = (group for group in np.flatnonzero(holds[:, cls]).tolist() if can_spare(group))
            chosen[list(islice(fit, 1))] = True
    for group in sorted(range(len(groups)), key=lambda group: _drawn(names[groups[group][0]])):
        if sizes[chosen].sum() < target and can_spare(group):
            chosen[group] = True
    held = np.flatnonzero(chosen).tolist() or [0]
    return sorted(member for group in held for member in groups[group])


def _groups(names: Sequence[str], target: int) -> list[list[int]]:
    """Indices of the samples of each sequence; of one sequence alone, blocks of about the target's size."""
    found: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        found.setdefault(sequence_of(name), []).append(index)
    if len(found) > 1:
        return list(found.values())
    blocks = np.array_split(np.arange(len(names)), max(2, len(names) // target))
    return [block.tolist() for block in blocks]


def _drawn(name: str) -> bytes:
    """An order without pattern that is the same everywhere and always."""
    return hashlib.blake2b(name.encode(errors="surrogatepass"), digest_size=8).digest()
