"""Pedestrians and cyclists, as upright figures."""

from typing import NamedTuple

import numpy as np

from pixelwise.data.streets.canvas import Canvas, Face, Place, Point
from pixelwise.data.streets.classes import BICYCLIST, PEDESTRIAN
from pixelwise.data.streets.palette import Color, dim

FRAME: Color = (46, 46, 52)
SHOES: Color = (40, 34, 32)


class Look(NamedTuple):
    """What a person looks like. stride: 0 standing - 1 striding; walks: -1 left, 1 right, 0 towards or away from us."""

    coat: Color
    trousers: Color
    skin: Color
    hair: Color
    height: float
    stride: float
    walks: int
    skirt: bool
    bag: Color | None


def limb(start: tuple[float, float], end: tuple[float, float], wide: float, narrow: float) -> list[Point]:
    """A tapering bar between two points (across, up), in the plane of the figure."""
    (x0, y0), (x1, y1) = start, end
    length = max(float(np.hypot(x1 - x0, y1 - y0)), 1e-6)
    nx, ny = (y0 - y1) / length / 2, (x1 - x0) / length / 2
    return [
        (x0 + nx * wide, y0 + ny * wide, 0),
        (x1 + nx * narrow, y1 + ny * narrow, 0),
        (x1 - nx * narrow, y1 - ny * narrow, 0),
        (x0 - nx * wide, y0 - ny * wide, 0),
    ]


def disc(x: float, y: float, radius: float, tall: float = 1.0, corners: int = 10) -> list[Point]:
    """A circle, or an ellipse ``tall`` times as high as wide."""
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return [(x + radius * float(np.cos(a)), y + radius * tall * float(np.sin(a)), 0) for a in angles]


def pedestrian(canvas: Canvas, at: Place, look: Look) -> None:
    """Legs in stride, a coat with arms, a head with hair."""
    tall = look.height / 1.75
    step = 0.30 * look.stride if look.walks else 0.07
    hip, shoulder = 0.86, 1.42
    swing = 0.22 * look.stride * (1 if look.walks else 0)
    body = 0.15 if look.walks else 0.2
    faces = [
        Face(limb((-0.06, hip), (-step, 0.08), 0.19, 0.12), dim(look.trousers, 0.8)),
        Face(limb((0.06, hip), (step, 0.08), 0.19, 0.12), look.trousers),
        Face(limb((-step - 0.06, 0.04), (-step + 0.12, 0.04), 0.1, 0.07), SHOES),
        Face(limb((step - 0.06, 0.04), (step + 0.12, 0.04), 0.1, 0.07), SHOES),
        Face(limb((-body * 0.8, shoulder - 0.06), (-body - 0.1 - swing, 0.84), 0.13, 0.09), dim(look.coat, 0.72)),
        Face(_coat(body, hip, shoulder), look.coat),
        Face(limb((body * 0.8, shoulder - 0.06), (body + 0.1 + swing, 0.84), 0.13, 0.09), dim(look.coat, 0.86)),
        Face(disc(body + 0.1 + swing, 0.8, 0.055, corners=6), look.skin),
        Face(limb((0, shoulder - 0.04), (0, shoulder + 0.12), 0.12, 0.11), look.skin),
        Face(disc(0, 1.6, 0.115, 1.3), look.skin),
        Face(_hair(look.walks), look.hair),
    ]
    if look.skirt:
        faces.insert(4, Face([(-0.15, 0.95, 0), (0.15, 0.95, 0), (0.28, 0.5, 0), (-0.28, 0.5, 0)], dim(look.coat, 0.8)))
    if look.bag:
        faces.append(Face(limb((-body - 0.06, 1.34), (-body - 0.06, 0.9), 0.2, 0.24), look.bag))
    canvas.paint([scaled(face, tall, look.walks or 1) for face in faces], PEDESTRIAN, at)


def scaled(face: Face, size: float, mirror: int) -> Face:
    """A face made larger, and mirrored where ``mirror`` is -1."""
    return face._replace(points=[(x * size * mirror, y * size, z) for x, y, z in face.points])


def _coat(body: float, hip: float, shoulder: float) -> list[Point]:
    return [
        (-body, shoulder - 0.05, 0),
        (-body * 0.5, shoulder + 0.03, 0),
        (body * 0.5, shoulder + 0.03, 0),
        (body, shoulder - 0.05, 0),
        (body * 0.9, hip - 0.08, 0),
        (-body * 0.9, hip - 0.08, 0),
    ]


def _hair(walks: int) -> list[Point]:
    """A cap of hair, towards the back of the head where the face looks sideways."""
    back = -0.03 if walks else 0.0
    return [
        (back - 0.12, 1.6, 0),
        (back - 0.1, 1.72, 0),
        (0, 1.78, 0),
        (0.1, 1.72, 0),
        (0.11, 1.66, 0),
        (back, 1.67, 0),
    ]


