"""Which of the folders whose names fit hold the photos and which the masks, told by looking at some of each."""

import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from pixelwise.data.dataset_yaml import NAME as YAML
from pixelwise.data.layouts.listing import ARRAYS
from pixelwise.data.layouts.looks import LEAST_FLAT, Look, look_at, summarize
from pixelwise.data.layouts.sides import Pairing, Side, find_pairings
from pixelwise.data.layouts.splits import sub_folders
from pixelwise.data.sampling import even_sample
from pixelwise.errors import DataError, UserError

LOOKED_AT = 5  # samples of each pairing
MOST_PAIRINGS = 48  # looked at
NEARLY_ALL = 0.9  # of the best pairing's samples that others must have to be compared with it
LEAST_APART = 2  # samples of photos and masks elsewhere that are worth telling
SAME_SIZE = 0.5  # of the samples whose photo and mask must agree in size; thumbnails do not

# What files are called only breaks ties between those that look alike.
PHOTOS = re.compile(r"(?i)image|img|photo|rgb|jpe?g|left|frame|raw|still|original")
NO_PHOTOS = re.compile(r"(?i)vis|overlay|blend|preview|thumb|depth|dispar|right|edge|normal|mask|label|annot")
MASKS = re.compile(r"(?i)mask|label|annot|class|seg|truth|gt|(^|[^a-z])l([^a-z]|$)")
NO_MASKS = re.compile(r"(?i)vis|overlay|blend|preview|thumb|depth|instance|object|inst|edge|bound|panop|colou?r")


class Choice(NamedTuple):
    """The two sides; a phrase for the evidence naming other masks of the same photos; photos and masks not read."""

    photos: Side
    masks: Side
    loose: bool
    passed_over: str
    problems: tuple[DataError, ...]


class _Candidate(NamedTuple):
    photos: Side
    masks: Side
    pairing: Pairing
    rank: tuple[float, ...]

    def files(self) -> set[str]:
        return {path for pair in self.pairing.common() for path in pair}


def choose(root: Path, files: Sequence[str], *, described: bool) -> Choice | None:
    """The photos and masks among these files, relative to the root; None where there are none.

    Of several masks of the same photos, index masks come before colour masks before pictures of masks.
    described: dataset.yaml says that there are masks, so they need not be flat.
    Raises UserError where two choices are equally good, or photos and masks are there but no names agree.
    """
    look = cache(lambda path: look_at(root / path, 0.0 if described else LEAST_FLAT))
    pairings = find_pairings(files)[:MOST_PAIRINGS]
    found: list[_Candidate] = []
    for pairing in pairings:
        if found and pairing.pairs < NEARLY_ALL * found[0].pairing.pairs:
            break
        found += _judged(pairing, look, described)
    if not found:
        _refuse_strangers(root, files)
        return None
    found.sort(key=lambda candidate: candidate.rank, reverse=True)
    best, taken = found[0], found[0].files()
    rivals = [one for one in found[1:] if taken & one.files()]
    _refuse_ties(root, best, rivals)
    others = {str(one.masks): None for one in rivals if str(one.masks) not in (str(best.masks), str(best.photos))}
    passed_over = f"; passed over: {', '.join(others)}" if others else ""
    apart = [one for pairing in pairings if _is_apart(pairing, taken) for one in _judged(pairing, look, described)]
    return Choice(
        best.photos, best.masks, best.pairing.loose, passed_over, tuple(_not_read(root, one) for one in apart)
    )


def _judged(pairing: Pairing, look: Callable[[str], Look | None], described: bool) -> list[_Candidate]:
    """The pairing as photos and masks, or nothing where it is not that."""
    pairs = even_sample(pairing.common(), LOOKED_AT)
    looks = [(one, other) for pair in pairs if (one := look(pair[0])) and (other := look(pair[1]))]
    candidate = _candidate(pairing, looks, described)
    return [candidate] if candidate else []


def _is_apart(pairing: Pairing, taken: set[str]) -> bool:
    """Whether a pairing is of other photos and other masks; of very few it is by chance."""
    pairs = pairing.common()
    return len(pairs) >= LEAST_APART and not any(path in taken for pair in pairs for path in pair)


