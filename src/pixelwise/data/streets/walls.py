"""House fronts and fences as flat pictures, drawn once each and cut to size by the storey."""

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from pixelwise.data.streets.palette import Color
from pixelwise.data.streets.textures import clouds

Pixels = npt.NDArray[np.uint8]

BAY, STOREY = 32, 40  # pixels of one window with the wall around it
BAYS, STOREYS = 6, 6
FRONTS = 40

WALLS: tuple[Color, ...] = (
    (158, 88, 70),
    (176, 112, 84),
    (139, 74, 62),
    (214, 198, 166),
    (222, 214, 200),
    (196, 176, 140),
    (170, 168, 160),
    (140, 146, 150),
    (226, 190, 140),
    (203, 160, 132),
    (176, 190, 186),
    (233, 226, 214),
    (120, 110, 104),
    (205, 178, 96),
    (166, 178, 196),
)
FRAMES: tuple[Color, ...] = ((235, 233, 228), (240, 240, 236), (86, 60, 44), (60, 64, 68), (40, 70, 60))
SHOPS: tuple[Color, ...] = ((150, 38, 36), (30, 78, 60), (34, 58, 108), (60, 56, 54), (190, 140, 50), (112, 40, 84))
LAMPLIGHT: tuple[Color, ...] = ((255, 214, 140), (255, 228, 176), (250, 196, 110), (220, 230, 255))


class Style(NamedTuple):
    """What the windows of one house look like, in pixels of a bay."""

    wall: Color
    frame: Color
    window: tuple[int, int, int, int]  # left, top, right, bottom
    panes: int
    pattern: str
    shutters: bool
    balcony: bool
    shop: bool


@lru_cache(maxsize=2)
def fronts(*, night: bool) -> list[tuple[Pixels, ...]]:
    """House fronts, each (h, w, 4) in full, half and quarter size; by night some windows are lit."""
    return [_reduced(_front(np.random.default_rng([6, number]), night=night)) for number in range(FRONTS)]


@lru_cache(maxsize=2)
def gables(*, night: bool) -> list[tuple[Pixels, ...]]:
    """Side walls with few windows, in the wall colour of the front of the same number."""
    return [_reduced(_gable(np.random.default_rng([6, number]))) for number in range(FRONTS)]


def _reduced(picture: Pixels) -> tuple[Pixels, ...]:
    """A picture in full, half and quarter size."""
    smaller = (cv2.resize(picture, None, fx=1 / by, fy=1 / by, interpolation=cv2.INTER_AREA) for by in (2, 4))
    return picture, *(np.asarray(size, np.uint8) for size in smaller)


def _style(rng: np.random.Generator) -> Style:
    wide, high = int(rng.integers(12, 25)), int(rng.integers(18, 29))
    left, top = (BAY - wide) // 2, (STOREY - high) // 2 - 1
    wall = WALLS[int(rng.integers(len(WALLS)))]
    frame = FRAMES[int(rng.integers(len(FRAMES)))]
    pattern = ("brick", "plaster", "panel", "plaster")[int(rng.integers(4))]
    panes = int(rng.integers(1, 4))
    shutters, balcony, shop = (bool(rng.random() < often) for often in (0.25, 0.25, 0.55))
    return Style(wall, frame, (left, top, left + wide, top + high), panes, pattern, shutters, balcony, shop)


def _plain_wall(rng: np.random.Generator, style: Style, size: tuple[int, int]) -> Pixels:
    """(h, w, 4): a wall of bricks, plaster or concrete panels."""
    height, width = size
    shade = 1 + rng.normal(0, 0.025, size) + (cv2.resize(clouds(7), (width, height)) / 255.0 - 0.5) * 0.16
    if style.pattern == "brick":
        shade[::5] *= 1.13
        for course in range(0, height, 5):
            shade[course : course + 5, (course % 2) * 4 :: 9] *= 1.09
    if style.pattern == "panel":
        shade[::STOREY] *= 0.72
        shade[:, ::BAY] *= 0.8
    wall = np.zeros((height, width, 4), np.uint8)
    wall[..., :3] = np.clip(shade[..., None] * np.array(style.wall), 0, 255)
    return wall


