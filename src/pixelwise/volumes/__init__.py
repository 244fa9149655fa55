"""Stacked labels as surfaces in space: made, written to files that other programs read, and drawn."""

from pixelwise.volumes.files import METRES, write_glb, write_ply, write_stl
from pixelwise.volumes.mesh import Mesh
from pixelwise.volumes.picture import draw, write_picture
from pixelwise.volumes.surface import surface, surfaces

__all__ = ["METRES", "Mesh", "draw", "surface", "surfaces", "write_glb", "write_picture", "write_ply", "write_stl"]
