"""The page of benchmarks/decoders.py: figures, spectra and pictures of each pair of decoders."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from pixelwise.data.dataset import Image, Sample
from pixelwise.data.files.images import as_rgb
from pixelwise.labels import Label, LabelMap
from pixelwise.metrics import PERIODS, WINDOW, near_boundary
from pixelwise.report.figures import drawing_uri, photo_uri, ticks
from pixelwise.report.pages import percent, write_page

KINDS = {"transposed": "transposed convolutions", "upsampled": "upsampling"}
CROP, ENLARGED = 48, 4  # pixels of the network's output, and how large each is shown
LEFT, RIGHT, TOP, BOTTOM = 44.0, 390.0, 12.0, 170.0  # of a figure in its view box
RIGHT_COLOR, WRONG_COLOR = (62, 116, 240), (240, 110, 20)
LOWEST = -90.0  # dB, of a spectrum's figure
RIPPLE = np.array([[-0.25, 0.5, -0.25]])  # a filter that leaves waves of two pixels alone


class Drawn(NamedTuple):
    """What one network makes of a sample. raw: as it draws it, (h, w, c). label: at the truth's size."""

    raw: np.ndarray
    label: Label
    paints: bool


class Place(NamedTuple):
    """The upper left pixel of a crop, in a network's output."""

    top: int
    left: int

    def of(self, picture: np.ndarray) -> np.ndarray:
        """The crop."""
        return picture[self.top : self.top + CROP, self.left : self.left + CROP]


def write_pairs(path: Path, result: dict[str, Any], pages: dict[str, Any]) -> None:
    """result: as in results/decoders.json. pages: name of the pair -> its labels and the samples shown."""
    pairs = [_section(name, figures, pages[name]) for name, figures in result["pairs"].items()]
    write_page(
        path,
        "decoders.html.j2",
        folder=Path(__file__).parent,
        pairs=pairs,
        kinds=KINDS,
        periods=[str(period) for period in PERIODS],
        enlarged=ENLARGED,
        result=result,
        decibel=decibel,
    )


def _section(name: str, figures: dict[str, Any], page: dict[str, Any]) -> dict[str, Any]:
    kinds = [figures[kind] for kind in KINDS]
    variances = [np.sum(kind["spectrum"][1:]) / WINDOW for kind in kinds]
    trained = [np.array(kind["spectrum"]) / variance for kind, variance in zip(kinds, variances, strict=True)]
    return {
        "name": name,
        "figures": figures,
        "summary": summary(figures),
        "spectra": [
            _plot("Trained", "every image of the split", trained),
            _plot(
                "Untrained",
                f"{kinds[0]['untrained']['photos']} photos, {kinds[0]['untrained']['seeds']} seeds",
                [np.array(kind["untrained"]["spectrum"]) for kind in kinds],
            ),
        ],
        "shown": [_example(sample, drawn, page["labels"]) for sample, drawn in page["shown"]],
    }


def summary(figures: dict[str, Any]) -> str:
    """What was found, in three sentences."""
    one, other = (figures[kind] for kind in KINDS)

    def both(show: str, *keys: str) -> tuple[str, str]:
        values = [one, other]
        for key in keys:
            values = [value[key] for value in values]
        return tuple(percent(value) if show == "%" else decibel(value) for value in values)  # type: ignore[return-value]

    iou, near, away = (both("%", *keys) for keys in (("scores", "mean IoU"), ("accuracy near",), ("accuracy away",)))
    two = both("dB", "checkerboards", "2", "dB")
    fresh = [decibel(float(np.mean(kind["untrained"]["dB"]["2"]))) for kind in (one, other)]
    return (
        f"Mean IoU is {iou[0]} with transposed convolutions and {iou[1]} with upsampling; within 3 pixels of a "
        f"boundary {near[0]} and {near[1]} of the pixels are right, elsewhere {away[0]} and {away[1]}. In the "
        f"{figures['output']} checkerboards of 2 pixels are at {two[0]} and {two[1]} against the frequencies around "
        f"them; before training, on photos, at {fresh[0]} and {fresh[1]}."
    )


def decibel(value: float) -> str:
    """With its sign; a dash where nothing was drawn.

    >>> decibel(12.34)
    '+12.3\\xa0dB'
    """
    return f"{value:+.1f}\u00a0dB".replace("-", "−") if math.isfinite(value) else "–"


