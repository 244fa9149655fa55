"""labelme's JSON files with shapes of its kind "mask" (labelme 5.2 and newer), which are exact to the pixel."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from pixelwise.data.dataset import Dataset, Sample
from pixelwise.data.dataset_yaml import write_description
from pixelwise.data.layouts.labelme import IGNORED
from pixelwise.data.writers.common import Written, samples, save, splits
from pixelwise.labels import IGNORE, LabelMap

VERSION = "5.2.0"  # of the format


def write_labelme(source: Dataset, folder: Path) -> Written:
    """{train,val,test}/NAME.png with NAME.json, labels.txt for labelme and dataset.yaml for the colours."""
    write_description(folder, source.labels)
    names = [IGNORED, *source.labels.names]
    (folder / "labels.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    for split, part in splits(source).items():
        for sample, stem in samples(part):
            photo = folder / split / f"{stem}.png"
            save(sample.image, photo)
            content = _content(sample, photo.name, source.labels)
            photo.with_suffix(".json").write_text(json.dumps(content), encoding="utf-8")
            yield


def _content(sample: Sample, photo: str, labels: LabelMap) -> dict[str, object]:
    height, width = sample.label.shape
    return {
        "version": VERSION,
        "flags": {},
        "shapes": [_shape(sample.label == value, labels, int(value)) for value in np.unique(sample.label)],
        "imagePath": photo,
        "imageData": None,
        "imageHeight": height,
        "imageWidth": width,
    }


def _shape(mask: npt.NDArray[np.bool_], labels: LabelMap, value: int) -> dict[str, object]:
    """All pixels of one class, in the smallest box that holds them."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    top, bottom, left, right = (int(edge) for edge in (rows[0], rows[-1], columns[0], columns[-1]))
    file = io.BytesIO()
    Pillow.fromarray(mask[top : bottom + 1, left : right + 1]).save(file, "PNG")
    return {
        "label": IGNORED if value == IGNORE else labels.names[value],
        "points": [[left, top], [right, bottom]],
        "group_id": None,
        "shape_type": "mask",
        "flags": {},
        "mask": base64.b64encode(file.getvalue()).decode("ascii"),
    }
