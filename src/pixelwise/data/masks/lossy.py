"""Colour masks that were shrunk or saved as JPEG, back to class indices: flat regions first, then what lies between.

Shrinking mixes the colours of neighbouring regions, and JPEG 4:2:0 smears colour more than brightness. The nearest
colour alone reads such mixtures as classes that are not there: halfway between a car (0, 0, 142) and black lies a
truck (0, 0, 70). So a class must show itself by a region or by lines of its own colour before any mixed pixel may
take it, and a mixed pixel may only take a class that shows itself near by.
"""

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from pixelwise.errors import UserError

Bytes = npt.NDArray[np.uint8]
Codes = npt.NDArray[np.uint32]
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]

IGNORED = 255
NEARLY = 254  # no class's colour, but nearly one
MOST_CLASSES = 253  # black may need a number of its own
EXACT_MARGIN = 4  # per channel; a mask with a colour this near a class's colour, but not equal to it, is lossy
MOST_OTHERS = 16  # colours of no class in a clean mask: Cityscapes has 11 for what it does not evaluate
WEIGHTS = np.array([2, 1, 1], np.float32)  # of Y, Cr, Cb: JPEG 4:2:0 keeps every pixel's brightness, not its colour

# Distances in weighted YCrCb. Chosen on CamVid's training labels; benchmarks/bench_masks.py measures what they bring.
NEAR = 30  # up to this distance a pixel has a class's colour
FAR = 80  # from this distance on a pixel is no mixture that mostly holds the class
FLAT = 24  # range of a channel within 3 x 3 pixels up to which these are of one region, if perhaps of no class
CONTRAST = 30  # in a channel, between a line and both its sides
LINE_WIDTH = 4  # pixels; what is wider is a region
REGION_REACH, LINE_REACH = 3, 2  # pixels that mixtures reach beyond the inside of a region, beyond a line
LEAST_INSIDE = 0.1  # share of the pixels with its colour that a class needs inside regions, or else
LEAST_LINES, LEAST_IN_LINES = 6, 0.25  # pixels, and share of those with its colour, that it needs in straight lines
BORDER = 2  # outermost pixels that are no lines: masks are cut there, and blended with what lay beside them


def decode_lossy(mask: Bytes, colors: Bytes) -> Bytes:
    """Class indices of a colour mask, clean or lossy; 255 (ignored) where no class explains a pixel.

    A clean mask (no colour nearly, but not exactly, a class's, and few others) is decoded exactly. In a lossy one,
    regions of other colours are ignored, and of black unless a class has it, and a class that shows neither a region
    3 pixels wide nor lines is left out.

    mask: (h, w, 3) RGB. colors: (k, 3) RGB, all different, class ``i`` is ``colors[i]``. Returns (h, w).
    Raises UserError for more than 253 colours.

    >>> colors = np.array([[128, 64, 128], [0, 0, 142]], np.uint8)
    >>> mask = colors.repeat(8, axis=0)[None].repeat(8, axis=0)
    >>> lossy = cv2.blur(mask, (3, 3)) + np.uint8(2)
    >>> decode_lossy(lossy, colors)[0].tolist()
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]
    """
    if len(colors) > MOST_CLASSES:
        raise UserError(f"{len(colors)} colours are too many for a label with 253 classes; merge some classes")
    if not mask.size or not len(colors):
        return np.full(mask.shape[:2], IGNORED, np.uint8)
    tables = _tables(np.asarray(colors, np.uint8).tobytes())
    mask = np.ascontiguousarray(mask)
    codes = _packed(mask)
    label = tables.exact[codes] - np.uint8(1)  # 0, no class, becomes 255
    if (label == NEARLY).any() or len(np.unique(codes[label == IGNORED])) > MOST_OTHERS:
        label = _decode_mixed(_luma_and_color(mask), tables)
        label[label >= len(colors)] = IGNORED
    return label


def decode_clean(mask: Bytes, colors: Bytes) -> Bytes:
    """Class indices of a colour mask, 255 (ignored) where a pixel has exactly no class's colour. As `decode_lossy`.

    >>> decode_clean(np.array([[[0, 0, 142], [0, 0, 141]]], np.uint8), np.array([[0, 0, 142]], np.uint8)).tolist()
    [[0, 255]]
    """
    if not mask.size or not len(colors):
        return np.full(mask.shape[:2], IGNORED, np.uint8)
    table = _exact(np.asarray(colors, np.uint8).tobytes())
    label: Bytes = table[_packed(np.ascontiguousarray(mask))] - np.uint8(1)
    label[label == NEARLY] = IGNORED
    return label


