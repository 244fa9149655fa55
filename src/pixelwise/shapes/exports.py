"""Polygons in the formats of other programs: GeoJSON, COCO's JSON, SVG. (labelme's: `pixelwise.shapes.labelme`.)"""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np

from pixelwise.labels import Color, LabelMap
from pixelwise.shapes.polygons import Points, Polygon, filled, signed_area

Affine = tuple[float, float, float, float, float, float]

PIXELS: Affine = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def to_geojson(
    found: Iterable[Polygon],
    labels: LabelMap,
    *,
    per_class: bool = False,
    transform: Affine = PIXELS,
    crs: str | None = None,
    pixel: tuple[float, str] | None = None,
) -> dict[str, Any]:
    """A FeatureCollection (RFC 7946): of every region a Polygon, or of every class a MultiPolygon.

    transform: (a, b, c, d, e, f); the pixels' x and y become a x + b y + c and d x + e y + f, as with GDAL's tools and
    rasterio. Without one, coordinates and areas are in pixels. crs: the name of the system that they are then in, as
    "EPSG:32633"; RFC 7946 has longitude and latitude only, so it is written as the standard before it had it. pixel:
    its area and the unit of length, for areas that the coordinates do not tell, those of degrees for one.
    Outer rings run counter-clockwise in these coordinates.

    >>> square = Polygon(0, np.array([[0.0, 0], [2, 0], [2, 2], [0, 2]]))
    >>> feature = to_geojson([square], LabelMap(("car",), ((0, 0, 142),)))["features"][0]
    >>> feature["properties"]
    {'class': 'car', 'color': '#00008e', 'area': 4.0}
    """
    grouped = _by_class(found) if per_class else [[polygon] for polygon in found]
    a, b, _, d, e, _ = transform
    area, unit = pixel or (abs(a * e - b * d), "")
    features = [_feature(group, labels, transform, per_class, area) for group in grouped]
    for feature in features if unit else []:
        feature["properties"]["unit"] = unit
    return feature_collection(features, crs)


def feature_collection(features: list[dict[str, Any]], crs: str | None = None) -> dict[str, Any]:
    """A FeatureCollection. crs: the name of its coordinates' system, where they are neither degrees nor pixels.

    >>> feature_collection([], "EPSG:32633")["crs"]
    {'type': 'name', 'properties': {'name': 'EPSG:32633'}}
    """
    named = {"crs": {"type": "name", "properties": {"name": crs}}} if crs else {}
    return {"type": "FeatureCollection", **named, "features": features}


def _by_class(found: Iterable[Polygon]) -> list[list[Polygon]]:
    groups: dict[int, list[Polygon]] = {}
    for polygon in found:
        groups.setdefault(polygon.class_index, []).append(polygon)
    return [groups[value] for value in sorted(groups)]


def _feature(
    group: Sequence[Polygon], labels: LabelMap, transform: Affine, per_class: bool, pixel: float
) -> dict[str, Any]:
    """pixel: its area."""
    value = group[0].class_index
    area = sum(polygon.area for polygon in group) * pixel
    drawn = [coordinates(polygon, transform) for polygon in group]
    return {
        "type": "Feature",
        "properties": {"class": labels.names[value], "color": _hex(labels.colors[value]), "area": area},
        "geometry": {
            "type": "MultiPolygon" if per_class else "Polygon",
            "coordinates": drawn if per_class else drawn[0],
        },
    }


def coordinates(polygon: Polygon, transform: Affine) -> list[list[list[float]]]:
    """The rings of a polygon, each closed, the outer one counter-clockwise and the others clockwise."""
    a, b, c, d, e, f = transform
    rings = [ring @ np.array([[a, d], [b, e]]) + [c, f] for ring in polygon.rings]
    turned = [ring if (signed_area(ring) > 0) == (number == 0) else ring[::-1] for number, ring in enumerate(rings)]
    return [[*ring.tolist(), ring[0].tolist()] for ring in turned]


def _hex(color: Color) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)


def to_coco(found: Iterable[Polygon], labels: LabelMap, *, shape: tuple[int, int], file_name: str) -> dict[str, Any]:
    """COCO's JSON of one photo: an annotation for every region, with its polygon, or as run lengths if it has holes.

    shape: (height, width) of the photo. file_name: of the photo. Categories are numbered from 1.
    Source: Lin et al., "Microsoft COCO", ECCV 2014; cocodataset.org, "Data format".

    >>> square = Polygon(0, np.array([[0.0, 0], [2, 0], [2, 2], [0, 2]]))
    >>> labels = LabelMap(("car",), ((0, 0, 142),))
    >>> to_coco([square], labels, shape=(4, 4), file_name="a.png")["annotations"][0]["segmentation"]
    [[0.0, 0.0, 2.0, 0.0, 2.0, 2.0, 0.0, 2.0]]
    """
    height, width = shape
    both = enumerate(zip(labels.names, labels.colors, strict=True), start=1)
    return {
        "images": [{"id": 1, "file_name": file_name, "height": height, "width": width}],
        "annotations": [_annotation(polygon, shape, number) for number, polygon in enumerate(found, start=1)],
        "categories": [{"id": number, "name": name, "color": list(color)} for number, (name, color) in both],
    }


def _annotation(polygon: Polygon, shape: tuple[int, int], number: int) -> dict[str, Any]:
    return {
        "id": number,
        "image_id": 1,
        "category_id": polygon.class_index + 1,
        "segmentation": _run_lengths(polygon, shape) if polygon.holes else [polygon.outer.ravel().tolist()],
        "area": polygon.area,
        "bbox": list(polygon.box),
        "iscrowd": 0,
    }


def _run_lengths(polygon: Polygon, shape: tuple[int, int]) -> dict[str, Any]:
    """COCO's uncompressed "RLE": pixels outside, inside, outside, ... down one column after another."""
    mask = np.zeros(shape, np.bool_)
    rows, columns, inside = filled(polygon, shape)
    mask[rows, columns] = inside
    down = mask.ravel(order="F")
    changes = np.flatnonzero(np.diff(down, prepend=False))
    return {"size": list(shape), "counts": np.diff(changes, prepend=0, append=down.size).tolist()}


def to_svg(found: Iterable[Polygon], labels: LabelMap, *, shape: tuple[int, int], title: str) -> str:
    """A drawing with one path for each class, in the class's colour and called by its name.

    shape: (height, width) of the photo, in whose pixels the drawing is measured.

    >>> square = Polygon(0, np.array([[0.0, 0], [2, 0], [2, 2], [0, 2]]))
    >>> print(to_svg([square], LabelMap(("car",), ((0, 0, 142),)), shape=(4, 4), title="street"))
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4" width="4" height="4">
    <title>street</title>
    <path fill="#00008e" fill-rule="evenodd" d="M0 0 2 0 2 2 0 2Z"><title>car</title></path>
    </svg>
    """
    height, width = shape
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n<title>{escape(title)}</title>'
    return "\n".join([head, *(_path(group, labels) for group in _by_class(found)), "</svg>"])


def _path(group: Sequence[Polygon], labels: LabelMap) -> str:
    value = group[0].class_index
    drawn = "".join(_drawn(ring) for polygon in group for ring in polygon.rings)
    fill = f'fill="{_hex(labels.colors[value])}" fill-rule="evenodd"'
    return f'<path {fill} d="{drawn}"><title>{escape(labels.names[value])}</title></path>'


def _drawn(ring: Points) -> str:
    return f"M{' '.join(f'{value:g}' for value in ring.ravel().tolist())}Z"
