"""The street as seen from above: road, kerbs, sidewalks, side street, markings, shadows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from pixelwise.data.streets.camera import NEAREST, Points
from pixelwise.data.streets.canvas import Canvas
from pixelwise.data.streets.classes import ROAD, SIDEWALK, TREE
from pixelwise.data.streets.palette import Color, dim
from pixelwise.data.streets.textures import asphalt

FAR = 150.0  # metres to the end of the street
KERB = 0.13  # metres
LINE = 0.14
DASH, GAP = 3.0, 5.0
HEADLIGHTS = 17.0  # metres after which our headlights have faded to a third
WHITE: Color = (222, 222, 216)


@dataclass(frozen=True)
class Street:
    """The plan of a street, in metres: where lanes, kerbs and walls run, and what the ground is made of.

    drive: the side on which one drives, 1 right, -1 left. left, right: the kerbs. lane: its width.
    parking: (left, right) room between lanes and kerb. walk: (left, right) width of the sidewalks.
    lanes: where marked lines run. edge_lines: whether the edges of the road are marked.
    side_street: (start, end) of a street that crosses ours, or None. crossing: start of a zebra crossing, or None.
    slab: size of a paving slab. patches: (x, z, width, length) of mended pieces of road.
    """

    drive: int
    left: float
    right: float
    lane: float
    parking: tuple[float, float]
    lanes: tuple[float, ...]
    walk: tuple[float, float]
    side_street: tuple[float, float] | None
    crossing: float | None
    road_color: Color
    walk_color: Color
    grass_color: Color
    slab: float
    edge_lines: bool
    patches: tuple[tuple[float, float, float, float], ...]

    def kerb(self, side: int) -> float:
        """x of the kerb on a side: -1 left, 1 right."""
        return self.right if side > 0 else self.left

    def wall(self, side: int) -> float:
        """x at which the houses begin on a side."""
        return self.kerb(side) + side * self.walk[side > 0]


class Blob(NamedTuple):
    """The part of an object that casts a shadow: upright, ``width`` wide, from ``bottom`` to ``top``, in metres."""

    x: float
    z: float
    width: float
    bottom: float
    top: float


def strip(x: tuple[float, float], z: tuple[float, float], y: float = 0.0) -> Points:
    """The outline of a rectangle on the ground, with points close enough to follow the bends of the street."""
    near, far = max(z[0], NEAREST), max(z[1], NEAREST)
    steps = np.geomspace(near, far, 2 + int(5 * np.log(far / near)))
    left = np.column_stack([np.full_like(steps, x[0]), np.full_like(steps, y), steps])
    right = np.column_stack([np.full_like(steps, x[1]), np.full_like(steps, y), steps[::-1]])
    return np.concatenate([left, right])


def _rectangle(x: tuple[float, float], z: tuple[float, float], y: float = 0.0) -> Points:
    """The outline of a small rectangle on the ground."""
    return np.array([[x[0], y, z[0]], [x[0], y, z[1]], [x[1], y, z[1]], [x[1], y, z[0]]])


def paint_ground(canvas: Canvas, street: Street) -> None:
    """Everything flat, then its grain."""
    canvas.ground([strip((-90, 90), (NEAREST, FAR))], street.grass_color, TREE)
    for side in (-1, 1):
        _sidewalk(canvas, street, side)
    canvas.ground([strip((street.left, street.right), (NEAREST, FAR))], street.road_color, ROAD)
    for side in (-1, 1):
        _kerb(canvas, street, side)
    if street.side_street:
        _side_street(canvas, street, street.side_street)
    _wear(canvas, street)
    _lines(canvas, street)
    if street.crossing is not None:
        _zebra(canvas, street, street.crossing)
    _grain(canvas)


def _sidewalk(canvas: Canvas, street: Street, side: int) -> None:
    kerb, wall = street.kerb(side), street.wall(side)
    canvas.ground([strip((kerb, wall), (NEAREST, FAR), KERB)], street.walk_color, SIDEWALK)
    joint = dim(street.walk_color, 0.8)
    cross = [_rectangle((kerb, wall), (z, z + 0.03 + 0.003 * z), KERB) for z in np.arange(2.0, 22.0, street.slab)]
    lengthwise = [strip((x, x + 0.04), (NEAREST, 25.0), KERB) for x in np.arange(kerb, wall, side * street.slab)[1:]]
    canvas.ground(cross, joint, SIDEWALK)
    canvas.ground(lengthwise, joint, SIDEWALK)


def _kerb(canvas: Canvas, street: Street, side: int) -> None:
    """The kerb's upright face, its light upper edge and the dark gutter."""
    x = street.kerb(side)
    lower, upper = strip((x, x), (NEAREST, FAR)), strip((x, x), (NEAREST, FAR), KERB)
    half = len(lower) // 2
    canvas.ground([np.concatenate([lower[:half], upper[half:]])], dim(street.walk_color, 0.66), SIDEWALK)
    canvas.ground([strip((x, x + side * 0.16), (NEAREST, 60), KERB)], dim(street.walk_color, 1.14), SIDEWALK)
    canvas.ground([strip((x - side * 0.3, x), (NEAREST, 50))], dim(street.road_color, 0.84), ROAD)


