"""From the facts of all samples to the problems of the dataset: one small function for each kind."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import numpy as np

from pixelwise.checking.alignment import suspects
from pixelwise.checking.duplicates import WORDS, are_flat, near_duplicates
from pixelwise.checking.stripes import CommonStripe, common_stripes
from pixelwise.checking.survey import Facts
from pixelwise.data.arrange import decoder_of
from pixelwise.data.dataset import SPLITS, Dataset, Entry
from pixelwise.data.masks.decoders import ColorMask
from pixelwise.data.problems import Problem, gather

FACTS = Sequence[Facts]

UNLABELLED = 0.5  # of an image's pixels; CamVid's and Cityscapes' images have 0.04 and 0.12 on average
COMMON = 0.5  # of the labels have a stripe at the same place


def problems_of(dataset: Dataset, facts: FACTS) -> tuple[Problem, ...]:
    """All that was found, errors first, the most files first."""
    readable = [one for one in facts if not one.error]
    found = chain(
        dataset.problems,
        gather(one.error for one in facts if one.error),
        *(find(dataset, readable) for find in FINDINGS),
    )
    return tuple(sorted(found, key=lambda problem: (problem.severity, -len(problem.files))))


def _warn(kind: str, what: str, mend: str, files: Sequence[str] = ()) -> Problem:
    return Problem(kind, "warning", what, mend, tuple(files))


def _split_sizes(dataset: Dataset, facts: FACTS) -> Iterator[Problem]:
    if not dataset.train:
        what = "the train split is empty, so a model can be scored on this data but not trained"
        yield _warn("no training images", what, "add images, or name them under `splits`")
    elif not dataset.val:
        yield _warn("one image", "there is none to choose the best model by", "add a second image")


def _wrong_extension(_: Dataset, facts: FACTS) -> Iterator[Problem]:
    files: dict[str, list[str]] = defaultdict(list)
    for remark in chain.from_iterable(one.remarks for one in facts):
        if remark.kind == "wrong extension":
            files[remark.detail].append(remark.file)
    for content, paths in files.items():
        yield _warn(
            "wrong extension", f"holds {content} data under another ending", "rename it, or save it anew", paths
        )


def _alpha(_: Dataset, facts: FACTS) -> Iterator[Problem]:
    files = [remark.file for one in facts for remark in one.remarks if remark.kind == "alpha channel"]
    if files:
        yield _warn("alpha channel", "has an alpha channel, which is left out", "none is needed", files)


def _lossy(dataset: Dataset, facts: FACTS) -> Iterator[Problem]:
    lossy = {entry.name for name in SPLITS for entry in dataset.split(name).entries if is_lossy(entry)}
    if lossy:
        what = "the mask is lossy (JPEG, or smeared by resizing): decoded by region, and doubtful pixels are ignored"
        mend = "take the original masks as PNG if there are any; else look at some in the report"
        yield _warn("lossy mask", what, mend, [one.files[-1] for one in facts if one.name in lossy])


def is_lossy(entry: Entry) -> bool:
    """Whether an entry's mask is a lossy colour mask."""
    decode = decoder_of(entry)
    return isinstance(decode, ColorMask) and decode.lossy


def _unlabelled(_: Dataset, facts: FACTS) -> Iterator[Problem]:
    none = [one.files[-1] for one in facts if not one.pixels.sum()]
    most = [
        one.files[-1] for one in facts if 0 < one.pixels.sum() < (1 - UNLABELLED) * (one.pixels.sum() + one.ignored)
    ]
    if none:
        yield _warn("no label", "has no labelled pixel at all", "label it or leave it out (`exclude`)", none)
    if most:
        yield _warn("unlabelled", "more than half of its pixels are ignored", "look whether a class is missing", most)


def _classes(dataset: Dataset, facts: FACTS) -> Iterator[Problem]:
    for split in ("train", "val"):
        rows = [one.pixels for one in facts if one.split == split]
        images = (np.array(rows) > 0).sum(axis=0) if rows else np.zeros(len(dataset.labels))
        absent = [name for name, count in zip(dataset.labels.names, images, strict=True) if not count]
        if rows and absent:
            effect = "cannot be learnt" if split == "train" else "cannot be scored"
            yield _warn(
                "absent class",
                f"{', '.join(absent)}: never in the {split} split, so {effect}",
                "move an image that has it, merge it into another class, or drop it (`merge`)",
            )
        single = [name for name, count in zip(dataset.labels.names, images, strict=True) if count == 1]
        if split == "train" and single and len(rows) > 1:
            mend = "add images, or merge it into another class (`merge`)"
            yield _warn("rare class", f"{', '.join(single)}: in one training image only", mend)


def _leakage(_: Dataset, facts: FACTS) -> Iterator[Problem]:
    groups = [SPLITS.index(one.split) for one in facts]
    hashes = np.array([one.hash for one in facts], np.uint64).reshape(len(facts), WORDS)
    pairs = near_duplicates(hashes, groups)
    if pairs:
        names = [f"{facts[second].files[0]} (as {facts[first].files[0]})" for first, second, _ in pairs]
        what = "shows the same or nearly the same picture as an image of another split, so scores are too good"
        yield _warn("leakage", what, "move all such pictures into one split", names)
    flat = [one.files[0] for one, is_flat in zip(facts, are_flat(hashes), strict=True) if is_flat] if len(facts) else []
    if flat:
        yield _warn("flat image", "has one colour all over", "look whether it is damaged", flat)


def _other_scene(_: Dataset, facts: FACTS) -> Iterator[Problem]:
    indices = suspects([one.agreement for one in facts])
    if indices:
        what = "the mask's edges follow no edges of the photo: the two may not show the same scene, or not in one place"
        yield _warn("suspect pair", what, "look at the overlay in the report", [facts[i].files[-1] for i in indices])


def _stripes(dataset: Dataset, facts: FACTS) -> Iterator[Problem]:
    """Single labels' stripes, and those at the same place in most; the latter only where pixels are labelled."""
    kept = [[stripe for stripe in one.stripes if stripe.value != dataset.labels.ignore] for one in facts]
    common = common_stripes(kept, COMMON) if len(facts) > 2 else []
    for stripe in common:
        what = f"{stripe.count} of {len(facts)} labels hold one value along {_place(stripe)} against their neighbours"
        yield _warn("stripe", what, "cut the border off, or label it as ignored")
    single = [one.files[-1] for one in facts if one.stripes]
    if single and len(single) < COMMON * len(facts):
        what = "has a row or column of one value against its neighbours"
        yield _warn("stripe", what, "look at the mask there and correct it", single)


def _place(stripe: CommonStripe) -> str:
    """In words, counted from one.

    >>> _place(CommonStripe("column", -2, 2, 9)), _place(CommonStripe("row", 0, 1, 9))
    ('the last 2 columns', 'the first row')
    """
    many = f"{stripe.width} {stripe.axis}s" if stripe.width > 1 else stripe.axis
    if stripe.index == 0:
        return f"the first {many}"
    if stripe.index + stripe.width == 0:
        return f"the last {many}"
    place = stripe.index + 1 if stripe.index > 0 else -stripe.index
    return f"{many} from number {place}" + (" from the end" if stripe.index < 0 else "")


FINDINGS: tuple[Callable[[Dataset, FACTS], Iterator[Problem]], ...] = (
    _split_sizes, _wrong_extension, _alpha, _lossy, _unlabelled, _classes, _leakage, _other_scene, _stripes,
)  # fmt: skip
