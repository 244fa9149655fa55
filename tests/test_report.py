"""The report: what it says, that it needs nothing from outside, and that its figures are where they belong."""

import base64
import io
import math
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from html_page import Outline
from PIL import Image as Pillow

from pixelwise.errors import UserError
from pixelwise.evaluation import Conditions, Evaluation, ImageScore
from pixelwise.labels import CAMVID11, LabelMap
from pixelwise.prediction import Segmentation
from pixelwise.report import Example, choose_examples, summarize, write_report
from pixelwise.report.figures import Frame, draw_curve, drawing_uri, heat_map, learning_curves, photo_uri, ticks

THREE = LabelMap(("Road", "Sidewalk", "Pole"), ((128, 64, 128), (0, 0, 192), (192, 192, 128)))
HISTORY = [
    {"step": 50.0, "epoch": 1.0, "loss": 2.0, "validation_mean_iou": 0.25, "seconds": 30.0},
    {"step": 100.0, "epoch": 2.0, "loss": 1.0, "validation_mean_iou": 0.5, "seconds": 63.0},
]


def make_evaluation(labels: LabelMap = THREE, scores: list[float] | None = None) -> Evaluation:
    """The last class never occurs, and is never predicted; each other class has some pixels in the next one's place."""
    classes = len(labels)
    counts = np.diag(np.arange(100, 100 + classes)) + np.diag(np.full(classes - 1, 10), 1)
    counts[-1], counts[:, -1] = 0, 0
    images = tuple(ImageScore(f"image{index}", score, 0.9) for index, score in enumerate(scores or []))
    return Evaluation(counts.astype(np.int64), labels, Conditions("mine", "val", 3, "unet", (192, 256)), images)


def make_example(kind: str, name: str) -> Example:
    photo, truth = np.full((60, 600, 3), 200, np.uint8), np.zeros((60, 600), np.uint8)
    truth[:, :100] = 255
    found = Segmentation(photo, np.ones_like(truth), np.ones(truth.shape, np.float32), THREE, name)
    return Example(found, truth, ImageScore(name, 0.31, 0.72), "best" if kind == "best" else "worst")


def written(path: Path, evaluation: Evaluation, **parts: object) -> str:
    settings: dict[str, object] = {"history": HISTORY, "examples": [], "facts": {"seed": "0"}, "command": "pixelwise x"}
    write_report(path / "report.html", evaluation=evaluation, **(settings | parts))  # type: ignore[arg-type]
    return (path / "report.html").read_text(encoding="utf-8")


def test_the_report_names_every_class_and_every_score(tmp_path: Path) -> None:
    page = written(tmp_path, make_evaluation(CAMVID11))
    rows = Outline(page).rows
    for name in CAMVID11.names:
        assert sum(row[0] == name for row in rows) == 2  # in the table of classes and in the heat map
    for score in make_evaluation(CAMVID11).scores():
        assert f"<b>{score}</b>" in page


def test_the_report_is_whole_html_whose_elements_are_all_closed(tmp_path: Path) -> None:
    page = written(tmp_path, make_evaluation(), examples=[make_example("best", "a"), make_example("worst", "b")])
    assert page.startswith("<!doctype html>")
    assert Outline(page).open == []


def test_the_report_loads_nothing_from_outside(tmp_path: Path) -> None:
    page = written(tmp_path, make_evaluation(), examples=[make_example("best", "a")])
    outline = Outline(page)
    assert not re.search(r"https?://|url\(|@import", page)
    assert not {"script", "link", "iframe", "object", "base"} & set(outline.tags)
    assert all(value.startswith("data:") for name, value in outline.attributes if name in ("src", "href", "srcset"))


def test_names_facts_and_command_are_escaped(tmp_path: Path) -> None:
    labels = LabelMap(("<b>", '"><script>', "pole"), THREE.colors)
    parts = {"facts": {"<i>x": "a & <u>b"}, "command": "pixelwise train <data> && echo done"}
    page = written(tmp_path, make_evaluation(labels), examples=[make_example("best", "<em>street")], **parts)
    outline = Outline(page)
    assert not {"script", "em", "u"} & set(outline.tags)
    assert {"<b>", '"><script>'} <= {row[0] for row in outline.rows}
    assert ["<i>x", "a & <u>b"] in outline.rows
    assert "train &lt;data&gt; &amp;&amp; echo done" in page