def _side_street(canvas: Canvas, street: Street, span: tuple[float, float]) -> None:
    start, end = span
    for side in (-1, 1):
        out = (street.wall(side), side * 90.0)
        walks = [_rectangle(out, (start - 2.5, start), KERB), _rectangle(out, (end, end + 2.5), KERB)]
        canvas.ground(walks, street.walk_color, SIDEWALK)
    canvas.ground([_rectangle((-90, 90), (start, end))], street.road_color, ROAD)


def _lines(canvas: Canvas, street: Street) -> None:
    """Lane lines, broken between lanes and whole at the edges of some streets; none across the side street."""
    stop = street.side_street or (FAR, FAR)
    dashes = [
        _rectangle((x - LINE / 2, x + LINE / 2), (z, z + DASH))
        for x in street.lanes
        for z in np.arange(1.5 + x % 3, 80, DASH + GAP)
        if not stop[0] - DASH < z < stop[1]
    ]
    edges = [
        strip((x - LINE / 2, x + LINE / 2), span)
        for x in (street.left + 0.45, street.right - 0.45)
        for span in ((NEAREST, stop[0]), (stop[1], FAR))
        if street.edge_lines and span[0] < span[1]
    ]
    canvas.ground(dashes, dim(WHITE, 0.93), ROAD)
    canvas.ground(edges, dim(WHITE, 0.93), ROAD)


def _zebra(canvas: Canvas, street: Street, start: float) -> None:
    bars = np.arange(street.left + 0.5, street.right - 0.5, 1.0)
    canvas.ground([_rectangle((x, x + 0.5), (start, start + 3.0)) for x in bars], WHITE, ROAD)
    stop = (-1.4 * street.drive, street.kerb(street.drive) - 0.4 * street.drive)
    canvas.ground([_rectangle(stop, (start - 1.6, start - 1.2))], WHITE, ROAD)


def _wear(canvas: Canvas, street: Street) -> None:
    """Mended patches and manhole lids."""
    for x, z, wide, long in street.patches:
        canvas.ground([_rectangle((x, x + wide), (z, z + long))], dim(street.road_color, 0.78), ROAD)
        angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
        lid = np.column_stack([x - 1 + 0.33 * np.cos(angles), np.zeros(12), z + 2 + 0.33 * np.sin(angles)])
        canvas.ground([lid], dim(street.road_color, 0.6), ROAD)


def _grain(canvas: Canvas) -> None:
    """Lays the roughness of asphalt over the ground, in perspective."""
    half, near, far = 14.0, 2.0, 58.0
    corners = np.array([[-half, 0, far], [half, 0, far], [half, 0, near], [-half, 0, near]])
    pixels = canvas.camera.project(corners).astype(np.float32)
    texture = asphalt()
    height, width = texture.shape
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    top = max(int(pixels[:2, 1].max()), 0)
    if top >= canvas.camera.height:
        return
    pixels[:, 1] -= top
    size = (canvas.camera.width, canvas.camera.height - top)
    grain = cv2.warpPerspective(texture, cv2.getPerspectiveTransform(source, pixels), size, borderValue=128.0)
    part = canvas.image[top:, :, :3]
    part[:] = cv2.multiply(part, cv2.cvtColor(grain, cv2.COLOR_GRAY2RGB), scale=1 / 128)


