"""Where on Earth the pixels of a TIFF file lie: GeoTIFF's tags, read and handed on.

OGC GeoTIFF Standard 1.1 (OGC 19-008r4); names of keys and tags are the standard's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import hypot
from pathlib import Path
from typing import Any

import numpy as np

from pixelwise.data.files.file_content import content, opened

MODEL_PIXEL_SCALE, MODEL_TIEPOINT, MODEL_TRANSFORMATION = 33550, 33922, 34264
GEO_KEY_DIRECTORY, GEO_DOUBLE_PARAMS, GEO_ASCII_PARAMS = 34735, 34736, 34737
DOUBLE, SHORT, ASCII = 12, 3, 2  # types of TIFF tags
TAGS = {
    MODEL_PIXEL_SCALE: DOUBLE,
    MODEL_TIEPOINT: DOUBLE,
    MODEL_TRANSFORMATION: DOUBLE,
    GEO_KEY_DIRECTORY: SHORT,
    GEO_DOUBLE_PARAMS: DOUBLE,
    GEO_ASCII_PARAMS: ASCII,
}
RASTER_TYPE, PIXEL_IS_POINT = 1025, 2
CITATION = 1026  # GTCitation: the system in words
PROJECTED, GEOGRAPHIC = 3072, 2048  # keys whose values are EPSG's codes
EPSG = range(1024, 32767)  # beyond: defined by the file itself
MODEL_TYPE, IS_PROJECTED, IS_GEOGRAPHIC = 1024, 1, 2
LINEAR_UNITS = 3076  # of projected coordinates
METRES = {9001: 1.0, 9002: 0.3048, 9003: 1200 / 3937}  # EPSG's unit -> metres: metre, foot, US survey foot
# EPSG's codes of UTM's zones, whose unit is the metre, for files that do not say it: WGS 84, ETRS89, NAD83.
UTM = frozenset({*range(32601, 32661), *range(32701, 32761), *range(25828, 25839), *range(26901, 26924)})
WEB_MERCATOR = 3857
SKEWED = 1e-6  # of the product of a pixel's sides: the product of their directions, where they are no right angle

Affine = tuple[float, float, float, float, float, float]


@dataclass(frozen=True)
class Georeference:
    """What a GeoTIFF file says of its place.

    tags: as they are in the file, code -> numbers or text, to be written into files of the same pixels. transform:
    (a, b, c, d, e, f); the pixels' x and y (the left upper corner of the first is 0, 0) become a x + b y + c and
    d x + e y + f; None where only points are given. crs: the name of the system that these are in, "EPSG:32633" or
    what the file calls it; None where it says nothing.
    """

    tags: Mapping[int, Any]
    transform: Affine | None
    crs: str | None

    @property
    def pixel_size(self) -> tuple[float, float] | None:
        """Height and width of a pixel in metres; None where that is not known, as `trouble` says.

        >>> Georeference({34735: (1, 1, 0, 1, 3072, 0, 1, 32633)}, (0.5, 0.0, 4e5, 0.0, -0.5, 5.2e6), None).pixel_size
        (0.5, 0.5)
        """
        metres = _metres(_keys(self.tags))
        if self.transform is None or metres is None or self.trouble:
            return None
        a, b, _, d, e, _ = self.transform
        return hypot(b, e) * metres, hypot(a, d) * metres

    @property
    def trouble(self) -> str | None:
        """Why lengths in metres are not known; None where they are.

        >>> print(Georeference({34735: (1, 1, 0, 1, 1024, 0, 1, 2)}, (1e-5, 0.0, 14.0, 0.0, -1e-5, 47.0), None).trouble)
        its coordinates are degrees
        """
        keys = _keys(self.tags)
        if self.transform is None:
            return "only points of it have coordinates"
        if keys.get(MODEL_TYPE) == IS_GEOGRAPHIC or (GEOGRAPHIC in keys and PROJECTED not in keys):
            return "its coordinates are degrees"
        if keys.get(PROJECTED) == WEB_MERCATOR:
            return "Web Mercator stretches all lengths"
        if _metres(keys) is None:
            return "it does not say the unit of its coordinates"
        a, b, _, d, e, _ = self.transform
        skewed = abs(a * b + d * e) > SKEWED * hypot(a, d) * hypot(b, e)
        return "its pixels are no rectangles" if skewed or a * e == b * d else None

    @property
    def extra_tags(self) -> list[tuple[int, int, int, Any, bool]]:
        """The tags as tifffile's ``extratags`` has them."""
        return [
            (code, TAGS[code], 0 if isinstance(value, str) else len(value), value, True)
            for code, value in self.tags.items()
        ]


def read_georeference(path: Path) -> Georeference | None:
    """The georeference of the first page of a TIFF file; None where it has none, or the file is of another kind.

    Raises DataError where the file cannot be read.
    """
    with opened(path) as file:
        if content(file.read(32)) != "tiff":
            return None
        import tifffile  # an eighth of a second, for files that few have

        file.seek(0)
        with tifffile.TiffFile(file) as tiff:
            held = tiff.pages.first.tags
            found = {code: held[code].value for code in TAGS if code in held}
    tags = {code: value if isinstance(value, str) else tuple(np.ravel(value).tolist()) for code, value in found.items()}
    return Georeference(tags, _transform(tags), _crs(tags)) if tags else None


def _transform(tags: Mapping[int, Any]) -> Affine | None:
    """From the matrix, or the one point and the scale; those of pixels that are points are moved by half a pixel."""
    matrix, tie, scale = (tags.get(code) for code in (MODEL_TRANSFORMATION, MODEL_TIEPOINT, MODEL_PIXEL_SCALE))
    if matrix and len(matrix) == 16:
        a, b, _, c, d, e, _, f = matrix[:8]
    elif tie and len(tie) == 6 and scale and len(scale) >= 2:
        (column, row, _, x, y, _), (a, down) = tie, scale[:2]
        b, d, e = 0.0, 0.0, -down
        c, f = x - a * column, y + down * row
    else:
        return None
    if _keys(tags).get(RASTER_TYPE) == PIXEL_IS_POINT:
        c, f = c - (a + b) / 2, f - (d + e) / 2
    return float(a), float(b), float(c), float(d), float(e), float(f)


def _crs(tags: Mapping[int, Any]) -> str | None:
    keys = _keys(tags)
    code = next((keys[key] for key in (PROJECTED, GEOGRAPHIC) if keys.get(key) in EPSG), None)
    if code:
        return f"EPSG:{code}"
    name = keys.get(CITATION)
    return name if name and name != "unknown" else None  # which GDAL writes of systems without a name


def _metres(keys: Mapping[int, Any]) -> float | None:
    """In one of the coordinates of a projected system."""
    if keys.get(MODEL_TYPE, IS_PROJECTED) != IS_PROJECTED:
        return None
    if LINEAR_UNITS in keys:
        return METRES.get(keys[LINEAR_UNITS])
    return 1.0 if keys.get(PROJECTED) in UTM else None


def _keys(tags: Mapping[int, Any]) -> dict[int, Any]:
    """The keys that hold a short number or text: four numbers of the directory each, the first four are its head."""
    directory, texts = tags.get(GEO_KEY_DIRECTORY, ()), tags.get(GEO_ASCII_PARAMS, "")
    keys: dict[int, Any] = {}
    for key, place, count, value in zip(*(directory[start::4] for start in range(4, 8)), strict=False):
        if place == 0:
            keys[key] = value
        elif place == GEO_ASCII_PARAMS:
            keys[key] = texts[value : value + count].rstrip("|\0")
    return keys