def test_a_class_that_never_occurs_shows_a_dash_and_a_note(tmp_path: Path) -> None:
    page = written(tmp_path, make_evaluation())
    table = {row[0]: row for row in Outline(page).rows if len(row) == 6}
    assert table["Pole"] == ["Pole", "0.0", "–", "–", "–", "–"]
    assert table["Road"] == ["Road", "52.1", "90.9", "95.2", "100.0", "90.9"]  # 110 of 211 pixels; 100 hits
    assert ["Pole", "– never occurs in the truth"] in Outline(page).rows
    assert "A dash:" in page
    assert "nan" not in page


def test_without_undefined_scores_there_is_no_note_about_dashes(tmp_path: Path) -> None:
    evaluation = replace(make_evaluation(), counts=np.full((3, 3), 7, np.int64))
    assert "A dash:" not in written(tmp_path, evaluation)


def test_the_sections_come_in_the_order_of_reading(tmp_path: Path) -> None:
    page = written(tmp_path, make_evaluation(), examples=[make_example("best", "good"), make_example("worst", "bad")])
    steps = [
        "<h1>U-Net on mine",
        "labels 95",
        "3 images; one confusion matrix over all pixels",
        "frequency-weighted IoU",
        "Training loss",
        "precision</th>",
        "predicted",
        "bad</b>",
        "good</b>",
        "seed</th>",
        "pixelwise x",
    ]
    places = [page.index(step) for step in steps]
    assert places == sorted(places)


def test_an_empty_history_no_examples_and_no_facts_still_give_a_report(tmp_path: Path) -> None:
    page = written(tmp_path, make_evaluation(), history=[], facts={})
    assert not {"svg", "img", "h3"} & set(Outline(page).tags)
    assert page.count("<h2>") == 4


def test_a_history_of_one_row_is_one_point(tmp_path: Path) -> None:
    outline = Outline(written(tmp_path, make_evaluation(), history=HISTORY[:1]))
    assert outline.tags["circle"] == 2  # one in the curve of the loss, one in that of the validation


def test_a_split_without_any_labelled_pixel_is_reported_as_such(tmp_path: Path) -> None:
    evaluation = replace(make_evaluation(), counts=np.zeros((3, 3), np.int64))
    page = written(tmp_path, evaluation)
    assert "Nothing was counted" in page
    assert "nan" not in page


