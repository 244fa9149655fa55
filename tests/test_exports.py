"""What other programs read is what was labelled."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import shapely
import shapely.geometry
from PIL import Image as Pillow
from pycocotools.coco import COCO
from small_data import label as blocks
from small_data import photo

from pixelwise.data.dataset_yaml import find_description
from pixelwise.data.layouts import coco, labelme
from pixelwise.data.layouts.labelme import LabelmePhoto
from pixelwise.data.streets.scene import render
from pixelwise.errors import UserError
from pixelwise.labels import CAMVID11, IGNORE, Label, LabelMap
from pixelwise.prediction.segmentation import Segmentation
from pixelwise.shapes import to_labelme

HEIGHT, WIDTH = 120, 160


def segmented(label: Label, labels: LabelMap = CAMVID11, name: str = "street") -> Segmentation:
    return Segmentation(photo(0, *label.shape), label, np.ones(label.shape, np.float32), labels, name)


def street(index: int = 0) -> Segmentation:
    return segmented(render(0, index, height=HEIGHT, width=WIDTH)[1])


def noise(seed: int = 0, classes: int = 3) -> Label:
    return np.random.default_rng(seed).integers(0, classes, (25, 30), np.uint8)


def counter_clockwise(ring: list[list[float]]) -> bool:
    return shapely.LinearRing(ring).is_ccw


@pytest.mark.parametrize("per_class", [False, True])
@pytest.mark.parametrize("transform", [(1.0, 0.0, 0.0, 0.0, 1.0, 0.0), (0.5, 0.1, 400.0, 0.2, -0.5, 5000.0)])
def test_geojson_is_valid_closed_and_turns_the_way_the_standard_says(
    per_class: bool, transform: tuple[float, float, float, float, float, float]
) -> None:
    content = json.loads(json.dumps(street().to_geojson(per_class=per_class, transform=transform)))
    for feature in content["features"]:
        drawn = shapely.geometry.shape(feature["geometry"])
        assert drawn.is_valid
        assert drawn.area == pytest.approx(feature["properties"]["area"])
        parts = feature["geometry"]["coordinates"] if per_class else [feature["geometry"]["coordinates"]]
        for outer, *holes in parts:
            assert outer[0] == outer[-1]
            assert counter_clockwise(outer)
            assert not any(counter_clockwise(hole) for hole in holes)


def test_geojson_of_a_class_covers_its_pixels() -> None:
    found = street()
    features = found.to_geojson(per_class=True)["features"]
    areas = {feature["properties"]["class"]: feature["properties"]["area"] for feature in features}
    assert areas == {
        name: (found.label == i).sum() for i, name in enumerate(CAMVID11.names) if (found.label == i).any()
    }


def test_geojson_places_pixels_by_the_transform() -> None:
    label = np.array([[0, 1]], np.uint8)
    content = segmented(label).to_geojson(transform=(10.0, 0.0, 300.0, 0.0, -10.0, 700.0), crs="EPSG:32633")
    drawn = shapely.geometry.shape(content["features"][1]["geometry"])
    assert (drawn.bounds, drawn.area) == ((310, 690, 320, 700), 100)
    assert content["crs"]["properties"]["name"] == "EPSG:32633"
    assert "crs" not in segmented(label).to_geojson()


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools with numpy 2
@pytest.mark.parametrize("found", [street(), segmented(noise())], ids=["street", "noise"])
def test_cocos_own_api_makes_the_label_of_the_json(
    found: Segmentation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.json").write_text(json.dumps(found.to_coco()))
    api = COCO(str(tmp_path / "a.json"))
    assert [one["name"] for one in api.loadCats(api.getCatIds())] == list(CAMVID11.names)
    label = np.full(found.label.shape, IGNORE, np.uint8)
    for annotation in api.loadAnns(api.getAnnIds()):
        mask = api.annToMask(annotation)
        assert mask.sum() == annotation["area"]
        label[mask > 0] = annotation["category_id"] - 1
    assert np.array_equal(label, found.label)
    assert "index created" in capsys.readouterr().out


def test_regions_with_holes_are_run_lengths_in_coco() -> None:
    label = np.zeros((3, 3), np.uint8)
    label[1, 1] = 1
    ring, middle = segmented(label).to_coco(file_name="b.jpg")["annotations"]
    assert ring["segmentation"] == {"size": [3, 3], "counts": [0, 4, 1, 4]}
    assert (middle["segmentation"], middle["bbox"]) == ([[1, 1, 2, 1, 2, 2, 1, 2]], [1, 1, 1, 1])


def test_our_own_reader_makes_the_label_of_cocos_json(tmp_path: Path) -> None:
    found = street(1)
    Pillow.fromarray(found.image).save(tmp_path / "street.png")
    (tmp_path / "instances.json").write_text(json.dumps(found.to_coco()))
    data = coco.recognise(*find_description(tmp_path))
    assert data
    assert data.labels.names == ("background", *CAMVID11.names)
    # What no region covers is background to COCO, class 0: the other classes come after it.
    assert np.array_equal(data.train[0].label, np.where(found.label == IGNORE, 0, found.label + 1))


@pytest.mark.parametrize("index", range(4))
def test_our_own_reader_makes_the_label_of_labelmes_polygons(index: int, tmp_path: Path) -> None:
    found = street(index)
    assert found.to_labelme(tmp_path) == tmp_path / "street.json"
    data = labelme.recognise(*find_description(tmp_path))
    assert data
    assert (data.labels.names, data.train.names) == (CAMVID11.names, ("street",))
    assert np.array_equal(data.train[0].label, found.label)
    assert np.array_equal(data.train[0].image, found.image)


@pytest.mark.parametrize("seed", range(10))
def test_labels_with_holes_in_holes_and_ignored_pixels_come_back_from_labelme(seed: int, tmp_path: Path) -> None:
    label = blocks(seed) if seed % 2 else np.where(noise(seed, 4) == 3, np.uint8(IGNORE), noise(seed, 4))
    path = segmented(label).to_labelme(tmp_path)
    classes = tuple((name, index) for index, name in enumerate(CAMVID11.names))
    entry = LabelmePhoto("a", path.with_suffix(".png"), path, (*classes, ("__ignore__", IGNORE)), IGNORE)
    assert np.array_equal(entry.read().label, label)


def test_simplified_outlines_for_labelme_have_fewer_points_and_nearly_the_same_pixels(tmp_path: Path) -> None:
    found = street(2)
    exact, simple = (to_labelme(found.label, CAMVID11, photo="a.png", simplify=by) for by in (0, 1.0))
    points = [sum(len(shape["points"]) for shape in content["shapes"]) for content in (exact, simple)]
    assert points[1] < points[0] / 2
    found.to_labelme(tmp_path, simplify=1.0)
    data = labelme.recognise(*find_description(tmp_path))
    assert data
    assert (data.train[0].label == found.label).mean() > 0.97


def test_grey_photos_go_to_labelme_and_others_are_refused(tmp_path: Path) -> None:
    label = np.zeros((4, 4), np.uint8)
    for channels in (1, 3):
        Segmentation(photo(0, 4, 4)[..., :channels], label, np.ones((4, 4), np.float32), CAMVID11, "a").to_labelme(
            tmp_path
        )
    with pytest.raises(UserError, match="4 channels"):
        Segmentation(np.zeros((4, 4, 4), np.uint8), label, np.ones((4, 4), np.float32), CAMVID11, "a").to_labelme(
            tmp_path
        )


def test_an_svg_has_one_path_for_each_class_that_is_there() -> None:
    labels = LabelMap(("road & path", "car"), ((128, 64, 128), (0, 0, 142)))
    label = np.zeros((6, 6), np.uint8)
    label[1, 1], label[4, 3:5] = 1, 1
    root = ElementTree.fromstring(segmented(label, labels, "a < b").to_svg())
    space = "{http://www.w3.org/2000/svg}"
    assert (root.get("viewBox"), root.findtext(f"{space}title")) == ("0 0 6 6", "a < b")
    paths = root.findall(f"{space}path")
    assert [path.findtext(f"{space}title") for path in paths] == ["road & path", "car"]
    assert [path.get("fill") for path in paths] == ["#804080", "#00008e"]
    assert paths[1].get("d") == "M1 1 2 1 2 2 1 2ZM3 4 5 4 5 5 3 5Z"
    assert len(re.findall("M", str(paths[0].get("d")))) == 3


def test_a_cutout_is_the_photo_where_the_class_is_and_transparent_elsewhere() -> None:
    found = street()
    rgba, road = np.asarray(found.cutout("Road")), found.label == CAMVID11.index("road")
    assert np.array_equal(rgba[..., 3] == 255, road)
    assert np.array_equal(rgba[road][:, :3], found.image[road])
    with pytest.raises(UserError, match="no class 'cat'"):
        found.cutout("cat")