def _not_read(root: Path, candidate: _Candidate) -> DataError:
    what = "holds masks of photos that are not read, since others are laid out differently"
    mend = "put photos and masks of all into the same two folders, keeping sub-folders"
    return DataError(root / "/".join(candidate.masks.series.folder), what, mend, "not read")


def _candidate(pairing: Pairing, looks: list[tuple[Look, Look]], described: bool) -> _Candidate | None:
    one, other = (summarize(pair[index] for pair in looks) for index in (0, 1))
    if one is None or other is None:
        return None
    sides = (pairing.one, pairing.other)
    first_is_mask = _first_is_mask(one, other, *(str(side) for side in sides))
    photo, mask = (other, one) if first_is_mask else (one, other)
    photos, masks = (sides[1], sides[0]) if first_is_mask else sides
    if (mask.kind == "photo" and not described) or _same_boundaries(photo, mask):
        return None
    same_size = sum(a.size == b.size for a, b in looks) >= SAME_SIZE * len(looks)
    kind = {"index": 2, "color": 1, "lossy": 0, "photo": 0}[mask.kind]
    ranks = (same_size, kind, masks.series.ending != ARRAYS, photo.kind == "photo")
    called = _called(photos, PHOTOS, NO_PHOTOS), _called(masks, MASKS, NO_MASKS)
    plain = not any(photos.added)  # pictures made of the photos have longer names than these
    return _Candidate(photos, masks, pairing, (*ranks, _near(photos, masks), *called, plain))


def _first_is_mask(one: Look, other: Look, first: str, second: str) -> bool:
    if one.more_mask_like(other) == other.more_mask_like(one):  # equal in all: the names must tell
        return bool(MASKS.search(first)) > bool(MASKS.search(second))
    return one.more_mask_like(other)


def _same_boundaries(photo: Look, mask: Look) -> bool:
    """Whether both are masks of the same regions, drawn in other values."""
    return photo.kind in ("index", "color") and photo.flatness == mask.flatness < 1


def _called(side: Side, good: re.Pattern[str], bad: re.Pattern[str]) -> int:
    return bool(good.search(str(side))) - bool(bad.search(str(side)))


def _near(photos: Side, masks: Side) -> int:
    """How many folders down from the root the two have in common."""
    pairs = zip(photos.series.folder, masks.series.folder, strict=False)
    return next((index for index, (one, other) in enumerate(pairs) if one != other), 0)


def _refuse_ties(root: Path, best: _Candidate, rivals: Sequence[_Candidate]) -> None:
    for second in rivals[:1]:
        if second.rank == best.rank and second.pairing.pairs == best.pairing.pairs:
            what = "masks" if str(second.masks) != str(best.masks) else "photos"
            one, other = (str(getattr(candidate, what)) for candidate in (best, second))
            ways = f"`images: {best.photos}` and `masks: {best.masks}`"
            raise UserError(f"{root}: {one} and {other} may both be the {what}; say which in {YAML}, like {ways}")


def _refuse_strangers(root: Path, files: Sequence[str]) -> None:
    """Where one folder holds photos and the other masks, or nothing at all, something was forgotten."""
    by_folder: dict[str, list[str]] = {}
    for path in files:
        by_folder.setdefault(path.rpartition("/")[0], []).append(path)
    empty = [folder for folder in sub_folders(root) if not any(folder.iterdir())]
    if len(by_folder) == len(empty) == 1 and len(sub_folders(root)) == 2:
        one = next(iter(by_folder))
        raise UserError(f"{root / one}: no photo has a mask, {empty[0]} is empty; put the masks there")
    if len(by_folder) != 2:
        return
    seen = [
        (paths[0], summarize(filter(None, (look_at(root / p) for p in even_sample(paths, LOOKED_AT)))))
        for paths in by_folder.values()
    ]
    seen.sort(key=lambda one: one[1] is None or one[1].kind != "photo")
    (photo, first), (mask, second) = seen
    if first and second and first.kind == "photo" and second.kind in ("index", "color"):
        raise UserError(
            f"{root}: no photo's name fits a mask's (photo {photo}, mask {mask}); rename one or the other, so that "
            "they differ only in what all masks add"
        )
