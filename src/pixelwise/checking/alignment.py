"""A photo and a mask that do not show the same scene: the mask's edges then follow no edges of the photo.

Right masks called suspect: CamVid 1 of 468, Cityscapes pairs 2 of 850, drawn streets 0 of 160, CARLA 0 of 6,
LabelMe 0 of 3 (each by itself).
Found where 2 % of the masks are wrong (CamVid, pairs): of another scene 100 %, 97 %; mirrored 100 %, 100 %; upside
down 97 %, 98 %; moved by 16 pixels 100 %, 100 %; of the next frame, 1 s away, 66 % (CamVid).
Not found in CARLA's six frames of one drive: the next frame's mask, the mirrored one, and one moved by 8 pixels.
CamVid is called wrong as a whole when its masks are moved by 4 pixels right and down in 480 x 360, and when they are as
coarse as blocks of 16 pixels; not when moved by 3, nor with blocks of 8.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from pixelwise.checking.duplicates import shrunk_grey
from pixelwise.data.dataset import Image
from pixelwise.labels import Label

Field = npt.NDArray[Any]  # float32

PIXELS = 240 * 180  # a larger photo is shrunk to about so many
REACH, NEAR = 12, 4  # pixels of the shrunk photo: the mask is moved so far, and farther than so
BAND = 9  # pixels; an ignored area that is wider somewhere is a thing of the scene
LEAST_BOUNDARY = 50  # boundary pixels, below which nothing can be said
CHANCE = 3.0  # masks of another scene hardly ever agree better


def edge_agreement(image: Image, label: Label, ignore: int = 255) -> float:
    """How much better the label's boundaries lie on edges of the photo than the same boundaries moved elsewhere.

    image: (h, w, c) uint8. label: (h', w') class indices, of whatever size shows the same scene. ignore: the ignore
    index. Returns standard deviations above the mean of all shifts by 5 to 17 pixels of a 240 x 180 photo: about 0 is
    chance, a right mask has 4 to 12; NaN where nothing can be said, as in a flat photo, a label of one class, or fewer
    than 49 pixels in height or width. A boundary agrees with an edge as far as the edge is strong among its
    surroundings and both run the same way, cos² of the angle between. After the chamfer matching of edges with
    directions (Shotton et al. 2008, "Multiscale Categorical Object Recognition Using Contour Fragments"), with
    correlation in place of distance.

    >>> label = np.zeros((120, 160), np.uint8)
    >>> label[30:90, 40:100] = 1
    >>> photo = np.dstack([label * 50 + 90] * 3)
    >>> f"{edge_agreement(photo, label):.1f}, {edge_agreement(photo, np.roll(label, 10, (0, 1))):.1f} when moved"
    '7.3, -0.6 when moved'
    """
    height, width = _working_size(*image.shape[:2])
    if min(height, width) <= 4 * REACH:
        return float("nan")
    edges = _photo_edges(shrunk_grey(image, height, width))
    small = cv2.resize(label, (width, height), interpolation=cv2.INTER_NEAREST)
    boundary = _label_boundary(_without_thin_bands(small, ignore))
    boundary = np.ascontiguousarray(boundary[REACH:-REACH, REACH:-REACH])
    if np.count_nonzero(boundary[..., 0]) < LEAST_BOUNDARY:
        return float("nan")
    return _height_of_the_peak(cv2.matchTemplate(edges, boundary, cv2.TM_CCORR))


def suspects(agreements: Sequence[float]) -> list[int]:
    """Which masks hardly show what their photo shows, from all `edge_agreement` of a dataset.

    A mask is suspect where its agreement is no better than chance, below 3, and far below that of the others, below
    half of the median. Where the median itself is no better than chance the masks are wrong as a whole, or very coarse,
    and all that are no better than chance are given. NaN is never suspect.

    >>> suspects([8.0, 7.5, 0.3, 9.1, float("nan")])
    [2]
    >>> suspects([0.1, -0.4, 1.2])
    [0, 1, 2]
    """
    values = np.asarray(agreements, np.float64)
    if np.isnan(values).all():
        return []
    median = float(np.nanmedian(values))
    limit = CHANCE if median < CHANCE else min(CHANCE, median / 2)
    return [int(index) for index in np.flatnonzero(values < limit)]


def _working_size(height: int, width: int) -> tuple[int, int]:
    factor = min(1.0, (PIXELS / (height * width)) ** 0.5)
    return round(height * factor), round(width * factor)


def _photo_edges(grey: Field) -> Field:
    """(h, w) 0-255 -> (h, w, 3): strength of the edge among its surroundings, and strength times direction."""
    strength, direction = _gradient(cv2.GaussianBlur(grey, (0, 0), 0.7))
    strength = np.minimum(strength / (cv2.blur(strength, (9, 9)) + 2), 3)
    return np.dstack([strength, strength[..., None] * direction])


def _without_thin_bands(label: npt.NDArray[Any], ignore: int) -> npt.NDArray[Any]:
    """Gives each pixel of an ignored band the nearest class: between two things the boundary is the band's middle."""
    ignored = (label == ignore).astype(np.uint8)
    band = (ignored - cv2.morphologyEx(ignored, cv2.MORPH_OPEN, np.ones((BAND, BAND), np.uint8))).astype(bool)
    if not band.any() or ignored.all():
        return label
    _, nearest = cv2.distanceTransformWithLabels(ignored, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    classes = np.zeros(nearest.max() + 1, label.dtype)
    classes[nearest[ignored == 0]] = label[ignored == 0]
    return np.where(band, classes[nearest], label)


def _label_boundary(label: npt.NDArray[Any]) -> Field:
    """(h, w) -> (h, w, 3): 1 beside another class, and the direction of the boundary there; 0 elsewhere."""
    square = np.ones((3, 3), np.uint8)
    beside = cv2.dilate(label, square) != cv2.erode(label, square)
    spread = (label.astype(np.uint32) * 159 % 256).astype(np.float32)  # so that classes 3 and 4 differ as 3 and 9 do
    _, direction = _gradient(cv2.GaussianBlur(spread, (0, 0), 1))
    return np.dstack([beside.astype(np.float32), np.where(beside[..., None], direction, 0)])


def _gradient(values: Field) -> tuple[Field, Field]:
    """(h, w) -> its strength (h, w), and cos and sin of twice its angle (h, w, 2), alike for both sides of an edge."""
    across, down = cv2.Sobel(values, cv2.CV_32F, 1, 0), cv2.Sobel(values, cv2.CV_32F, 0, 1)
    squares = across * across + down * down
    doubled = np.dstack([across * across - down * down, 2 * across * down])
    return np.sqrt(squares), doubled / np.maximum(squares, 1e-6)[..., None]


def _height_of_the_peak(agreement: Field) -> float:
    """(2 r + 1, 2 r + 1), the agreement for each shift -> how far that for none stands above those for far ones."""
    down, across = np.ogrid[-REACH : REACH + 1, -REACH : REACH + 1]
    elsewhere = agreement[np.hypot(down, across) > NEAR]
    spread = float(elsewhere.std())
    return float(agreement[REACH, REACH] - elsewhere.mean()) / spread if spread > 0 else float("nan")
