"""A Segmentation: one photo, labelled; and the pictures that show it."""

import base64
import io
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int64, UInt8
from PIL import Image as Pillow

from pixelwise.data.dataset import Image
from pixelwise.data.files.geotiff import Georeference
from pixelwise.data.files.images import as_rgb
from pixelwise.labels import Label, LabelMap
from pixelwise.labels.legend import legend
from pixelwise.shapes import exports
from pixelwise.shapes.labelme import write_labelme
from pixelwise.shapes.polygons import Polygon, polygons
from pixelwise.shapes.regions import Region, Size, measure_regions, number_regions
from pixelwise.shapes.tracing import boundaries

if TYPE_CHECKING:
    import matplotlib.figure

Mask = UInt8[np.ndarray, "h w"]


@dataclass(frozen=True)
class Segmentation:
    """One photo and the class of each of its pixels; shows itself in a notebook.

    image: (h, w, c) uint8, shown as RGB or grey. label: (h, w) class indices. confidence: (h, w) probability of that
    class, in [0, 1]. labels: what the classes are. name: of the photo. probabilities: (k, h, w) of all k classes, where
    they were asked for; they sum to 1 in every pixel. place: where on Earth a GeoTIFF's pixels lie.

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
    probabilities: Float[np.ndarray, "k h w"] | None = None
    place: Georeference | None = None

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

    def side_by_side(self, truth: Label | None = None) -> Pillow.Image:
        """Photo | truth, if known | prediction. truth: (h, w) class indices, at any resolution."""
        panels = [
            as_rgb(self.image),
            *([] if truth is None else [self.labels.colorize(_fitting(truth, self.label.shape))]),
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
        return shares_of(np.bincount(self.label.ravel(), minlength=len(self.labels)), self.labels)

    def cutout(self, name: str) -> Pillow.Image:
        """The photo's pixels of one class as RGBA, all others transparent. Raises UserError for an unknown class."""
        opaque = np.where(self.label == self.labels.index(name), 255, 0).astype(np.uint8)
        return Pillow.fromarray(np.dstack([as_rgb(self.image), opaque]))

    def boundaries(self) -> Bool[np.ndarray, "h w"]:
        """Which pixels have a neighbour at a side that is of another class."""
        return boundaries(self.label)

    def polygons(self, simplify: int | float = 0.0) -> list[Polygon]:
        """Every region as a polygon with its holes, in pixels. simplify: pixels that outlines may be off."""
        return polygons(self.label, simplify=simplify, ignore=self.labels.ignore)

    def to_geojson(
        self,
        simplify: int | float = 0.0,
        *,
        per_class: bool = False,
        transform: exports.Affine | None = None,
        crs: str | None = None,
    ) -> dict[str, Any]:
        """The polygons as GeoJSON, for QGIS and web maps; the arguments are those of `shapes.to_geojson`.

        Where neither transform nor crs is given, those of the photo's place are taken, and areas are in square metres
        (unit "m"), or, where these are not known, in square pixels ("px"); without a place all is in pixels.
        """
        pixel = None
        if transform is None and crs is None and self.place and self.place.transform:
            transform, crs = self.place.transform, self.place.crs
            height, width = self.place.pixel_size or (1.0, 1.0)
            pixel = (height * width, "m" if self.place.pixel_size else "px")
        transform = transform or exports.PIXELS
        found = self.polygons(simplify)
        return exports.to_geojson(found, self.labels, per_class=per_class, transform=transform, crs=crs, pixel=pixel)

    def to_coco(self, simplify: int | float = 0.0, *, file_name: str | None = None) -> dict[str, Any]:
        """The regions as COCO's JSON. file_name: of the photo; None = its name and .png."""
        file_name = file_name or f"{self.name}.png"
        return exports.to_coco(self.polygons(simplify), self.labels, shape=self.label.shape, file_name=file_name)

    def to_labelme(self, folder: str | Path, simplify: int | float = 0.0) -> Path:
        """Writes NAME.json and the photo into a folder, to be corrected in labelme; as `shapes.write_labelme`."""
        return write_labelme(Path(folder), self.image, self.label, self.labels, name=self.name, simplify=simplify)

    def to_svg(self, simplify: int | float = 0.0) -> str:
        """The polygons as a drawing with one path for each class."""
        return exports.to_svg(self.polygons(simplify), self.labels, shape=self.label.shape, title=self.name)

    def regions(
        self,
        name: str,
        *,
        pixel_size: int | float | Size = 1.0,
        connectivity: int = 8,
        least: int = 1,
        split: bool = False,
    ) -> list[Region]:
        """The connected regions of a class, measured; the arguments are those of `shapes.regions`."""
        numbered = number_regions(
            self.label, self.labels.index(name), connectivity=connectivity, least=least, split=split
        )
        return measure_regions(numbered, image=self.image, pixel_size=pixel_size)

    def count(self, name: str, *, least: int = 1, split: bool = False) -> int:
        """How many regions a class has. least: pixels of the smallest that counts. split: part those that touch."""
        return len(self.regions(name, least=least, split=split))

    def _repr_html_(self) -> str:
        picture, file = self.overlay(), io.BytesIO()
        picture.thumbnail((800, 800))
        picture.save(file, "PNG")
        encoded = base64.b64encode(file.getvalue()).decode()
        shares = legend(self.labels, {name: f"{share:.0%}" for name, share in self.shares().items()})
        return f'<img src="data:image/png;base64,{encoded}" alt="{escape(self.name)}"><br>{shares}'


def shares_of(counts: Int64[np.ndarray, " k"], labels: LabelMap) -> dict[str, float]:
    """Class name -> share of all pixels, the largest first, absent classes left out. counts: pixels of each class.

    >>> shares_of(np.array([1, 3]), LabelMap(("road", "car"), ((128, 64, 128), (0, 0, 142))))
    {'car': 0.75, 'road': 0.25}
    """
    order = np.argsort(-counts, kind="stable")
    return {labels.names[index]: float(counts[index] / counts.sum()) for index in order if counts[index]}


def _fitting(truth: Label, shape: tuple[int, int]) -> Label:
    """A label at another resolution, the nearest pixel's class."""
    rows, columns = (np.arange(new) * old // new for new, old in zip(shape, truth.shape, strict=True))
    resized: Label = truth[rows[:, None], columns]
    return resized
