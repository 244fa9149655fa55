"""COCO's annotations: one JSON for many photos, as instances (polygons, run lengths) or panoptic (a PNG each).

Lin et al., "Microsoft COCO", ECCV 2014; Kirillov et al., "Panoptic Segmentation", CVPR 2019; cocodataset.org, "Data
format". As in COCO-Stuff, a crowd region is labelled with its class. Larger objects lie below smaller ones. What no
object of the instances covers is background; what no segment of a panoptic PNG covers is ignored.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, Field, ValidationError

from pixelwise.data.dataset import Dataset
from pixelwise.data.description import Description
from pixelwise.data.files.documents import read_json, unreadable_json
from pixelwise.data.files.file_content import outside
from pixelwise.data.files.images import find_format
from pixelwise.data.layouts.coco_entries import Instances, Panoptic
from pixelwise.data.layouts.shapes import (
    beginning_and_end,
    by_split,
    class_indices,
    files_below,
    folders_below,
    is_background,
    is_file,
    label_map,
    plain_name,
    split_in,
    unlabelled,
)
from pixelwise.data.layouts.splits import assemble, inside
from pixelwise.data.sampling import even_sample
from pixelwise.data.store.reading import together
from pixelwise.errors import DataError, UserError
from pixelwise.labels import LabelMap

LOOKS_FOR = "COCO's JSON with images, annotations and categories, beside or above the photos"

BACKGROUND = "background"
PANOPTIC = "panoptic"  # in the names of the folders of PNGs, as published
PER_FOLDER = 16  # JSON files looked at in each folder; COCO's own has 14
MOST_LOOKED_AT = 30  # in all
SAMPLED = 20  # photos by which the folder of all is found
KEYS = re.compile(r'"(images|annotations|categories|image_id|category_id|segments_info|supercategory)"\s*:')

Number = int | str  # some tools write names where COCO has numbers
Channel = Annotated[int, Field(ge=0, le=255)]


class _Image(BaseModel):
    id: Number
    file_name: str
    height: int | None = None
    width: int | None = None


NAMED = re.compile(r"(instances|panoptic|person_keypoints|stuff)_")  # as files of annotations are called


class _Category(BaseModel):
    id: int
    name: str
    supercategory: str | None = None
    color: tuple[Channel, Channel, Channel] | None = None
    keypoints: Any = None


class _Segment(BaseModel):
    id: Annotated[int, Field(ge=0, lt=2**24)]
    category_id: int


class _Annotation(BaseModel):
    image_id: Number
    category_id: int | None = None
    segmentation: Any = None
    file_name: str | None = None
    segments_info: list[_Segment] | None = None


class _File(BaseModel):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]


class _Source(NamedTuple):
    """A JSON file, its annotations by photo."""

    path: Path
    images: list[_Image]
    categories: list[_Category]
    annotations: dict[Number, list[_Annotation]]
    panoptic: bool
    split: str | None


def recognise(root: Path, description: Description) -> Dataset | None:
    """The dataset, if a JSON file below the folder holds COCO's segmentations; else None.

    Where there are several kinds, panoptic ones are taken, else instances, else people with keypoints. Classes are
    those of the description, else the categories in the order of their numbers. Splits are told by the names of the
    JSON files and their folders, else by the photos' folders, else all is train.
    Raises UserError where no photo can be used.
    """
    problems: list[DataError] = []
    candidates = list(_candidates(root))
    sources = [source for path in candidates if (source := _source(root, path, problems))]
    if sources:
        problems += _unreadable(root, candidates)
    faults = list(problems)
    for chosen in _kinds(sources):
        faults = list(problems)
        labels = description.labels or _labels(root, chosen)
        evidence = _evidence(chosen)
        found = [pair for source in chosen for pair in _entries(root, source, labels, faults)]
        if found:
            format = find_format([entry.image for _, entry in found])
            splits = by_split(((split, replace(entry, format=format)) for split, entry in found), faults)
            return assemble(root, "coco", splits, labels=labels, evidence=evidence, format=format, problems=faults)
    if not sources:
        if broken := _broken(root, candidates, problems):
            raise together(broken)
        return None
    raise together(faults or [UserError(f"{root}: no photo is listed in COCO's JSON files; export them anew")])


def _unreadable(root: Path, candidates: Sequence[Path]) -> Iterator[DataError]:
    """What is wrong with files that are called as COCO's, but hold none of its words."""
    others = set(files_below(root, {".json"}, PER_FOLDER)) - set(candidates)
    return unreadable_json(sorted(path for path in others if NAMED.match(path.name)))


