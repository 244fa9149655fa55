"""Photos and masks in two sibling folders, a photo and its mask sharing their name up to the file ending.

root/{images,masks}, root/{train,val,test}/{images,masks} or root/{images,masks}/{train,val,test}, whatever the
two folders are called: which of them holds the masks is told by what is in them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pixelwise.data.dataset import Dataset
from pixelwise.data.description import Description
from pixelwise.data.images import Pixels, list_images, read_mask
from pixelwise.data.layouts.entries import ImageAndMask
from pixelwise.data.layouts.splits import assemble, holds_images, split_of, sub_folders
from pixelwise.data.mask_classes import find_classes
from pixelwise.data.masks import Decoder
from pixelwise.data.sampling import even_sample
from pixelwise.errors import UserError

LOOKS_FOR = "photos in one folder and masks of the same names in another, each with or without train, val and test"

LOOKED_AT = 5  # images of each folder
# Share of pixels equal to their right neighbour. Medians measured: clean masks 0.96-0.99, lossy ones 0.46-0.78, photos
# 0.1-0.29. Without dataset.yaml, which says that there are masks, folders less flat are not taken for masks.
LEAST_FLAT = 0.35
NAMED = 5  # files named in a message

Side = dict[str, Path]  # from each split to the folder that holds one side of it


class Look(NamedTuple):
    """What a folder's images look like; the most mask-like folder compares greatest."""

    flatness: float
    fewness: int
    called: bool


def recognise(root: Path, description: Description) -> Dataset | None:
    """The dataset, if two folders hold photos and masks; else None.

    Raises UserError where photos and masks do not belong together one to one, or colours are unknown.
    """
    sides = _sides(root)
    if (chosen := _photos_and_masks(sides, 0.0 if description.labels else LEAST_FLAT)) is None:
        return None
    photos, masks = (sides[name] for name in chosen)
    matched = {split: _matched(photos.get(split), folder) for split, folder in masks.items()}
    found = find_classes([mask for pairs in matched.values() for _, mask in pairs], description)
    splits = {split: list(_entries(pairs, found.decode)) for split, pairs in matched.items()}
    left_out = "".join(f"; {split} has no masks and is left out" for split in photos if split not in masks)
    evidence = f"photos in {chosen[0]}, masks of the same names in {chosen[1]}; {found.evidence}{left_out}"
    return assemble(root, "folders", splits, labels=found.labels, evidence=evidence)


def _entries(pairs: list[tuple[Path, Path]], decode: Decoder) -> Iterator[ImageAndMask]:
    return (ImageAndMask(photo.stem, photo, mask, decode) for photo, mask in pairs)


def _sides(root: Path) -> dict[str, Side]:
    """Every folder name that may be one side, with its folder in each split ("train" where there are no splits)."""
    sides: dict[str, Side] = {}
    for folder in sub_folders(root):
        split = split_of(folder)
        inner = sub_folders(folder)
        if split:
            for side in inner:
                sides.setdefault(side.name, {})[split] = side
        elif splits := {name: one for one in inner if (name := split_of(one))}:
            sides.setdefault(folder.name, {}).update(splits)
        else:
            sides.setdefault(folder.name, {})["train"] = folder
    return sides


def _photos_and_masks(sides: dict[str, Side], least_flat: float) -> tuple[str, str] | None:
    """The names of the two sides, or None where there are not exactly two that belong together."""
    looks = {name: look for name, side in sides.items() if (look := _look(name, side))}
    if len(looks) == 1 and len(sides) == 2:
        _refuse_empty(sides, next(iter(looks)))
    if len(looks) < 2:
        return None
    mask = max(looks, key=lambda name: looks[name])
    photos = [name for name in looks if name != mask]
    if len(photos) > 1:
        photos = [name for name in photos if _stems(sides[name]) & _stems(sides[mask])]
    return (photos[0], mask) if len(photos) == 1 and looks[mask].flatness >= least_flat else None


def _refuse_empty(sides: dict[str, Side], full: str) -> None:
    """Where one of two folders holds images and the other nothing, something was forgotten."""
    empty = next(name for name in sides if name != full)
    if not any(path for folder in sides[empty].values() for path in folder.iterdir()):
        _refuse(sorted(_stems(sides[full])), next(iter(sides[full].values())), next(iter(sides[empty].values())))


def _look(name: str, side: Side) -> Look | None:
    paths = [path for folder in side.values() if holds_images(folder) for path in list_images(folder)]
    if not paths:
        return None
    pictures = [_packed(read_mask(path)) for path in even_sample(paths, LOOKED_AT)]
    same = [np.mean(picture[:, 1:] == picture[:, :-1]) for picture in pictures if picture.shape[1] > 1]
    return Look(
        flatness=round(float(np.median(same)), 3) if same else 1.0,
        fewness=-max(len(np.unique(picture)) for picture in pictures),
        called=any(word in name.lower() for word in ("mask", "label", "annot", "seg")),
    )


def _packed(picture: Pixels) -> npt.NDArray[np.int32]:
    """(h, w): each value, or each colour as one number."""
    values = picture.astype(np.int32)
    return values if values.ndim == 2 else values @ np.array([65536, 256, 1], np.int32)


def _stems(side: Side) -> set[str]:
    return {path.stem for folder in side.values() for path in list_images(folder)}


def _matched(photos: Path | None, masks: Path) -> list[tuple[Path, Path]]:
    """Each photo with its mask; raises UserError where either has no other."""
    by_stem = [_by_stem(folder) if folder else {} for folder in (photos, masks)]
    photo, mask = by_stem
    where = photos or masks.parent / "the photos' folder"
    if photo and mask and not photo.keys() & mask.keys():
        raise UserError(
            f"{where}: no photo has a mask of the same name in {masks} (photo {next(iter(photo))}, mask "
            f"{next(iter(mask))}); rename one or the other"
        )
    _refuse([stem for stem in photo if stem not in mask], where, masks)
    _refuse([stem for stem in mask if stem not in photo], masks, where, kind="mask")
    return [(path, mask[stem]) for stem, path in photo.items()]


def _by_stem(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in list_images(folder):
        if path.stem in found:
            raise UserError(
                f"{path}: {found[path.stem].name} has the same name up to its ending; remove one of the two"
            )
        found[path.stem] = path
    return found


def _refuse(lonely: list[str], where: Path, other: Path, kind: str = "photo") -> None:
    if not lonely:
        return
    partner = "mask" if kind == "photo" else "photo"
    names = ", ".join(lonely[:NAMED]) + (", ..." if len(lonely) > NAMED else "")
    some = f"{len(lonely)} {kind}s have" if len(lonely) > 1 else f"1 {kind} has"
    raise UserError(f"{where}: {some} no {partner} in {other} ({names}); add the {partner}s or remove the {kind}s")