def _plot(title: str, caption: str, spectra: Sequence[np.ndarray]) -> dict[str, Any]:
    """Lines of power in dB over frequencies up to 1/2, against white noise of the same variance."""
    half = WINDOW // 2
    with np.errstate(divide="ignore"):
        levels = [np.maximum(10 * np.log10(spectrum[1 : half + 1]), LOWEST) for spectrum in spectra]
    y_ticks = ticks(min(map(np.min, levels)), max(map(np.max, levels)), beyond=True)
    low, high = y_ticks[0], y_ticks[-1]

    def x(frequency: float) -> float:
        return LEFT + (RIGHT - LEFT) * 2 * frequency

    def y(level: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * (level - low) / (high - low)

    return {
        "title": title,
        "caption": caption,
        "frame": {"left": LEFT, "right": RIGHT, "top": TOP, "bottom": BOTTOM},
        "lines": [
            " ".join(f"{x(index / WINDOW):.1f},{y(level):.1f}" for index, level in enumerate(line, 1))
            for line in levels
        ],
        "x_ticks": [
            (x(place), text) for place, text in ((1 / 8, "1/8"), (1 / 4, "1/4"), (3 / 8, "3/8"), (1 / 2, "1/2"))
        ],
        "y_ticks": [(y(level), f"{level:g}") for level in y_ticks],
    }


def _example(sample: Sample, drawn: Sequence[Drawn], labels: LabelMap) -> dict[str, Any]:
    height, width = drawn[0].raw.shape[:2]
    truth = cv2.resize(sample.label, (width, height), interpolation=cv2.INTER_NEAREST)
    place = flat_place(truth, drawn[0].raw, labels.ignore)
    channel = None if drawn[0].paints else int(place.of(truth)[CROP // 2, CROP // 2])
    crops = [_level(place.of(one.raw if channel is None else one.raw[..., channel])) for one in drawn]
    gain = 127 / max(float(np.percentile(np.abs(crop), 99.5)) for crop in crops)
    unit, scale = ("of 255", 127.5) if drawn[0].paints else ("in its logit", 1.0)
    return {
        "name": sample.name,
        "photo": photo_uri(_marked(sample.image, place, (height, width))),
        "truth": drawing_uri(labels.colorize(sample.label)),
        "drawn": [_picture(one, labels) for one in drawn],
        "crops": [drawing_uri(_enlarged(crop, gain)) for crop in crops],
        "spread": [f"±{scale * float(crop.std()):.2g} {unit}" for crop in crops],
        "what": "" if channel is None else f"logit of {labels.names[channel]}",
        "errors": [drawing_uri(_errors(sample, one.label, labels.ignore)) for one in drawn],
    }


def flat_place(truth: np.ndarray, raw: np.ndarray, ignore: int) -> Place:
    """Where a crop holds one true class only and the last layer's pattern is strongest against what else is there.

    Where no crop is of one class, that with the fewest boundaries.
    """
    mixed = _crop_means(near_boundary(truth, 1, ignore=ignore) | (truth == ignore))
    ripple = sum(_crop_means(np.square(cv2.filter2D(raw, -1, kernel)).sum(-1)) for kernel in (RIPPLE, RIPPLE.T))
    content = _crop_means(np.square(raw - cv2.blur(raw, (CROP, CROP))).sum(-1))
    score = np.where(mixed < mixed.min() + 1e-4, ripple / (content + 1e-12), -1)
    top, left = np.unravel_index(score.argmax(), score.shape)
    return Place(int(top), int(left))


def _crop_means(values: np.ndarray) -> np.ndarray:
    """The mean of every crop, at its upper left pixel."""
    means = cv2.blur(values.astype(np.float64), (CROP, CROP), anchor=(0, 0))
    return np.asarray(means[: len(values) - CROP + 1, : values.shape[1] - CROP + 1])


def _level(crop: np.ndarray) -> np.ndarray:
    """Less the plane that fits it best."""
    rows, columns = np.indices(crop.shape[:2]).reshape(2, -1)
    plane = np.stack([np.ones_like(rows), rows, columns], 1)
    flat = crop.reshape(len(rows), -1).astype(np.float64)
    return np.asarray((flat - plane @ np.linalg.lstsq(plane, flat)[0]).reshape(crop.shape))


def _enlarged(crop: np.ndarray, gain: float) -> Image:
    grown = crop.repeat(ENLARGED, 0).repeat(ENLARGED, 1)
    return as_rgb(np.atleast_3d(np.clip(128 + gain * grown, 0, 255)).astype(np.uint8))


def _marked(image: Image, place: Place, size: tuple[int, int]) -> Image:
    """The photo with a frame where the crop lies; size: height and width that the network saw."""
    picture = as_rgb(image).copy()
    down, right = (side / seen for side, seen in zip(image.shape[:2], size, strict=True))
    first = (round(place.left * right), round(place.top * down))
    last = (round((place.left + CROP) * right) - 1, round((place.top + CROP) * down) - 1)
    return np.asarray(cv2.rectangle(picture, first, last, (255, 255, 0), max(1, image.shape[1] // 240)), np.uint8)


def _picture(drawn: Drawn, labels: LabelMap) -> str:
    painted = np.clip(127.5 * (drawn.raw + 1), 0, 255).astype(np.uint8) if drawn.paints else None
    return drawing_uri(labels.colorize(drawn.label) if painted is None else painted)


def _errors(sample: Sample, label: Label, ignore: int) -> Image:
    """The photo in grey; near boundaries right pixels blue, wrong ones orange."""
    grey = cv2.cvtColor(as_rgb(sample.image), cv2.COLOR_RGB2GRAY)
    height, width = sample.label.shape
    picture = np.dstack([110 + cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA) // 2] * 3)
    near = near_boundary(sample.label, ignore=ignore)
    picture[near] = np.where((label == sample.label)[near, None], RIGHT_COLOR, WRONG_COLOR)
    return np.asarray(picture, np.uint8)
