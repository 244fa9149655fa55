"""Houses along the street, and the skyline at its end."""

import numpy as np

from pixelwise.data.streets.camera import NEAREST, Points
from pixelwise.data.streets.canvas import Canvas, Face
from pixelwise.data.streets.classes import BUILDING
from pixelwise.data.streets.palette import Color
from pixelwise.data.streets.walls import BAY, STOREY, STOREYS, Pixels, fronts, gables

BAY_WIDTH, STOREY_HEIGHT = 2.7, 3.1  # metres
HOUSE_DEPTH = 11.0
SKYLINE_REACH = 0.85  # half its width per metre of distance: just wider than the view


def upright(start: tuple[float, float], end: tuple[float, float], bottom: float, top: float) -> Points:
    """(4, 3) corners of a wall between two points (x, z): top left, top right, bottom right, bottom left."""
    (x0, z0), (x1, z1) = start, end
    return np.array([[x0, top, z0], [x1, top, z1], [x1, bottom, z1], [x0, bottom, z0]])


def sharp_enough(levels: tuple[Pixels, ...], pixels_per_metre: float) -> tuple[Pixels, int]:
    """The smallest of the sizes that still shows every detail, and by how much it was reduced."""
    wanted = BAY / BAY_WIDTH / max(pixels_per_metre, 1e-3)
    level = 0 if wanted < 1.6 else 1 if wanted < 3.2 else 2
    return levels[level], 2**level


def house(
    canvas: Canvas, side: int, wall: float, *, span: tuple[float, float], storeys: int, look: int, roof: Color | None
) -> None:
    """A house beside the street: roof, the end wall towards us, the front. span: (start, end) in metres."""
    near, far = max(span[0], NEAREST), span[1]
    if far <= near + 0.3:
        return
    top, back = storeys * STOREY_HEIGHT, wall + side * HOUSE_DEPTH
    _roof(canvas, side, wall, (near, far), top, roof)
    night = canvas.weather.night
    if span[0] > NEAREST:
        texture, shrink = sharp_enough(gables(night=night)[look], canvas.camera.size(1, near))
        ends = ((wall, near), (back, near)) if side > 0 else ((back, near), (wall, near))
        rows = slice((STOREYS - min(storeys, STOREYS)) * STOREY // shrink, None)
        canvas.textured(upright(*ends, 0, top), texture[rows], BUILDING, light=canvas.weather.wall_light(0))
    texture, shrink = sharp_enough(fronts(night=night)[look], canvas.camera.size(1, near) * 0.5)
    bays = int(np.clip(round((span[1] - span[0]) / BAY_WIDTH), 2, 6)) * BAY // shrink
    cut = int(bays * (near - span[0]) / (span[1] - span[0]))
    picture = texture[(STOREYS - min(storeys, STOREYS)) * STOREY // shrink :, :bays]
    picture = picture[:, cut:] if side > 0 else picture[:, : bays - cut]
    ends = ((wall, far), (wall, near)) if side > 0 else ((wall, near), (wall, far))
    picture = picture if side < 0 else np.ascontiguousarray(picture[:, ::-1])
    canvas.textured(upright(*ends, 0, top), picture, BUILDING, light=canvas.weather.wall_light(-side))


def _roof(canvas: Canvas, side: int, wall: float, span: tuple[float, float], top: float, roof: Color | None) -> None:
    """A tiled roof whose ridge runs along the street, or a flat one with a parapet."""
    near, far = span
    if roof is None:
        lip = [(wall, top - 0.1, near), (wall, top + 0.5, near), (wall, top + 0.5, far), (wall, top - 0.1, far)]
        canvas.paint([Face(lip, (150, 146, 140))], BUILDING)
        return
    ridge, rise = wall + side * HOUSE_DEPTH / 2, top + 3.2
    eaves = wall - side * 0.35
    slope = Face([(eaves, top, near), (ridge, rise, near), (ridge, rise, far), (eaves, top, far)], roof)
    soffit = Face(
        [(eaves, top, near), (wall, top - 0.1, near), (wall, top - 0.1, far), (eaves, top, far)], (120, 112, 104)
    )
    back = wall + side * HOUSE_DEPTH
    gable = Face([(wall, top, near), (ridge, rise, near), (back, top, near)], (168, 150, 132))
    stack_x, stack_z = wall + side * 3.5, near + 0.6 * (far - near)
    stack = [(stack_x, top + 1, stack_z), (stack_x + 0.8, top + 1, stack_z)]
    stack += [(stack_x + 0.8, rise + 1.1, stack_z), (stack_x, rise + 1.1, stack_z)]
    canvas.paint([Face(stack, (132, 84, 70)), gable, slope, soffit], BUILDING)


def skyline(canvas: Canvas, rng: np.random.Generator, distance: float) -> None:
    """A row of far houses across the whole view, which closes the street."""
    x = -SKYLINE_REACH * distance
    night = canvas.weather.night
    while x < SKYLINE_REACH * distance:
        wide, storeys = rng.uniform(9, 20), int(rng.integers(2, 6))
        look = int(rng.integers(len(fronts(night=night))))
        texture, shrink = sharp_enough(fronts(night=night)[look], canvas.camera.size(1, distance))
        picture = texture[(STOREYS - storeys) * STOREY // shrink :]
        ends = (x, distance), (x + wide, distance)
        canvas.textured(upright(*ends, -1, storeys * STOREY_HEIGHT), picture, BUILDING, light=0.9)
        if rng.random() < 0.6:
            top = storeys * STOREY_HEIGHT
            roof = [(x, top, distance), (x + wide, top, distance), (x + wide - 3, top + 3, distance)]
            canvas.paint([Face([*roof, (x + 3, top + 3, distance)], (122, 74, 62))], BUILDING)
        x += wide
