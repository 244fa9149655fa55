"""The colours that things come in, RGB 0-255."""

from typing import TypeVar

import numpy as np

Color = tuple[float, float, float]
Thing = TypeVar("Thing")

PAINTS: tuple[Color, ...] = (
    (178, 30, 34),
    (40, 72, 132),
    (206, 208, 210),
    (236, 236, 232),
    (48, 50, 54),
    (112, 116, 120),
    (36, 92, 78),
    (196, 160, 52),
    (104, 150, 190),
    (132, 50, 44),
    (28, 32, 48),
)
CLOTHES: tuple[Color, ...] = (
    (190, 46, 46),
    (40, 60, 120),
    (34, 36, 42),
    (226, 222, 212),
    (206, 160, 44),
    (60, 120, 84),
    (130, 70, 120),
    (220, 120, 60),
    (96, 130, 170),
    (120, 100, 80),
)
TROUSERS: tuple[Color, ...] = ((38, 44, 66), (30, 30, 34), (96, 88, 76), (62, 84, 124), (120, 116, 110))
SKINS: tuple[Color, ...] = ((238, 198, 168), (222, 172, 136), (166, 116, 82), (104, 70, 50))
HAIRS: tuple[Color, ...] = ((34, 26, 22), (92, 62, 36), (190, 152, 92), (150, 148, 146), (200, 40, 40))
LEAVES: tuple[Color, ...] = ((96, 140, 62), (72, 122, 56), (120, 152, 66), (84, 128, 80), (188, 142, 52), (60, 104, 62))
NEEDLES: tuple[Color, ...] = ((58, 98, 62), (70, 112, 66), (52, 88, 72))
ROOFS: tuple[Color, ...] = ((140, 74, 56), (112, 62, 52), (84, 84, 90), (104, 96, 88), (160, 92, 66))


def pick(rng: np.random.Generator, things: tuple[Thing, ...]) -> Thing:
    """One of several, each as likely."""
    return things[int(rng.integers(len(things)))]


def dim(color: Color, gain: float) -> Color:
    """A colour made lighter or darker."""
    red, green, blue = color
    return min(red * gain, 255.0), min(green * gain, 255.0), min(blue * gain, 255.0)
