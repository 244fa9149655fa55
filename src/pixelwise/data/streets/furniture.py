"""What stands along the kerb: lamp posts, signs, traffic lights, fences, bins."""

import numpy as np

from pixelwise.data.streets.camera import NEAREST
from pixelwise.data.streets.canvas import Canvas, Face, Place, Point
from pixelwise.data.streets.classes import FENCE, POLE, SIGN, VOID
from pixelwise.data.streets.facades import upright
from pixelwise.data.streets.palette import Color
from pixelwise.data.streets.people import disc, limb
from pixelwise.data.streets.walls import Fencing

RED: Color = (196, 28, 34)
BLUE: Color = (24, 78, 170)
PLAIN: Color = (240, 240, 236)
YELLOW: Color = (246, 200, 30)
BLACK: Color = (24, 24, 26)
STEEL: Color = (128, 132, 134)
SIGNS = ("ban", "warning", "order", "stop", "parking", "priority", "direction", "limit")


def post(x: float, height: float, thick: float, color: Color) -> list[Face]:
    """A round post: its lit and its dark side."""
    half = thick / 2
    dark: Color = (color[0] * 0.62, color[1] * 0.62, color[2] * 0.62)
    return [
        Face([(x - half, 0, 0), (x - half * 0.8, height, 0), (x + half * 0.8, height, 0), (x + half, 0, 0)], color),
        Face([(x, 0, 0), (x, height, 0), (x + half * 0.8, height, 0), (x + half, 0, 0)], dark),
    ]


def lamp_post(canvas: Canvas, at: Place, *, height: float, towards: int, color: Color) -> None:
    """A tall post with an arm over the road (``towards`` = -1 to the left, 1 to the right) and a lamp."""
    reach = 1.5 * towards
    foot = [(-0.22, 0, 0), (-0.19, 0.9, 0), (0.19, 0.9, 0), (0.22, 0, 0)]
    arm = limb((0, height - 0.1), (reach, height + 0.25), 0.2, 0.16)
    head: list[Point] = [(reach - 0.35, height + 0.34, 0), (reach + 0.35, height + 0.34, 0)]
    head += [(reach + 0.3, height + 0.16, 0), (reach - 0.3, height + 0.16, 0)]
    glass = [(reach - 0.28, height + 0.16, 0), (reach + 0.28, height + 0.16, 0)]
    glass += [(reach + 0.2, height + 0.07, 0), (reach - 0.2, height + 0.07, 0)]
    faces = [*post(0, height, 0.28, color), Face(foot, color), Face(arm, color), Face(head, (70, 74, 78))]
    canvas.paint([*faces, Face(glass, (255, 240, 205), 255.0)], POLE, at)


def bollard(canvas: Canvas, at: Place) -> None:
    """A low post with a white band."""
    faces = post(0, 0.95, 0.28, (60, 62, 66))
    canvas.paint([*faces, Face([(-0.14, 0.7, 0), (-0.14, 0.8, 0), (0.14, 0.8, 0), (0.14, 0.7, 0)], PLAIN)], POLE, at)


def sign_post(canvas: Canvas, at: Place, *, kind: str, size: float, height: float) -> None:
    """A thin post that carries a traffic sign."""
    canvas.paint(post(0, height + size, 0.2, STEEL), POLE, at)
    canvas.paint(sign_plate(kind, height + size / 2, size), SIGN, at)


def sign_plate(kind: str, y: float, size: float) -> list[Face]:
    """The plate of a sign around the height y, ``size`` metres across."""
    half = size / 2
    if kind == "ban":
        bar = limb((-half * 0.55, y), (half * 0.55, y), half * 0.35, half * 0.35)
        return [Face(disc(0, y, half, corners=16), RED, 90), Face(bar, PLAIN, 90)]
    if kind == "limit":
        left, right, up, thick = -half * 0.45, half * 0.3, half * 0.36, half * 0.17
        three = [limb((left, y + row), (left * 0.2, y + row), thick, thick) for row in (-up, 0.0, up)]
        three.append(limb((left * 0.25, y - up), (left * 0.25, y + up), thick, thick))
        nought = [Face(disc(right, y, half * 0.28, 1.6), BLACK), Face(disc(right, y, half * 0.12, 2.4), PLAIN, 90)]
        plate = [Face(disc(0, y, half, corners=16), RED, 90), Face(disc(0, y, half * 0.72, corners=16), PLAIN, 90)]
        return [*plate, *(Face(stroke, BLACK) for stroke in three), *nought]
    if kind == "warning":
        rim = [(-half, y - half * 0.8, 0.0), (0.0, y + half, 0.0), (half, y - half * 0.8, 0.0)]
        field = [(x * 0.62, y - half * 0.12 + (up - y) * 0.6, 0.0) for x, up, _ in rim]
        mark = limb((0, y - half * 0.4), (0, y + half * 0.2), half * 0.2, half * 0.26)
        return [Face(rim, RED, 90), Face(field, PLAIN, 90), Face(mark, BLACK)]
    if kind == "order":
        arrow = limb((0, y - half * 0.6), (0, y + half * 0.6), half * 0.26, half * 0.26)
        tip = [(-half * 0.5, y + half * 0.1, 0.0), (0.0, y + half * 0.7, 0.0), (half * 0.5, y + half * 0.1, 0.0)]
        return [Face(disc(0, y, half, corners=16), BLUE, 90), Face(arrow, PLAIN, 90), Face(tip, PLAIN, 90)]
    if kind == "stop":
        word = limb((-half * 0.7, y), (half * 0.7, y), half * 0.4, half * 0.4)
        return [Face(_octagon(y, half), PLAIN, 90), Face(_octagon(y, half * 0.88), RED, 90), Face(word, PLAIN, 90)]
    if kind == "priority":

        def rhomb(reach: float) -> list[Point]:
            return [(-reach, y, 0), (0, y + reach, 0), (reach, y, 0), (0, y - reach, 0)]

        return [Face(rhomb(half), PLAIN, 90), Face(rhomb(half * 0.72), YELLOW, 90)]
    if kind == "parking":
        stem = limb((-half * 0.3, y - half * 0.6), (-half * 0.3, y + half * 0.6), half * 0.26, half * 0.26)
        bow = disc(half * 0.05, y + half * 0.25, half * 0.38)
        hole = disc(half * 0.03, y + half * 0.25, half * 0.15, corners=6)
        return [
            Face(_plate(half, half, y), BLUE, 90),
            Face(stem, PLAIN, 90),
            Face(bow, PLAIN, 90),
            Face(hole, BLUE, 90),
        ]
    lines = [
        limb((-half * 1.2, y + up * half), (half * 0.8, y + up * half), half * 0.16, half * 0.16) for up in (-0.3, 0.3)
    ]
    return [Face(_plate(half * 1.6, half * 0.75, y), BLUE, 90), *(Face(line, PLAIN, 90) for line in lines)]


