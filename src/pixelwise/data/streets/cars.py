"""Cars: a side outline drawn out across its width, with panes, wheels and lamps."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from pixelwise.data.streets.canvas import Canvas, Face, Place, Point
from pixelwise.data.streets.classes import CAR
from pixelwise.data.streets.palette import Color, dim

GLASS: Color = (46, 56, 66)
TYRE: Color = (24, 24, 26)
WHEEL = 0.34
DETAIL = 14.0  # pixels per metre above which small parts are drawn


class Body(NamedTuple):
    """The outline of a car seen from its right, from the tail over the roof to the nose: (ahead, up) in metres.

    waist: the outline's points between which the windows sit: tail, roof's back, roof's front, bonnet.
    """

    outline: tuple[tuple[float, float], ...]
    waist: tuple[int, int, int, int]
    axles: tuple[float, float]
    half_width: float = 0.88
    half_roof: float = 0.66


HATCHBACK = Body(
    (
        (-1.95, 0.3),
        (-2.0, 0.62),
        (-1.92, 0.95),
        (-1.5, 1.46),
        (0.25, 1.48),
        (1.0, 0.98),
        (1.9, 0.8),
        (2.0, 0.55),
        (1.95, 0.28),
    ),
    (2, 3, 4, 5),
    (-1.25, 1.25),
)
SALOON = Body(
    (
        (-2.2, 0.3),
        (-2.28, 0.7),
        (-2.2, 0.94),
        (-1.55, 1.0),
        (-1.0, 1.42),
        (0.25, 1.44),
        (1.05, 0.97),
        (2.1, 0.8),
        (2.2, 0.5),
        (2.15, 0.26),
    ),
    (3, 4, 5, 6),
    (-1.4, 1.4),
)
VAN = Body(
    (
        (-2.3, 0.32),
        (-2.36, 0.7),
        (-2.34, 1.1),
        (-2.2, 1.98),
        (1.0, 2.0),
        (1.75, 1.15),
        (2.25, 0.95),
        (2.35, 0.55),
        (2.3, 0.3),
    ),
    (2, 3, 4, 5),
    (-1.4, 1.5),
)
JEEP = Body(
    (
        (-2.1, 0.4),
        (-2.18, 0.75),
        (-2.12, 1.05),
        (-1.85, 1.68),
        (0.2, 1.7),
        (0.85, 1.12),
        (1.95, 1.0),
        (2.1, 0.7),
        (2.05, 0.36),
    ),
    (2, 3, 4, 5),
    (-1.3, 1.35),
)
BUS = Body(
    (
        (-5.0, 0.4),
        (-5.05, 0.9),
        (-5.05, 1.3),
        (-4.95, 2.85),
        (4.8, 2.85),
        (5.0, 1.2),
        (5.05, 0.8),
        (5.05, 0.6),
        (5.0, 0.35),
    ),
    (2, 3, 4, 5),
    (-3.0, 3.2),
    1.25,
    1.2,
)
BODIES = (HATCHBACK, SALOON, HATCHBACK, JEEP, VAN)


class Part(NamedTuple):
    """A piece of a car's skin. color: None = the car's own paint, times gain. faces: -1 left, 1 right, 0 else."""

    points: tuple[Point, ...]
    color: Color | None = None
    gain: float = 1.0
    faces: int = 0
    glow: float = 0.0
    one_sided: bool = True


def car(canvas: Canvas, at: Place, body: Body, color: Color) -> None:
    """A car: what lies across it first, then its sides, its wheels, and its lamps."""
    light = {side: canvas.weather.wall_light(side) for side in (-1, 0, 1)}
    near = canvas.camera.size(1, at.z) > DETAIL
    faces = [
        Face(part.points, part.color or dim(color, part.gain * light[part.faces]), part.glow, part.one_sided)
        for part in parts(body, near=near)
    ]
    canvas.paint(faces, CAR, at)


@lru_cache(maxsize=16)
def parts(body: Body, *, near: bool) -> tuple[Part, ...]:
    """All pieces of a car in the order of painting; some small ones only where it is near."""
    pieces = [_underside(body), *_across(body)]
    for side in (-1, 1):
        pieces += _side(body, side)
        pieces += [wheel for axle in body.axles for wheel in _wheel(body, axle, side, near=near)]
    return tuple(pieces + _lamps(body))


def _half_width(body: Body, up: float) -> float:
    """Half the width of the body at a height: the cabin leans inwards."""
    waist, roof = body.outline[body.waist[0]][1], body.outline[body.waist[1]][1]
    share = min(max((up - waist) / (roof - waist), 0.0), 1.0)
    return body.half_width + (body.half_roof - body.half_width) * share


def _skin(body: Body, start: int, inset: float = 0.0) -> tuple[Point, ...]:
    """The body's skin between a point of the outline and the next, clockwise as seen from outside."""
    (z0, y0), (z1, y1) = body.outline[start], body.outline[start + 1]
    z0, y0, z1, y1 = z0 + inset * (z1 - z0), y0 + inset * (y1 - y0), z1 - inset * (z1 - z0), y1 - inset * (y1 - y0)
    w0, w1 = _half_width(body, y0) * (1 - inset), _half_width(body, y1) * (1 - inset)
    return (-w0, y0, z0), (-w1, y1, z1), (w1, y1, z1), (w0, y0, z0)