class _Tables(NamedTuple):
    """What the colours of a mask mean; black is a class of its own, the last, where no other class has it.

    points: (k, 3) the classes' weighted YCrCb. exact: (2^24) by packed RGB colour: class + 1, NEARLY + 1 or 0.
    nearest: (2^18) by coarsely packed YCrCb colour: class within NEAR, or IGNORED. distance: (k, 2^18), at most 255.
    """

    points: Floats
    exact: Bytes
    nearest: Bytes
    distance: Bytes


@lru_cache(maxsize=4)
def _tables(colors: bytes) -> _Tables:
    classes = np.frombuffer(colors, np.uint8).reshape(-1, 3)
    void = np.zeros((0 if (classes == 0).all(axis=1).any() else 1, 3), np.uint8)
    points = _luma_and_color(np.concatenate([classes, void])[None])[0] * WEIGHTS
    distance = np.stack([_distance(point) for point in points])
    nearest = np.where(distance.min(axis=0) <= NEAR, distance.argmin(axis=0), IGNORED).astype(np.uint8)
    return _Tables(points, _exact(colors), nearest, distance)


@lru_cache(maxsize=4)
def _exact(colors: bytes) -> Bytes:
    classes = np.frombuffer(colors, np.uint8).reshape(-1, 3)
    table = np.zeros(1 << 24, np.uint8)
    steps = np.arange(-EXACT_MARGIN, EXACT_MARGIN + 1)
    around = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 1, 3)
    table[_packed(np.clip(classes + around, 0, 255).astype(np.uint8))] = NEARLY + 1
    table[_packed(classes[None])] = np.arange(1, len(classes) + 1)
    return table


def _distance(point: Floats) -> Bytes:
    """(2^18) from every coarsely packed colour to a point."""
    middles = np.arange(64, dtype=np.float32) * 4 + 1.5
    luma, red, blue = ((weight * middles - value) ** 2 for weight, value in zip(WEIGHTS, point, strict=True))
    squares = blue[:, None, None] + red[:, None] + luma
    distance: Bytes = np.minimum(np.sqrt(squares), 255).astype(np.uint8)
    return distance.ravel()


def _luma_and_color(pixels: Bytes) -> Bytes:
    """RGB as Y, Cr, Cb."""
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2YCrCb), np.uint8)


def _packed(pixels: Bytes) -> Codes:
    """Three channels of 8 bits as one number of 24."""
    opaque = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2RGBA), np.uint8)
    return opaque.view("<u4")[..., 0] & np.uint32(0xFFFFFF)


def _packed_coarsely(pixels: Bytes) -> Codes:
    """The upper 6 bits of three channels as one number of 18."""
    packed = _packed(pixels)
    first, second, third = (packed >> np.uint32(by) & np.uint32(63 << to) for by, to in ((2, 0), (4, 6), (6, 12)))
    codes: Codes = first | second | third
    return codes


def _decode_mixed(pixels: Bytes, tables: _Tables) -> Bytes:
    codes = _packed_coarsely(pixels)
    near = tables.nearest[codes]
    regions = _keep(near, _alike(near, 3, 3))
    higher, lower = _contrast(pixels)
    thin = _inner(_strongest(np.maximum(higher, lower)) >= CONTRAST) & (regions == IGNORED)
    shown = _shown(near, regions, _keep(near, thin), count=len(tables.points))
    regions = _keep(regions, np.isin(np.arange(256), shown)[regions])
    lines = np.full_like(regions, IGNORED)
    for where in _parts(thin):
        contrast = _take(higher, where) - _take(lower, where)
        np.put(lines, where, _ends(_take(pixels, where), contrast, tables.points, shown=shown))
    where = np.flatnonzero((regions == IGNORED) & ~((near == IGNORED) & _flat(pixels)))
    found = _nearest_around(where, regions, lines, codes=codes.ravel()[where], distance=tables.distance, shown=shown)
    np.put(regions, where, found)
    return regions


def _inner(flags: Flags) -> Flags:
    inner = np.zeros_like(flags)
    inner[BORDER:-BORDER, BORDER:-BORDER] = flags[BORDER:-BORDER, BORDER:-BORDER]
    return inner


