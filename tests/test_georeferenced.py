"""Regions and polygons of GeoTIFF files: coordinates in their system, areas in square metres.

The keys are as GDAL 3.10 writes them; transforms, systems and units of eleven of its files were compared with rasterio.
"""

import json
from collections.abc import Sequence
from math import cos, radians, sin
from pathlib import Path

import numpy as np
import pytest
import tifffile
from command_line import pixelwise, refused
from PIL import Image as Pillow
from shapely import Polygon, union_all
from shapely.geometry import shape
from small_data import photo
from small_models import TWO, tiny_bundle, tiny_network

from pixelwise.bundle import Bundle
from pixelwise.data.files.geotiff import read_georeference
from pixelwise.prediction.predict import predict

RUN = "runs/2026-11-20_unet_camvid"
UTM = (1, 1, 0, 5, 1024, 0, 1, 1, 1025, 0, 1, 1, 2054, 0, 1, 9102, 3072, 0, 1, 32633, 3076, 0, 1, 9001)
UTM_WITHOUT_UNIT = (1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 25832)
LAMBERT_WITHOUT_UNIT = (1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 2154)
US_FEET = (1, 1, 0, 4, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 2263, 3076, 0, 1, 9003)
DEGREES = (1, 1, 0, 4, 1024, 0, 1, 2, 1025, 0, 1, 1, 2048, 0, 1, 4326, 2054, 0, 1, 9102)
WEB_MERCATOR = (1, 1, 0, 3, 1024, 0, 1, 1, 3072, 0, 1, 3857, 3076, 0, 1, 9001)
OWN = (1, 1, 0, 3, 1024, 0, 1, 1, 3072, 0, 1, 32767, 3076, 0, 1, 9001)
LEFT, UPPER = 400000.0, 5200000.0


