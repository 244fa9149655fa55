"""Image and label, painted together by the same shapes."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from pixelwise.data.streets.camera import Camera, Points
from pixelwise.data.streets.classes import SKY
from pixelwise.data.streets.palette import Color
from pixelwise.data.streets.sprite import Sprite
from pixelwise.data.streets.weather import Weather

Point = tuple[float, float, float]
Pixels = npt.NDArray[np.uint8]

LIT = 255.0
HEADLIGHT_REACH = 20.0  # metres after which our headlights have faded to a third


class Face(NamedTuple):
    """A flat polygon of one colour. glow: light of its own at night, 0-255. one_sided: hidden from behind."""

    points: Sequence[Point]
    color: Color
    glow: float = 0.0
    one_sided: bool = False


class Place(NamedTuple):
    """Where an object stands, and the way it faces: 0 = along the street, away from us."""

    x: float
    z: float
    heading: float = 0.0
    ground: float = 0.0


class Canvas:
    """The photo in the making. image: (h, w, 4), the fourth channel is how brightly a pixel is lit at night."""

    def __init__(self, camera: Camera, weather: Weather) -> None:
        self.camera = camera
        self.weather = weather
        self.image: Pixels = np.zeros((camera.height, camera.width, 4), np.uint8)
        self.label: Pixels = np.full((camera.height, camera.width), SKY, np.uint8)

    def paint(self, faces: Sequence[Face], kind: int, at: Place | None = None) -> None:
        """Paints faces in the given order; their points are relative to ``at``."""
        points = np.array([point for face in faces for point in face.points], np.float64)
        if at is not None:
            points = moved(points, at)
        pixels = np.rint(self.camera.project(points)).astype(np.int32)
        distance = at.z if at else float(points[0, 2])
        mist, lit = self.weather.mist(distance), self.lit(distance)
        start = 0
        for face in faces:
            outline = pixels[start : start + len(face.points)]
            start += len(face.points)
            if face.one_sided and turned_away(outline):
                continue
            self._fill(outline, self.weather.misted(face.color, mist), max(face.glow, lit), kind)

    def ground(self, outlines: Sequence[Points], color: Color, kind: int) -> None:
        """Fills (n, 3) outlines that do not overlap with a colour, without mist: the ground is misted as a whole."""
        if not outlines:
            return
        pixels = np.rint(self.camera.project(np.concatenate(outlines))).astype(np.int32)
        pieces = np.split(pixels, np.cumsum([len(outline) for outline in outlines])[:-1])
        cv2.fillPoly(self.image, pieces, (*color, 0.0))
        cv2.fillPoly(self.label, pieces, kind)

    def _fill(self, outline: npt.NDArray[np.int32], color: Color, lit: float, kind: int) -> None:
        cv2.fillPoly(self.image, [outline], (*color, lit))
        cv2.fillPoly(self.label, [outline], kind)

    def lit(self, distance: float) -> float:
        """How much of our headlights reaches an object, 0-255."""
        return 200.0 * float(np.exp(-max(distance, 0.0) / HEADLIGHT_REACH))

    def textured(
        self, corners: Points, texture: Pixels, kind: int, *, light: float = 1.0, opacity: Pixels | None = None
    ) -> None:
        """Maps a texture (h, w, 4) on a flat rectangle: corners (4, 3) = its top left, top right, bottom right, left.

        opacity: (h, w) uint8 lets the background show through in the image; the label is the whole rectangle.
        """
        outline = np.rint(self.camera.project(corners)).astype(np.float32)
        box = self._box(outline)
        if box is None:
            return
        rows, columns = box
        outline -= (columns.start, rows.start)
        size = (columns.stop - columns.start, rows.stop - rows.start)
        inside = np.zeros(size[::-1], np.uint8)
        cv2.fillPoly(inside, [outline.astype(np.int32)], 255)
        height, width = texture.shape[:2]
        source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
        transform = cv2.getPerspectiveTransform(source, outline)
        flat = np.asarray(cv2.warpPerspective(texture, transform, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)
        picture = self._weathered(flat, float(corners[:, 2].mean()), light)
        if opacity is not None:
            cover = cv2.warpPerspective(opacity, transform, size, borderMode=cv2.BORDER_REPLICATE)
            share = (cover.astype(np.float32) / 255)[..., None]
            picture = (picture * share + self.image[rows, columns] * (1 - share)).astype(np.uint8)
        cv2.copyTo(picture, inside, self.image[rows, columns])
        self.label[rows, columns][inside > 0] = kind

    def stamp(self, sprite: Sprite, centre: Point, size: tuple[float, float], color: Color, kind: int) -> None:
        """Paints a sprite upright at a point, size = metres across and up, in a colour."""
        column, row = self.camera.project(np.array([centre], np.float64))[0]
        across, up = self.camera.size(size[0], centre[2]), self.camera.size(size[1], centre[2])
        corners = np.array([[column - across / 2, row - up / 2], [column + across / 2, row + up / 2]])
        box = self._box(corners)
        if box is None:
            return
        rows, columns = box
        height, width = sprite.shade.shape
        move = np.array(
            [[across / width, 0, corners[0, 0] - columns.start], [0, up / height, corners[0, 1] - rows.start]]
        )
        target = (columns.stop - columns.start, rows.stop - rows.start)
        shade = cv2.warpAffine(sprite.shade, move, target)
        inside = cv2.warpAffine(sprite.outline, move, target) > 127
        table = np.zeros((256, 4), np.float32)
        table[:, :3] = np.arange(256)[:, None] / 255 * np.array(color)
        picture = self._weathered(table.clip(0, 255).astype(np.uint8)[None], centre[2], 1.0)[0][shade]
        cv2.copyTo(picture, inside.astype(np.uint8), self.image[rows, columns])
        self.label[rows, columns][inside] = kind

    def _weathered(self, picture: Pixels, distance: float, light: float) -> Pixels:
        """A texture in the light and the mist of its distance."""
        mist = self.weather.mist(distance)
        gain = light * (1 - mist)
        mix = np.zeros((4, 5))
        np.fill_diagonal(mix, (gain, gain, gain, 1.0))
        mix[:3, 4] = mist * np.array(self.weather.mist_color)
        seen: Pixels = np.asarray(cv2.transform(picture, mix), np.uint8)
        if self.weather.night:
            seen[..., 3] = np.maximum(seen[..., 3], int(self.lit(distance)))
        return seen

    def _box(self, outline: npt.NDArray[np.floating]) -> tuple[slice, slice] | None:
        """The part of the picture around an outline, None outside the picture."""
        left, top = np.floor(outline.min(0)).astype(int)
        right, bottom = np.ceil(outline.max(0)).astype(int) + 1
        left, right = max(left, 0), min(right, self.camera.width)
        top, bottom = max(top, 0), min(bottom, self.camera.height)
        return (slice(top, bottom), slice(left, right)) if left < right and top < bottom else None


def moved(points: Points, at: Place) -> Points:
    """(n, 3) points of an object -> street coordinates."""
    cos, sin = np.cos(at.heading), np.sin(at.heading)
    x, y, z = points.T
    return np.stack([at.x + x * cos + z * sin, at.ground + y, at.z - x * sin + z * cos], axis=1)


def turned_away(outline: npt.NDArray[np.int32]) -> bool:
    """Whether a polygon, listed clockwise as seen from its front, shows us its back."""
    return cv2.contourArea(outline, oriented=True) <= 0