def _parts(where: Flags) -> list[Indices]:
    """The places where it is true, in parts that bound the memory of what is computed there."""
    places = np.flatnonzero(where)
    return np.array_split(places, 1 + len(places) // 2**18)


def _keep(classes: Bytes, where: Flags) -> Bytes:
    return np.where(where, classes, np.uint8(IGNORED))


def _take(pixels: Bytes, where: Indices) -> Floats:
    return pixels.reshape(-1, 3)[where] * WEIGHTS


def _alike(values: Bytes, height: int, width: int) -> Flags:
    """Where all values around a pixel are one and the same."""
    around = np.ones((height, width), np.uint8)
    alike: Flags = cv2.erode(values, around) == cv2.dilate(values, around)
    return alike


def _flat(pixels: Bytes) -> Flags:
    return _strongest(_morphed(pixels, cv2.MORPH_GRADIENT, 3)) <= FLAT


def _strongest(pixels: Bytes) -> Bytes:
    """(h, w): the highest of the three channels."""
    first, second, third = cv2.split(pixels)
    return np.asarray(cv2.max(cv2.max(first, second), third), np.uint8)


def _contrast(pixels: Bytes) -> tuple[Bytes, Bytes]:
    """How much higher, and lower, each channel is than on both sides of a structure of at most LINE_WIDTH pixels.

    A mixture of two regions lies between their colours and has no such contrast.
    """
    size = LINE_WIDTH + 1
    return _morphed(pixels, cv2.MORPH_TOPHAT, size), _morphed(pixels, cv2.MORPH_BLACKHAT, size)


def _morphed(pixels: Bytes, kind: int, size: int) -> Bytes:
    return np.asarray(cv2.morphologyEx(pixels, kind, np.ones((size, size), np.uint8)), np.uint8)


def _shown(near: Bytes, regions: Bytes, lines: Bytes, *, count: int) -> Indices:
    """The classes that show themselves: by a wide region, or by regions or lines that hold enough of their colour."""
    straight = _keep(lines, _alike(lines, 3, 1) | _alike(lines, 1, 3))
    wide = _keep(near, _alike(near, 5, 5))
    total, in_wide, inside, in_lines = (
        np.bincount(one.ravel(), minlength=256)[:count] for one in (near, wide, regions, straight)
    )
    by_regions = (in_wide > 0) | ((inside > 0) & (inside >= LEAST_INSIDE * total))
    return np.flatnonzero(by_regions | (in_lines >= np.maximum(LEAST_LINES, LEAST_IN_LINES * total)))


def _ends(pixels: Floats, contrast: Floats, points: Floats, *, shown: Indices) -> Bytes:
    """The class that each pixel of a line is a mixture of, together with its surroundings; or IGNORED.

    What a pixel lacks of a class in the direction away from its surroundings counts half, as long as it has come
    at least two fifths of the way.
    """
    best, label = np.full(len(pixels), NEAR**2, np.float32), np.full(len(pixels), IGNORED, np.uint8)
    for index in shown:
        lacking = points[index] - pixels
        way = lacking + contrast
        length = np.linalg.norm(way, axis=1) + 1e-3
        along = np.einsum("nc,nc->n", lacking, way) / length
        square = np.einsum("nc,nc->n", lacking, lacking) - 0.75 * np.maximum(along, 0) ** 2
        better = (square < best) & (along <= 0.6 * length)
        label[better], best[better] = index, square[better]
    return label


def _nearest_around(
    where: Indices, regions: Bytes, lines: Bytes, *, codes: Codes, distance: Bytes, shown: Indices
) -> Bytes:
    """For each of these pixels, with these codes, the class of the nearest colour among those shown close to it."""
    best, label = np.full(len(where), FAR, np.uint8), np.full(len(where), IGNORED, np.uint8)
    for index in shown:
        close = _grown(regions == index, REGION_REACH) | _grown(lines == index, LINE_REACH)
        away = np.where(close.ravel()[where], distance[index][codes], np.uint8(FAR))
        label[away < best] = index
        best = np.minimum(best, away)
    return label


def _grown(flags: Flags, reach: int) -> Flags:
    around = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    grown: Flags = cv2.dilate(flags.view(np.uint8), around).view(np.bool_)
    return grown