def cyclist_sideways(canvas: Canvas, at: Place, look: Look) -> None:
    """A bicycle and its rider from the side, bound to the right unless turned; its wheels are whole discs."""
    rear, front, radius = -0.53, 0.53, 0.35
    hip, shoulder, hand = (-0.22, 1.0), (0.16, 1.46), (0.46, 1.04)
    pedal, knee = (0.02, 0.3), (0.16, 0.68)
    far_pedal, far_knee = (-0.06, 0.42), (0.2, 0.8)
    wheels = [
        face
        for x in (rear, front)
        for face in (
            Face(disc(x, radius, radius, corners=16), (28, 28, 30)),
            Face(disc(x, radius, radius * 0.84, corners=16), (138, 138, 136)),
            Face(limb((x - 0.28, radius), (x + 0.28, radius), 0.02, 0.02), (70, 70, 72)),
            Face(limb((x, radius - 0.28), (x, radius + 0.28), 0.02, 0.02), (70, 70, 72)),
        )
    ]
    bars = [
        ((rear, radius), (0, 0.3)),
        ((0, 0.3), (0.4, 0.9)),
        ((rear, radius), (-0.2, 0.88)),
        ((-0.2, 0.85), (0.4, 0.9)),
    ]
    bars += [((0, 0.3), (-0.24, 0.95)), ((front, radius), (0.42, 1.05)), ((0.38, 1.06), (0.52, 1.02))]
    bag = dim(look.bag or look.coat, 0.9)
    frame = [Face(limb(start, end, 0.05, 0.05), bag) for start, end in bars]
    rider = [
        Face(limb(hip, far_knee, 0.17, 0.13), dim(look.trousers, 0.7)),
        Face(limb(far_knee, far_pedal, 0.13, 0.09), dim(look.trousers, 0.7)),
        *frame,
        Face(limb(hip, knee, 0.2, 0.15), look.trousers),
        Face(limb(knee, pedal, 0.14, 0.1), look.trousers),
        Face(limb((pedal[0] - 0.04, 0.26), (pedal[0] + 0.14, 0.26), 0.09, 0.07), SHOES),
        Face(limb(hip, shoulder, 0.28, 0.32), look.coat),
        Face(limb((0.12, 1.42), (0.3, 1.14), 0.12, 0.1), dim(look.coat, 0.8)),
        Face(limb((0.3, 1.14), hand, 0.1, 0.07), look.skin),
        Face(disc(0.25, 1.62, 0.115, 1.25), look.skin),
        Face([(0.1, 1.64, 0), (0.14, 1.76, 0), (0.28, 1.8, 0), (0.38, 1.7, 0)], look.hair),
    ]
    canvas.paint([scaled(face, look.height / 1.75, 1) for face in [*wheels, *rider]], BICYCLIST, at)


def cyclist_from_behind(canvas: Canvas, at: Place, look: Look) -> None:
    """The same seen along the street: one narrow wheel, both legs, the back, the handlebar."""
    faces = [
        Face(limb((0, 0), (0, 0.7), 0.07, 0.07), (26, 26, 28)),
        Face(limb((-0.3, 1.08), (0.3, 1.08), 0.05, 0.05), FRAME),
        Face(limb((-0.1, 0.95), (-0.17, 0.34), 0.2, 0.12), look.trousers),
        Face(limb((0.1, 0.95), (0.17, 0.48), 0.2, 0.12), dim(look.trousers, 0.8)),
        Face(limb((-0.22, 0.3), (-0.1, 0.3), 0.09, 0.09), SHOES),
        Face(limb((0.12, 0.44), (0.24, 0.44), 0.09, 0.09), SHOES),
        Face(disc(0, 0.98, 0.2, 0.75), dim(look.trousers, 0.9)),
        Face(limb((0.2, 1.42), (0.32, 1.08), 0.12, 0.09), dim(look.coat, 0.8)),
        Face(limb((-0.2, 1.42), (-0.32, 1.08), 0.12, 0.09), dim(look.coat, 0.8)),
        Face(limb((0, 0.98), (0, 1.5), 0.34, 0.42), look.coat),
        Face(disc(0, 1.64, 0.11, 1.25), look.skin),
        Face([(-0.13, 1.64, 0), (-0.1, 1.76, 0), (0, 1.8, 0), (0.1, 1.76, 0), (0.13, 1.64, 0)], look.hair),
        Face(disc(0, 0.66, 0.05, corners=6), (210, 30, 28), 255.0),
    ]
    canvas.paint([scaled(face, look.height / 1.75, 1) for face in faces], BICYCLIST, at)
