"""A label as shapes: polygons, measured regions, and files that other programs read."""

from pixelwise.shapes.drawing import draw_regions
from pixelwise.shapes.exports import to_coco, to_geojson, to_svg
from pixelwise.shapes.labelme import to_labelme, write_labelme
from pixelwise.shapes.polygons import Polygon, polygons, rasterize
from pixelwise.shapes.regions import Region, measure_regions, number_regions, regions
from pixelwise.shapes.splitting import split_touching
from pixelwise.shapes.tracing import boundaries

__all__ = [
    "Polygon",
    "Region",
    "boundaries",
    "draw_regions",
    "measure_regions",
    "number_regions",
    "polygons",
    "rasterize",
    "regions",
    "split_touching",
    "to_coco",
    "to_geojson",
    "to_labelme",
    "to_svg",
    "write_labelme",
]
