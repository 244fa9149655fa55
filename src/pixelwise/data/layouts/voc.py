"""Pascal VOC: JPEGImages/X.jpg, SegmentationClass/X.png, and ImageSets/Segmentation/{train,val}.txt naming the X.

Everingham et al., "The Pascal Visual Object Classes (VOC) Challenge", IJCV 2010; labelme2voc and CVAT write it too.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pixelwise.data.dataset import Dataset, Entry, Format
from pixelwise.data.description import Description
from pixelwise.data.files.documents import read_text
from pixelwise.data.files.images import ENDINGS, find_format
from pixelwise.data.layouts.entries import ImageAndMask
from pixelwise.data.layouts.splits import assemble, sub_folders
from pixelwise.data.layouts.voc_classes import voc_classes
from pixelwise.data.masks.decoders import Decoder
from pixelwise.errors import DataError

LOOKS_FOR = "JPEGImages and SegmentationClass with the same names, as Pascal VOC has them"

PHOTOS = "JPEGImages"
YEAR = re.compile(r"VOC\d{4}")  # such folders lie side by side in VOCdevkit
# Which folder of masks is read where several hold the same samples; what is drawn over the photo is no mask.
MASKS = ("SegmentationClassRaw", "SegmentationClass", "SegmentationClassPNG", "SegmentationClassAug")
MASKS_LAST = ("SegmentationClassNpy",)
LISTS = {"train": ("trainaug", "train"), "val": ("val",), "test": ("test",)}
MOST_BYTES = 2**26  # of a list

Files = dict[str, Path]  # by name, without the ending


class Part(NamedTuple):
    """One folder with JPEGImages: what its samples' names begin with, its photos, masks, and names of each split."""

    base: Path
    prefix: str
    photos: Files
    masks: Files
    masks_in: str
    names: dict[str, list[str]]


def recognise(root: Path, description: Description) -> Dataset | None:
    """The dataset, if photos and masks lie as in Pascal VOC; else None.

    Raises UserError where the masks' colours are of no known map, or a class is named twice.
    """
    years = [folder for folder in sub_folders(root) if YEAR.fullmatch(folder.name)]
    bases = [base for base in (root, *years) if (base / PHOTOS).is_dir()]
    problems: list[DataError] = []
    parts = [part for base in bases if (part := _part(base, "" if len(bases) == 1 else f"{base.name}/", problems))]
    if not parts:
        return None
    masks = [mask for part in parts for names in part.names.values() for mask in map(part.masks.get, names) if mask]
    classes = voc_classes(masks, description, dict.fromkeys((root, *bases)))
    problems += classes.problems
    format = find_format([path for part in parts for path in part.photos.values()])
    splits: dict[str, list[Entry]] = {}
    left_out = [_add(splits, part, classes.decode, format, problems=problems) for part in parts]
    if not any(splits.values()):
        return None
    evidence = f"{PHOTOS} and {', '.join(dict.fromkeys(part.masks_in for part in parts))}; {classes.evidence}"
    return assemble(
        root,
        "voc",
        splits,
        labels=classes.labels,
        evidence=evidence + "".join(left_out),
        format=format,
        problems=problems,
    )


def _part(base: Path, prefix: str, problems: list[DataError]) -> Part | None:
    photos = _files(base / PHOTOS, ENDINGS)
    folders = {folder.name: _files(folder, {".png", ".npy"}) for folder in sub_folders(base) if _may_hold_masks(folder)}
    folders = {name: files for name, files in folders.items() if files.keys() & photos.keys()}
    if not folders:
        return None
    names = _lists(base, "SegmentationClassAug" in folders, problems)
    wanted = {name for listed in names.values() for name in listed} or set(photos)
    chosen = max(_ordered(folders), key=lambda name: len(wanted & folders[name].keys()))
    return Part(base, prefix, photos, folders[chosen], chosen, names or {"train": sorted(folders[chosen])})


def _may_hold_masks(folder: Path) -> bool:
    return folder.name.startswith("SegmentationClass") and "visuali" not in folder.name.lower()


def _ordered(folders: Iterable[str]) -> list[str]:
    order = [*MASKS, *(name for name in sorted(folders) if name not in MASKS + MASKS_LAST), *MASKS_LAST]
    return [name for name in order if name in folders]


def _files(folder: Path, endings: Iterable[str]) -> Files:
    """The files below a folder by their path in it, without the ending."""
    found: Files = {}
    for inner, _, names in os.walk(folder):
        for path in (Path(inner, name) for name in sorted(names) if not name.startswith(".")):
            if path.suffix.lower() in endings:
                found.setdefault(path.relative_to(folder).with_suffix("").as_posix(), path)
    return found


def _lists(base: Path, augmented: bool, problems: list[DataError]) -> dict[str, list[str]]:
    """The names in each split; empty where there are no lists."""
    folder = base / "ImageSets" / "Segmentation"
    files = {path.stem.lower(): path for path in sorted(folder.glob("*.txt"))} if folder.is_dir() else {}
    if not augmented:
        files.pop("trainaug", None)
    chosen = {split: next((files[name] for name in names if name in files), None) for split, names in LISTS.items()}
    listed = {split: names for split, path in chosen.items() if path and (names := _names(path, problems))}
    others = [path for name, path in files.items() if name not in ("train", "trainaug", "val", "test")]
    if "train" not in listed and others:
        taken = {name for names in listed.values() for name in names}
        rest = dict.fromkeys(name for path in others for name in _names(path, problems))
        listed["train"] = [name for name in rest if name not in taken]
    return listed


def _names(path: Path, problems: list[DataError]) -> list[str]:
    try:
        lines = [line.strip() for line in read_text(path, MOST_BYTES).splitlines()]
    except DataError as error:
        problems.append(error)
        return []
    return list(dict.fromkeys(_name(line) for line in lines if line))


def _name(line: str) -> str:
    """A line of a list names a sample, or (DeepLab's lists) its two files."""
    word = line.split()[0].removeprefix(f"/{PHOTOS}/") if line.startswith("/") else line
    return word.removesuffix(Path(word).suffix) if Path(word).suffix.lower() in ENDINGS else word


def _add(
    splits: dict[str, list[Entry]], part: Part, decode: Decoder, format: Format, *, problems: list[DataError]
) -> str:
    """Adds the part's samples and faults; one phrase for each split that has no masks at all."""
    left_out = ""
    for split, names in part.names.items():
        if not any(name in part.masks for name in names):
            left_out += f"; {split} has no masks and is left out"
            continue
        for name in names:
            if name in part.photos and name in part.masks:
                entry = ImageAndMask(part.prefix + name, part.photos[name], part.masks[name], decode, format)
                splits.setdefault(split, []).append(entry)
            else:
                problems.append(_missing(name, part))
    return left_out


def _missing(name: str, part: Part) -> DataError:
    if name.startswith("/") or ".." in Path(name).parts:
        return DataError(name, "lies outside the dataset, but a list names it", "take it off the list", "outside")
    path = part.photos.get(name) or part.masks.get(name) or part.base / PHOTOS / name
    missing = "photo and no mask" if name not in (part.photos | part.masks) else "mask"
    missing = "photo" if name in part.masks else missing
    return DataError(path, f"has no {missing}", "add the file or take it off the list", "missing partner")
