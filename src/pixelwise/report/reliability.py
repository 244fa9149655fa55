"""The reliability diagram: how often the model is right, where it is so and so sure."""

from dataclasses import dataclass

from pixelwise.metrics import Reliability
from pixelwise.report.figures import Frame, Point

FRAME = Frame(width=320.0, height=300.0, left=40.0, right=308.0, top=12.0, bottom=264.0)
LEAST = 1e-4  # of the pixels: what so few say is drawn hollow
TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True)
class Dot:
    """A bin. x, y: its confidence and accuracy in the frame. left, width, bar: the place and height of its column, its
    share of the pixels. few: whether it has too few to say much. hint: the same in words.
    """

    x: float
    y: float
    left: float
    width: float
    bar: float
    few: bool
    hint: str


@dataclass(frozen=True)
class Diagram:
    """A reliability diagram, ready to draw: accuracy over confidence; on the dashed diagonal both are the same."""

    dots: tuple[Dot, ...]
    diagonal: tuple[Point, Point]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    frame: Frame

    @property
    def polyline(self) -> str:
        """The accuracies as SVG writes them."""
        return " ".join(f"{dot.x:.1f},{dot.y:.1f}" for dot in self.dots)


def draw_reliability(reliability: Reliability, frame: Frame = FRAME) -> Diagram:
    """Brings the bins that have pixels into a frame that goes from 0 to 1 on both axes.

    >>> import numpy as np
    >>> square = Frame(left=0.0, right=100.0, top=0.0, bottom=100.0)
    >>> bins = Reliability(np.array([4, 0]), np.array([1.0, 0.0]), np.array([2, 0]))
    >>> draw_reliability(bins, square).polyline
    '25.0,50.0'
    """
    place = _Place(frame)
    bins = [index for index, pixels in enumerate(reliability.pixels) if pixels]
    return Diagram(
        dots=tuple(_dot(reliability, index, place) for index in bins),
        diagonal=((place.x(0.0), place.y(0.0)), (place.x(1.0), place.y(1.0))),
        x_ticks=tuple((place.x(value), f"{100 * value:.0f}") for value in TICKS),
        y_ticks=tuple((place.y(value), f"{100 * value:.0f}") for value in TICKS),
        frame=frame,
    )


@dataclass(frozen=True)
class _Place:
    frame: Frame

    def x(self, confidence: float) -> float:
        return self.frame.left + (self.frame.right - self.frame.left) * confidence

    def y(self, accuracy: float) -> float:
        return self.frame.bottom - (self.frame.bottom - self.frame.top) * accuracy


def _dot(reliability: Reliability, index: int, place: _Place) -> Dot:
    pixels, bins = int(reliability.pixels[index]), len(reliability.pixels)
    confidence, accuracy = (float(values[index] / pixels) for values in reliability[1:])
    share = float(pixels / reliability.pixels.sum())
    hint = f"{100 * confidence:.1f} % sure: {100 * accuracy:.1f} % right ({100 * share:.2g} % of the pixels)"
    return Dot(
        x=place.x(confidence),
        y=place.y(accuracy),
        left=place.x(index / bins),
        width=place.x((index + 1) / bins) - place.x(index / bins),
        bar=place.y(0.0) - place.y(share),
        few=share < LEAST,
        hint=hint,
    )
