"""An Evaluation as a figure. matplotlib is imported with this file, and this file only when a figure is asked for."""

from typing import TYPE_CHECKING

import numpy as np

from pixelwise import metrics
from pixelwise.metrics import Reliability
from pixelwise.prediction.figures import EDGE, NotebookFigure, fraction, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from pixelwise.evaluation.evaluation import Evaluation  # which imports this file

MOST_NUMBERED = 15  # classes with which the cells of the confusion matrix still have room for numbers
SIDE = 0.36  # inches; of such a cell
LEAST, MOST = 3.6, 14.0  # inches; height of the figure
WHITE_ABOVE = 0.6  # share from which numbers are white on the dark cells


def evaluation_figure(evaluation: "Evaluation") -> NotebookFigure:
    """The confusion matrix, the IoU of every class, and, where confidences are known, the reliability diagram."""
    side = min(MOST, max(LEAST, SIDE * len(evaluation.labels)))
    reliability = evaluation.reliability
    widths = [side, 3.2, *([LEAST] if reliability else [])]
    figure = NotebookFigure(figsize=(sum(widths) + 2.6, side + 1.6), layout="constrained")
    axes = figure.subplots(1, len(widths), width_ratios=widths)
    _draw_confusion(axes[0], evaluation)
    _draw_iou(axes[1], evaluation)
    if reliability:
        _draw_reliability(axes[2], reliability)
    return figure


def _draw_confusion(axis: "Axes", evaluation: "Evaluation") -> None:
    """Each row is what one true class is called, in % of its pixels; rows of classes that never occur are empty."""
    counts = evaluation.counts
    pixels = counts.sum(1, keepdims=True)
    shares = np.where(pixels > 0, counts / np.maximum(1, pixels), np.nan)
    names = [plain(name) for name in evaluation.labels.names]
    called = [*names, "no class"][: shares.shape[1]]
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axis.set_title("confusion, % of the true class")
    axis.set_xlabel("predicted")
    axis.set_ylabel("true")
    axis.set_xticks(range(len(called)), called, rotation=90)
    axis.set_yticks(range(len(names)), names)
    if len(names) > MOST_NUMBERED:
        return
    for (row, column), share in np.ndenumerate(shares):
        if share >= 0.005:
            color = "white" if share > WHITE_ABOVE else "black"
            axis.text(column, row, f"{100 * share:.0f}", ha="center", va="center", color=color, fontsize=8)


def _draw_iou(axis: "Axes", evaluation: "Evaluation") -> None:
    iou = 100 * metrics.iou(evaluation.counts)
    places = np.arange(len(iou))
    colors = [fraction(color) for color in evaluation.labels.colors]
    bars = axis.barh(places, np.nan_to_num(iou), color=colors, edgecolor=EDGE)
    texts = ["–" if np.isnan(value) else f"{value:.1f}" for value in iou]
    axis.bar_label(bars, texts, padding=3, fontsize=8)
    axis.set_title(f"IoU, %; mean {100 * evaluation.mean_iou:.1f}")
    axis.set_xlim(0, 115)  # room for the number behind a bar of 100
    axis.set_xticks(range(0, 101, 20))
    axis.set_yticks(places, [plain(name) for name in evaluation.labels.names])
    axis.set_ylim(len(iou) - 0.5, -0.5)  # the first class on top, as in the matrix
    axis.spines[["top", "right"]].set_visible(False)


def _draw_reliability(axis: "Axes", reliability: Reliability) -> None:
    """Bars: the share of all pixels with that confidence. Dots: how many of them are right."""
    held = reliability.pixels > 0
    confidence, right = (values[held] / reliability.pixels[held] for values in reliability[1:])
    bins = len(reliability.pixels)
    share = reliability.pixels / max(1, reliability.pixels.sum())
    axis.bar(np.arange(bins) / bins, share, 1 / bins, align="edge", color="0.85", label="share of the pixels")
    axis.plot([0, 1], [0, 1], linestyle="--", color="0.5", linewidth=1, label="as right as sure")
    axis.plot(confidence, right, marker="o", markersize=4, label="accuracy")
    error = metrics.expected_calibration_error(reliability)
    axis.set_title(f"reliability; calibration error {100 * error:.1f} %")
    axis.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axis.legend(loc="upper left", frameon=False, fontsize=8)
