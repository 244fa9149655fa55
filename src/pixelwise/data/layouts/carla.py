"""Frames of the CARLA simulator: photos, and PNG masks of which the red channel holds the tag of each pixel.

Dosovitskiy et al., "CARLA: An Open Urban Driving Simulator", CoRL 2017. CameraRGB/X.png and CameraSeg/X.png, _out/rgb
and _out/seg, or any other two folders; several such pairs (dataA, dataB, ...) are read together.
"""

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from pixelwise.data.dataset import Dataset, Entry, Format
from pixelwise.data.dataset_yaml import NAME
from pixelwise.data.description import Description
from pixelwise.data.files.file_content import opened
from pixelwise.data.files.images import find_format, list_images, read_mask
from pixelwise.data.layouts.entries import ImageAndMask, no_partner
from pixelwise.data.layouts.splits import SPLITS, assemble
from pixelwise.data.masks.decoders import IndexMask
from pixelwise.data.sampling import even_sample
from pixelwise.errors import DataError, UserError
from pixelwise.labels import CARLA_0_9_9, CARLA_0_9_13, CARLA_0_9_14, LabelMap

LOOKS_FOR = "photos, and PNG masks with CARLA's tags in the red channel, in two folders with the same names"

RED = 0
HIGHEST = len(CARLA_0_9_14) - 1
GLANCED = 16  # folders of which two pictures are looked at before a tree is taken for something else
MOST_FOLDERS = 1000
TRIED = 16  # files of a folder, until some can be read
LOOKED_AT = 32  # masks
# Tags of what lies in the lower halves (road) and the upper halves (sky) of street scenes, before and since 0.9.14.
OLD_ROAD, NEW_ROAD = 7, 1
OLD_SKY, NEW_SKY = (13, 0), (11,)  # up to 0.9.9 the sky was unlabelled, 0
CLEARLY = 2  # times more pixels must speak for one table than for the other
LEAST = 0.02  # share of the pixels that must speak for one


class Pair(NamedTuple):
    """Two folders of a drive: what its samples' names begin with, their split, and the two folders."""

    prefix: str
    split: str
    photos: Path
    masks: Path


class Tags(NamedTuple):
    """The table of tags that masks use, and why it is thought so."""

    labels: LabelMap
    why: str


def recognise(root: Path, description: Description) -> Dataset | None:
    """The dataset, if one of two sibling folders holds masks that are black but for small numbers in red; else None."""
    folders = list(_image_folders(root))
    highest = 254 if description.labels else HIGHEST
    if not any(_holds_tags(folder, 2, highest) for folder in even_sample(folders, GLANCED)):
        return None
    masks = [folder for folder in folders if _holds_tags(folder, 3, highest)]
    pairs = [pair for folder in masks if (pair := _pair(root, folder, folders, masks))]
    called = {pair.masks.name for pair in pairs} - {pair.photos.name for pair in pairs}
    damaged = [folder for folder in folders if folder.name in called and folder not in masks]  # their files are named
    masks += damaged
    pairs += [pair for folder in damaged if (pair := _pair(root, folder, folders, masks))]
    if not pairs or _unrelated(folders, masks) > len(pairs):
        return None
    looked_at = _reds(even_sample([path for pair in pairs for path in list_images(pair.masks)], LOOKED_AT), highest)
    tags = Tags(description.labels, f"classes from {NAME}") if description.labels else find_tags(looked_at)
    values = tuple(description.values.items())
    decode = IndexMask(len(tags.labels), description.ignored, values, RED)
    format = find_format([path for pair in pairs for path in list_images(pair.photos)])
    splits, problems = _entries(pairs, decode, format)
    names = " and ".join(sorted({folder.name for pair in pairs for folder in (pair.photos, pair.masks)}))
    ids = _ids(looked_at)
    evidence = f"{names}; red channels hold tags {ids.min()}-{ids.max()} in {len(looked_at)} looked at; {tags.why}"
    return assemble(
        root,
        "carla",
        splits,
        labels=tags.labels,
        evidence=evidence,
        format=format,
        problems=problems,
    )


def _image_folders(root: Path) -> Iterator[Path]:
    """The folders in which PNG files lie; none deeper than four levels, nor of the hidden."""
    for folder, inner, files in islice(os.walk(root), MOST_FOLDERS):
        depth = len(Path(folder).relative_to(root).parts)
        inner[:] = sorted(name for name in inner if name[0] != ".") if depth < 4 else []
        if any(name.lower().endswith(".png") for name in files):
            yield Path(folder)


def _holds_tags(folder: Path, count: int, highest: int) -> bool:
    """Whether some of its pictures are masks of CARLA's, and not all black."""
    paths = list(islice(filter(_is_readable, even_sample(list_images(folder), TRIED)), count))
    found = _reds(paths, highest)
    return 2 * len(found) >= len(paths) and any(red.any() for red in found)


def _is_readable(path: Path) -> bool:
    """Whether a file says anything for or against its folder; a damaged one is named when it is read."""
    try:
        read_mask(path)
    except DataError:
        return False
    return True


def _reds(paths: Sequence[Path], highest: int) -> list[npt.NDArray[np.uint8]]:
    return [red for path in paths if (red := _red(path)) is not None and red.max() <= highest]