def test_a_report_that_cannot_be_written_is_the_users_to_mend(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(UserError, match="cannot be written"):
        written(tmp_path, make_evaluation())


def test_the_summary_says_what_it_is_best_and_worst_at_and_what_it_takes_for_what() -> None:
    labels = LabelMap(("Sky", "Road", "Sidewalk", "Sign"), tuple((index, 0, 0) for index in range(4)))
    counts = np.array([[90, 0, 0, 0], [0, 80, 1, 0], [0, 12, 20, 0], [3, 0, 0, 4]], np.int64)
    evaluation = Evaluation(counts, labels, Conditions("mine", "val", 1, "segnet", (192, 256)), ())
    assert summarize(evaluation).replace("\u00a0", " ") == (
        "The SegNet labels 92 % of the pixels right; its mean IoU is 75 %. Best at Sky and Road; "
        "worst at Sign and Sidewalk; most often it takes Sidewalk for Road (75 % of its mistakes)."
    )


def test_a_model_without_mistakes_and_one_class_has_a_summary() -> None:
    evaluation = Evaluation(np.array([[5]]), LabelMap(("Sky",), ((1, 2, 3),)), make_evaluation().conditions, ())
    assert summarize(evaluation) == "The U-Net labels 100\u00a0% of the pixels right; its mean IoU is 100\u00a0%."


def test_examples_are_the_ends_of_the_ranking_without_the_unscored() -> None:
    evaluation = make_evaluation(scores=[0.5, math.nan, 0.9, 0.1, 0.7, 0.3])
    assert choose_examples(evaluation, 2) == (["image2", "image4"], ["image3", "image5"])


@pytest.mark.parametrize("images", range(12))
def test_best_and_worst_examples_never_overlap_and_use_every_image_there_is(images: int) -> None:
    rng = np.random.default_rng(images)
    evaluation = make_evaluation(scores=[float(value) for value in rng.integers(0, 4, images) / 4])  # with ties
    best, worst = choose_examples(evaluation)
    score = {image.name: image.mean_iou for image in evaluation.images}
    assert not set(best) & set(worst)
    assert len(best) + len(worst) == min(images, 8)
    assert all(score[good] >= score[bad] for good in best for bad in worst)


def test_a_curve_point_lies_where_it_was_worked_out_by_hand() -> None:
    frame = Frame(left=40.0, right=240.0, top=10.0, bottom=110.0)
    curve = draw_curve("loss", [(50.0, 2.0), (100.0, 1.0), (200.0, 0.5)], "", frame=frame)
    # x: 40 + 200 * step / 200; y: 110 - 100 * value / 2, for the ticks end at 2
    assert curve.polyline == "90.0,10.0 140.0,60.0 240.0,85.0"
    assert [text for _, text in curve.y_ticks] == ["0", "0.5", "1", "1.5", "2"]
    assert curve.x_ticks[-1] == (240.0, "200")


def test_the_validation_curve_marks_its_best_point_and_skips_steps_without_a_score() -> None:
    history = [
        *HISTORY,
        {"step": 150.0, "loss": 0.9, "validation_mean_iou": math.nan},
        {"step": 200.0, "loss": 0.8, "validation_mean_iou": 0.4},
        {"step": 250.0, "loss": math.inf},
    ]
    loss, score = learning_curves(history)
    assert (len(loss.points), len(score.points), score.marked) == (4, 3, 1)
    assert score.caption == "best 50.0 at step 100; 40.0 at the end"


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1e-4), (0, 0.83), (0, 2.4), (0, 7), (0, 99), (-0.3, 0.4), (0, 0), (0, 9e5)]
)
def test_ticks_are_few_rise_evenly_and_hold_the_values(low: float, high: float) -> None:
    found = ticks(float(low), float(high), beyond=True)
    assert 2 <= len(found) <= 8
    assert found[0] <= low
    assert found[-1] >= high
    np.testing.assert_allclose(np.diff(found), found[1] - found[0])


def test_each_row_of_the_heat_map_adds_up_to_one() -> None:
    counts = np.random.default_rng(0).integers(0, 100, (3, 3))
    for row in heat_map(counts, THREE.names):
        assert row is not None
        assert sum(cell.share for cell in row) == pytest.approx(1)


def test_the_heat_map_has_numbers_up_to_25_classes_only() -> None:
    for classes, numbered in ((25, True), (26, False)):
        rows = heat_map(np.eye(classes, dtype=np.int64), [str(index) for index in range(classes)])
        assert rows[0] is not None
        assert bool(rows[0][0].text) is numbered
        assert rows[0][0].hint == "0 found: 100.0 % (1 pixels)"


def read_uri(uri: str) -> Pillow.Image:
    return Pillow.open(io.BytesIO(base64.b64decode(uri.split(",")[1])))


def test_pictures_are_at_most_480_wide_and_small_ones_keep_their_size() -> None:
    assert read_uri(photo_uri(np.zeros((400, 960, 3), np.uint8))).size == (480, 200)
    assert read_uri(photo_uri(np.zeros((20, 30, 3), np.uint8))).size == (30, 20)


def test_a_drawing_keeps_the_exact_class_colours_and_ignored_pixels_are_black() -> None:
    label = np.random.default_rng(0).choice(np.array([0, 1, 2, 255], np.uint8), (90, 700))
    picture = read_uri(drawing_uri(THREE.colorize(label)))
    colors = {color for _, color in picture.getcolors() or []}
    assert colors == {*THREE.colors, (0, 0, 0)}


def test_importing_the_report_does_not_import_torch() -> None:
    program = "import sys, pixelwise.report; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
