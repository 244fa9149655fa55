"""Where the files of one split lie: "val/photos/{name}.jpg", as dataset.yaml writes it and as `folders` finds it."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from pixelwise.data.files.images import ENDINGS
from pixelwise.data.layouts.entries import no_partner
from pixelwise.data.layouts.listing import ARRAYS
from pixelwise.data.layouts.naming import Added, loosened
from pixelwise.errors import DataError, UserError

NAME = "{name}"
ANY = ".*"
SYSTEMATIC = 0.5  # as many files beside those of pairs, as a share of the pairs, are no forgotten photos

Pairs = list[tuple[str, str, str]]  # name, photo, mask


class Pattern(NamedTuple):
    """Paths relative to the root: folder, folders of the name, then what stands around the rest of the name.

    >>> Pattern.parse("val/img_{name}.jpg").name("val/seq1/img_0001.jpg")
    'seq1/0001'
    """

    folder: str
    added: Added
    ending: str

    @classmethod
    def parse(cls, template: str) -> "Pattern":
        """The pattern that a template writes; raises UserError where it is none."""
        before, _, after = template.partition(NAME)
        folder, slash, prefix = before.rpartition("/")
        suffix, dot, ending = after.rpartition(".")
        if template.count(NAME) != 1 or not dot or "/" in after or template.startswith("/"):
            raise UserError(
                f"'{template}' does not say where the files lie; write a path below the dataset's folder, with "
                f"{NAME} once and an ending, like images/{NAME}.jpg or images/{NAME}.*"
            )
        return cls(folder.removeprefix("./") + slash, Added(prefix, suffix), dot + ending)

    @property
    def template(self) -> str:
        """As dataset.yaml writes it."""
        return f"{self.folder}{self.added.before}{NAME}{self.added.after}{self.ending}"

    def name(self, path: str) -> str | None:
        """The name of the sample that a path is of, or None where the pattern does not fit it."""
        if not path.startswith(self.folder):
            return None
        stem, dot, ending = path[len(self.folder) :].rpartition(".")
        fits = dot + ending == self.ending or (self.ending == ANY and f".{ending.lower()}" in ENDINGS - {ARRAYS})
        return self.added.core(stem) if fits and stem.rpartition("/")[2] else None


class Paired(NamedTuple):
    """The samples of one split and the files that are of none."""

    pairs: Pairs
    problems: list[DataError]


def pair_files(root: Path, files: Sequence[str], images: Pattern, masks: Pattern, *, loose: bool = False) -> Paired:
    """The photos and masks of the same name, in the order of the names.

    files: relative to the root. loose: numbers count by their value and capitals as small letters. Files without a
    partner and two files of one name are problems; files that belong to a pair by their name (previews, say)
    are passed over.
    """
    mask = _by_name(files, masks, loose)
    masked = {path for paths in mask.values() for path in paths}
    photo = _by_name((path for path in files if path not in masked), images, loose)
    both = [name for name in photo if name in mask]
    single = [name for name in both if len(photo[name]) == len(mask[name]) == 1]
    twice = {*both} - {*single}
    pairs = [(images.name(photo[name][0]) or name, photo[name][0], mask[name][0]) for name in single]
    passed = _passed_over(photo, both, within=masks.folder.startswith(images.folder))
    problems = [_twice(root / path) for name in sorted(twice) for path in (*photo[name], *mask[name])]
    for partner, own, other in (("mask", photo, mask), ("photo", mask, photo)):
        alone = [name for name in own if name not in other and name not in passed]
        problems += [no_partner(root / path, partner) for name in alone for path in own[name]]
    return Paired(sorted(pairs, key=lambda pair: counting_order(pair[0])), problems)


def counting_order(name: str) -> list[tuple[bool, int, str]]:
    """A key that sorts names with their numbers in the order of counting.

    >>> sorted(["a10", "a2", "b"], key=counting_order)
    ['a2', 'a10', 'b']
    """
    return [(not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in re.split(r"(\d+)", name)]


def _by_name(files: Iterable[str], pattern: Pattern, loose: bool) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for path in files:
        if (name := pattern.name(path)) is not None:
            found[loosened(name) if loose else name].append(path)
    return dict(found)


def _passed_over(photos: Iterable[str], both: Sequence[str], *, within: bool) -> set[str]:
    """Names that are no photos: begun with the name of a pair and a word, as previews are, where there are many.

    within: masks lie among the photos, where few such names count too, and folders without any pair.
    """
    known, folders = set(both), {name.rpartition("/")[0] for name in both}
    lonely = [name for name in photos if name not in known]
    beside = {name for name in lonely if any(name[: end.start()] in known for end in re.finditer(r"[\W_]", name))}
    if not within:
        return beside if len(beside) >= SYSTEMATIC * len(both) else set()
    return beside | {name for name in lonely if name.rpartition("/")[0] not in folders}


def _twice(path: Path) -> DataError:
    return DataError(path, "has the same name as another, up to its ending", "remove one of the two", "duplicate name")
