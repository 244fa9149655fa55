"""Whether pictures look like photos or like masks, told by their contents."""

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from pixelwise.data.files.images import Pixels, find_format, read_image, read_mask
from pixelwise.errors import UserError

Kind = Literal["index", "color", "lossy", "photo"]

# Share of pixels equal to their right neighbour. Medians measured: clean masks 0.96-0.99, lossy ones 0.46-0.78, photos
# 0.1-0.29. Without dataset.yaml, which says that there are masks, pictures less flat are not taken for masks.
LEAST_FLAT = 0.35
MOST_VALUES = 256  # in a mask that is not lossy
ROWS = 512  # looked at in each picture
SMOOTH = 48  # grey values from which on small steps between neighbours mean a gradient (depth), not classes
COMMON, MOSTLY = 16, 0.75  # but not where so few values have that share of the pixels
FEWER = 4  # times fewer values make the mask, whatever is flatter


class Look(NamedTuple):
    """What a picture, or the middle one of several, looks like.

    flatness: share of pixels equal to their right neighbour. values: how many different values or colours.
    """

    kind: Kind
    flatness: float
    values: int
    size: tuple[int, int]

    def more_mask_like(self, other: "Look") -> bool:
        """Whether this is the mask and the other the photo."""
        if max(self.values, other.values) >= FEWER * min(self.values, other.values) and self.values != other.values:
            return self.values < other.values
        return self.flatness > other.flatness


def look_at(path: Path, least_flat: float = LEAST_FLAT) -> Look | None:
    """What one picture looks like; None where it cannot be read. What no mask can be (4 channels, say) is a photo."""
    picture, only_photo = _read(path)
    if picture is None:
        return None
    look = look_of(picture, least_flat)
    return look._replace(kind="photo") if only_photo else look


def look_of(picture: Pixels, least_flat: float = LEAST_FLAT) -> Look:
    """What pixels, (h, w) or (h, w, 3), look like."""
    height, width = picture.shape[:2]
    packed = pack(picture[:: -(-height // ROWS)])
    same = packed[:, 1:] == packed[:, :-1]
    flatness = float(same.mean()) if same.size else 1.0
    values = len(np.unique(packed))
    return Look(_kind(packed, picture.ndim, flatness, values, least_flat), flatness, values, (height, width))


def _read(path: Path) -> tuple[Pixels | None, bool]:
    with suppress(UserError):
        return read_mask(path), False
    with suppress(UserError):
        return read_image(path, find_format([path]))[..., 0], True
    return None, False


def summarize(looks: Iterable[Look]) -> Look | None:
    """The most frequent kind, the middle flatness and the most values; None where there is nothing."""
    several = list(looks)
    if not several:
        return None
    kind = Counter(look.kind for look in several).most_common(1)[0][0]
    flatness = round(float(np.median([look.flatness for look in several])), 3)
    return Look(kind, flatness, max(look.values for look in several), several[0].size)


def pack(picture: Pixels) -> npt.NDArray[np.int32]:
    """(h, w): each value, or each colour as one number, red first."""
    values = picture.astype(np.int32)
    return values if values.ndim == 2 else (values[..., 0] << 16) | (values[..., 1] << 8) | values[..., 2]


def _kind(packed: npt.NDArray[np.int32], axes: int, flatness: float, values: int, least_flat: float) -> Kind:
    if flatness < least_flat:
        return "photo"
    if values > MOST_VALUES:
        return "lossy" if axes == 3 else "photo"
    grey = axes == 2 or bool(((packed >> 16 == packed & 255) & (packed >> 8 & 255 == packed & 255)).all())
    if grey and values > SMOOTH and _is_gradient(packed & 0xFFFF if axes == 2 else packed & 255):
        return "photo"
    single = axes == 3 and sum(bool((packed >> shift & 255).any()) for shift in (0, 8, 16)) <= 1
    return "index" if grey or single else "color"


def _is_gradient(values: npt.NDArray[np.int32]) -> bool:
    """Whether neighbours differ by small steps, and not because a few values are smeared as in JPEG masks."""
    steps = np.abs(np.diff(values, axis=1))
    common = np.sort(np.unique(values, return_counts=True)[1])[-COMMON:].sum()
    return bool(np.median(steps[steps > 0]) <= 2) and common < MOSTLY * values.size
