"""A picture of surfaces: a small renderer with a depth buffer (Catmull, dissertation, University of Utah 1974)."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float64, Int64, UInt8
from PIL import Image as Pillow

from pixelwise.errors import UserError
from pixelwise.files import replacing
from pixelwise.labels import LabelMap
from pixelwise.volumes.mesh import Mesh

BACKGROUND = (246, 246, 244)
TURN, TILT = np.radians(35), np.radians(25)  # three quarters: from the right and from above
LIGHT = np.array((-0.45, -0.65, -0.62))  # where it comes from: the left, above, and the viewer's side
AMBIENT = 0.45  # the light on what is turned away
FILLED = 0.9  # of the picture, by the surfaces
FINER = 2  # drawn at twice the size and made smaller, so that edges are smooth
EDGE_ON = 1e-6  # square pixels: a triangle that shows less is seen from its edge
BATCH = 500_000  # pixels of triangles at a time, which bounds the memory


def draw(meshes: Mapping[str, Mesh], labels: LabelMap, *, size: int = 640) -> UInt8[np.ndarray, "size size 3"]:
    """The surfaces in the colours of their classes, from the right and above, the first slice in front.

    size: of the square picture, in pixels. Parallel lines stay parallel; matt surfaces (Lambert), lit from the left.
    Raises UserError for a name that is no class, and where all meshes are empty.
    """
    shown = {name: mesh for name, mesh in meshes.items() if len(mesh.faces)}
    if not shown:
        raise UserError("there is no surface to draw; choose a class that occurs in the stack")
    turned = {name: mesh.vertices @ _view().T for name, mesh in shown.items()}
    every = np.concatenate(list(turned.values()))
    low, high = every.min(0), every.max(0)
    scale = FILLED * FINER * size / max((high - low)[:2].max(), np.finfo(float).tiny)
    picture = np.full((FINER * size, FINER * size, 3), BACKGROUND, np.uint8)
    depth = np.full(picture.shape[:2], np.inf)
    for name, mesh in shown.items():
        places = (turned[name] - (low + high) / 2) * scale + (FINER * size / 2, FINER * size / 2, 0)
        color = np.array(labels.colors[labels.index(name)])
        shades = AMBIENT + (1 - AMBIENT) * np.maximum(mesh.normals @ _view().T @ LIGHT, 0) / np.linalg.norm(LIGHT)
        for dots in _dots(places, shades, mesh.faces, FINER * size):
            _put(dots, color, picture, depth)
    return np.asarray(cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def write_picture(path: Path, meshes: Mapping[str, Mesh], labels: LabelMap, *, size: int = 640) -> None:
    """`draw` as a PNG. Raises UserError as it does, and where the file cannot be written."""
    picture = Pillow.fromarray(draw(meshes, labels, size=size))
    with replacing(path) as temporary:
        picture.save(temporary, "PNG")


class _Dots(NamedTuple):
    """Pixels that triangles cover, one per pixel and triangle."""

    rows: Int64[np.ndarray, " dots"]
    columns: Int64[np.ndarray, " dots"]
    depths: Float64[np.ndarray, " dots"]
    shades: Float64[np.ndarray, " dots"]


def _view() -> Float64[np.ndarray, "3 3"]:
    """Turns space so that x is to the right in the picture, y down and z away from the viewer."""
    turn = [[np.cos(TURN), 0, np.sin(TURN)], [0, 1, 0], [-np.sin(TURN), 0, np.cos(TURN)]]
    tilt = [[1, 0, 0], [0, np.cos(TILT), -np.sin(TILT)], [0, np.sin(TILT), np.cos(TILT)]]
    return np.array(tilt) @ np.array(turn)


def _dots(
    places: Float64[np.ndarray, "n 3"], shades: Float64[np.ndarray, " n"], faces: Int64[np.ndarray, "m 3"], size: int
) -> Iterator[_Dots]:
    """Every pixel whose centre lies in a triangle that faces the viewer, some triangles at a time."""
    a, b, c = places[faces].transpose(1, 0, 2)
    faces = faces[_cross(b - a, c - a) < -EDGE_ON]  # clockwise in a picture whose y runs down
    if not len(faces):
        return
    flat = places[faces, :2]
    low = np.clip(np.floor(flat.min(1)), 0, size).astype(np.int64)
    extent = np.clip(np.ceil(flat.max(1)), 0, size).astype(np.int64) - low
    ends = extent.prod(1).cumsum()
    for some in np.split(np.arange(len(faces)), np.searchsorted(ends, range(BATCH, int(ends[-1]), BATCH))):
        triangle, column, row = _boxes(low[some], extent[some])
        corners = faces[some][triangle].T
        a, b, c = places[corners] - np.stack((column + 0.5, row + 0.5, np.zeros(len(row))), 1)
        weights = np.stack((_cross(b, c), _cross(c, a), _cross(a, b)))
        inside = (weights <= 0).all(0)  # the turns of a triangle that faces the viewer
        weights, corners = weights[:, inside] / weights[:, inside].sum(0), corners[:, inside]
        depths, lights = (weights * places[corners, 2]).sum(0), (weights * shades[corners]).sum(0)
        yield _Dots(row[inside], column[inside], depths, lights)


def _boxes(
    low: Int64[np.ndarray, "m 2"], extent: Int64[np.ndarray, "m 2"]
) -> tuple[Int64[np.ndarray, " dots"], Int64[np.ndarray, " dots"], Int64[np.ndarray, " dots"]]:
    """The number of the box, the column and the row of every pixel of every box, from its corner and its extent."""
    pixels = extent.prod(1)
    box = np.repeat(np.arange(len(pixels)), pixels)
    within = np.arange(len(box)) - np.repeat(pixels.cumsum() - pixels, pixels)
    return box, low[box, 0] + within % extent[box, 0], low[box, 1] + within // extent[box, 0]


def _cross(first: Float64[np.ndarray, "n 3"], second: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, " n"]:
    """Twice the area between two directions in the picture, negative where the turn is counter-clockwise to the eye."""
    return np.asarray(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0])


def _put(
    dots: _Dots,
    color: Int64[np.ndarray, " 3"],
    picture: UInt8[np.ndarray, "size size 3"],
    depth: Float64[np.ndarray, "size size"],
) -> None:
    """Paints the dots that are nearer than what is there; of several in one pixel the nearest comes last and stays."""
    nearer = np.flatnonzero(dots.depths < depth[dots.rows, dots.columns])
    order = nearer[np.argsort(-dots.depths[nearer], kind="stable")]
    places = dots.rows[order], dots.columns[order]
    depth[places] = dots.depths[order]
    picture[places] = np.rint(dots.shades[order, None] * color)
