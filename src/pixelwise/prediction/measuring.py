"""The regions of a class in many photos: as tables and as GeoJSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import groupby
from typing import Any

import numpy as np
from jaxtyping import Int32

from pixelwise.data.dataset import Image
from pixelwise.data.files.geotiff import Georeference
from pixelwise.errors import UserError
from pixelwise.labels import Label
from pixelwise.shapes import Polygon, Region, measure_regions, number_regions, polygons
from pixelwise.shapes.exports import PIXELS, Affine, coordinates, feature_collection

COLUMNS = ("image", "class", *(field.name for field in fields(Region)), "unit")
PX = "px"
METRES = "m"
MOST = 65535  # regions of a photo that are drawn as polygons


@dataclass(frozen=True)
class Measuring:
    """What is measured. class_name: in tables. pixel_size: height and width. unit: of that, PX where none is known.

    least: pixels of the smallest region. split: whether regions that touch are parted.
    """

    class_name: str
    class_index: int
    pixel_size: tuple[float, float] = (1.0, 1.0)
    unit: str = PX
    least: int = 1
    split: bool = False

    def at(self, place: Georeference | None) -> "Measuring":
        """The same in metres, for an image of which neither the size of a pixel nor its unit is known but its place."""
        size = place.pixel_size if place and self.unit == PX else None
        return replace(self, pixel_size=size, unit=METRES) if size else self


@dataclass(frozen=True)
class Measured:
    """The regions in one photo. features: their outlines as GeoJSON, where asked for, in the photo's pixels.

    place: of the photo; in its coordinates the outlines are, where it has a transform.
    """

    name: str
    measuring: Measuring
    regions: list[Region]
    features: list[dict[str, Any]]
    place: Georeference | None = None

    @property
    def area(self) -> float:
        """Of all regions, in the squared unit."""
        return sum(region.area for region in self.regions)

    def rows(self) -> list[dict[str, str | float]]:
        """One for each region, all of COLUMNS."""
        return [_row(self.name, self.measuring, region) for region in self.regions]

    def known(self) -> list[dict[str, str | float]]:
        """The rows for JSON, which has no NaN: without what is not known."""
        return [_known(row) for row in self.rows()]


def number(label: Label, measuring: Measuring) -> Int32[np.ndarray, "h w"]:
    """The numbers of the regions that are to be measured, 0 elsewhere."""
    return number_regions(label, measuring.class_index, least=measuring.least, split=measuring.split)


def measure(
    name: str,
    image: Image | None,
    numbered: Int32[np.ndarray, "h w"],
    measuring: Measuring,
    *,
    outlines: bool = False,
    place: Georeference | None = None,
) -> Measured:
    """The measures of regions that `number` gave, with their intensities where there is a photo, (h, w, c) uint8.

    outlines: whether they are wanted, too. place: of the photo; lengths are in metres where it tells them and
    ``measuring`` has no unit. Raises UserError where photo and label have two sizes, and for more regions than can have
    outlines.
    """
    measuring = measuring.at(place)
    regions = measure_regions(numbered, image=image, pixel_size=measuring.pixel_size)
    if outlines and len(regions) > MOST:
        raise UserError(f"{name}: has {len(regions)} regions, and GeoJSON takes {MOST} of a photo; use --least")
    rows = [_known(_row(name, measuring, region)) for region in regions]
    transform = (place and place.transform) or PIXELS
    return Measured(name, measuring, regions, _features(rows, numbered, transform) if outlines else [], place)


def _row(name: str, measuring: Measuring, region: Region) -> dict[str, str | float]:
    """Whether a region touches the border is 0 or 1."""
    measures = region.row() | {"touches_border": int(region.touches_border)}
    return {"image": name, "class": measuring.class_name, **measures, "unit": measuring.unit}


def _known(row: dict[str, str | float]) -> dict[str, str | float]:
    return {key: value for key, value in row.items() if value == value}


def _features(
    rows: list[dict[str, str | float]], numbered: Int32[np.ndarray, "h w"], transform: Affine
) -> list[dict[str, Any]]:
    found = polygons(numbered.astype(np.uint16), ignore=0)  # by number
    shapes = {number: list(group) for number, group in groupby(found, lambda polygon: polygon.class_index)}
    return [_feature(row, shapes[index], transform) for index, row in enumerate(rows, start=1)]


def _feature(row: dict[str, str | float], shapes: list[Polygon], transform: Affine) -> dict[str, Any]:
    """Pixels that touch at corners only are one region, but several polygons."""
    drawn = [coordinates(polygon, transform) for polygon in shapes]
    return {"type": "Feature", "properties": row, "geometry": {"type": "MultiPolygon", "coordinates": drawn}}


def to_geojson(found: Sequence[Measured]) -> dict[str, Any]:
    """A FeatureCollection of the regions of all photos: in the system of their places, or each in its own pixels.

    As `shapes.to_geojson` writes it. Raises UserError as `system_of` does.
    """
    crs = system_of({one.name: one.place for one in found})
    return feature_collection([feature for one in found for feature in one.features], crs)


def system_of(places: Mapping[str, Georeference | None]) -> str | None:
    """The system of coordinates that all photos share; None for pixels, and where it has no name.

    places: by the photos' names. Raises UserError where there are several: a file of GeoJSON has one.
    """
    systems = {_system(place): name for name, place in places.items()}
    if len(systems) > 1:
        said = ", ".join(f"{name} is in {system}" for system, name in systems.items())
        raise UserError(f"GeoJSON has one system of coordinates, but {said}; write them into several files")
    place = next(iter(places.values()), None)
    return place.crs if place and place.transform else None


def _system(place: Georeference | None) -> str:
    return (place.crs or "an unnamed system") if place and place.transform else "pixels"
