"""Which folders may hold the photos, and which the masks, of the same samples: every pair whose names fit."""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import combinations_with_replacement
from typing import NamedTuple

from pixelwise.data.layouts.listing import ARRAYS
from pixelwise.data.layouts.naming import Added, Names, find_matches, loosened
from pixelwise.data.layouts.patterns import ANY, Pattern
from pixelwise.data.layouts.splits import SPLITS
from pixelwise.data.sampling import even_sample

SPLIT = "{split}"
NO_SPLIT = "train"  # where the folders speak of none, all is for training
MOST_FOLDERS = 32  # looked at as one side, those nearest the root first
MOST_CHILDREN = 24  # a folder of more holds sequences or patients, not sides,
LARGE_SHARE = 0.1  # but for those with so many of all files
ENDING_APART = 0.1  # share of names that are there with two endings from which on these are two series
SAMPLED = 8  # pairs by which two pairings are compared

WORD = "|".join(sorted(SPLITS, key=len, reverse=True))
SPLIT_FOLDER = re.compile(
    rf"(?i)^(?:(?P<first>{WORD})(?:(?:[\W_]|\d{{4}}$|annot|mask|label|image|im(g|s)).*)?|.*[\W_](?P<later>{WORD})(?:[\W_].*)?)$"
)


class Series:
    """The files of one kind below one folder, in all splits.

    folder: relative to the root, "{split}" where the splits' names stand. words: how each split is called there.
    ending: common to all where it tells them from others, else "". files: path by split and name.
    """

    def __init__(
        self, folder: tuple[str, ...], ending: str, words: Mapping[str, str], files: Mapping[str, str]
    ) -> None:
        self.folder, self.ending, self.words, self.files = folder, ending, words, files

    @cached_property
    def names(self) -> Names:
        return Names(self.files)

    def loose(self) -> "Series":
        """The series with names in which numbers count by their value."""
        return Series(self.folder, self.ending, self.words, {loosened(key): path for key, path in self.files.items()})

    def without(self, other: "Series") -> "Series":
        """The series without the files of another that lies in a folder below it."""
        taken = set(other.files.values())
        files = {key: path for key, path in self.files.items() if path not in taken}
        return Series(self.folder, self.ending, self.words, files)


class Side(NamedTuple):
    """Photos or masks: a series, and what the names in it add to those of the samples."""

    series: Series
    added: Added

    def files(self) -> dict[str, str]:
        """Path by split and name of the sample."""
        return {core: path for key, path in self.series.files.items() if (core := self.added.core(key))}

    def pattern(self, split: str, paths: Iterable[str]) -> Pattern:
        """Where the files of a split lie, of which these are some."""
        folder = "/".join(self.series.folder).replace(SPLIT, self.series.words[split])
        endings = {os.path.splitext(path)[1] for path in paths}  # noqa: PTH122
        return Pattern(f"{folder}/" if folder else "", self.added, endings.pop() if len(endings) == 1 else ANY)

    def __str__(self) -> str:
        ending = Counter(map(_ending, self.files().values())).most_common(1)[0][0]
        return "/".join([*self.series.folder, f"{self.added.before}{{name}}{self.added.after}{ending}"])


class Pairing(NamedTuple):
    """Two sides of the same samples, and how many samples they have in common; either may be the photos."""

    one: Side
    other: Side
    pairs: int
    loose: bool = False

    def common(self) -> list[tuple[str, str]]:
        """The two files of every sample."""
        one, other = self.one.files(), self.other.files()
        return [(one[key], other[key]) for key in sorted(one.keys() & other.keys())]


def names_split(folder: str) -> bool:
    """Whether a folder's name speaks of a split.

    >>> names_split("val"), names_split("train_labels"), names_split("trainer")
    (True, True, False)
    """
    return SPLIT_FOLDER.match(folder) is not None


def find_pairings(files: Iterable[str]) -> list[Pairing]:
    """Every two sides whose names fit, most samples first; by loosened names only where no others fit."""
    series = list(_all_series(files))
    if found := _pairings(series, loose=False):
        return found
    return _pairings([one.loose() for one in series], loose=True)


def _pairings(series: list[Series], *, loose: bool) -> list[Pairing]:
    found = []
    for one, other in combinations_with_replacement(series, 2):
        if one is not other:
            one, other = _apart(one, other)
        if not one.files or not other.files:
            continue
        matches = find_matches(one.names, other.names)
        found += [Pairing(Side(one, two.first), Side(other, two.second), two.pairs, loose) for two in matches]
    return _different(sorted(found, key=lambda pairing: -pairing.pairs))


