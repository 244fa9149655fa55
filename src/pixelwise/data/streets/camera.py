"""One pin-hole camera for everything: metres along the street -> pixels."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Camera:
    """A camera above the street. Street coordinates: x to the right, y up, z ahead, in metres.

    focal: pixels. eye: metres above the road. pitch, yaw: radians, up and to the right.
    bend, crest: curvature of the street (1/m), to the right and upwards.

    >>> Camera(width=320, height=256, focal=300, eye=1.5).project(np.array([[1.0, 0.0, 10.0]])).tolist()
    [[190.0, 173.0]]
    """

    width: int
    height: int
    focal: float
    eye: float
    pitch: float = 0.0
    yaw: float = 0.0
    bend: float = 0.0
    crest: float = 0.0

    @cached_property
    def _turn(self) -> Points:
        """(3, 3): street axes -> camera axes, for row vectors."""
        yaw = np.array([[np.cos(self.yaw), 0, np.sin(self.yaw)], [0, 1, 0], [-np.sin(self.yaw), 0, np.cos(self.yaw)]])
        pitch = np.array(
            [[1, 0, 0], [0, np.cos(self.pitch), np.sin(self.pitch)], [0, -np.sin(self.pitch), np.cos(self.pitch)]]
        )
        turn: Points = yaw @ pitch
        return turn

    def view(self, points: Points) -> Points:
        """(n, 3) street coordinates -> (n, 3) camera coordinates: right, up, depth, in metres."""
        half_square = points[:, 2] ** 2 / 2
        bent = points.astype(np.float64)
        bent[:, 0] += self.bend * half_square
        bent[:, 1] += self.crest * half_square - self.eye
        seen: Points = bent @ self._turn
        return seen

    def project(self, points: Points) -> Points:
        """(n, 3) street coordinates in front of the camera -> (n, 2) pixels: column, row."""
        seen = self.view(points)
        scale = self.focal / np.maximum(seen[:, 2], NEAREST / 4)
        return np.stack([self.width / 2 + seen[:, 0] * scale, self.height / 2 - seen[:, 1] * scale], axis=1)

    def size(self, metres: float, z: float) -> float:
        """How many pixels a length across the view takes up at the distance z."""
        return self.focal * metres / max(z, NEAREST)

    @property
    def horizon(self) -> float:
        """The row at which a flat ground ends."""
        return self.height / 2 + self.focal * float(np.tan(self.pitch))


# Nothing nearer than this many metres is drawn.
NEAREST = 1.0
