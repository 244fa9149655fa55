"""Photos and masks in files of their own, whatever their names and folders are called.

Names tell which files belong together (sides.py, naming.py), contents tell which of them are the masks (looks.py).
With `images` and `masks` in dataset.yaml nothing is guessed.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pixelwise.data.dataset import SPLITS, Dataset, Format
from pixelwise.data.dataset_yaml import NAME as YAML
from pixelwise.data.description import Description
from pixelwise.data.files.images import find_format
from pixelwise.data.layouts.choosing import choose
from pixelwise.data.layouts.entries import ImageAndMask, no_partner
from pixelwise.data.layouts.listing import Listing, list_pictures
from pixelwise.data.layouts.patterns import NAME, Paired, Pattern, pair_files
from pixelwise.data.layouts.sides import Side, names_split
from pixelwise.data.layouts.splits import assemble, inside, sub_folders
from pixelwise.data.masks.class_tables import find_class_table
from pixelwise.data.masks.mask_classes import NotMasks, find_classes
from pixelwise.errors import DataError, UserError

LOOKS_FOR = "photos and masks whose names agree but for what all photos or all masks add, in one folder or several"


class Located(NamedTuple):
    """Where photos and masks lie, by split, and how that is known.

    loose: their numbers count by value, so that no templates can say which belong together. problems: masks of splits
    without photos, and photos and masks that lie elsewhere. notes: what else the evidence says.
    """

    images: Mapping[str, Pattern]
    masks: Mapping[str, Pattern]
    evidence: str
    loose: bool = False
    problems: tuple[DataError, ...] = ()
    notes: str = ""


def recognise(root: Path, description: Description) -> Dataset | None:
    """The dataset, if photos and masks are found whose names fit; else None.

    A folder that holds one folder and nothing else is not looked into; that is for `open_dataset` to do.
    Raises UserError where photos and masks are there but none belong together, two pairings are equally good, or
    the masks' values cannot mean classes.
    """
    if not description.images and _is_wrapping(root):
        return None
    listing = list_pictures(root)
    if (located := _locate(root, description, listing)) is None:
        return None
    paired = {
        split: pair_files(root, listing.files, located.images[split], masks, loose=located.loose)
        for split, masks in located.masks.items()
    }
    _refuse_none(root, located, paired)
    faults: list[DataError] = []
    table = find_class_table(root, faults)
    try:
        found = find_classes([root / mask for one in paired.values() for _, _, mask in one.pairs], description, table)
    except NotMasks:
        return None
    format, odd = _format([root / photo for one in paired.values() for _, photo, _ in one.pairs])
    splits = {
        split: [ImageAndMask(name, root / photo, root / mask, found.decode, format) for name, photo, mask in one.pairs]
        for split, one in paired.items()
    }
    unpaired = [problem for one in paired.values() for problem in one.problems]
    problems = [*listing.problems, *located.problems, *unpaired, *faults, *odd, *found.problems]
    evidence = f"{located.evidence}; {found.evidence}{located.notes}"
    return assemble(root, "folders", splits, labels=found.labels, evidence=evidence, format=format, problems=problems)


def templates(root: Path, description: Description) -> tuple[Mapping[str, str], Mapping[str, str]] | None:
    """Where photos and masks lie, as `images` and `masks` of a dataset.yaml say it (split -> path with {name}).

    None where nothing is recognised, or no path can say which belong together (numbers padded differently).
    """
    located = _locate(root, description, list_pictures(root))
    if located is None or located.loose:
        return None
    images, masks = (
        {split: pattern.template for split, pattern in side.items()} for side in (located.images, located.masks)
    )
    return images, masks


def _is_wrapping(root: Path) -> bool:
    """Whether there is but one folder, as in unpacked archives: it is the dataset, unless it is a split."""
    try:
        visible = [path for path in root.iterdir() if path.name[0] not in "._"]
    except OSError:
        return False
    return len(visible) == 1 and visible == sub_folders(root) and not names_split(visible[0].name)


def _locate(root: Path, description: Description, listing: Listing) -> Located | None:
    if description.images or description.masks:
        return _described(root, description)
    if not listing.files or (choice := choose(root, listing.files, described=bool(description.labels))) is None:
        return None
    photos, masks = choice.photos, choice.masks
    shared = [split for split in SPLITS if split in masks.series.words and split in photos.series.words]
    images, patterns = ({split: _pattern(side, split, photos, masks) for split in shared} for side in (photos, masks))
    alone = [path for key, path in masks.files().items() if key.partition("/")[0] not in shared]
    left_out = "".join(
        f"; {split} has no masks and is left out" for split in photos.series.words if split not in shared
    )
    loosely = ", numbers compared by their value" if choice.loose else ""
    return Located(
        images,
        patterns,
        f"photos {photos}, masks {masks}{loosely}",
        choice.loose,
        (*choice.problems, *(no_partner(root / path, "photo") for path in alone)),
        left_out + choice.passed_over,
    )


def _pattern(side: Side, split: str, photos: Side, masks: Side) -> Pattern:
    """Where one side of a split lies; in a folder of photos and masks its ending is that of the pairs."""
    files = {key: path for key, path in side.files().items() if key.partition("/")[0] == split}
    if masks.series.folder[: len(photos.series.folder)] == photos.series.folder:
        both = photos.files().keys() & masks.files().keys()
        files = {key: path for key, path in files.items() if key in both} or files
    return side.pattern(split, files.values())


def _described(root: Path, description: Description) -> Located:
    """What dataset.yaml says, of the splits that have photos and masks."""
    source = description.source or root / YAML
    if not description.images or not description.masks:
        missing = "masks" if description.images else "images"
        raise UserError(f"{source}: says where one side lies; add `{missing}: {missing}/{NAME}.png` for the other")
    shared = [split for split in description.masks if split in description.images]
    images, masks = (
        {split: _inside(root, source, side[split]) for split in shared}
        for side in (description.images, description.masks)
    )
    shown = ", ".join(f"photos {images[split].template}, masks {masks[split].template}" for split in shared)
    return Located(images, masks, f"as {source.name} says: {shown}")


def _inside(root: Path, source: Path, template: str) -> Pattern:
    pattern = Pattern.parse(template.replace("\\", "/"))
    if ".." in pattern.folder.split("/") or inside(root, pattern.folder or ".") is None:
        raise DataError(source, f"'{template}' leads out of the dataset", "name a path below its folder", "outside")
    return pattern


def _format(photos: Sequence[Path]) -> tuple[Format, list[DataError]]:
    """The format of the photos; where they are of several, that of the first, and the problem."""
    try:
        return find_format(photos), []
    except DataError as error:
        return find_format(photos[:1]), [error]


def _refuse_none(root: Path, located: Located, paired: Mapping[str, Paired]) -> None:
    if any(one.pairs for one in paired.values()):
        return
    problems = [problem for one in paired.values() for problem in one.problems]
    first = f" (the first: {problems[0]})" if problems else "; no file fits"
    raise UserError(f"{root}: {located.evidence}, but not one photo has its mask{first}; correct the paths or names")
