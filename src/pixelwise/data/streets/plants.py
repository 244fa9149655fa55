"""Trees and hedges."""

import numpy as np

from pixelwise.data.streets.canvas import Canvas, Face
from pixelwise.data.streets.classes import TREE
from pixelwise.data.streets.palette import Color
from pixelwise.data.streets.textures import FIRST_CONIFER, crowns

BARK: Color = (82, 66, 52)


def tree(canvas: Canvas, x: float, z: float, *, height: float, spread: float, look: int, color: Color) -> None:
    """A trunk with two boughs, and a crown of leaves."""
    bare = 0.42 * height
    thick = 0.035 * height
    trunk = [(x - thick, 0, z), (x - thick * 0.6, bare, z), (x + thick * 0.6, bare, z), (x + thick, 0, z)]
    light = [(x, 0, z), (x, bare, z), (x + thick * 0.6, bare, z), (x + thick, 0, z)]
    boughs = [
        Face([(x - thick / 2, bare * 0.75, z), (x + lean, bare * 1.5, z), (x + thick / 2, bare * 0.85, z)], BARK)
        for lean in (-0.22 * spread, 0.22 * spread)
    ]
    canvas.paint([Face(trunk, BARK), Face(light, (108, 90, 72)), *boughs], TREE)
    canvas.stamp(crowns()[look], (x, bare + 0.29 * height, z), (spread * 1.15, height * 0.72), color, TREE)


def hedge(canvas: Canvas, x: float, span: tuple[float, float], *, height: float, look: int, color: Color) -> None:
    """Bushes side by side along the street, the far ones first."""
    middles = np.arange(span[1] - 0.5, span[0], -2.0)
    for number, z in enumerate(middles):
        sprite = crowns()[(look + number) % FIRST_CONIFER]
        canvas.stamp(sprite, (x, height * 0.42, z), (3.2, height * 1.3), color, TREE)
