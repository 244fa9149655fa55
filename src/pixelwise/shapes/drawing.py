"""A picture of numbered regions: their outlines and numbers over the photo."""

import cv2
import numpy as np
from jaxtyping import Bool, Int32, UInt8

from pixelwise.data.dataset import Image
from pixelwise.data.files.images import as_rgb
from pixelwise.labels import Color
from pixelwise.shapes.tracing import boundaries

SIDE = 1280  # pixels of a picture's longer side, to which small photos grow by a whole number
FONT = cv2.FONT_HERSHEY_SIMPLEX
TEXT = 0.018  # height of a digit as a share of the picture's longer side
DIGIT = 22  # pixels of OpenCV's font, at its scale 1
LINE = 0.0025  # width of an outline, as a share of it
OUTLINE = (255, 255, 0)
WHITE, BLACK = (255, 255, 255), (0, 0, 0)

Picture = UInt8[np.ndarray, "height width 3"]


def draw_regions(image: Image, numbered: Int32[np.ndarray, "h w"], color: Color = OUTLINE) -> Picture:
    """The photo with an outline around each region and its number in it.

    image: (h, w, c) uint8. numbered: as `number_regions` gives it. color: RGB of the outlines, edged in black.
    A small photo grows by a whole number, so that numbers can be read.

    >>> draw_regions(np.zeros((100, 200, 3), np.uint8), np.zeros((100, 200), np.int32)).shape
    (600, 1200, 3)
    """
    times = max(1, SIDE // max(numbered.shape))
    size = (times * numbered.shape[1], times * numbered.shape[0])
    picture = np.array(cv2.resize(as_rgb(image), size, interpolation=cv2.INTER_CUBIC), np.uint8)
    width = max(2, round(max(picture.shape) * LINE))
    edges = _edges(np.repeat(np.repeat(numbered, times, axis=0), times, axis=1))
    picture[_grown(edges, width + 2)] = BLACK
    picture[_grown(edges, width)] = color
    for number, (x, y) in enumerate(_places(numbered), start=1):
        _write(picture, str(number), (int((x + 0.5) * times), int((y + 0.5) * times)))
    return picture


def _edges(numbered: Int32[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """The outermost pixels of each region, also where it touches another or the picture's edge."""
    padded = np.pad(numbered.astype(np.uint16), 1)  # numbers 65536 apart look alike, but hardly ever touch
    return boundaries(padded)[1:-1, 1:-1] & (numbered > 0)


def _grown(mask: Bool[np.ndarray, "h w"], width: int) -> Bool[np.ndarray, "h w"]:
    return np.asarray(cv2.dilate(mask.view(np.uint8), np.ones((width, width), np.uint8)), np.bool_)


def _places(numbered: Int32[np.ndarray, "h w"]) -> list[tuple[int, int]]:
    """x and y of the pixel of each region that is farthest from its outline, where its number fits best."""
    inside = np.pad(((numbered > 0) & ~_edges(numbered)).view(np.uint8), 1)
    distance = np.asarray(cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_5))[1:-1, 1:-1]
    pixels = np.flatnonzero(numbered)
    order = pixels[np.argsort(distance.ravel()[pixels], kind="stable")]
    farthest = np.zeros(int(numbered.max(initial=0)) + 1, np.int64)
    farthest[numbered.ravel()[order]] = order  # of several that are written to one place, the last stays
    rows, columns = np.divmod(farthest[1:], numbered.shape[1])
    return list(zip(columns.tolist(), rows.tolist(), strict=True))


def _write(picture: Picture, text: str, place: tuple[int, int]) -> None:
    """White, edged in black, its middle there, but all within the picture."""
    high, wide = picture.shape[:2]
    scale = max(0.3, TEXT * max(high, wide) / DIGIT)
    stroke = max(1, round(2.5 * scale))
    (width, height), _ = cv2.getTextSize(text, FONT, scale, stroke)
    x = min(max(stroke, place[0] - width // 2), max(stroke, wide - width - stroke))
    y = min(max(height + stroke, place[1] + height // 2), max(height + stroke, high - stroke))
    for color, thick in ((BLACK, 3 * stroke), (WHITE, stroke)):
        cv2.putText(picture, text, (x, y), FONT, scale, color, thick, cv2.LINE_AA)
