"""A Segmentation as a figure. matplotlib is imported with this file, and this file only when a figure is asked for.

Figures are made without pyplot: it would keep them in memory, and choose a backend for the whole program.
"""

import io
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pixelwise.data.dataset import Image
from pixelwise.data.files.images import as_rgb, size_within
from pixelwise.errors import UserError
from pixelwise.labels import Label, LabelMap

try:
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch
except ImportError as error:
    raise UserError(f"figures need matplotlib ({error}); run `pip install 'pixelwise[notebook]'`") from error

if TYPE_CHECKING:  # which imports this file
    from pixelwise.prediction.segmentation import Segmentation

PANEL = 4.0  # inches; width of a picture
SIDE = 1200  # pixels of a picture's longer side; no screen shows more of a panel
COLUMNS = 6  # of the legend
EDGE = "0.5"  # grey, so that white and black classes show


class NotebookFigure(Figure):
    """A figure that a notebook shows, although pyplot knows nothing of it."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=100)
        return file.getvalue()


def segmentation_figure(segmentation: "Segmentation", truth: Label | None = None) -> NotebookFigure:
    """Photo | truth, if known | prediction, and the classes that occur in the two.

    truth: (h, w) class indices or the ignore index, which is drawn black; its resolution may be another.
    """
    labels = segmentation.labels
    panels = {
        "photo": _small(as_rgb(segmentation.image), cv2.INTER_AREA),
        **({} if truth is None else {"truth": _small(labels.colorize(truth), cv2.INTER_NEAREST)}),
        "prediction": _small(labels.colorize(segmentation.label), cv2.INTER_NEAREST),
    }
    shown = [segmentation.label] if truth is None else [segmentation.label, truth]
    handles = _legend(labels, np.unique(np.concatenate([np.unique(label) for label in shown])).tolist())
    height, width = segmentation.image.shape[:2]
    lines = -(-len(handles) // COLUMNS)
    size = PANEL * len(panels), min(3 * PANEL, PANEL * height / width) + 0.4 + 0.25 * lines
    figure = NotebookFigure(figsize=size, layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, (title, picture) in zip(axes, panels.items(), strict=True):
        axis.imshow(picture)
        axis.set_title(title)
        axis.set_axis_off()
    names = [text for text, _ in handles]
    figure.legend([patch for _, patch in handles], names, loc="outside lower center", ncols=COLUMNS, frameon=False)
    return figure


def _legend(labels: LabelMap, values: list[int]) -> list[tuple[str, Patch]]:
    """The classes among the values of labels, and what is drawn black since it has none."""
    classes = [value for value in values if value < len(labels) and value != labels.ignore]
    handles = [(plain(labels.names[value]), _patch(labels.colors[value])) for value in classes]
    return handles + ([("no class", _patch((0, 0, 0)))] if len(classes) < len(values) else [])


def _patch(color: tuple[int, int, int]) -> Patch:
    return Patch(facecolor=fraction(color), edgecolor=EDGE)


def fraction(color: tuple[int, int, int]) -> tuple[float, float, float]:
    """A colour as matplotlib has it.

    >>> fraction((255, 0, 51))
    (1.0, 0.0, 0.2)
    """
    red, green, blue = color
    return red / 255, green / 255, blue / 255


def plain(name: str) -> str:
    r"""A name as matplotlib shows it as it is: dollars begin no formula, and an underscore before it hides it not.

    >>> plain("US$")
    'US\\$'
    """
    escaped = name.replace("$", r"\$")
    return f"\u200b{escaped}" if escaped.startswith("_") else escaped


def _small(picture: Image, interpolation: int) -> Image:
    return np.asarray(cv2.resize(picture, size_within(picture, SIDE), interpolation=interpolation), np.uint8)
