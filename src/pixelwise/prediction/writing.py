"""What is written of a labelled photo: which files, what they are called, and what is in them."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from pixelwise.errors import unknown
from pixelwise.files import replacing
from pixelwise.labels import Label, LabelMap
from pixelwise.prediction.segmentation import Segmentation

PNG_EFFORT = 3  # of 9: a third of the time for a tenth more bytes
USUAL = ("label", "color", "overlay", "side_by_side")
CUTOUT = "cutout:"  # and a class
COCO = "coco"  # one file for all photos

ENDINGS = {
    "label": "_label.png",
    "color": "_color.png",
    "overlay": "_overlay.png",
    "side_by_side": "_side_by_side.png",
    "confidence": "_confidence.png",
    "probabilities": "_probabilities.npy",
    "geojson": ".geojson",
    "svg": ".svg",
}
LABELME = "labelme"  # kind, and the folder in which labelme finds photos and polygons
KINDS = (*ENDINGS, LABELME, COCO, f"{CUTOUT}CLASS")

PICTURES: dict[str, Callable[[Segmentation], Pillow.Image]] = {
    "label": Segmentation.index,
    "color": Segmentation.color,
    "overlay": Segmentation.overlay,
    "confidence": lambda found: Pillow.fromarray(np.rint(found.confidence * 255).astype(np.uint8)),
}


@dataclass(frozen=True)
class Wanted:
    """Which files are written of each photo.

    kinds: of KINDS, with a class of the model in the place of CLASS. simplify: pixels that outlines may be off.

    >>> Wanted(("label", "cutout:Car")).files("street")
    ['street_label.png', 'street_cutout_Car.png']
    """

    kinds: tuple[str, ...] = USUAL
    simplify: int | float = 0.0

    @property
    def probabilities(self) -> bool:
        """Whether those of all classes are needed."""
        return "probabilities" in self.kinds

    def files(self, name: str) -> list[str]:
        """The files of the photo of that name, below the folder for all; not that of COCO, which is of all photos."""
        return [_file(kind, name) for kind in self.kinds if kind != COCO]


def parse_kinds(text: str, labels: LabelMap) -> tuple[str, ...]:
    """ "label,cutout:car" -> kinds, each once. Raises UserError for what cannot be written, and for unknown classes.

    >>> parse_kinds("svg, cutout:CAR,svg", LabelMap(("car",), ((0, 0, 142),)))
    ('svg', 'cutout:car')
    """
    found = []
    for kind in (word.strip() for word in text.split(",")):
        if kind.startswith(CUTOUT):
            found.append(CUTOUT + labels.names[labels.index(kind.removeprefix(CUTOUT))])
        elif kind in KINDS and kind != f"{CUTOUT}CLASS":
            found.append(kind)
        else:
            raise unknown("kind of file", kind, KINDS)
    return tuple(dict.fromkeys(found))


def _file(kind: str, name: str) -> str:
    if kind == LABELME:
        return f"{LABELME}/{name}.json"
    if kind.startswith(CUTOUT):
        return f"{name}_cutout_{as_file_name(kind.removeprefix(CUTOUT))}.png"
    return name + ENDINGS[kind]


def as_file_name(name: str) -> str:
    """The name of a class as a part of a file's.

    >>> as_file_name("traffic light / sign")
    'traffic-light-sign'
    """
    return re.sub(r"[^\w-]+", "-", name)


def write_files(found: Segmentation, wanted: Wanted, folder: Path, truth: Label | None = None) -> None:
    """All that is wanted of a photo, each file whole or not at all, as `Wanted.files` calls them.

    truth: (h, w) class indices, shown side by side with the prediction.
    Raises UserError where the folder cannot be written.
    """
    for kind in wanted.kinds:  # one after the other, for what is made of a large photo is large
        if kind != COCO:
            _write(kind, found, folder / _file(kind, found.name), wanted.simplify, truth)


def _write(kind: str, found: Segmentation, path: Path, simplify: int | float, truth: Label | None) -> None:
    if kind == "geojson":
        _write_text(json.dumps(found.to_geojson(simplify)), path)
    elif kind == "svg":
        _write_text(found.to_svg(simplify), path)
    elif kind == "probabilities":
        _write_numbers(found, path)
    elif kind == LABELME:
        _write_labelme(found, path, simplify)
    elif kind == "side_by_side":
        write_png(found.side_by_side(truth), path)
    elif kind.startswith(CUTOUT):
        write_png(found.cutout(kind.removeprefix(CUTOUT)), path)
    else:
        write_png(PICTURES[kind](found), path)


def write_png(picture: Pillow.Image, path: Path) -> None:
    """Whole or not at all. Raises UserError where it cannot be written."""
    with replacing(path) as temporary:
        picture.save(temporary, "PNG", compress_level=PNG_EFFORT)


def _write_text(text: str, path: Path) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _write_numbers(found: Segmentation, path: Path) -> None:
    if found.probabilities is None:
        raise ValueError("the photo was labelled without probabilities")
    with replacing(path) as temporary:
        np.save(temporary, found.probabilities)


def _write_labelme(found: Segmentation, path: Path, simplify: int | float) -> None:
    """A name may have folders in it; labelme looks for the photo beside the JSON."""
    replace(found, name=path.stem).to_labelme(path.parent, simplify)