def _broken(root: Path, candidates: Sequence[Path], problems: Sequence[DataError]) -> list[DataError]:
    """What is wrong with all files that are called as COCO's; the dataset is COCO's, then, but unreadable."""
    return [*(one for one in problems if NAMED.match(Path(one.path).name)), *_unreadable(root, candidates)]


def _evidence(sources: Sequence[_Source]) -> str:
    photos = sum(len(source.images) for source in sources)
    objects = sum(len(many) for source in sources for many in source.annotations.values())
    what = "panoptic PNGs" if sources[0].panoptic else f"{objects} objects"
    return f"COCO's JSON lists {photos} photos and {what} ({', '.join(source.path.name for source in sources)})"


def _candidates(root: Path) -> Iterator[Path]:
    """JSON files at whose ends at least two of COCO's words are found."""
    files = zip(files_below(root, {".json"}, PER_FOLDER), range(MOST_LOOKED_AT), strict=False)
    return (path for path, _ in files if len(set(KEYS.findall(beginning_and_end(path)))) > 1)


def _source(root: Path, path: Path, problems: list[DataError]) -> _Source | None:
    """What the file holds, None where it holds no segmentations."""
    try:
        content = _File.model_validate(read_json(path))
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"] if isinstance(part, str))
        what = f"is not as COCO's format has it ({where}: {error.errors()[0]['msg'].lower()})"
        problems.append(DataError(path, what, "export it anew or remove it", "unreadable"))
        return None
    except DataError as error:
        problems.append(error)
        return None
    panoptic = any(one.segments_info for one in content.annotations)
    if not panoptic and not any(one.segmentation for one in content.annotations):
        return None
    by_photo: dict[Number, list[_Annotation]] = {}
    for one in content.annotations:
        by_photo.setdefault(one.image_id, []).append(one)
    split = split_in(path.name, *path.relative_to(root).parts[:-1])
    return _Source(path, content.images, content.categories, by_photo, panoptic, split)


def _kinds(sources: Sequence[_Source]) -> list[list[_Source]]:
    """The files by kind, the best first: one photo is often annotated in several ways."""
    kinds = sorted({_kind(source) for source in sources}, reverse=True)
    return [[source for source in sources if _kind(source) == kind] for kind in kinds]


def _kind(source: _Source) -> int:
    keypoints = any(category.keypoints for category in source.categories)
    return 2 if source.panoptic else 0 if keypoints else 1


def _labels(root: Path, sources: Sequence[_Source]) -> LabelMap:
    """The categories of all files in the order of their numbers; before them the background of instances."""
    categories: dict[str, _Category] = {}
    for source in sources:
        for category in sorted(_real_categories(source), key=lambda category: category.id):
            categories.setdefault(category.name, category)
    names, colors = list(categories), [category.color for category in categories.values()]
    if not sources[0].panoptic and not any(is_background(name) for name in names):
        names, colors = [BACKGROUND, *names], [None, *colors]
    return label_map(root, names, colors)


def _real_categories(source: _Source) -> list[_Category]:
    """Roboflow lists the group of all classes as a category, too, which nothing ever is."""
    used = {one.category_id for many in source.annotations.values() for one in many}
    groups = {category.supercategory for category in source.categories if category.supercategory != category.name}
    return [one for one in source.categories if source.panoptic or one.id in used or one.name not in groups]


def _entries(
    root: Path, source: _Source, labels: LabelMap, problems: list[DataError]
) -> Iterator[tuple[str, Instances | Panoptic]]:
    """Every photo's split and entry; photos with a fault become problems."""
    known = class_indices(labels)
    classes = {category.id: known[category.name] for category in source.categories if category.name in known}
    folder = _folder(root, source, [image.file_name for image in source.images], pngs=False)
    locate = _locator(root, source, folder)
    if source.panoptic:
        make = _panoptic(root, source, classes, folder)
    else:
        make = _instances(source, classes, unlabelled(labels))
    for image in source.images:
        annotations = source.annotations.pop(image.id, [])
        try:
            photo = locate(image.file_name)
            for one in annotations:
                _check(source, photo, one, classes)
            split = source.split or split_in(*photo.relative_to(root).parts[:-1]) or "train"
            yield split, make(image, photo, annotations)
        except DataError as error:
            problems.append(error)


