"""A picture with an outline."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Sprite(NamedTuple):
    """A grey picture and its hard outline, both (h, w) uint8; the outline is 0 or 255."""

    shade: npt.NDArray[np.uint8]
    outline: npt.NDArray[np.uint8]
