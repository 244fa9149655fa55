"""`pixelwise regions`: what it counts, measures, writes and draws."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
from command_line import files_below, pixelwise, refused
from PIL import Image as Pillow
from shapely.geometry import shape

import pixelwise as pw
from pixelwise.shapes import draw_regions, number_regions
from pixelwise.shapes.drawing import BLACK, OUTLINE, WHITE

RUN = "runs/2026-11-20_unet_camvid"


@pytest.fixture
def cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """masks/a_label.png with 8 pixels of class 1 in a block and 2 at a corner, masks/b_label.png with none."""
    monkeypatch.chdir(tmp_path)
    label = np.zeros((10, 12), np.uint8)
    label[2:4, 3:7] = label[8:, 11] = 1
    label[5, 5] = 2
    Path("masks").mkdir()
    Pillow.fromarray(label).save("masks/a_label.png")
    Pillow.fromarray(0 * label).save("masks/b_label.png")
    Pillow.fromarray(label).convert("RGB").save("masks/a_overlay.png")
    Path("photos").mkdir()
    for name in "ab":
        Pillow.fromarray(np.full((10, 12, 3), 40, np.uint8)).save(f"photos/{name}.png")
    return tmp_path


def measured(*words: object) -> dict:
    answer = pixelwise("regions", *words, "--json")
    assert answer.code == 0, answer
    return json.loads(answer.out)


def test_the_regions_of_a_class_in_masks_are_counted_and_measured(cells: Path) -> None:
    said = measured("--labels", "masks", "--class", 1)
    assert said["images"] == [
        {"image": "a", "regions": 2, "area": 10.0, "unit": "px"}, {"image": "b", "regions": 0, "area": 0, "unit": "px"},
    ]  # fmt: skip
    block, corner = said["regions"]
    assert (said["class"], said["unit"], said["failed"]) == ("1", "px", [])
    assert {key: block[key] for key in ("image", "number", "area", "x", "y", "left", "top", "width", "height")} == {
        "image": "a", "number": 1, "area": 8, "x": 5, "y": 3, "left": 3, "top": 2, "width": 4, "height": 2,
    }  # fmt: skip
    assert (block["touches_border"], corner["touches_border"], corner["area"]) == (0, 1, 2)
    assert "mean_intensity" not in block


def test_a_pixel_size_gives_areas_in_its_unit(cells: Path) -> None:
    assert [one["area"] for one in measured("--labels", "masks", "--class", 1, "--pixel-size", "0.5um")["regions"]] == [
        2.0,
        0.5,
    ]
    said = measured("--labels", "masks", "--class", 1, "--pixel-size", "2x0.5 µm", "--least", 3)
    assert ([one["area"] for one in said["regions"]], said["unit"]) == ([8.0], "um")
    assert measured("--labels", "masks", "--class", 1, "--pixel-size", "3")["unit"] == ""
    for wrong in ("0um", "0.5ft", "1x2x3mm", "-1", "wide"):
        assert "--pixel-size" in refused("regions", "--labels", "masks", "--class", 1, f"--pixel-size={wrong}")


def test_photos_beside_the_masks_give_intensities(cells: Path) -> None:
    said = measured("photos", "--labels", "masks", "--class", 1)
    assert [one["mean_intensity"] for one in said["regions"]] == [40, 40]
    Path("masks/b_label.png").unlink()
    assert "have no prediction: b" in refused("regions", "photos", "--labels", "masks", "--class", 1)


def test_names_of_classes_come_from_whoever_has_them(cells: Path) -> None:
    assert measured("--labels", "masks", "--class", "pole", "--names", "camvid11")["class"] == "Pole"
    assert measured("--labels", "masks", "--class", "Pole", "--names", "camvid11")["images"][0]["regions"] == 1
    assert "there is no class 'cell'" in refused("regions", "--labels", "masks", "--class", "cell", "--names", "street")
    assert "masks hold numbers" in refused("regions", "--labels", "masks", "--class", "cell")


def test_every_kind_of_table_holds_every_region(cells: Path) -> None:
    for kind in ("csv", "parquet", "json", "geojson"):
        answer = pixelwise("regions", "--labels", "masks", "--class", 1, "--output", f"out/t.{kind}")
        assert (answer.code, f"out/t.{kind}" in answer.out) == (0, True)
    rows = json.loads(Path("out/t.json").read_text())
    with Path("out/t.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    assert [(one["image"], float(one["area"]), one["mean_intensity"]) for one in read] == [("a", 8, ""), ("a", 2, "")]
    table = pyarrow.parquet.read_table("out/t.parquet").to_pylist()
    assert [{key: value for key, value in row.items() if value is not None} for row in table] == rows
    features = json.loads(Path("out/t.geojson").read_text())["features"]
    assert [feature["properties"] for feature in features] == rows
    assert [shape(feature["geometry"]).area for feature in features] == [8, 2]
    assert shape(features[0]["geometry"]).bounds == (3, 2, 7, 4)


def test_tables_without_regions_are_empty(cells: Path) -> None:
    words = ("regions", "--labels", "masks", "--output")
    for value, name in ((1, "full.csv"), (7, "empty.csv")):
        assert pixelwise(*words, name, "--class", value).code == 0
    assert Path("empty.csv").read_text().splitlines() == Path("full.csv").read_text().splitlines()[:1]
    assert "there are no rows" in refused(*words, "t.parquet", "--class", 7)
    assert pixelwise(*words, "t.geojson", "--class", 7).code == 0
    assert json.loads(Path("t.geojson").read_text())["features"] == []
    assert "let the name end so" in refused(*words, "t.xlsx", "--class", 7)


def test_without_pyarrow_a_parquet_is_refused_before_anything_is_read(
    cells: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert "pip install" in refused("regions", "--labels", "nowhere", "--class", 1, "--output", "t.parquet")


def test_regions_that_touch_are_parted_where_that_is_asked_for(cells: Path) -> None:
    y, x = np.mgrid[:40, :60]
    touching = ((y - 20) ** 2 + (x - 20) ** 2 <= 144) | ((y - 20) ** 2 + (x - 40) ** 2 <= 144)
    Pillow.fromarray(touching.astype(np.uint8)).save("masks/c_label.png")
    counts = [
        {one["image"]: one["regions"] for one in measured("--labels", "masks", "--class", 1, *words)["images"]}["c"]
        for words in ((), ("--split",))
    ]
    assert counts == [1, 2]


def test_a_model_measures_what_it_labels(desk: Path) -> None:
    said = measured(RUN, "street.jpg", "--class", "road", "--least", 5, "--pictures", "drawn", "--output", "t.geojson")
    found = pw.load(RUN, "cpu").predict("street.jpg")
    regions = found.regions("Road", least=5)
    assert [(one["area"], one["mean_intensity"]) for one in said["regions"]] == [
        (region.area, pytest.approx(region.mean_intensity)) for region in regions
    ]
    assert list(files_below(desk / "drawn")) == ["street_regions.png"]
    areas = [shape(one["geometry"]).area for one in json.loads(Path("t.geojson").read_text())["features"]]
    assert areas == [region.area for region in regions]


def test_a_bad_file_is_told_and_the_others_are_measured(desk: Path) -> None:
    Path("holiday_photos/broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    answer = pixelwise("regions", RUN, "holiday_photos", "--class", "Road", "--json")
    assert answer.code == 2
    assert answer.err.splitlines()[-1] == "pixelwise: 1 of 3 images could not be measured"
    said = json.loads(answer.out)
    assert [one["image"] for one in said["images"]] == ["0", "1"]
    assert ["broken.jpg" in line for line in said["failed"]] == [True]


def test_inputs_that_cannot_be_measured(cells: Path) -> None:
    for words, part in (
        ((), "name photos"),
        (("street",), "is a model; name what it is to label: pixelwise regions street photo.jpg"),
        (("--labels", "nowhere"), "there is no such folder"),
        (("--labels", "empty"), "holds no masks"),
    ):
        Path("empty").mkdir(exist_ok=True)
        assert part in refused("regions", *words, "--class", "1").replace("\n", " ")
    Path("masks/b_label.png").unlink()
    Pillow.fromarray(np.zeros((10, 12, 3), np.uint8)).save("masks/b_label.png")
    answer = pixelwise("regions", "--labels", "masks", "--class", 1)
    assert (answer.code, "holds colours" in answer.err) == (2, True)


def test_outlines_lie_on_the_regions_outermost_pixels_and_numbers_inside(cells: Path) -> None:
    y, x = np.mgrid[:200, :300]
    disc = ((y - 100) ** 2 + (x - 150) ** 2 <= 80**2).astype(np.uint8)
    drawn = draw_regions(np.full((200, 300, 3), 90, np.uint8), number_regions(disc, 1))
    assert drawn.shape == (800, 1200, 3)
    far = np.hypot(*(np.mgrid[:800, :1200] + 0.5 - np.array([402, 602])[:, None, None])) / 4
    outline = (drawn == OUTLINE).all(2)
    assert (np.abs(far[outline] - 80) < 1.5).all()
    angles = np.degrees(np.arctan2(*(np.argwhere(outline) - [402, 602]).T)).round()
    assert len(np.unique(angles)) >= 360
    white = far[(drawn == WHITE).all(2)]
    assert 20 < white.size < 2000
    assert white.max() < 10
    assert (drawn[far > 83] == 90).all()
    assert (drawn == BLACK).all(2).any()


def test_a_photo_without_regions_is_drawn_as_it_is() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (700, 1281, 3), np.uint8)
    assert (draw_regions(photo, np.zeros((700, 1281), np.int32)) == photo).all()
