"""The report's figures as plain numbers and text: learning curves, the confusion matrix as a heat map, pictures.

The template draws them as SVG and HTML, so that they follow the reader's light or dark theme.
"""

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from PIL import Image as Pillow

from pixelwise.data.dataset import Image
from pixelwise.data.files.images import as_rgb
from pixelwise.metrics import Counts

Point = tuple[float, float]

PICTURE_WIDTH = 480  # pixels; keeps a report with eight examples near half a megabyte
MOST_NUMBERED = 25  # classes; with more, numbers no longer fit into the cells


@dataclass(frozen=True)
class Frame:
    """The area of a figure that its curve is drawn in, in the units of the SVG's view box."""

    width: float = 400.0
    height: float = 210.0
    left: float = 40.0
    right: float = 382.0
    top: float = 12.0
    bottom: float = 180.0


@dataclass(frozen=True)
class Curve:
    """One learning curve, ready to draw.

    points: x, y in the frame. hints: what each point says. x_ticks, y_ticks: place and text.
    marked: index of the point to stress. caption: the curve in words.
    """

    title: str
    caption: str
    points: tuple[Point, ...]
    hints: tuple[str, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    marked: int
    frame: Frame

    @property
    def polyline(self) -> str:
        """The points as SVG writes them."""
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in self.points)


# Column of history.csv -> title of its curve.
LOSSES = {
    "loss": "Training loss",
    "l1_loss": "Mean difference from the true picture (L1)",
    "gan_loss": "Painter's loss against the discriminator",
    "discriminator_loss": "Discriminator's loss",
}
SCORES = {"validation_mean_iou": "Validation mean IoU, %", "validation_likeness": "Validation likeness, %"}


def learning_curves(history: Sequence[dict[str, float]]) -> list[Curve]:
    """Losses, and validation scores in %, over steps; a curve without any finite value is left out.

    history: rows with "step" and "loss" and, where they were measured, the others of LOSSES and SCORES.
    """
    curves = []
    for key, title in LOSSES.items():
        if loss := _series(history, key, 1.0):
            curves.append(draw_curve(title, loss, f"{loss[-1][1]:.3g} at the end", marked=len(loss) - 1))
    for key, title in SCORES.items():
        if score := _series(history, key, 100.0):
            best = max(range(len(score)), key=lambda index: score[index][1])
            words = f"best {score[best][1]:.1f} at step {score[best][0]:,.0f}; {score[-1][1]:.1f} at the end"
            curves.append(draw_curve(title, score, words, marked=best))
    return curves


def _series(history: Sequence[dict[str, float]], key: str, scale: float) -> list[Point]:
    rows = ((row.get("step", math.nan), row.get(key, math.nan)) for row in history)
    return [(step, value * scale) for step, value in rows if math.isfinite(step) and math.isfinite(value)]


def draw_curve(
    title: str, series: Sequence[Point], caption: str, *, marked: int = 0, frame: Frame | None = None
) -> Curve:
    """Brings a series of (step, value), at least one, into a frame; both axes begin at 0, or below if values do.

    >>> square = Frame(left=0.0, right=100.0, top=0.0, bottom=100.0)
    >>> draw_curve("loss", [(50.0, 1.0), (100.0, 0.5)], "", frame=square).points
    ((50.0, 0.0), (100.0, 50.0))
    """
    frame = frame or Frame()
    last = max(1.0, *(step for step, _ in series))
    y_ticks = ticks(min(0.0, *(value for _, value in series)), max(value for _, value in series), beyond=True)
    low, high = y_ticks[0], y_ticks[-1]

    def x(step: float) -> float:
        return frame.left + (frame.right - frame.left) * step / last

    def y(value: float) -> float:
        return frame.bottom - (frame.bottom - frame.top) * (value - low) / (high - low)

    return Curve(
        title=title,
        caption=caption,
        points=tuple((x(step), y(value)) for step, value in series),
        hints=tuple(f"step {step:,.0f}: {value:.3g}" for step, value in series),
        x_ticks=tuple((x(step), f"{step:,.10g}") for step in ticks(0.0, last)),
        y_ticks=tuple((y(value), f"{value:.6g}") for value in y_ticks),
        marked=marked,
        frame=frame,
    )