def _across(body: Body) -> list[Part]:
    pieces = []
    for start in range(len(body.outline) - 1):
        lies_flat = abs(body.outline[start + 1][0] - body.outline[start][0]) > 0.5
        pieces.append(Part(_skin(body, start), gain=1.2 if lies_flat else 0.86))
        if start in (body.waist[0], body.waist[2]):
            pieces.append(Part(_skin(body, start, 0.1), GLASS))
            pieces.append(_glare(body, start))
    return pieces


def _glare(body: Body, start: int) -> Part:
    """The sky in a corner of a pane."""
    low_left, high_left, high_right, _ = _skin(body, start, 0.14)
    middle = tuple((a + b) / 2 for a, b in zip(high_left, high_right, strict=True))
    return Part((low_left, high_left, (middle[0], middle[1], middle[2])), (92, 106, 120))


def _underside(body: Body) -> Part:
    tail, nose = body.outline[0][0] + 0.1, body.outline[-1][0] - 0.1
    wide = body.half_width - 0.08
    floor = (-wide, 0.1, tail), (-wide, 0.1, nose), (wide, 0.1, nose), (wide, 0.1, tail)
    return Part(floor, (16, 16, 18), one_sided=False)


def _side(body: Body, side: int) -> list[Part]:
    """A side with its two windows and the line of the door."""
    tail, back, front, bonnet = (body.outline[index] for index in body.waist)

    def flat(points: list[tuple[float, float]], color: Color | None = None, gain: float = 0.95) -> Part:
        outside = tuple((side * _half_width(body, y), y, z) for z, y in points)
        return Part(outside if side > 0 else outside[::-1], color, gain, side)

    below = [point for index, point in enumerate(body.outline) if not body.waist[0] < index < body.waist[3]]
    low, high, middle = bonnet[1] + 0.05, back[1] - 0.09, (back[0] + front[0]) / 2
    rear = [(tail[0] + 0.28, low), (back[0] + 0.13, high), (middle - 0.05, high), (middle - 0.05, low)]
    fore = [(middle + 0.05, low), (middle + 0.05, high), (front[0] - 0.02, high), (bonnet[0] - 0.22, low)]
    door = [(middle - 0.02, 0.35), (middle - 0.02, low), (middle + 0.02, low), (middle + 0.02, 0.35)]
    sill = [(body.axles[0], 0.3), (body.axles[0], 0.38), (body.axles[1], 0.38), (body.axles[1], 0.3)]
    cabin = [tail, back, front, bonnet]
    return [
        flat(below),
        flat(cabin),
        flat(rear, GLASS),
        flat(fore, GLASS),
        flat(door, None, 0.6),
        flat(sill, None, 0.5),
    ]


def _wheel(body: Body, axle: float, side: int, *, near: bool) -> list[Part]:
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False) * side
    out = side * (body.half_width + 0.02)

    def disc(radius: float, color: Color) -> Part:
        rim = ((out, WHEEL + radius * float(np.cos(a)), axle + radius * float(np.sin(a))) for a in angles)
        return Part(tuple(rim), color)

    tyre, hub = disc(WHEEL, TYRE), disc(WHEEL * 0.6, (150, 152, 156))
    return [disc(WHEEL + 0.06, (18, 18, 20)), tyre, hub, disc(WHEEL * 0.2, (70, 72, 76))] if near else [tyre, hub]


def _lamps(body: Body) -> list[Part]:
    """Red lamps and a plate at the tail, white lamps and a grille at the nose."""
    (tail, low), (nose, high) = body.outline[1], body.outline[-2]
    pieces = []
    wide = body.half_width - 0.04
    for left, right in ((-wide, 0.28 - wide), (wide - 0.28, wide)):
        pieces.append(_plate((left, right), (low, low + 0.2), tail - 0.02, (196, 26, 24), 255.0))
        pieces.append(_plate((left, right), (high + 0.04, high + 0.2), nose + 0.02, (246, 244, 226), 255.0))
    pieces.append(_plate((-wide, wide), (0.32, 0.42), tail - 0.02, (34, 34, 36)))
    pieces.append(_plate((-wide, wide), (0.3, 0.38), nose + 0.02, (34, 34, 36)))
    pieces.append(_plate((-0.28, 0.28), (0.5, 0.64), tail - 0.03, (238, 232, 190), 60.0))
    pieces.append(_plate((-0.28, 0.28), (0.4, 0.53), nose + 0.03, (240, 240, 236), 60.0))
    pieces.append(_plate((-0.5, 0.5), (high + 0.02, high + 0.16), nose + 0.02, (30, 32, 34)))
    return pieces


def _plate(x: tuple[float, float], y: tuple[float, float], z: float, color: Color, glow: float = 0.0) -> Part:
    """A small rectangle at the tail (z < 0) or at the nose, seen only from that end."""
    left, right = x if z < 0 else x[::-1]
    return Part(((left, y[0], z), (left, y[1], z), (right, y[1], z), (right, y[0], z)), color, glow=glow)