def paint_shadows(canvas: Canvas, blobs: Sequence[Blob]) -> None:
    """Darkens the ground where things stand between it and the sun; without sun, right under them."""
    outlines = cast_shadows(blobs, canvas.weather.sun or (0.0, 0.0))
    outlines = outlines[outlines[:, :, 2].min(axis=1) > NEAREST]
    pixels = np.rint(canvas.camera.project(outlines.reshape(-1, 3))).astype(np.int32).reshape(-1, 6, 2)
    mask = np.full(canvas.label.shape, 255, np.uint8)
    for outline in pixels:
        cv2.fillConvexPoly(mask, outline, 255 * canvas.weather.shade)
    part = canvas.image[_first_row(canvas) :, :, :3]
    soft = cv2.cvtColor(cv2.blur(mask, (3, 3))[_first_row(canvas) :], cv2.COLOR_GRAY2RGB)
    part[:] = cv2.multiply(part, soft, scale=1 / 255)


def cast_shadows(blobs: Sequence[Blob], sun: tuple[float, float]) -> Points:
    """(n, 6, 3): the outline on the ground of each thing's shadow, a rounded bar that runs away from the sun."""
    if not blobs:
        return np.empty((0, 6, 3))
    x, z, width, bottom, top = (column[:, None] for column in np.array(blobs).T)
    length = float(np.hypot(*sun))
    along = np.array(sun) / length if length else np.array([0.0, 1.0])
    across = np.array([along[1], -along[0]]) * width / 2
    start, end = (np.hstack([x, z]) + np.array(sun) * reach for reach in (bottom, top))
    cap = along * width * (0.15 if length else 0.5)
    flat = np.stack([start - across, start - cap, start + across, end + across, end + cap, end - across], axis=1)
    return np.insert(flat, 1, 0.0, axis=2)


def light_ground(canvas: Canvas, lamps: Sequence[tuple[float, float]]) -> None:
    """At night: our headlights on the road, and a pool of light under every lamp (x, z)."""
    distance = _distances(canvas)
    lit = np.tile(215 * np.exp(-distance / HEADLIGHTS)[:, None], (1, canvas.camera.width)).astype(np.float32)
    pools = np.zeros(lit.shape, np.uint8)
    angles = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    for x, z in lamps:
        for radius, glow in ((5.0, 60.0), (3.8, 110.0), (2.4, 160.0)):
            ring = np.column_stack([x + radius * np.cos(angles), np.zeros(20), z + radius * np.sin(angles)])
            if ring[:, 2].min() > NEAREST:
                cv2.fillConvexPoly(pools, np.rint(canvas.camera.project(ring)).astype(np.int32), glow)
    total = cv2.max(lit, cv2.blur(pools, (7, 7)).astype(np.float32))
    first = _first_row(canvas)
    canvas.image[first:, :, 3] = total[first:]


def mist_over_ground(canvas: Canvas) -> None:
    """Fades the ground with its distance, row by row."""
    first = _first_row(canvas)
    part = canvas.image[first:, :, :3]
    mist = 1 - np.exp(-_distances(canvas)[first:] / canvas.weather.visibility).astype(np.float32)[:, None, None]
    part[:] = part * (1 - mist) + np.array(canvas.weather.mist_color, np.float32) * mist


def _first_row(canvas: Canvas) -> int:
    """The uppermost row that shows ground."""
    return int(np.clip(canvas.camera.horizon - 1, 0, canvas.camera.height - 1))


def _distances(canvas: Canvas) -> Points:
    """(h,) how far the flat ground is that each row of the picture shows, in metres."""
    camera = canvas.camera
    below = np.maximum(np.arange(camera.height, dtype=np.float64) - camera.horizon, 0.5)
    return np.asarray(camera.eye * camera.focal / below)