def _different(pairings: list[Pairing]) -> list[Pairing]:
    """Those that pair other files than any before; a folder and its only sub-folder pair the same.

    Where photos and masks are apart the outer is kept, so that files without partner are found; else the inner.
    """
    kept = {}
    for pairing in pairings:
        same = frozenset(frozenset(pair) for pair in even_sample(pairing.common(), SAMPLED))
        if (pairing.pairs, same) not in kept or pairing.one.series.folder == pairing.other.series.folder:
            kept[pairing.pairs, same] = pairing
    return list(kept.values())


def _apart(one: Series, other: Series) -> tuple[Series, Series]:
    """Two series of which neither holds the other's files."""
    if one.folder != other.folder and one.folder == other.folder[: len(one.folder)]:
        return one.without(other), other
    if one.folder != other.folder and other.folder == one.folder[: len(other.folder)]:
        return one, other.without(one)
    return one, other


def _all_series(files: Iterable[str]) -> Iterator[Series]:
    """One series for every folder near the root; two where most names are there with two endings."""
    by_folder: dict[str, list[str]] = defaultdict(list)
    for path in files:
        if "{" not in path and "}" not in path:
            by_folder[path.rpartition("/")[0]].append(path)
    placed = {folder: _placed(folder) for folder in by_folder}
    counts: Counter[tuple[str, ...]] = Counter()
    for original, (parts, _, _) in placed.items():
        counts[parts] += len(by_folder[original])
    for folder in _near_the_root(counts):
        yield from _series(folder, placed, by_folder)


def _placed(folder: str) -> tuple[tuple[str, ...], str, str]:
    """The parts of a folder's path with "{split}" in place of the split, the split, and its name there."""
    parts = tuple(folder.split("/")) if folder else ()
    for index, part in enumerate(parts[:4]):
        if found := SPLIT_FOLDER.match(part):
            group = "first" if found["first"] else "later"
            start, end = found.span(group)
            replaced = (*parts[:index], f"{part[:start]}{SPLIT}{part[end:]}", *parts[index + 1 :])
            return replaced, SPLITS[found[group].lower()], found[group]
    return parts, NO_SPLIT, ""


def _near_the_root(folders: Mapping[tuple[str, ...], int]) -> list[tuple[str, ...]]:
    """The folders that may be a side: with the split in their path where there is one, and not one of very many.

    folders: with the number of files directly in each.
    """
    chosen: Counter[tuple[str, ...]] = Counter()
    for folder, count in folders.items():
        least = next((index + 1 for index, part in enumerate(folder) if SPLIT in part), 0)
        chosen.update({folder[:length]: count for length in range(least, len(folder) + 1)})
    children = Counter(folder[:-1] for folder in chosen if folder)
    few = LARGE_SHARE * sum(folders.values())
    crowd = {folder for folder, count in chosen.items() if children[folder[:-1]] > MOST_CHILDREN and count < few}
    kept = [one for one in chosen if not any(one[:length] in crowd for length in range(1, len(one) + 1))]
    return sorted(kept, key=lambda folder: (len(folder), folder))[:MOST_FOLDERS]


def _series(
    folder: tuple[str, ...],
    placed: Mapping[str, tuple[tuple[str, ...], str, str]],
    by_folder: Mapping[str, list[str]],
) -> Iterator[Series]:
    words: dict[str, str] = {}
    files: dict[str, dict[str, str]] = defaultdict(dict)
    for original, (parts, split, word) in placed.items():
        if parts[: len(folder)] != folder or any(SPLIT in part for part in parts[len(folder) :]):
            continue
        if words.setdefault(split, word) != word:
            continue  # "train" beside "training": no one pattern says both
        head = "/".join([split, *parts[len(folder) :]])
        for path in by_folder[original]:
            stem, ending = os.path.splitext(path.rpartition("/")[2])  # noqa: PTH122
            files[ending.lower()][f"{head}/{stem}"] = path
    for ending, found in _joined(files).items():
        yield Series(folder, ending, words, found)


def _joined(files: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """All endings together as "", unless names are there with several; arrays always apart."""
    arrays = {ending: found for ending, found in files.items() if ending == ARRAYS}
    images = {ending: found for ending, found in files.items() if ending != ARRAYS}
    total, joined = sum(map(len, images.values())), {key: path for one in images.values() for key, path in one.items()}
    apart = total - len(joined) > ENDING_APART * len(joined) and len(images) > 1
    return (images if apart else {"": joined} if joined else {}) | arrays


def _ending(path: str) -> str:
    return os.path.splitext(path)[1]  # noqa: PTH122