def ticks(low: float, high: float, *, beyond: bool = False) -> list[float]:
    """Three to seven round numbers from ``low`` to ``high``; with ``beyond``, out to the first ones that hold both.

    >>> ticks(0.0, 1000.0), ticks(0.0, 0.83, beyond=True)
    ([0.0, 200.0, 400.0, 600.0, 800.0, 1000.0], [0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    """
    span = high - low or 1.0
    power = 10.0 ** math.floor(math.log10(span))
    step = next(power * factor for factor in (0.2, 0.5, 1, 2) if span / (power * factor) <= 5)
    first, last = low / step, max(high, low + span if beyond else high) / step
    indices = range(math.floor(first), math.ceil(last) + 1) if beyond else range(math.ceil(first), math.floor(last) + 1)
    decimals = max(0, -math.floor(math.log10(step)))
    return [round(index * step, decimals) for index in indices]


@dataclass(frozen=True)
class Cell:
    """One cell of the heat map.

    share: of the true class's pixels, in [0, 1]. text: the number in it. hint: the same in words.
    """

    share: float
    kind: Literal["hit", "miss"]
    text: str
    hint: str

    @property
    def strength(self) -> float:
        """How strongly the cell is coloured, in [0, 1]: mistakes are rarely near 1, so small shares are lifted."""
        return round(self.share if self.kind == "hit" else self.share**0.6, 2)


def heat_map(counts: Counts, names: Sequence[str]) -> list[list[Cell] | None]:
    """One row per true class, each normalised to 1; None where the class never occurs in the truth.

    Numbers are whole per cent, left out where they round to 0, and altogether beyond 25 classes.

    >>> [row and [cell.text for cell in row] for row in heat_map(np.array([[3, 1], [0, 0]]), ["road", "car"])]
    [['75', '25'], None]
    """
    return [
        [_cell(index, other, row, names) for other in range(len(names))] if row.sum() else None
        for index, row in enumerate(counts)
    ]


def _cell(index: int, other: int, row: np.ndarray, names: Sequence[str]) -> Cell:
    share = float(row[other] / row.sum())
    visible = share >= 0.005
    verb = f"{names[index]} found" if index == other else f"{names[index]} taken for {names[other]}"
    return Cell(
        share=share,
        kind="hit" if index == other else "miss",
        text=f"{100 * share:.0f}" if visible and len(names) <= MOST_NUMBERED else "",
        hint=f"{verb}: {100 * share:.1f} % ({row[other]:,} pixels)" if visible else "",
    )


def photo_uri(image: Image, width: int = PICTURE_WIDTH) -> str:
    """An (h, w, c) photo as a JPEG, RGB or grey, at most that many pixels wide, in the text of a data URI."""
    small = cv2.resize(as_rgb(image), _picture_size(image, width), interpolation=cv2.INTER_AREA)
    return _data_uri(Pillow.fromarray(np.asarray(small, np.uint8)), "JPEG")


def drawing_uri(image: Image, width: int = PICTURE_WIDTH) -> str:
    """Colours (h, w, 3) or, with opacity, (h, w, 4) like ``photo_uri``, but exact: a JPEG would smear them.

    A PNG with a palette where there are at most 256 of them.
    """
    small = cv2.resize(image, _picture_size(image, width), interpolation=cv2.INTER_NEAREST)
    return _data_uri(_with_palette(np.asarray(small, np.uint8)), "PNG")


def _with_palette(image: Image) -> Pillow.Image:
    """The picture, with as few bytes a pixel as its colours need."""
    height, width, channels = image.shape
    four = np.full((height, width, 4), 255, np.uint8)
    four[..., :channels] = image
    one = four.view(np.uint32)[..., 0]
    colors = np.unique(one)
    if len(colors) > 256:
        return Pillow.fromarray(image)
    picture = Pillow.fromarray(np.searchsorted(colors, one).astype(np.uint8))
    picture.putpalette(colors.view(np.uint8).tobytes(), "RGBA" if channels == 4 else "RGBX")
    return picture


def _picture_size(image: Image, most: int = PICTURE_WIDTH) -> tuple[int, int]:
    height, width = image.shape[:2]
    scale = min(1.0, most / width)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _data_uri(picture: Pillow.Image, kind: Literal["JPEG", "PNG"]) -> str:
    file = io.BytesIO()
    picture.save(file, kind, quality=85, optimize=True)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"
