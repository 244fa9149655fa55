"""Labels of a film that flicker less: what the network answers is averaged over the frames, but not across a cut.

Probabilities are averaged, not logits, of which one sure frame outweighs many; docs/video.md has what it costs.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

from pixelwise.data.dataset import Image

SIDE = 32  # pixels of the small pictures by which cuts are found
# Mean difference of two small pictures, as a share of white. Between frames of CamVid's drives, 15 a second, it is 0.01
# to 0.04; between frames of two drives it was over 0.1 in 1500 of 1500 pairs.
CUT = 0.1


@dataclass
class Smoothing:
    """An exponential mean over the frames of a film: weight x the mean so far + (1 - weight) x the new answer.

    weight: share of what was before, from 0 (no smoothing) to below 1. It begins anew where a frame differs strongly
    from the one before, as it does at a cut.

    >>> smoothing, grey = Smoothing(0.75), np.zeros((4, 4, 3), np.uint8)
    >>> [smoothing.add(torch.full((1, 1, 1, 1), value), grey).item() for value in (0.0, 1.0)]
    [0.0, 0.25]
    >>> smoothing.add(torch.ones(1, 1, 1, 1), grey + 200).item()
    1.0
    """

    weight: float
    _mean: Tensor | None = field(default=None, init=False)
    _seen: npt.NDArray[np.float32] | None = field(default=None, init=False)

    def add(self, answer: Float[Tensor, "1 k h w"], image: Image) -> Float[Tensor, "1 k h w"]:
        """The mean with the next frame in it. answer: probabilities, or what is painted. image: (h, w, c) uint8."""
        if not self.weight:
            return answer
        seen = small_picture(image)
        if self._mean is None or self._seen is None or is_cut(self._seen, seen):
            self._mean = answer
        else:
            self._mean = torch.lerp(answer, self._mean, self.weight)
        self._seen = seen
        return self._mean


def small_picture(image: Image) -> npt.NDArray[np.float32]:
    """A frame shrunk to 32 x 32 by averaging, in [0, 1]."""
    shrunk = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return (np.asarray(shrunk, np.float32) / 255).astype(np.float32)


def is_cut(before: npt.NDArray[np.float32], after: npt.NDArray[np.float32]) -> bool:
    """Whether two small pictures differ so much that something else is seen.

    >>> black = np.zeros((32, 32, 3), np.float32)
    >>> is_cut(black, black + 0.09), is_cut(black, black + 0.11)
    (False, True)
    """
    return bool(np.abs(after - before).mean() > CUT)
