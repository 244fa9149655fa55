"""Which published label map do these colours come from, and colours for classes that have none."""

import colorsys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pixelwise.errors import UserError
from pixelwise.labels import PUBLISHED, VOIDS, Color, LabelMap

# L1 distance in RGB. On the Cityscapes pairs 71 % of the masks' pixels, but 3 % of the photos', lie within 12 of
# Cityscapes' colours; within 30 it is 83 % and 26 %, so a wider limit tells masks from photos less well.
NEAR = 12
EXACT = 0
# Wider maps explain the blends of lossy masks better by chance, and CARLA's holds all of Cityscapes' colours.
CHANCE = 0.03
CLEAN = 0.98  # share of a clean mask's pixels that must have exactly a map's colours
LEAST = 0.5  # share of a lossy mask's pixels that must lie near a map's colours
MOST_COLORS = 256  # of clean masks; a lossy one has thousands
SIDE = 64  # pixels looked at along each side of a mask


class Match(NamedTuple):
    """A published map, and which share of the pixels (of those not black) lies near its colours."""

    name: str
    labels: LabelMap
    share: float


def share_near(pixels: npt.NDArray[np.uint8], labels: LabelMap, limit: int, void: Sequence[Color] = ()) -> float:
    """Share of pixels within an L1 distance of a colour of the map; black ones, void in most maps, are not counted.

    pixels: (n, 3) RGB. void: other colours that masks in this map may have. Returns a value in [0, 1], 0 where all is
    black.

    >>> share_near(np.array([[128, 64, 128], [128, 64, 120], [9, 9, 0], [0, 0, 0]], np.uint8), PUBLISHED["voc21"], 8)
    0.0
    >>> share_near(np.array([[128, 64, 128], [128, 64, 120], [90, 9, 0]], np.uint8), PUBLISHED["camvid11"], EXACT)
    0.3333333333333333
    """
    colors, counts = _distinct(pixels)
    colored = colors.sum(axis=1, dtype=np.int32) > limit
    if not colored.any():
        return 0.0
    distance = np.abs(colors[colored, None].astype(np.int32) - np.array([*labels.colors, *void])[None]).sum(axis=2)
    near = distance.min(axis=1) <= limit
    return float(counts[colored][near].sum() / counts[colored].sum())


def match_published(pixels: npt.NDArray[np.uint8], limit: int = NEAR) -> Match:
    """The published map that explains most pixels, with its void colours; among equals the one with fewest classes.

    Maps in which two classes share a colour cannot be told by colour and are not considered.

    >>> match_published(np.array([[128, 64, 128], [0, 0, 142]], np.uint8), EXACT).name
    'cityscapes19'
    """
    shares = {name: share_near(pixels, labels, limit, VOIDS.get(name, ())) for name, labels in _tellable()}
    found = [Match(name, PUBLISHED[name], share) for name, share in shares.items()]
    good = max(match.share for match in found) - (CHANCE if limit else 1e-9)
    return min((match for match in found if match.share >= good), key=lambda match: len(match.labels))


def grid(pictures: Iterable[npt.NDArray[np.uint8]]) -> npt.NDArray[np.uint8]:
    """(n, 3): the colours of RGB pictures on a grid of at most 64 x 64 points each."""
    grids = [one[:: -(-one.shape[0] // SIDE), :: -(-one.shape[1] // SIDE)].reshape(-1, 3) for one in pictures]
    return np.concatenate(grids) if grids else np.zeros((0, 3), np.uint8)


def are_lossy(paths: Iterable[Path], pixels: npt.NDArray[np.uint8]) -> bool:
    """Whether colour masks were saved as JPEG or smeared, by their endings and by how many colours they have.

    >>> black = np.zeros((4, 3), np.uint8)
    >>> are_lossy([Path("a.png")], black), are_lossy([Path("a.jpg")], black)
    (False, True)
    """
    return any(path.suffix.lower() in {".jpg", ".jpeg"} for path in paths) or len(_distinct(pixels)[0]) > MOST_COLORS


def _distinct(pixels: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """(k, 3) and (k,): the colours that occur, and how often; sorting single numbers takes a tenth of the time."""
    packed = pixels.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    codes, counts = np.unique(packed, return_counts=True)
    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1).astype(np.uint8), counts


def _tellable() -> list[tuple[str, LabelMap]]:
    maps = []
    for name, labels in PUBLISHED.items():
        try:
            labels.check_colors_differ()
        except UserError:
            continue
        maps.append((name, labels))
    return maps


def distinct_colors(count: int) -> tuple[Color, ...]:
    """That many colours easily told apart: hues a golden angle apart, in three brightnesses.

    >>> len(set(distinct_colors(200)))
    200
    """
    golden = 0.61803398875
    colors: dict[Color, None] = {}
    step = 0
    while len(colors) < count:
        value = (0.95, 0.7, 0.45)[step % 3]
        red, green, blue = colorsys.hsv_to_rgb((step * golden) % 1, 0.75 - 0.25 * (step % 2), value)
        colors[(round(red * 255), round(green * 255), round(blue * 255))] = None
        step += 1
    return tuple(colors)


# Hues in degrees from which on a colour is called so.
HUES = (
    *((0, "red"), (15, "orange"), (45, "yellow"), (70, "green"), (160, "cyan")),
    *((200, "blue"), (255, "purple"), (290, "pink"), (345, "red")),
)
SPEAKING = 2  # colours, and half of all but black, that a published map must have before its names are proposed


def name_colors(colors: Sequence[Color]) -> tuple[str, ...]:
    """A name for every colour, no two alike: of the published map that has most of them, else what it looks like.

    >>> name_colors([(0, 0, 0), (255, 0, 0), (250, 0, 0), (0, 100, 0)])
    ('background', 'red', 'red 2', 'dark green')
    """
    drawn = {color for color in colors if any(color)}
    best = max((labels for _, labels in _tellable()), key=lambda labels: len(drawn & {*labels.colors}))
    shared = len(drawn & {*best.colors})
    known = dict(zip(best.colors, best.names, strict=True)) if shared >= max(SPEAKING, len(drawn) / 2) else {}
    names: dict[str, None] = {}
    for color in colors:
        word = known.get(color) or _word(color)
        numbered = (f"{word} {number}" for number in range(2, len(colors) + 2))
        names[word if word not in names else next(name for name in numbered if name not in names)] = None
    return tuple(names)


def _word(color: Color) -> str:
    hue, saturation, value = colorsys.rgb_to_hsv(*(channel / 255 for channel in color))
    if value < 0.1:
        return "background" if not any(color) else "black"
    if saturation < 0.15:
        return "white" if value > 0.9 else "grey"
    word = [name for start, name in HUES if start <= hue * 360][-1]
    return f"dark {word}" if value < 0.5 else f"light {word}" if saturation < 0.5 else word
