"""Two pictures side by side in one, and which half of many such pictures is the mask."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from pixelwise.data.dataset import Image
from pixelwise.data.description import Description
from pixelwise.data.layouts.looks import look_of
from pixelwise.data.masks.mask_colors import known_labels
from pixelwise.data.masks.palettes import LEAST, NEAR, grid, share_near
from pixelwise.labels import LabelMap

Side = Literal["left", "right"]
OTHER: dict[Side, Side] = {"right": "left", "left": "right"}

LEAST_FILES = 3  # by which masks of colours that nobody knows are told from a chance likeness
NEARLY_ALL = 0.8  # of the files looked at
# Of a mask, the share of pixels equal to their right neighbour, and how many times larger its odds are than a photo's.
# Measured in JPEG: Cityscapes pairs 0.35 to 0.67 and 2.0 to 16 (in 90 %), drawn streets 0.31 to 0.89 and 2.8 to 19; one
# half of CamVid's photos beside the other half 0.06 to 0.39 and 0.2 to 1.6 (in 80 %).
LEAST_FLAT = 0.25
FLATTER = 2
BLOCK = 16  # columns, in which JPEG mixes colours
# Step between two columns, in mean steps of the columns around it. Measured at half the width: single photos (CamVid,
# CARLA, labelme) 0.4 to 1.4, pairs (Cityscapes, drawn streets) 2 to 22.
SEAM = 1.5
AROUND = 8  # columns on either side


def half(picture: Image, side: Side) -> Image:
    """The columns of one half of a picture of even width.

    >>> half(np.arange(12, dtype=np.uint8).reshape(1, 4, 3), "right")[..., 0].tolist()
    [[6, 9]]
    """
    middle = picture.shape[1] // 2
    return picture[:, :middle] if side == "left" else picture[:, middle:]


def apart(picture: Image, side: Side) -> Image:
    """One half but for the columns that share a block of JPEG with the other half, where this mixes their colours.

    >>> apart(np.zeros((8, 200, 3), np.uint8), "left").shape, apart(np.zeros((8, 64, 3), np.uint8), "left").shape
    ((8, 96, 3), (8, 32, 3))
    """
    middle = picture.shape[1] // 2
    return picture[:, : middle // BLOCK * BLOCK] if side == "left" else picture[:, -(-middle // BLOCK) * BLOCK :]


def share_of(pictures: Sequence[Image], side: Side, labels: LabelMap) -> float:
    """Share of that side's pixels that are near a class's colour."""
    return share_near(grid(half(picture, side) for picture in pictures), labels, NEAR)


def side_of_masks(
    files: Sequence[Path], pictures: Sequence[Image], description: Description, table: Description | None
) -> Side | None:
    """The side with the colours of a known label map, else the side that looks like masks beside photos.

    files: of the dataset. pictures: those looked at. description, table: as `known_labels`.
    """
    if are_triptychs(pictures):
        return None
    for side in OTHER:
        pixels = grid(half(picture, side) for picture in pictures)
        if (known := known_labels(files, pixels, description, table)) and _has(pictures, side, known.labels):
            return side
    return next((side for side in OTHER if _looks_like_masks(pictures, side)), None)


def are_triptychs(pictures: Sequence[Image]) -> bool:
    """Whether nearly all are of three equal parts, as drawings of photo, mask and overlay are."""
    return sum(map(_is_triptych, pictures)) >= NEARLY_ALL * len(pictures)


def seam(picture: Image, column: int) -> float:
    """How many times larger the step to a column is than those around it: about 1 within a photo.

    >>> seam(np.repeat(np.array([[[0], [0], [99], [99]]], np.uint8), 3, axis=2), 2)
    99.0
    """
    around = picture[:, max(0, column - AROUND) : column + AROUND].astype(np.int16)
    steps = np.abs(np.diff(around, axis=1)).mean(axis=(0, 2))
    here = steps[min(AROUND, column) - 1]
    others = (steps.sum() - here) / max(1, len(steps) - 1)
    return float(here / (others + 1))


def _is_triptych(picture: Image) -> bool:
    third, left_over = divmod(picture.shape[1], 3)
    return (
        not left_over
        and min(seam(picture, third), seam(picture, 2 * third)) >= SEAM
        and seam(picture, picture.shape[1] // 2) < SEAM
    )


def _has(pictures: Sequence[Image], side: Side, labels: LabelMap) -> bool:
    """Whether that side has the map's colours and the other has not."""
    share = share_of(pictures, side, labels)
    return share >= LEAST and share_of(pictures, OTHER[side], labels) <= share / 2


def _looks_like_masks(pictures: Sequence[Image], side: Side) -> bool:
    """Whether that side of nearly all is a coloured picture far flatter than the other, and the two meet at a seam."""
    least = max(LEAST_FILES, NEARLY_ALL * len(pictures))
    sharp = [picture for picture in pictures if seam(picture, picture.shape[1] // 2) >= SEAM]
    if len(sharp) < least:  # looking takes longer
        return False
    return sum(_is_mask_beside_photo(half(one, side), half(one, OTHER[side])) for one in sharp) >= least


def _is_mask_beside_photo(mask: Image, photo: Image) -> bool:
    look, flat = look_of(mask, LEAST_FLAT), look_of(photo).flatness
    flatter = look.flatness * (1 - flat) >= FLATTER * flat * (1 - look.flatness)
    return look.kind in ("color", "lossy") and flatter
