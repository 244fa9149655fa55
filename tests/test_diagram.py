"""The diagrams: what is drawn is what was seen, nothing lies upon anything else, docs/ holds what the code draws."""

import re
import runpy
import subprocess
import sys
from functools import cache
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pixelwise.models import MODELS
from pixelwise.models.survey import on_meta
from pixelwise.models.tracing import Link, Stage, stages
from pixelwise.report.diagram import RIGHT, WIDTH, draw_network
from pixelwise.report.diagram_places import LEFT, Box, breadth, place

ROOT = Path(__file__).parents[1]
NAMESPACE = "{http://www.w3.org/2000/svg}"


@cache
def stages_of(model: str, height: int = 352, width: int = 480) -> list[Stage]:
    return stages(on_meta(model, 11), (height, width))


def boxes_of(model: str, height: int = 352, width: int = 480) -> list[Box]:
    return place(stages_of(model, height, width), WIDTH - RIGHT)


@pytest.mark.parametrize("model", MODELS)
def test_every_block_is_drawn_with_its_name_and_channels_and_every_convolution_as_a_slab(model: str) -> None:
    seen = stages_of(model)
    drawn = ElementTree.fromstring(draw_network(seen, "title", "subtitle"))
    texts = [text.text for text in drawn.iter(f"{NAMESPACE}text")]
    assert texts[:2] == ["title", "subtitle"]
    blocks = [stage for stage in seen if stage.kind == "block" and "transposed" not in str(stage.convolutions)]
    for stage in blocks:
        assert re.sub(r".*\.(?=\D)", "", stage.name) in texts
        assert str(stage.channels) in texts
    hints = [hint.text for hint in drawn.iter(f"{NAMESPACE}title")]
    for stage in seen:
        slabs = [hint for hint in hints if hint and hint.startswith(f"{stage.name or stage.kind}: ")]
        assert len(slabs) >= sum(map(len, stage.convolutions))


@pytest.mark.parametrize("size", [(96, 128), (352, 480), (1080, 1920)])
@pytest.mark.parametrize("model", MODELS)
def test_no_box_lies_upon_another_and_all_are_on_the_sheet(model: str, size: tuple[int, int]) -> None:
    boxes = boxes_of(model, *size)
    for one, other in combinations(boxes, 2):
        beside = one.right <= other.left + 0.01 or other.right <= one.left + 0.01
        assert beside or one.bottom < other.top or other.bottom < one.top, (one, other)
    assert breadth(boxes) <= WIDTH - RIGHT
    assert min(box.left for box in boxes) >= LEFT - 20


def test_time_goes_to_the_right_and_every_halving_goes_down() -> None:
    boxes = boxes_of("unet")
    assert [box.right for box in boxes] == sorted(box.right for box in boxes)
    level_of_block = {box.stage.name: box.level for box in boxes if box.stage.name}
    assert [level_of_block[f"down.{level}"] for level in range(5)] == [0, 1, 2, 3, 4]
    assert [level_of_block[f"up.{level}"] for level in range(4)] == [0, 1, 2, 3]
    heights = {box.level: box.y for box in boxes}
    assert [heights[level] for level in range(5)] == sorted(heights.values())


def test_valid_convolutions_lose_pixels_but_no_level() -> None:
    seen = stages(on_meta("unet", 2, in_channels=1, padding="valid"), (388, 388))
    assert {box.level for box in place(seen, WIDTH)} == {0, 1, 2, 3, 4}


def test_more_channels_are_wider_and_higher_maps_higher() -> None:
    few, many = (box for box in boxes_of("unet") if box.stage.name in ("down.0", "down.3"))
    assert many.slabs[0] > few.slabs[0]
    assert many.height < few.height


def test_skips_are_copies_indices_are_dashed_and_additions_are_signs() -> None:
    def drawn(model: str) -> str:
        return draw_network(stages_of(model), model)

    assert drawn("unet").count("<title>a copy of down.") == 4
    assert "dasharray" not in drawn("unet")
    assert drawn("segnet").count("dasharray") == 5 + 1  # and in the legend
    assert drawn("street").count("<circle") == 2 + 1
    assert "addition" not in drawn("segnet")


def test_the_blocks_of_a_generator_are_named_and_its_copies_stand_at_their_own_resolution() -> None:
    boxes = boxes_of("pix2pix", 256, 256)
    texts = draw_network([box.stage for box in boxes], "generator")
    assert all(f">{name}<" in texts for name in (*(f"up.{level}" for level in range(7)), "paint"))
    skips = {box.stage.name: [boxes[source] for source, _ in box.copies] for box in boxes if box.copies}
    assert {name: copied.stage.name for name, (copied,) in skips.items()} == {
        f"up.{level}": f"down.{level}" for level in range(7)
    }
    level_of_block = {box.stage.name: box.level for box in boxes}
    assert all(level_of_block[name] == copied.level for name, (copied,) in skips.items())


def test_a_skip_goes_around_what_stands_in_its_row() -> None:
    seen = [
        Stage("", "image", 3, 64, 64),
        Stage("one", "block", 8, 64, 64, (("3x3",),), (Link(0),)),
        Stage("two", "block", 8, 64, 64, (("3x3",),), (Link(1),)),
        Stage("three", "block", 8, 64, 64, (("3x3",),), (Link(1, "concatenation"), Link(2, "concatenation"))),
    ]
    boxes = place(seen, WIDTH)
    drawn = ElementTree.fromstring(draw_network(seen, "around"))
    points = [
        line.attrib["points"] for line in drawn.iter(f"{NAMESPACE}polyline") if "skip" in line.attrib["marker-end"]
    ]
    lowest = max(float(point.split(",")[1]) for point in points[0].split())
    assert lowest > boxes[2].bottom


def test_what_comes_from_another_resolution_besides_bends_towards_its_row() -> None:
    seen = [
        Stage("", "image", 3, 64, 64),
        Stage("one", "block", 8, 32, 32, (("3x3",),), (Link(0),)),
        Stage("two", "block", 8, 16, 16, (("3x3",),), (Link(1),)),
        Stage("three", "block", 8, 16, 16, (("3x3",),), (Link(1, "addition"), Link(2, "addition"))),
        Stage("four", "block", 8, 32, 32, (("3x3",),), (Link(1),)),
    ]
    boxes = place(seen, WIDTH)
    drawn = ElementTree.fromstring(draw_network(seen, "between resolutions"))
    lines = {line.attrib["points"]: line.attrib["marker-end"] for line in drawn.iter(f"{NAMESPACE}polyline")}
    ends = [points.split()[-1] for points, marker in lines.items() if "skip" in marker]
    assert {float(end.split(",")[1]) for end in ends} == {round(boxes[3].y, 1), round(boxes[4].y, 1)}


def test_a_title_may_hold_any_letters() -> None:
    drawn = draw_network([Stage("", "image", 3, 64, 64)], 'a "<b>" & c', "<i>")
    assert ElementTree.fromstring(drawn).attrib["aria-label"] == 'a "<b>" & c'


def test_the_diagrams_of_the_documents_are_what_the_code_draws_now() -> None:
    drawings = runpy.run_path(str(ROOT / "benchmarks" / "draw_models.py"))["drawings"]()
    assert {path.stem for path in drawings} == {*MODELS, "unet_paper"}
    assert set((ROOT / "docs" / "models").glob("*")) == set(drawings), "run `make docs`"
    old = [path.name for path, text in drawings.items() if path.read_text(encoding="utf-8") != text]
    assert old == [], "run `make docs`"


def test_drawing_needs_no_torch() -> None:
    program = "import sys, pixelwise.report.diagram as d; print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