def geotiff(
    path: Path | str,
    image: np.ndarray,
    keys: Sequence[int] = UTM,
    *,
    sides: tuple[float, float] = (0.5, 0.5),
    matrix: Sequence[float] = (),
    **options: object,
) -> Path:
    """sides: width and height of a pixel. matrix: in their place, a, b, c, d, e, f."""
    if matrix:
        a, b, c, d, e, f = matrix
        full = (a, b, 0.0, c, d, e, 0.0, f, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
        place = [(34264, 12, 16, full, True)]
    else:
        place = [(33550, 12, 3, (*sides, 0.0), True), (33922, 12, 6, (0.0, 0.0, 0.0, LEFT, UPPER, 0.0), True)]
    tags = [*place, (34735, 3, len(keys), tuple(keys), True)]
    kind = {"photometric": "rgb" if image.ndim == 3 else "minisblack", "metadata": None} | options
    tifffile.imwrite(path, image, extratags=tags, **kind)
    return Path(path)


@pytest.fixture
def masks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """A mask with class 1 in rows 2 and 3 of columns 3 to 6, and two pixels that touch at a corner."""
    monkeypatch.chdir(tmp_path)
    Path("masks").mkdir()
    label = np.zeros((10, 12), np.uint8)
    label[2:4, 3:7] = label[7, 8] = label[8, 9] = 1
    return label


def measured(*words: object) -> dict:
    answer = pixelwise("regions", *words, "--json")
    assert answer.code == 0, answer
    return json.loads(answer.out)


def drawn(*words: object) -> dict:
    answer = pixelwise("regions", *words, "--output", "out.geojson")
    assert answer.code == 0, answer
    return json.loads(Path("out.geojson").read_text())


# The size of a pixel


@pytest.mark.parametrize(
    ("keys", "size", "trouble"),
    [
        (UTM, (0.25, 0.5), None),
        (UTM_WITHOUT_UNIT, (0.25, 0.5), None),
        (OWN, (0.25, 0.5), None),
        (US_FEET, (0.25 * 1200 / 3937, 0.5 * 1200 / 3937), None),
        (DEGREES, None, "its coordinates are degrees"),
        (WEB_MERCATOR, None, "Web Mercator stretches all lengths"),
        (LAMBERT_WITHOUT_UNIT, None, "it does not say the unit of its coordinates"),
    ],
)
def test_the_size_of_a_pixel_in_metres_follows_from_transform_and_unit(
    tmp_path: Path, keys: tuple[int, ...], size: tuple[float, float] | None, trouble: str | None
) -> None:
    place = read_georeference(geotiff(tmp_path / "a.tif", photo(0, 16, 16), keys, sides=(0.5, 0.25)))
    assert place is not None
    assert place.pixel_size == (size and pytest.approx(size))
    assert place.trouble == trouble


def test_pixels_may_be_turned_but_must_be_rectangles(tmp_path: Path) -> None:
    c, s = cos(radians(30)), sin(radians(30))
    turned = (0.25 * c, 0.5 * s, LEFT, 0.25 * s, -0.5 * c, UPPER)
    place = read_georeference(geotiff(tmp_path / "a.tif", photo(0, 16, 16), matrix=turned))
    assert place is not None
    assert place.pixel_size == pytest.approx((0.5, 0.25))
    for matrix in ((0.5, 0.2, LEFT, 0, -0.5, UPPER), (0.5, 0.5, LEFT, 0.5, 0.5, UPPER)):
        place = read_georeference(geotiff(tmp_path / "b.tif", photo(0, 16, 16), matrix=matrix))
        assert place is not None
        assert (place.pixel_size, place.trouble) == (None, "its pixels are no rectangles")


# Regions


def test_regions_of_a_mask_with_a_place_have_its_coordinates_and_square_metres(masks: np.ndarray) -> None:
    geotiff("masks/roof_label.tif", masks, sides=(0.5, 0.25))
    found = drawn("--labels", "masks", "--class", 1)
    assert found["crs"] == {"type": "name", "properties": {"name": "EPSG:32633"}}
    block, corners = found["features"]
    assert block["geometry"]["coordinates"] == [
        [[[LEFT + x, UPPER - y] for x, y in ((1.5, 1.0), (3.5, 1.0), (3.5, 0.5), (1.5, 0.5), (1.5, 1.0))]]
    ]
    assert (block["properties"]["area"], block["properties"]["unit"]) == (1.0, "m")
    assert (block["properties"]["x"], block["properties"]["left"], block["properties"]["width"]) == (5, 3, 4)
    for feature in found["features"]:
        geometry = shape(feature["geometry"])
        assert geometry.is_valid
        assert geometry.area == pytest.approx(feature["properties"]["area"])
    assert len(corners["geometry"]["coordinates"]) == 2
    said = measured("--labels", "masks", "--class", 1)
    assert said["images"] == [{"image": "roof", "regions": 2, "area": 1.25, "unit": "m"}]
    assert said["unit"] == "m"
    assert "area m²" in pixelwise("regions", "--labels", "masks", "--class", 1).out


def test_of_turned_pixels_outlines_are_turned_and_areas_are_not(masks: np.ndarray) -> None:
    c, s = cos(radians(30)), sin(radians(30))
    geotiff("masks/a.tif", masks, matrix=(2 * c, 2 * s, LEFT, 2 * s, -2 * c, UPPER))
    block = drawn("--labels", "masks", "--class", 1)["features"][0]
    corners = [(LEFT + 2 * (c * x + s * y), UPPER + 2 * (s * x - c * y)) for x, y in ((3, 2), (7, 2), (7, 4), (3, 4))]
    geometry = shape(block["geometry"])
    assert geometry.symmetric_difference(Polygon(corners)).area < 1e-6
    assert geometry.geoms[0].exterior.is_ccw
    assert (geometry.area, block["properties"]["area"]) == (pytest.approx(32), pytest.approx(32))
    assert block["properties"]["perimeter"] == pytest.approx(2 * measured_in_pixels(masks), rel=1e-6)


def measured_in_pixels(label: np.ndarray) -> float:
    """The perimeter of the first region, in pixels."""
    from pixelwise.shapes import regions

    return regions(label, 1)[0].perimeter


def test_of_degrees_coordinates_are_written_and_lengths_stay_in_pixels_which_is_said(masks: np.ndarray) -> None:
    for name in ("a", "b"):
        geotiff(f"masks/{name}.tif", masks, DEGREES, sides=(1e-5, 1e-5))
    answer = pixelwise("regions", "--labels", "masks", "--class", 1, "--output", "out.geojson", "--json")
    assert answer.code == 0
    wanted = "a (and 1 more): lengths and areas are in pixels, for its coordinates are degrees; --pixel-size tells them"
    assert answer.line == wanted
    assert json.loads(answer.out)["unit"] == "px"
    found = json.loads(Path("out.geojson").read_text())
    assert found["crs"]["properties"]["name"] == "EPSG:4326"
    assert (found["features"][0]["properties"]["area"], found["features"][0]["properties"]["unit"]) == (8, "px")
    assert shape(found["features"][0]["geometry"]).bounds == pytest.approx(
        (LEFT + 3e-5, UPPER - 4e-5, LEFT + 7e-5, UPPER - 2e-5), abs=1e-9, rel=0
    )


def test_a_pixel_size_that_is_given_counts_and_coordinates_stay(masks: np.ndarray) -> None:
    geotiff("masks/a.tif", masks)
    block = drawn("--labels", "masks", "--class", 1, "--pixel-size", "20cm")["features"][0]
    assert (block["properties"]["area"], block["properties"]["unit"]) == (8 * 400, "cm")
    assert shape(block["geometry"]).bounds == (LEFT + 1.5, UPPER - 2, LEFT + 3.5, UPPER - 1)


def test_one_file_of_geojson_has_one_system_but_tables_take_several_units(masks: np.ndarray) -> None:
    geotiff("masks/a.tif", masks)
    Pillow.fromarray(masks).save("masks/b.png")
    words = ("regions", "--labels", "masks", "--class", 1)
    line = refused(*words, "--output", "out.geojson")
    assert "GeoJSON has one system of coordinates, but a is in EPSG:32633, b is in pixels" in line
    assert not Path("out.geojson").exists()
    shown = pixelwise(*words).out
    assert "2.5 m²" in shown
    assert "10 px²" in shown
    said = measured(*words[1:])
    assert (said["unit"], [one["unit"] for one in said["images"]]) == (None, ["m", "px"])


def test_a_system_without_a_name_or_a_file_with_points_only(masks: np.ndarray) -> None:
    geotiff("masks/a.tif", masks, OWN)
    found = drawn("--labels", "masks", "--class", 1)
    assert "crs" not in found
    assert (found["features"][0]["properties"]["area"], found["features"][0]["properties"]["unit"]) == (2, "m")
    tie = tuple(float(value) for value in range(12))
    tags = [(33922, 12, 12, tie, True), (34735, 3, len(UTM), UTM, True)]
    tifffile.imwrite("masks/a.tif", masks, photometric="minisblack", extratags=tags, metadata=None)
    found = drawn("--labels", "masks", "--class", 1)
    assert "crs" not in found
    assert shape(found["features"][0]["geometry"]).bounds == (3, 2, 7, 4)


def test_masks_without_a_place_have_that_of_their_photos(masks: np.ndarray) -> None:
    Pillow.fromarray(masks).save("masks/a_label.png")
    geotiff("a.tif", np.zeros((10, 12, 3), np.uint8))
    found = drawn("a.tif", "--labels", "masks", "--class", 1)
    assert [one["properties"]["area"] for one in found["features"]] == [2, 0.5]
    assert found["crs"]["properties"]["name"] == "EPSG:32633"


# From the photo to the map


def test_a_photo_with_a_place_gives_regions_and_polygons_on_the_map(desk: Path) -> None:
    assert pixelwise("predict", RUN, "aerial.tif", "--write", "geojson", "--output", "out").code == 0
    polygons = json.loads(Path("out/aerial.geojson").read_text())
    assert polygons["crs"]["properties"]["name"] == "EPSG:32633"
    assert {feature["properties"]["unit"] for feature in polygons["features"]} == {"m"}
    height, width = tifffile.imread("aerial.tif").shape[:2]
    assert sum(one["properties"]["area"] for one in polygons["features"]) == pytest.approx(height * width / 4)
    name = max(polygons["features"], key=lambda one: one["properties"]["area"])["properties"]["class"]
    regions = drawn(RUN, "aerial.tif", "--class", name)
    of_class = [shape(one["geometry"]) for one in polygons["features"] if one["properties"]["class"] == name]
    of_regions = [shape(one["geometry"]) for one in regions["features"]]
    assert union_all(of_class).symmetric_difference(union_all(of_regions)).area < 1e-6
    assert union_all(of_regions).within(shape_of((LEFT, UPPER - height / 2, LEFT + width / 2, UPPER)).buffer(1e-6))


def shape_of(bounds: tuple[float, float, float, float]) -> Polygon:
    left, lower, right, upper = bounds
    return Polygon([(left, lower), (right, lower), (right, upper), (left, upper)])


def test_labels_that_were_written_tile_by_tile_are_measured_on_the_map(desk: Path) -> None:
    assert pixelwise("predict", RUN, "aerial.tif", "--tile", "32x32", "--output", "labelled").code == 0
    label = tifffile.imread("labelled/aerial_label.tif")
    value = int(np.bincount(label.ravel()).argmax())
    said = measured("--labels", "labelled", "--class", value)
    assert (said["unit"], said["images"][0]["area"]) == ("m", pytest.approx((label == value).sum() / 4))
    found = drawn("--labels", "labelled", "--class", value)
    assert sum(shape(one["geometry"]).area for one in found["features"]) == pytest.approx((label == value).sum() / 4)
    assert found["crs"]["properties"]["name"] == "EPSG:32633"


def test_areas_of_degrees_are_in_pixels_where_a_photo_is_labelled(tmp_path: Path) -> None:
    path = geotiff(tmp_path / "a.tif", photo(0, 32, 48), DEGREES, sides=(1e-5, 1e-5))
    features = predict(tiny_bundle(), path).to_geojson(per_class=True)["features"]
    assert sum(feature["properties"]["area"] for feature in features) == 32 * 48
    assert {feature["properties"]["unit"] for feature in features} == {"px"}


@pytest.mark.parametrize(("channels", "bands"), [(3, 1), (1, 3), (4, 4), (1, 1)])
def test_grey_and_many_bands_keep_their_place(tmp_path: Path, channels: int, bands: int) -> None:
    """channels: that the model takes. bands: of the file."""
    bundle = Bundle(tiny_network(classes=2, in_channels=channels), "unet", {"width": 4}, TWO, (32, 48))
    image = np.random.default_rng(0).integers(0, 256, (32, 48, bands), np.uint8)
    kind = {"photometric": "minisblack", "planarconfig": "contig"} if bands != 3 else {}
    found = predict(bundle, geotiff(tmp_path / "a.tif", image[..., 0] if bands == 1 else image, **kind))
    assert found.image.shape[2] == channels
    points = np.concatenate([np.concatenate(one["geometry"]["coordinates"]) for one in found.to_geojson()["features"]])
    assert points.min(0).tolist() == [LEFT, UPPER - 16]
    assert points.max(0).tolist() == [LEFT + 24, UPPER]