def _front(rng: np.random.Generator, *, night: bool) -> Pixels:
    style = _style(rng)
    front = _plain_wall(rng, style, (STOREYS * STOREY, BAYS * BAY))
    for storey in range(STOREYS - 1):
        for bay in range(BAYS):
            cell = front[storey * STOREY : (storey + 1) * STOREY, bay * BAY : (bay + 1) * BAY]
            _window(rng, cell, style, lit=night and rng.random() < 0.4)
        cv2.rectangle(
            front, (0, storey * STOREY + 38), (BAYS * BAY, storey * STOREY + 39), _scaled(style.wall, 0.8), -1
        )
    ground = front[-STOREY:]
    (_shop if style.shop else _doors)(rng, ground, style, night=night)
    return front


def _scaled(color: Color, gain: float, glow: float = 0.0) -> tuple[float, float, float, float]:
    red, green, blue = (min(value * gain, 255.0) for value in color)
    return red, green, blue, glow


def _window(rng: np.random.Generator, cell: Pixels, style: Style, *, lit: bool) -> None:
    """One window with frame, panes, sill, perhaps shutters or a balcony."""
    left, top, right, bottom = style.window
    frame = _scaled(style.frame, 1)
    cv2.rectangle(cell, (left - 1, top - 1), (right + 1, bottom + 1), frame, -1)
    glass = _scaled((70, 84, 100), rng.uniform(0.55, 1.35))
    if lit:
        glass = _scaled(LAMPLIGHT[int(rng.integers(len(LAMPLIGHT)))], rng.uniform(0.75, 1), 255)
    cv2.rectangle(cell, (left + 1, top + 1), (right - 1, bottom - 1), glass, -1)
    if rng.random() < 0.35:
        low = top + int((bottom - top) * rng.uniform(0.2, 0.6))
        cv2.rectangle(cell, (left + 1, top + 1), (right - 1, low), _scaled((205, 200, 190), 1, 160 * lit), -1)
    for pane in range(1, style.panes):
        column = left + (right - left) * pane // style.panes
        cv2.line(cell, (column, top), (column, bottom), frame)
    cv2.line(cell, (left, (2 * top + bottom) // 3), (right, (2 * top + bottom) // 3), frame)
    cv2.rectangle(cell, (left - 2, bottom + 1), (right + 2, bottom + 2), _scaled(style.wall, 1.25), -1)
    if style.shutters:
        for x in (left - 5, right + 1):
            cv2.rectangle(cell, (x, top), (x + 4, bottom), _scaled(style.frame, 0.6), -1)
    if style.balcony:
        cv2.rectangle(cell, (left - 3, bottom - 8), (right + 3, bottom + 2), _scaled(style.frame, 0.5), 1)
        for x in range(left - 3, right + 4, 3):
            cv2.line(cell, (x, bottom - 8), (x, bottom + 2), _scaled(style.frame, 0.5))


def _shop(rng: np.random.Generator, ground: Pixels, style: Style, *, night: bool) -> None:
    """The ground floor as shops: a sign board, an awning, large panes."""
    ground[..., :3] = np.array(_scaled(style.wall, 0.75)[:3])
    for bay in range(0, BAYS, 2):
        x, color = bay * BAY, SHOPS[int(rng.integers(len(SHOPS)))]
        pane = _scaled((255, 232, 186), 0.95, 255) if night and rng.random() < 0.6 else _scaled((64, 74, 84), 1.0)
        cv2.rectangle(ground, (x + 2, 11), (x + 2 * BAY - 3, STOREY), pane, -1)
        for _ in range(7):
            goods = rng.uniform(60, 200, 3)
            left, top = x + int(rng.integers(4, 2 * BAY - 12)), int(rng.integers(22, 34))
            cv2.rectangle(ground, (left, top), (left + 6, STOREY - 3), _scaled(tuple(goods), 1, pane[3]), -1)
        cv2.rectangle(ground, (x, 1), (x + 2 * BAY - 1, 9), _scaled(color, 1.1, 120.0 * night), -1)
        for letter in range(x + 14, x + 2 * BAY - 14, 4):
            cv2.rectangle(ground, (letter, 3), (letter + int(rng.integers(0, 3)), 7), (240, 236, 220, 255 * night), -1)
        if rng.random() < 0.5:
            for stripe in range(x, x + 2 * BAY - 1, 8):
                cv2.rectangle(ground, (stripe, 10), (stripe + 3, 17), _scaled(color, 1.2), -1)
                cv2.rectangle(ground, (stripe + 4, 10), (stripe + 7, 17), (232, 228, 220, 0), -1)
        cv2.rectangle(ground, (x + BAY - 5, 14), (x + BAY + 7, STOREY), _scaled(color, 0.6), 1)


def _doors(rng: np.random.Generator, ground: Pixels, style: Style, *, night: bool) -> None:
    """The ground floor with a door every third bay and a darker plinth."""
    ground[-8:, :, :3] = np.array(_scaled(style.wall, 0.7)[:3])
    first = int(rng.integers(3))
    for bay in range(BAYS):
        cell = ground[:, bay * BAY : (bay + 1) * BAY]
        if bay % 3 != first:
            _window(rng, cell, style._replace(balcony=False), lit=night and rng.random() < 0.3)
            continue
        color = SHOPS[int(rng.integers(len(SHOPS)))]
        cv2.rectangle(cell, (7, 6), (25, STOREY), _scaled(style.frame, 1), -1)
        cv2.rectangle(cell, (9, 14), (23, STOREY), _scaled(color, 0.9), -1)
        cv2.rectangle(
            cell, (9, 8), (23, 12), _scaled((255, 226, 170), 0.9, 255) if night else _scaled((80, 92, 104), 1), -1
        )
        cv2.rectangle(cell, (11, 17), (21, 25), _scaled(color, 0.6), 1)
        cv2.circle(cell, (21, 28), 1, (210, 190, 110, 0), -1)


def _gable(rng: np.random.Generator) -> Pixels:
    style = _style(rng)
    wall = _plain_wall(rng, style, (STOREYS * STOREY, 4 * BAY))
    for storey in range(STOREYS):
        cell = wall[storey * STOREY : (storey + 1) * STOREY, BAY : 2 * BAY]
        if rng.random() < 0.6:
            _window(rng, cell, style._replace(balcony=False, shutters=False), lit=False)
    return wall


class Fencing(NamedTuple):
    """A stretch of fence: colours (h, w, 4), cover (h, w) uint8 = 255 where it hides what is behind."""

    picture: Pixels
    cover: Pixels
    height: float
    length: float


@lru_cache(maxsize=1)
def fencings() -> list[Fencing]:
    """Wooden boards, pickets, iron railings, a mesh and a barrier; metres per picture."""
    return [_boards(), _pickets(), _railing((44, 52, 50)), _railing((70, 104, 84)), _mesh(), _barrier()]


def _empty(color: Color) -> tuple[Pixels, Pixels]:
    picture = np.zeros((64, 256, 4), np.uint8)
    picture[..., :3] = color
    return picture, np.full((64, 256), 180, np.uint8)  # what is behind shines through a little


def _boards() -> Fencing:
    rng = np.random.default_rng(8)
    picture, cover = _empty((136, 98, 62))
    cover[:] = 255
    for x in range(0, 256, 13):
        picture[:, x : x + 12, :3] = np.clip(np.array((142, 102, 64)) * rng.uniform(0.8, 1.15), 0, 255)
        picture[:, x + 11 : x + 13, :3] = (66, 44, 28)
    for y in (10, 50):
        picture[y : y + 3, :, :3] = (96, 66, 40)
    return Fencing(picture, cover, 1.7, 4.0)


def _pickets() -> Fencing:
    picture, cover = _empty((236, 234, 226))
    for x in range(2, 256, 16):
        cover[4:, x : x + 9] = 255
        picture[4:, x + 8 : x + 9, :3] = (150, 150, 146)
    for y in (16, 46):
        cover[y : y + 6] = 255
    return Fencing(picture, cover, 1.1, 3.0)


def _railing(color: Color) -> Fencing:
    picture, cover = _empty(color)
    for x in range(2, 256, 14):
        cover[:, x : x + 5] = 255
    for y in (2, 54):
        cover[y : y + 6] = 255
    return Fencing(picture, cover, 1.25, 2.8)


def _mesh() -> Fencing:
    picture, cover = _empty((150, 156, 156))
    rows, columns = np.mgrid[:64, :256]
    cover[((rows + columns) % 12 < 3) | ((rows - columns) % 12 < 4)] = 230
    cover[:4] = cover[:, :6] = cover[:, 125:131] = 255
    return Fencing(picture, cover, 1.9, 5.0)


def _barrier() -> Fencing:
    picture, cover = _empty((176, 180, 182))
    cover[4:34] = 255
    picture[16:22, :, :3] = (120, 124, 128)
    cover[:, 20:32] = cover[:, 148:160] = 255
    return Fencing(picture, cover, 0.85, 4.0)
