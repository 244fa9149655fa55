"""A Check -> one HTML page: what is in a dataset, what is wrong with it, and what its samples look like."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pixelwise.checking import Check, Facts
from pixelwise.data.dataset import SPLITS, Format
from pixelwise.data.problems import Problem
from pixelwise.data.sampling import even_sample
from pixelwise.report.pages import write_page
from pixelwise.report.thumbnails import thumbnails

MOST_PROBLEMS = 200  # shown; damaged files can each have a fault of their own
MOST_FILES = 1_000  # listed of each problem
MOST_UNFOLDED = 5  # files; a longer list is folded
PICTURED = 6  # samples of each problem
PER_SPLIT = 24  # samples on the contact sheet
MOST_SIZES = 5

# Problems that one has to see; of leaked pictures both are shown.
STRIPE = "stripe"
SEEN = {STRIPE, "leakage", "suspect pair", "unlabelled", "lossy mask", "no label", "flat image"}

Place = tuple[str, int]  # split and index of a sample


class Card(NamedTuple):
    """One problem as the page shows it. files: those listed. pictured: samples beside each other, or alone."""

    problem: Problem
    files: list[str]
    pictured: list[tuple[Place, ...]]


class Share(NamedTuple):
    """What a split has of a class. share: of its labelled pixels, in words. bar: of the largest share, in [0, 1]."""

    share: str
    bar: float
    images: int


def write_check_report(path: Path, found: Check, *, command: str) -> None:
    """Writes the page whole or not at all: pictures and style are in the file, it loads nothing from elsewhere.

    found: what was found; the few samples that are shown are read again. command: makes this page again.
    Raises UserError where the file cannot be written.
    """
    splits = [name for name in SPLITS if found.dataset.split(name)]
    cards = _cards(found)
    sheet = {name: even_sample(range(len(found.dataset.split(name))), PER_SPLIT) for name in splits}
    pictured = [place for card in cards for group in card.pictured for place in group]
    places = [*pictured, *((name, index) for name, indices in sheet.items() for index in indices)]
    write_page(
        path,
        "check.html.j2",
        dataset=found.dataset,
        verdict=verdict(found),
        images=_images_in_words(found.dataset.format),
        cards=cards,
        more_problems=len(found.problems) - len(cards),
        unfolded=MOST_UNFOLDED,
        splits={name: _split_row(found, name) for name in splits},
        classes=_class_rows(found, splits),
        sheet=sheet,
        names={place: found.dataset.split(place[0]).entries[place[1]].name for place in places},
        pictures=thumbnails(found.dataset, places),
        command=command,
    )


def verdict(found: Check) -> str:
    """What was found, in a few words."""
    errors, warnings, files = len(found.errors), len(found.problems) - len(found.errors), len(found.bad_files)
    if not found.problems:
        return "Nothing found that needs mending."
    where = f" in {_counted(files, 'file')}" if files else ""
    return f"{_counted(errors, 'error')}{where}, {_counted(warnings, 'warning')}."


def _counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _images_in_words(format: Format) -> str:
    kind = {1: " (grey)", 3: " (RGB)"}.get(format.channels, "")
    depth = f"{format.bits} bits" + (", of which the upper 8 are used" if format.bits > 8 else "")
    return f"{_counted(format.channels, 'channel')}{kind}, {depth}"


def _cards(found: Check) -> list[Card]:
    """Each problem with the files to list, below the dataset's folder, and the samples to show."""
    by_file, striped = _places_by_file(found.facts), _striped(found.facts)
    cards = []
    for problem in found.problems[:MOST_PROBLEMS]:
        groups = []
        if problem.kind in SEEN:
            groups = [group for file in problem.files if (group := _pictured(file, by_file))]
        if problem.kind == STRIPE and not problem.files:  # most labels have it; some are shown once
            groups, striped = striped, []
        files = [_shortened(file, found) for file in problem.files[:MOST_FILES]]
        cards.append(Card(problem, files, even_sample(groups, PICTURED)))
    return cards


def _places_by_file(facts: Sequence[Facts]) -> dict[str, Place]:
    """The sample of each file; files that hold the labels of several samples are left out."""
    uses = Counter(file for one in facts for file in one.files[1:])
    return {
        file: place
        for place, one in zip(_places(facts), facts, strict=True)
        for file in one.files
        if file == one.files[0] or uses[file] == 1
    }


def _striped(facts: Sequence[Facts]) -> list[tuple[Place, ...]]:
    return [(place,) for place, one in zip(_places(facts), facts, strict=True) if one.stripes]


def _places(facts: Sequence[Facts]) -> Iterator[Place]:
    """Split and index of each sample; the facts are in the order of the samples."""
    indices = dict.fromkeys(SPLITS, 0)
    for one in facts:
        yield one.split, indices[one.split]
        indices[one.split] += 1


def _pictured(file: str, by_file: Mapping[str, Place]) -> tuple[Place, ...]:
    """The samples that a problem's file stands for: of "b.png (as a.png)" both; none where it is of no sample."""
    if file in by_file:
        return (by_file[file],)
    for start in (index for index in range(len(file)) if file.startswith(" (as ", index)):
        both = file[:start], file[start + len(" (as ") : -1]
        if all(one in by_file for one in both):
            return tuple(by_file[one] for one in both)
    return ()


def _shortened(file: str, found: Check) -> str:
    root = f"{found.dataset.root}/"
    return file.removeprefix(root).replace(f" (as {root}", " (as ")


def _split_row(found: Check, name: str) -> dict[str, Any]:
    sizes = found.sizes(name)
    images = len(found.dataset.split(name))
    return {
        "images": images,
        "unread": images - len(found.of_split(name)),
        "sizes": sizes[:MOST_SIZES],
        "more_sizes": len(sizes) - MOST_SIZES,
        "ignored": found.ignored(name),
    }


def _class_rows(found: Check, splits: Sequence[str]) -> list[dict[str, Any]]:
    """Name, colour, and share per split of each class."""
    pixels = {name: found.pixels(name) for name in splits}
    shares = {name: pixels[name] / max(1, int(pixels[name].sum())) for name in splits}
    images = {name: found.images(name).tolist() for name in splits}
    largest = max((float(of_split.max()) for of_split in shares.values()), default=0.0) or 1.0
    return [
        {
            "name": name,
            "color": color,
            "splits": {
                split: Share(
                    _share_in_words(shares[split][index]), shares[split][index] / largest, images[split][index]
                )
                for split in splits
            },
        }
        for index, (name, color) in enumerate(zip(found.dataset.labels.names, found.dataset.labels.colors, strict=True))
    ]


def _share_in_words(share: float) -> str:
    return "< 0.01\u00a0%" if 0 < share < 0.0001 else f"{100 * share:.2f}\u00a0%"
