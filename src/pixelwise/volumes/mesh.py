"""A surface of triangles: its volume, its area, and whether it is closed."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64


@dataclass(frozen=True, eq=False)
class Mesh:
    """A surface of triangles in space.

    vertices: x along the columns of a label, y down its rows, z from slice to slice; in the unit of the spacing, with
    the centre of the first voxel at 0. faces: three vertices each, counter-clockwise where seen from outside.

    >>> corners = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    >>> pyramid = Mesh(corners, np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]))
    >>> round(pyramid.volume, 4), round(pyramid.area, 4), pyramid.is_closed
    (0.1667, 2.366, True)
    """

    vertices: Float64[np.ndarray, "n 3"]
    faces: Int64[np.ndarray, "m 3"]

    @property
    def volume(self) -> float:
        """What the surface holds, in the cubed unit of the vertices; true of a closed surface only.

        The signed volumes of the pyramids from the origin to every triangle, summed: the divergence theorem. Source:
        Zhang and Chen, "Efficient feature extraction for 2D/3D objects in mesh representation", ICIP 2001.
        """
        a, b, c = self._corners()
        return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)

    @property
    def area(self) -> float:
        """Of all triangles, in the squared unit of the vertices."""
        return float(np.linalg.norm(self._crosses(), axis=1).sum() / 2)

    @property
    def is_closed(self) -> bool:
        """Whether every edge of a triangle is that of exactly one other, which runs along it the other way."""
        if not len(self.faces):
            return True
        starts, ends = self.faces.ravel(), np.roll(self.faces, -1, axis=1).ravel()
        forth = np.sort(starts * len(self.vertices) + ends)
        back = np.sort(ends * len(self.vertices) + starts)
        return bool((forth == back).all() and (np.diff(forth) > 0).all())

    @property
    def normals(self) -> Float64[np.ndarray, "n 3"]:
        """Outward, of length 1, one per vertex: the mean of its triangles', weighted by their areas."""
        sums = np.zeros_like(self.vertices)
        for corner in range(3):
            np.add.at(sums, self.faces[:, corner], self._crosses())
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        return np.where(lengths > 0, sums / np.maximum(lengths, np.finfo(float).tiny), (0.0, 0.0, 1.0))

    def _corners(self) -> Float64[np.ndarray, "3 m 3"]:
        return np.asarray(self.vertices[self.faces].transpose(1, 0, 2))

    def _crosses(self) -> Float64[np.ndarray, "m 3"]:
        """Outward, twice as long as the triangle is large."""
        a, b, c = self._corners()
        return np.asarray(np.cross(b - a, c - a))
