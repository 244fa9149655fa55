"""A dataset as a notebook shows it: what was found, the classes, and a few images with their labels over them."""

import base64
import io
from collections.abc import Iterator
from html import escape

import cv2
import numpy as np
from PIL import Image as Pillow

from pixelwise.data.dataset import SPLITS, Dataset, Sample
from pixelwise.data.files.images import as_rgb, size_within
from pixelwise.data.sampling import even_sample
from pixelwise.errors import UserError
from pixelwise.labels import LabelMap
from pixelwise.labels.legend import legend

SHOWN = 4  # samples; no others are read
SIDE = 180  # pixels of a thumbnail's longer side, so that not even noise makes the four larger than 200 kB
OPACITY = 0.5  # of the classes' colours
ROW = "display:flex;flex-wrap:wrap;gap:8px;margin-top:8px"


def dataset_html(dataset: Dataset) -> str:
    """Name, splits, classes and at most four labelled images; reads no other sample. All text is escaped."""
    counts = ", ".join(f"{len(dataset.split(name))} {name}" for name in SPLITS if dataset.split(name)) or "no images"
    lines = [
        f"<b>{escape(dataset.name)}</b>: {counts}; {len(dataset.labels)} classes",
        escape(f"{dataset.layout} layout ({dataset.evidence})"),
        *(escape(f"{problem.severity}: {problem}") for problem in dataset.problems),
        legend(dataset.labels),
    ]
    figures = "".join(_figures(dataset))
    return f'<div>{"<br>".join(lines)}</div><div style="{ROW}">{figures}</div>'


def _figures(dataset: Dataset) -> Iterator[str]:
    """Of the first split that has images."""
    split = next((name for name in SPLITS if dataset.split(name)), "train")
    entries = dataset.split(split).entries
    for entry in even_sample(entries, SHOWN):
        try:
            shown = f'<img src="{thumbnail(entry.read(), dataset.labels)}" alt="">'
        except UserError as error:
            shown = escape(str(error))
        caption = f'<div style="font-size:smaller;overflow-wrap:anywhere">{escape(f"{split}: {entry.name}")}</div>'
        yield f'<div style="width:{SIDE}px">{shown}{caption}</div>'


def thumbnail(sample: Sample, labels: LabelMap) -> str:
    """The photo with its label's colours over it, as the text of a data URI; ignored pixels are darker.

    The label may have another resolution than the photo.

    >>> white = Sample(np.full((9, 9, 3), 255, np.uint8), np.zeros((3, 3), np.uint8), "white")
    >>> thumbnail(white, LabelMap(("road",), ((128, 64, 128),)))[:23]
    'data:image/jpeg;base64,'
    """
    photo, colors = as_rgb(sample.image), labels.colorize(sample.label)
    size = size_within(photo, SIDE)
    small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    drawn = cv2.resize(colors, size, interpolation=cv2.INTER_NEAREST)
    mixed = cv2.addWeighted(drawn, OPACITY, small, 1 - OPACITY, 0)
    file = io.BytesIO()
    Pillow.fromarray(np.asarray(mixed, np.uint8)).save(file, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
