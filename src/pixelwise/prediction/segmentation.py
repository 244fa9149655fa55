"""A Segmentation: one photo, labelled; and the pictures that show it."""

import base64
import io
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image as Pillow

from pixelwise.data.dataset import Image
from pixelwise.data.files.images import as_rgb
from pixelwise.labels import LabelMap
from pixelwise.labels.legend import legend

if TYPE_CHECKING:
    import matplotlib.figure

Mask = UInt8[np.ndarray, "h w"]


@dataclass(frozen=True)
class Segmentation:
    """One photo and the class of each of its pixels; shows itself in a notebook.

    image: (h, w, c) uint8, shown as RGB or grey. label: (h, w) class indices. confidence: (h, w) probability of that
    class, in [0, 1]. labels: what the classes are. name: of the photo.

    >>> labels = LabelMap(("road", "car"), ((128, 64, 128), (0, 0, 142)))
    >>> photo, label = np.zeros((2, 4, 3), np.uint8), np.zeros((2, 4), np.uint8)
    >>> found = Segmentation(photo, label, np.ones((2, 4), np.float32), labels, "street")
    >>> found.shares(), found.overlay().size
    ({'road': 1.0}, (4, 2))
    """

    image: Image
    label: Mask
    confidence: Float[np.ndarray, "h w"]
    labels: LabelMap
    name: str

    def index(self) -> Pillow.Image:
        """The class indices as a palette image, which viewers show in the classes' colours."""
        picture = Pillow.fromarray(self.label)
        picture.putpalette(self.labels.palette[:256].tobytes())
        return picture

    def color(self) -> Pillow.Image:
        """The classes in their colours."""
        return Pillow.fromarray(self.labels.colorize(self.label))

    def overlay(self, opacity: float = 0.5) -> Pillow.Image:
        """The photo with the classes' colours over it. opacity: of the colours, in [0, 1]."""
        mixed = cv2.addWeighted(self.labels.colorize(self.label), opacity, as_rgb(self.image), 1 - opacity, 0)
        return Pillow.fromarray(np.asarray(mixed, np.uint8))

    def side_by_side(self, truth: Mask | None = None) -> Pillow.Image:
        """Photo | truth, if known | prediction."""
        panels = [
            as_rgb(self.image),
            *([] if truth is None else [self.labels.colorize(truth)]),
            np.asarray(self.color()),
        ]
        return Pillow.fromarray(np.hstack(panels))

    def plot(self, truth: Mask | None = None) -> "matplotlib.figure.Figure":
        """Photo | truth, if known | prediction as a figure with a legend; needs matplotlib.

        truth: (h, w) class indices, at any resolution. Raises UserError where matplotlib is missing.
        """
        from pixelwise.prediction.figures import segmentation_figure  # loads matplotlib

        return segmentation_figure(self, truth)

    def shares(self) -> dict[str, float]:
        """Class name -> share of the photo's pixels, the largest first, absent classes left out."""
        counts = np.bincount(self.label.ravel(), minlength=len(self.labels))
        order = np.argsort(-counts, kind="stable")
        return {self.labels.names[index]: float(counts[index] / self.label.size) for index in order if counts[index]}

    def _repr_html_(self) -> str:
        picture, file = self.overlay(), io.BytesIO()
        picture.thumbnail((800, 800))
        picture.save(file, "PNG")
        encoded = base64.b64encode(file.getvalue()).decode()
        shares = legend(self.labels, {name: f"{share:.0%}" for name, share in self.shares().items()})
        return f'<img src="data:image/png;base64,{encoded}" alt="{escape(self.name)}"><br>{shares}'