def _red(path: Path) -> npt.NDArray[np.uint8] | None:
    """The red channel of a colour PNG that has nothing in green and blue."""
    try:
        with opened(path) as file, Pillow.open(file, formats=("PNG",)) as picture:
            if picture.mode not in ("RGB", "RGBA"):
                return None
        mask = read_mask(path)
    except UserError:
        return None
    return None if mask.ndim != 3 or mask[..., 1:].any() else mask[..., RED].astype(np.uint8)


def _pair(root: Path, masks: Path, folders: Sequence[Path], all_masks: Sequence[Path]) -> Pair | None:
    """The masks' folder with that of its photos: its path differs in one word, and most names are in both."""
    stems = {path.stem for path in list_images(masks)}
    found: list[tuple[bool, int, Path, int]] = []
    for folder in folders:
        differing = _differing(masks, folder)
        if folder not in all_masks and len(differing) == 1:
            shared = len(stems & {path.stem for path in list_images(folder)})
            found.append(("rgb" in folder.parts[differing[0]].lower(), shared, folder, differing[0]))
    found = [one for one in found if one[1]]
    if not found:
        return None
    _, _, photos, differs = max(found)
    first = len(root.parts)
    common = [word for index, word in enumerate(masks.parts) if index >= first and index != differs]
    split = next((SPLITS[word.lower()] for word in common if word.lower() in SPLITS), "train")
    prefix = "".join(f"{word}/" for word in common if word.lower() not in SPLITS)
    return Pair(prefix, split, photos, masks)


def _unrelated(folders: Sequence[Path], masks: Sequence[Path]) -> int:
    """How many folders are neither of masks nor in one word like such; many make it a folder of several datasets."""
    return sum(not any(len(_differing(one, mask)) < 2 for mask in masks) for one in folders)


def _differing(one: Path, other: Path) -> list[int]:
    """Which words of two paths differ; all where one is deeper than the other."""
    words, others = one.parts, other.parts
    if len(words) != len(others):
        return [*range(len(words) + 1)]
    return [index for index, (a, b) in enumerate(zip(words, others, strict=True)) if a != b]


def _entries(
    pairs: Sequence[Pair], decode: IndexMask, format: Format
) -> tuple[dict[str, list[Entry]], list[DataError]]:
    splits: dict[str, list[Entry]] = {}
    problems: list[DataError] = []
    for pair in pairs:
        photos, masks = ({path.stem: path for path in list_images(folder)} for folder in (pair.photos, pair.masks))
        splits.setdefault(pair.split, []).extend(
            ImageAndMask(pair.prefix + stem, path, masks[stem], decode, format)
            for stem, path in photos.items()
            if stem in masks
        )
        problems += [no_partner(path, "mask") for stem, path in photos.items() if stem not in masks]
        problems += [no_partner(path, "photo") for stem, path in masks.items() if stem not in photos]
    return splits, problems


def _ids(reds: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.uint8]:
    return np.unique(np.concatenate([np.unique(red) for red in reds]))


def find_tags(reds: Sequence[npt.NDArray[np.uint8]]) -> Tags:
    """Which version's table of tags masks use, told by where the road and the sky would be.

    reds: at least one (h, w) uint8, the red channels.

    >>> old = np.repeat(np.array([[13], [1], [7], [7]], np.uint8), 4, axis=1)
    >>> new = np.repeat(np.array([[11], [3], [1], [1]], np.uint8), 4, axis=1)
    >>> find_tags([old]).labels is CARLA_0_9_13, find_tags([new]).labels is CARLA_0_9_14
    (True, True)
    """
    highest = int(_ids(reds).max())
    if highest >= len(CARLA_0_9_13):
        return Tags(CARLA_0_9_14, f"tag {highest} is there since CARLA 0.9.14 only")
    upper, lower = (np.mean([_shares(red, half) for red in reds], axis=0) for half in (0, 1))
    old = lower[OLD_ROAD] + upper[list(OLD_SKY)].sum()
    new = lower[NEW_ROAD] + upper[list(NEW_SKY)].sum()
    seen = (
        f"of the lower halves {lower[OLD_ROAD]:.0%} are {OLD_ROAD} and {lower[NEW_ROAD]:.0%} are {NEW_ROAD}, "
        f"of the upper {upper[13]:.0%} are 13, {upper[0]:.0%} are 0 and {upper[11]:.0%} are 11"
    )
    if new > LEAST and new > CLEARLY * old:
        return Tags(CARLA_0_9_14, f"tags since CARLA 0.9.14, for {seen}")
    table, until = (CARLA_0_9_9, "0.9.9") if highest < len(CARLA_0_9_9) else (CARLA_0_9_13, "0.9.13")
    if old > LEAST and old > CLEARLY * new:
        return Tags(table, f"tags up to CARLA {until}, for {seen}")
    return Tags(
        table,
        f"taken for tags up to CARLA {until}, though {seen}; if they are newer, write `classes: carla_0_9_14` "
        f"in {NAME}",
    )


def _shares(red: npt.NDArray[np.uint8], half: int) -> npt.NDArray[np.float64]:
    """The share of each value in the upper (0) or lower (1) half."""
    middle = red.shape[0] // 2
    part = red[middle:] if half else red[:middle]
    return np.bincount(part.ravel(), minlength=256) / max(part.size, 1)
