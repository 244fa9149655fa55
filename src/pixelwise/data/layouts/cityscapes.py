"""Cityscapes as its authors publish it: leftImg8bit/SPLIT/CITY/X_leftImg8bit.png and gtFine/SPLIT/CITY/X_gtFine_*.

Cordts et al., "The Cityscapes Dataset for Semantic Urban Scene Understanding", CVPR 2016. Files belong together by
what their names begin with, wherever below the folder they lie.
"""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Collection
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from pixelwise.data.dataset import Dataset, Entry, Format
from pixelwise.data.description import Description
from pixelwise.data.files.images import find_format
from pixelwise.data.layouts.cityscapes_polygons import ImageAndPolygons
from pixelwise.data.layouts.entries import ImageAndMask, no_partner
from pixelwise.data.layouts.splits import SPLITS, assemble
from pixelwise.data.masks.decoders import ColorMask, Decoder, IndexMask
from pixelwise.errors import DataError, UserError
from pixelwise.labels import CITYSCAPES19, CITYSCAPES_LABELS, IGNORE, LabelMap

LOOKS_FOR = "photos called X_leftImg8bit.png and annotations X_gtFine_labelIds.png (or labelTrainIds, polygons, color)"

PHOTO = re.compile(r"(?P<base>.+?)_leftImg8bit(?P<variant>[^/]*)\.(png|jpe?g)", re.IGNORECASE)
ANNOTATION = re.compile(r"(?P<base>.+)_(?P<set>gtFine|gtCoarse)_(?P<kind>labelTrainIds|labelIds|polygons|color)\.\w+")
KINDS = ("labelTrainIds", "labelIds", "polygons", "color")  # the first that is there is read
GLANCED = 300  # folders looked into before a tree is taken for something else
FIRST = 50  # files looked at in each of them


class Place(NamedTuple):
    """What a file belongs to: the sample's first words, and the split if a folder names one."""

    base: str
    split: str | None


class Annotation(NamedTuple):
    """The file that is read of those that a sample has."""

    path: Path
    kind: str


Photo = tuple[Path, Place]
Kinds = dict[Place, dict[str, Path]]


def recognise(root: Path, description: Description) -> Dataset | None:
    """The dataset, if photos and annotations are named as Cityscapes names them; else None.

    Raises UserError where dataset.yaml names classes that Cityscapes has not.
    """
    if not _glance(root):
        return None
    photos, fine, coarse = _files(root)
    annotations, used = (fine, "gtFine") if fine else (coarse, "gtCoarse")
    if not photos or not annotations:
        return None
    labels = description.labels or CITYSCAPES19
    chosen = {place: _chosen(kinds, labels) for place, kinds in annotations.items()}
    if fine:  # what has coarse annotations alone is left out, and nothing is missing there
        photos = [one for one in photos if _partner(one[1], fine) or not _partner(one[1], coarse)]
    format = find_format([path for path, _ in photos])
    splits, problems = _matched(photos, chosen, _decoders(labels, description), format=format)
    if not splits:
        return None
    kinds = Counter(annotation.kind for annotation in chosen.values())
    found = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    coarser = f"; {len(coarse)} gtCoarse are left out" if fine and coarse else ""
    return assemble(
        root,
        "cityscapes",
        splits,
        labels=labels,
        evidence=f"{len(photos)} photos *_leftImg8bit and {used} {found}{_left_out(photos, splits)}{coarser}",
        format=format,
        problems=problems,
    )


def _glance(root: Path) -> bool:
    """Whether one of the first files of the first folders is named so."""
    names = (name for _, _, files in islice(os.walk(root), GLANCED) for name in files[:FIRST])
    return any(PHOTO.fullmatch(name) or ANNOTATION.fullmatch(name) for name in names)


def _files(root: Path) -> tuple[list[Photo], Kinds, Kinds]:
    """The photos, and the annotations of the fine and of the coarse set."""
    photos: list[Photo] = []
    sets: dict[str, Kinds] = {"gtFine": defaultdict(dict), "gtCoarse": defaultdict(dict)}
    for folder, inner, files in os.walk(root):
        inner.sort()
        split = _split(Path(folder).relative_to(root))
        for name in sorted(files):
            if name.startswith("."):
                continue
            if found := PHOTO.fullmatch(name):
                photos.append((Path(folder, name), Place(found["base"], split)))
            elif found := ANNOTATION.fullmatch(name):
                sets[found["set"]][Place(found["base"], split)][found["kind"]] = Path(folder, name)
    return photos, sets["gtFine"], sets["gtCoarse"]