Maker = Callable[[_Image, Path, list[_Annotation]], Instances | Panoptic]


def _check(source: _Source, photo: Path, one: _Annotation, classes: Mapping[int, int]) -> None:
    for number in [part.category_id for part in one.segments_info or ()] if source.panoptic else [one.category_id]:
        if number not in classes:
            name = next((category.name[:40] for category in source.categories if category.id == number), str(number))
            what = f"has an object of category '{name}', which is no class"
            raise DataError(photo, what, "correct the category, or add it to the classes", "unknown class")
    if not source.panoptic and not one.segmentation:
        what = "has an object with a box but no shape"
        raise DataError(photo, what, "draw its shape", "missing shape")


def _instances(source: _Source, classes: Mapping[int, int], unlabelled: int) -> Maker:
    def make(image: _Image, photo: Path, annotations: list[_Annotation]) -> Instances:
        shapes = [[classes[one.category_id], one.segmentation] for one in annotations if one.category_id is not None]
        text = json.dumps(shapes, separators=(",", ":")).encode()
        name = plain_name(Path(image.file_name.replace("\\", "/")))
        return Instances(
            name, photo, source.path, text, _digest(text), image.height, image.width, unlabelled=unlabelled
        )

    return make


def _panoptic(root: Path, source: _Source, classes: Mapping[int, int], photos: Path) -> Maker:
    pngs = [one.file_name for many in source.annotations.values() for one in many if one.file_name]
    folder = _folder(root, source, pngs, pngs=True, other=photos)
    locate = _locator(root, source, folder)

    def make(image: _Image, photo: Path, annotations: list[_Annotation]) -> Panoptic:
        one = next((one for one in annotations if one.file_name and one.segments_info is not None), None)
        if one is None:
            raise DataError(photo, "has no panoptic annotation", "add it or remove the photo", "missing partner")
        mask = locate(one.file_name or "")
        segments = tuple(sorted((part.id, classes[part.category_id]) for part in one.segments_info or ()))
        name = plain_name(Path(image.file_name.replace("\\", "/")))
        return Panoptic(name, photo, mask, segments, _digest(repr(segments).encode()))

    return make


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()[:16]


def _folder(root: Path, source: _Source, words: Sequence[str], pngs: bool, other: Path | None = None) -> Path:
    """The folder in which most of a sample of the named files lie.

    pngs: whether they are panoptic PNGs, which may be called just as their photos. other: a folder that it is not.
    """
    sampled = even_sample(words, SAMPLED)
    folders = [source.path.parent, *folders_below(root, 2)]

    def fit(folder: Path) -> tuple[int, bool, bool]:
        hits = sum(is_file(inside(root, _below(root, folder, word))) for word in sampled)
        return hits, (PANOPTIC in folder.name.lower()) == pngs, split_in(folder.name) == source.split

    return max((one for one in folders if one != other), key=fit, default=source.path.with_suffix(""))


def _locator(root: Path, source: _Source, folder: Path) -> Callable[[str], Path]:
    """Finds each named file in that folder; every sub-folder is checked once, for there may be 100,000 files."""
    checked = cache(partial(inside, root))

    def locate(word: str) -> Path:
        place = _below(root, folder, word)
        head, _, name = place.rpartition("/")
        parent = checked(head)
        path = parent / name if parent and name != ".." else None
        there = is_file(path)
        if there and path and path.is_symlink() and inside(root, place) is None:
            raise outside(path)
        if path is None:
            raise DataError(source.path, "names a file outside the dataset", "name files inside it", "outside")
        if not there:
            raise DataError(path, f"is named in {source.path.name}, but not there", "add it", "missing partner")
        return path

    return locate


def _below(root: Path, folder: Path, word: str) -> str:
    return (folder.relative_to(root) / word.replace("\\", "/")).as_posix()