def _octagon(y: float, half: float) -> list[Point]:
    angles = np.arange(8) * np.pi / 4 + np.pi / 8
    return [(half * 1.06 * float(np.cos(a)), y + half * 1.06 * float(np.sin(a)), 0) for a in angles]


def _plate(across: float, up: float, y: float) -> list[Point]:
    return [(-across, y - up, 0), (-across, y + up, 0), (across, y + up, 0), (across, y - up, 0)]


def traffic_light(canvas: Canvas, at: Place, *, shows: int) -> None:
    """A post with three lamps, of which one (0 red, 1 amber, 2 green) is lit; the lamps' box counts as Sign."""
    canvas.paint(post(0, 2.6, 0.16, (70, 74, 76)), POLE, at)
    box = [(-0.24, 2.3, 0), (-0.24, 3.4, 0), (0.24, 3.4, 0), (0.24, 2.3, 0)]
    rim = [(-0.29, 2.25, 0), (-0.29, 3.45, 0), (0.29, 3.45, 0), (0.29, 2.25, 0)]
    lamps = ((255, 50, 40), (255, 190, 40), (60, 240, 120))
    faces = [Face(rim, (210, 210, 205)), Face(box, (22, 24, 26))]
    for number, color in enumerate(lamps):
        lit = number == shows
        shown: Color = color if lit else (color[0] * 0.25, color[1] * 0.25, color[2] * 0.25)
        faces.append(Face(disc(0, 3.2 - 0.35 * number, 0.14), shown, 255.0 * lit))
    canvas.paint(faces, SIGN, at)


def fence(canvas: Canvas, x: float, span: tuple[float, float], fencing: Fencing) -> None:
    """A fence along the street, piece by piece from far to near."""
    length = fencing.length
    starts = np.arange(span[0], span[1] - length / 2, length)
    for start in starts[::-1]:
        if start > NEAREST:
            ends = ((x, start), (x, start + length)) if x < 0 else ((x, start + length), (x, start))
            corners = upright(*ends, 0.0, fencing.height)
            canvas.textured(
                corners, fencing.picture, FENCE, light=canvas.weather.wall_light(-np.sign(x)), opacity=fencing.cover
            )


def litter_bin(canvas: Canvas, at: Place) -> None:
    """A bin, which is none of the classes."""
    drum = [(-0.26, 0, 0), (-0.3, 0.9, 0), (0.3, 0.9, 0), (0.26, 0, 0)]
    lid = [(-0.33, 0.9, 0), (-0.22, 1.05, 0), (0.22, 1.05, 0), (0.33, 0.9, 0)]
    canvas.paint([Face(drum, (44, 84, 58)), Face(lid, (30, 36, 34))], VOID, at)


def dog(canvas: Canvas, at: Place) -> None:
    """A dog, which is none of the classes."""
    fur: Color = (112, 78, 48)
    legs = [Face(limb((x, 0.35), (x + 0.03, 0.0), 0.09, 0.06), (90, 62, 38)) for x in (-0.26, -0.16, 0.18, 0.27)]
    tail, head = limb((-0.34, 0.5), (-0.52, 0.68), 0.07, 0.03), disc(0.42, 0.62, 0.13)
    canvas.paint(
        [*legs, Face(limb((-0.34, 0.44), (0.34, 0.46), 0.26, 0.28), fur), Face(tail, fur), Face(head, fur)], VOID, at
    )
