"""Photo and mask side by side in one file, as pix2pix's Cityscapes set has them; split at half the width.

Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017.
"""

from dataclasses import dataclass
from pathlib import Path

from pixelwise.data.dataset import Dataset, Image, Sample
from pixelwise.data.dataset_yaml import NAME
from pixelwise.data.description import Description
from pixelwise.data.images import list_images, read_image
from pixelwise.data.layouts.splits import assemble, split_of, sub_folders
from pixelwise.data.masks import ColorMask, Decoder
from pixelwise.data.palettes import LEAST, NEAR, Match, are_lossy, grid, match_published, share_near
from pixelwise.data.sampling import even_sample
from pixelwise.errors import UserError
from pixelwise.labels import LabelMap

LOOKS_FOR = "one file per sample with the photo on the left and its colour mask on the right"

SAMPLED = 16  # files measured


@dataclass(frozen=True)
class SideBySide:
    """A photo and its mask in one file."""

    name: str
    path: Path
    decode: Decoder

    @property
    def files(self) -> tuple[Path, ...]:
        """The one file."""
        return (self.path,)

    def read(self) -> Sample:
        """Raises UserError where the file is damaged or its width is odd."""
        left, right = _halves(read_image(self.path), self.path)
        return Sample(left.copy(), self.decode(right, self.path), self.name)


def recognise(root: Path, description: Description) -> Dataset | None:
    """The dataset, if the right halves of its files have a published map's colours and the left ones have not."""
    files = _files_by_split(root)
    every = [path for paths in files.values() for path in paths]
    sampled = even_sample(every, SAMPLED)
    pictures = {path: read_image(path) for path in sampled}
    left, right = (grid([picture[:, half] for picture, half in _cut(pictures, side)]) for side in (0, 1))
    if not len(right):
        return None
    match = _match(description.labels, right) if description.labels else match_published(right)
    share = share_near(left, match.labels, NEAR)
    if match.share < LEAST or share > match.share / 2:
        return None
    for path, picture in pictures.items():
        _halves(picture, path)
    decode = ColorMask(match.labels, are_lossy(every, right))
    splits = {name: [SideBySide(p.stem, p, decode) for p in paths] for name, paths in files.items()}
    evidence = _evidence(match, share, len(sampled))
    return assemble(root, "pairs", splits, labels=match.labels, evidence=evidence)


def _match(labels: LabelMap, masks: Image) -> Match:
    return Match(NAME, labels, share_near(masks, labels, NEAR))


def _files_by_split(root: Path) -> dict[str, list[Path]]:
    """The images in root/{train,val,test}, or else all those directly in root as "train"."""
    found: dict[str, list[Path]] = {}
    for folder in sub_folders(root):
        if (split := split_of(folder)) and (images := list_images(folder)):
            found.setdefault(split, []).extend(images)
    direct = {} if found else {"train": list_images(root)}
    return found or direct


def _cut(pictures: dict[Path, Image], side: int) -> list[tuple[Image, slice]]:
    """Each picture with the columns of its left (0) or right (1) half; a lone column has no halves."""
    widths = [(picture, picture.shape[1] // 2) for picture in pictures.values() if picture.shape[1] > 1]
    return [(picture, slice(-half, None) if side else slice(0, half)) for picture, half in widths]


def _halves(picture: Image, path: Path) -> tuple[Image, Image]:
    width = picture.shape[1]
    if width % 2:
        raise UserError(
            f"{path}: is {width} pixels wide, so it cannot hold a photo and a mask of equal width; correct or remove it"
        )
    return picture[:, : width // 2], picture[:, width // 2 :]


def _evidence(match: Match, left: float, files: int) -> str:
    return (
        f"in {files} files looked at, {match.share:.0%} of the right halves' pixels but {left:.0%} of the left halves' "
        f"are within {NEAR} of a colour of {match.name}"
    )