def _split(folder: Path) -> str | None:
    """The split that one of the folders is called after; the 20,000 of train_extra are for training too."""
    return next(
        (SPLITS[part] for name in folder.parts if (part := name.lower().removesuffix("_extra")) in SPLITS), None
    )


def _chosen(kinds: dict[str, Path], labels: LabelMap) -> Annotation:
    """The best annotation of a sample: train ids only tell the 19 classes."""
    evaluated = all(name in CITYSCAPES19.names for name in labels.names)
    order = KINDS if evaluated else ("labelIds", "polygons", *KINDS)
    kind = next(kind for kind in order if kind in kinds)
    return Annotation(kinds[kind], kind)


def _decoders(labels: LabelMap, description: Description) -> dict[str, Decoder]:
    """How each kind of annotation becomes classes: by the names of Cityscapes' labels, or as dataset.yaml says."""
    ignored = (*description.ignored, IGNORE)
    if description.values:
        by_value = IndexMask(len(labels), ignored, tuple(description.values.items()))
        return dict.fromkeys(("labelTrainIds", "labelIds", "polygons"), by_value) | {"color": ColorMask(labels)}
    classes = {one.name: labels.names.index(one.name) for one in CITYSCAPES_LABELS if one.name in labels.names}
    if unknown := [name for name in labels.names if name not in classes]:
        known = ", ".join(one.name for one in CITYSCAPES_LABELS)
        raise UserError(
            f"{description.source}: '{unknown[0]}' is no label of Cityscapes; take some of its names ({known}), "
            "or give each class its `value`, like `road: {color: [128, 64, 128], value: 7}`"
        )
    ids = {one.id: classes.get(one.name, IGNORE) for one in CITYSCAPES_LABELS}
    train_ids = {one.train_id: classes.get(one.name, IGNORE) for one in CITYSCAPES_LABELS if one.train_id != IGNORE}
    by_id = IndexMask(len(labels), ignored, tuple(ids.items()))
    return {
        "labelTrainIds": IndexMask(len(labels), ignored, tuple(train_ids.items())),
        "labelIds": by_id,
        "polygons": by_id,
        "color": ColorMask(CITYSCAPES19 if labels == CITYSCAPES19 else _as_published(labels)),
    }


def _as_published(labels: LabelMap) -> LabelMap:
    """The classes in Cityscapes' own colours, which are those of its colour masks."""
    colors = {one.name: one.color for one in CITYSCAPES_LABELS}
    return LabelMap(labels.names, tuple(colors[name] for name in labels.names))


def _matched(
    photos: list[Photo], annotations: dict[Place, Annotation], decoders: dict[str, Decoder], *, format: Format
) -> tuple[dict[str, list[Entry]], list[DataError]]:
    """The entries of each split, and the files that cannot be one; a split with no annotations at all is no fault."""
    splits: dict[str, dict[str, Entry]] = {}
    problems, lonely = [], []
    used: set[Place] = set()
    for path, place in photos:
        if (partner := _partner(place, annotations)) is None:
            lonely.append((path, place))
            continue
        used.add(partner)
        entry = _entry(path, place.base, annotations[partner], decoders=decoders, format=format)
        split = splits.setdefault(place.split or partner.split or "train", {})
        if split.setdefault(entry.name, entry) is not entry:
            problems.append(DataError(path, "is there twice in its split", "remove one of the two", "duplicate name"))
    problems += [no_partner(path, "annotation") for path, place in lonely if (place.split or "train") in splits]
    problems += [no_partner(one.path, "photo") for place, one in annotations.items() if place not in used]
    return {name: list(entries.values()) for name, entries in splits.items()}, problems


def _left_out(photos: list[Photo], splits: dict[str, list[Entry]]) -> str:
    empty = dict.fromkeys(place.split or "train" for _, place in photos if (place.split or "train") not in splits)
    return "".join(f"; {split} has no annotations and is left out" for split in empty)


def _partner(place: Place, annotations: Collection[Place]) -> Place | None:
    """Where the annotation of a photo is: in the same split, or one of the two has no splits."""
    splits = (place.split, None) if place.split else (None, "train", "val", "test")
    return next((one for split in splits if (one := Place(place.base, split)) in annotations), None)


def _entry(path: Path, base: str, annotation: Annotation, *, decoders: dict[str, Decoder], format: Format) -> Entry:
    found = PHOTO.fullmatch(path.name)
    city = f"{base.split('_')[0]}/" if "_" in base else ""
    name = city + base + (found["variant"] if found else "")
    decode = decoders[annotation.kind]
    if annotation.kind == "polygons":
        return ImageAndPolygons(name, path, annotation.path, decode, format)
    return ImageAndMask(name, path, annotation.path, decode, format)
