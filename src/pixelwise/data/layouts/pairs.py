"""Photo and mask side by side in one file, as pix2pix's sets have them; split at half the width.

Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pixelwise.data.dataset import Dataset, Image, Sample
from pixelwise.data.description import Description
from pixelwise.data.files.images import list_images, read_image
from pixelwise.data.layouts.halves import OTHER, Side, apart, half, share_of, side_of_masks
from pixelwise.data.layouts.looks import ROWS
from pixelwise.data.layouts.splits import assemble, inside, split_of, sub_folders
from pixelwise.data.masks.class_tables import find_class_table
from pixelwise.data.masks.decoders import Decoder
from pixelwise.data.masks.found_classes import NotMasks
from pixelwise.data.masks.mask_colors import classes_of_colors
from pixelwise.data.masks.palettes import NEAR
from pixelwise.data.sampling import even_sample
from pixelwise.errors import DataError

LOOKS_FOR = "one file per sample with the photo on one side and its colour mask on the other"

SAMPLED = 16  # files looked at


@dataclass(frozen=True)
class SideBySide:
    """A photo and its mask in one file; side: where the mask is."""

    name: str
    path: Path
    decode: Decoder
    side: Side = "right"

    @property
    def files(self) -> tuple[Path, ...]:
        """The one file."""
        return (self.path,)

    def read(self) -> Sample:
        """Raises DataError where the file is damaged or its width is odd."""
        picture = _read(self.path)
        photo, mask = half(picture, OTHER[self.side]), half(picture, self.side)
        return Sample(photo.copy(), self.decode(mask, self.path), self.name)


def recognise(root: Path, description: Description) -> Dataset | None:
    """The dataset, if one half of nearly all its files is a colour mask and the other half is not.

    The half with the colours of dataset.yaml, of a table of classes, or of a published map is the mask; where there
    are none, the half that looks like one. Of the files looked at, those of odd width are problems and left out; all
    others that cannot be read are named when they are read.
    """
    files, problems = _files_by_split(root)
    every = [path for paths in files.values() for path in paths]
    pictures, odd = _look(even_sample(every, SAMPLED))
    if not pictures:
        return None
    table = find_class_table(root, problems)
    if (side := side_of_masks(every, pictures, description, table)) is None:
        return None
    looked = [half(picture, side) for picture in pictures]
    try:
        found = classes_of_colors(every, looked, description, table, read=partial(_read_apart, side=side))
    except NotMasks:
        return None
    mask, photo = (share_of(pictures, one, found.labels) for one in (side, OTHER[side]))
    if photo >= mask / 2:
        return None
    left_out = {error.path for error in odd}
    splits = {
        split: [SideBySide(path.stem, path, found.decode, side) for path in paths if str(path) not in left_out]
        for split, paths in files.items()
    }
    evidence = (
        f"in {len(pictures)} files looked at, {mask:.0%} of the {side} halves' pixels but {photo:.0%} of the "
        f"{OTHER[side]} halves' are within {NEAR} of a class's colour; {found.evidence}"
    )
    problems += [*odd, *found.problems]
    return assemble(root, "pairs", splits, labels=found.labels, evidence=evidence, problems=problems)


def _files_by_split(root: Path) -> tuple[dict[str, list[Path]], list[DataError]]:
    """The images in root/{train,val,test}, or else all those directly in root as "train"; and those left out."""
    problems: list[DataError] = []
    found: dict[str, dict[str, Path]] = {}
    split_folders = [(split, folder) for folder in sub_folders(root) if (split := split_of(folder))]
    for split, folder in split_folders:
        _add(found.setdefault(split, {}), _images(root, folder, problems), problems)
    if not any(found.values()):
        _add(found.setdefault("train", {}), _images(root, root, problems), problems)
    return {split: [*by_name.values()] for split, by_name in found.items() if by_name}, problems


def _images(root: Path, folder: Path, problems: list[DataError]) -> Iterator[Path]:
    """The images directly in a folder, but those to which a link leads out of the dataset."""
    try:
        paths = list_images(folder)
    except OSError as error:
        what = f"cannot be listed ({error.strerror or error})"
        problems.append(DataError(folder, what, "allow it to be read", "unreadable"))
        return
    leads_out = folder.is_symlink() and inside(root, folder.name) is None
    for path in paths:
        if leads_out or (path.is_symlink() and inside(root, path.relative_to(root).as_posix()) is None):
            what = "is a link that leads out of the dataset"
            problems.append(DataError(path, what, "put the files themselves there", "outside"))
        else:
            yield path


def _add(by_name: dict[str, Path], paths: Iterable[Path], problems: list[DataError]) -> None:
    for path in paths:
        if by_name.setdefault(path.stem, path) != path:
            what = "has the name of another file of its split, up to the ending"
            problems.append(DataError(path, what, "rename it", "duplicate name"))


def _look(paths: Sequence[Path]) -> tuple[list[Image], list[DataError]]:
    """At most 512 rows of each picture that can be read, and the errors of those of odd width."""
    pictures: list[Image] = []
    odd: list[DataError] = []
    for path in paths:
        try:
            picture = _read(path)
        except DataError as error:
            odd += [error] if error.kind == "size mismatch" else []
        else:
            pictures.append(picture[:: -(-picture.shape[0] // ROWS)].copy())
    return pictures, odd


def _read(path: Path) -> Image:
    picture = read_image(path)
    if picture.shape[1] % 2:
        what = "has an odd width, so it cannot hold a photo and a mask of equal width"
        raise DataError(path, what, "correct or remove it", "size mismatch")
    return picture


def _read_apart(path: Path, side: Side) -> Image:
    return apart(_read(path), side)
