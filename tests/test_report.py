"""The report: what it says, that it needs nothing from outside, and that its figures are where they belong."""

import base64
import io
import json
import math
import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from html_page import Outline
from PIL import Image as Pillow

from pixelwise import metrics
from pixelwise.errors import UserError
from pixelwise.evaluation import Conditions, Evaluation, ImageResult, Region, measure
from pixelwise.evaluation.bootstrap import bootstrap
from pixelwise.labels import CAMVID11, LabelMap
from pixelwise.prediction.segmentation import Segmentation
from pixelwise.report import Example, choose_examples, shown_images, summarize, write_report
from pixelwise.report.advice import next_steps
from pixelwise.report.choosing import MOST_IMAGES
from pixelwise.report.crops import window
from pixelwise.report.figures import Frame, draw_curve, drawing_uri, heat_map, learning_curves, photo_uri, ticks
from pixelwise.report.mistakes import with_mistakes
from pixelwise.report.pictures import ERRORS, error_map
from pixelwise.report.reliability import draw_reliability
from pixelwise.report.words import calibration_in_words, costs, most_confused

THREE = LabelMap(("Road", "Sidewalk", "Pole"), ((128, 64, 128), (0, 0, 192), (192, 192, 128)))
CONDITIONS = Conditions("mine", "val", 3, "unet", (192, 256))
HISTORY = [
    {"step": 50.0, "epoch": 1.0, "loss": 2.0, "validation_mean_iou": 0.25, "seconds": 30.0},
    {"step": 100.0, "epoch": 2.0, "loss": 1.0, "validation_mean_iou": 0.5, "seconds": 63.0},
]


def of_counts(*counts: object, labels: LabelMap = THREE) -> Evaluation:
    """An evaluation of images with these counts."""
    images = (ImageResult(f"image{index}", np.array(one, np.int64)) for index, one in enumerate(counts))
    return Evaluation(tuple(images), labels, CONDITIONS)


def make_evaluation(labels: LabelMap = THREE) -> Evaluation:
    """The last class never occurs, and is never predicted; each other class has some pixels in the next one's place."""
    classes = len(labels)
    counts = np.diag(np.arange(100, 100 + classes)) + np.diag(np.full(classes - 1, 10), 1)
    counts[-1], counts[:, -1] = 0, 0
    return of_counts(counts, labels=labels)


def of_scores(*scores: float) -> Evaluation:
    """An evaluation of images that rank by these scores; NaN = nothing counted."""
    hits = [0 if math.isnan(score) else round(100 * score) for score in scores]
    return of_counts(
        *(
            [[hit, (100 - hit) * (not math.isnan(score)), 0], [0] * 3, [0] * 3]
            for hit, score in zip(hits, scores, strict=True)
        )
    )


def make_example(name: str, labels: LabelMap = THREE) -> Example:
    """A street of 60 x 600: the left sixth is not labelled, the rest is Road; seen is Sidewalk."""
    photo, truth = np.full((60, 600, 3), 200, np.uint8), np.zeros((60, 600), np.uint8)
    truth[:, :100] = 255
    found = Segmentation(photo, np.ones_like(truth), np.full(truth.shape, 0.98, np.float32), labels, name)
    return Example(found, truth)


def evaluation_of(*examples: Example, suspicious: tuple[Region, ...] = ()) -> Evaluation:
    """What an evaluation of these images alone would be."""
    labels = examples[0].segmentation.labels
    images = tuple(
        measure(
            one.segmentation.name, one.truth, one.segmentation.label, labels, confidence=one.segmentation.confidence
        )
        for one in examples
    )
    return Evaluation(images, labels, CONDITIONS, suspicious)


def written(path: Path, evaluation: Evaluation, **parts: object) -> str:
    settings: dict[str, object] = {"history": HISTORY, "examples": [], "facts": {"seed": "0"}, "command": "pixelwise x"}
    write_report(path / "report.html", evaluation=evaluation, **(settings | parts))  # type: ignore[arg-type]
    return (path / "report.html").read_text(encoding="utf-8")


SUSPECT = Region("a", (100, 0, 500, 60), 0, 1, 30000, 0.98, 1.0)


def test_the_report_names_every_class_and_every_score(tmp_path: Path) -> None:
    page = written(tmp_path, make_evaluation(CAMVID11))
    rows = Outline(page).rows
    for name in CAMVID11.names:
        assert sum(row[0] == name for row in rows) == 2  # in the table of classes and in the heat map
    assert set(make_evaluation(CAMVID11).scores()) <= set(Outline(page).texts)


def test_the_report_is_whole_html_whose_elements_are_all_closed(tmp_path: Path) -> None:
    examples = [make_example("a"), make_example("b")]
    page = written(tmp_path, evaluation_of(*examples, suspicious=(SUSPECT,)), examples=examples)
    assert page.startswith("<!doctype html>")
    assert Outline(page).open == []


def test_the_report_loads_nothing_from_outside_and_runs_no_script_but_its_own(tmp_path: Path) -> None:
    page = written(tmp_path, evaluation_of(make_example("a")), examples=[make_example("a")])
    outline = Outline(page)
    assert not re.search(r"https?://|url\(|@import", page)
    assert not {"link", "iframe", "object", "base"} & set(outline.tags)
    links = [value for name, value in outline.attributes if name in ("src", "href", "srcset")]
    assert all(value.startswith(("data:", "#")) for value in links)
    [script] = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in page


def test_links_within_the_report_lead_somewhere(tmp_path: Path) -> None:
    page = written(tmp_path, evaluation_of(make_example("a"), suspicious=(SUSPECT,)), examples=[make_example("a")])
    attributes = Outline(page).attributes
    places = {value for name, value in attributes if name == "id"}
    assert {value[1:] for name, value in attributes if name == "href"} <= places


def test_names_facts_and_command_are_escaped(tmp_path: Path) -> None:
    labels = LabelMap(("<b>", '"><script>alert(1)</script>', "pole"), THREE.colors)
    hostile = make_example("<em>street</em>\"'><script>", labels)
    suspect = Region(hostile.segmentation.name, (100, 0, 500, 60), 0, 1, 30000, 0.98, 1.0)
    parts = {"facts": {"<i>x": "a & <u>b"}, "command": "pixelwise train <data> && echo done"}
    page = written(tmp_path, evaluation_of(hostile, suspicious=(suspect,)), examples=[hostile], **parts)
    outline = Outline(page)
    assert outline.tags["script"] == 1
    assert not {"em", "u"} & set(outline.tags)
    assert not [name for name, _ in outline.attributes if name.startswith("on")]
    assert {"<b>", '"><script>alert(1)</script>'} <= {row[0] for row in outline.rows}
    assert ["<i>x", "a & <u>b"] in outline.rows
    assert ("data-name", hostile.segmentation.name) in outline.attributes
    assert "train &lt;data&gt; &amp;&amp; echo done" in page


def test_a_name_that_is_no_proper_text_is_written(tmp_path: Path) -> None:
    example = make_example("odd\udcff")
    assert "odd\\udcff" in written(tmp_path, evaluation_of(example), examples=[example])


def test_a_class_that_never_occurs_shows_a_dash_and_a_note(tmp_path: Path) -> None:
    page = written(tmp_path, make_evaluation())
    table = {row[0]: row for row in Outline(page).rows if len(row) == 7}
    assert table["Pole"] == ["Pole", "0.0", "–", "–", "–", "–", "–"]
    # 110 of 211 pixels; 100 hits; 100 - 90.9, over two classes
    assert table["Road"] == ["Road", "52.1", "4.5", "90.9", "95.2", "100.0", "90.9"]
    assert ["Pole", "– never occurs in the truth"] in Outline(page).rows
    assert "A dash:" in page
    assert "nan" not in page


def test_without_undefined_scores_there_is_no_note_about_dashes(tmp_path: Path) -> None:
    assert "A dash:" not in written(tmp_path, of_counts(np.full((3, 3), 7)))


def test_the_sections_come_in_the_order_of_reading(tmp_path: Path) -> None:
    examples = [make_example("a"), make_example("b")]
    page = written(tmp_path, evaluation_of(*examples, suspicious=(SUSPECT,)), examples=examples)
    steps = [
        "<h1>U-Net on mine",
        "labels 0",
        "3 images; one confusion matrix over all pixels",
        "frequency-weighted IoU",
        "What to do next</h2>",
        "Training loss",
        "precision</th>",
        "predicted",
        "Most confused",
        "Over the photo",
        "The largest mistakes of each class",
        "(ECE)",
        "annotated as",
        "seed</th>",
        "pixelwise x",
    ]
    places = [page.index(step) for step in steps]
    assert places == sorted(places)


def test_an_empty_history_no_examples_and_no_facts_still_give_a_report(tmp_path: Path) -> None:
    page = written(tmp_path, make_evaluation(), history=[], facts={})
    assert not {"svg", "img", "figure"} & set(Outline(page).tags)
    titles = re.findall(r"<h2>(.*?)</h2>", page)
    assert titles == [
        "Scores over all classes",
        "What to do next",
        "Each class",
        "What is taken for what",
        "How it was made",
        "To make it again",
    ]


def test_a_history_of_one_row_is_one_point(tmp_path: Path) -> None:
    outline = Outline(written(tmp_path, make_evaluation(), history=HISTORY[:1]))
    assert outline.tags["circle"] == 2  # one in the curve of the loss, one in that of the validation


def test_a_split_without_any_labelled_pixel_is_reported_as_such(tmp_path: Path) -> None:
    page = written(tmp_path, of_counts(np.zeros((3, 3))))
    assert "Nothing was counted" in page
    assert "nan" not in page


def test_a_report_that_cannot_be_written_is_the_users_to_mend(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(UserError, match="cannot be written"):
        written(tmp_path, make_evaluation())


def test_the_summary_says_what_it_is_best_and_worst_at_and_what_it_takes_for_what() -> None:
    labels = LabelMap(("Sky", "Road", "Sidewalk", "Sign"), tuple((index, 0, 0) for index in range(4)))
    counts = np.array([[90, 0, 0, 0], [0, 80, 1, 0], [0, 12, 20, 0], [3, 0, 0, 4]], np.int64)
    conditions = Conditions("mine", "val", 1, "segnet", (192, 256))
    evaluation = Evaluation((ImageResult("street", counts),), labels, conditions)
    assert summarize(evaluation).replace("\u00a0", " ") == (
        "The SegNet labels 92 % of the pixels right; its mean IoU is 75 %. Best at Sky and Road; "
        "worst at Sign and Sidewalk; most often it takes Sidewalk for Road (75 % of its mistakes)."
    )


def test_a_model_without_mistakes_and_one_class_has_a_summary() -> None:
    evaluation = of_counts([[5]], labels=LabelMap(("Sky",), ((1, 2, 3),)))
    assert summarize(evaluation) == "The U-Net labels 100\u00a0% of the pixels right; its mean IoU is 100\u00a0%."


def test_the_summary_gives_the_interval_over_the_images(tmp_path: Path) -> None:
    evaluation = of_scores(0.5, 0.9, 0.1, 0.7, 0.3)
    interval = bootstrap(np.stack([image.counts for image in evaluation.images]))
    words = f"with a 95 % interval from {100 * interval.low:.1f} to {100 * interval.high:.1f}"
    assert words in written(tmp_path, evaluation).replace("\u00a0", " ")
    assert "interval" not in summarize(evaluation)
    assert "interval" not in written(tmp_path, of_scores(0.5))  # of one image there is none


def test_the_costs_and_the_mean_iou_add_up_to_one() -> None:
    evaluation = of_counts(np.random.default_rng(0).integers(0, 99, (3, 3)))
    assert sum(costs(evaluation).values()) + evaluation.mean_iou == pytest.approx(1)
    iou = metrics.iou(evaluation.counts)
    assert list(costs(evaluation)) == sorted(range(3), key=lambda index: iou[index])


def test_the_table_of_classes_begins_with_the_costliest_and_ends_with_what_occurs_nowhere(tmp_path: Path) -> None:
    page = written(tmp_path, of_counts([[5, 0, 0], [0, 0, 0], [1, 0, 4]]))
    assert [row[0] for row in Outline(page).rows if len(row) == 7] == ["in %", "Pole", "Road", "Sidewalk"]


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (
            [[50, 0, 0], [0, 9, 0], [6, 0, 4]],
            "because it is missed: only 40 % of its pixels are found (60 % is called Road)",
        ),
        (
            [[50, 0, 6], [0, 9, 0], [0, 0, 4]],
            "because it is called too often: only 40 % of what is called so is right (60 %",
        ),
        ([[50, 0, 6], [0, 9, 0], [6, 0, 4]], "missed as often as falsely called: 40 % of its pixels"),
        ([[50, 0, 0], [0, 9, 0], [6, 0, 0]], "it is never called"),
        ([[50, 0, 6], [0, 9, 0], [0, 0, 0]], "it occurs nowhere in this split, but is called"),
    ],
)
def test_the_first_step_is_about_the_costliest_class_and_says_why(counts: list[list[int]], said: str) -> None:
    first = next_steps(of_counts(counts))[0].replace("\u00a0", " ")
    assert first.startswith("Pole costs")
    assert said in first


def test_a_model_without_mistakes_has_nothing_to_do() -> None:
    assert next_steps(of_counts(np.diag([5, 6, 7]))) == []


def test_the_most_confused_pairs_are_shares_of_the_true_class_without_the_rarest() -> None:
    evaluation = of_counts([[99_000, 1000, 0], [5, 15, 0], [1, 0, 0]])  # Pole has one pixel of 100,021
    assert [str(pair).replace("\u00a0", " ") for pair in most_confused(evaluation)] == [
        "25 % of Sidewalk is called Road",
        "1.0 % of Road is called Sidewalk",
    ]


def test_examples_are_the_ends_and_the_middle_of_the_ranking_without_the_unscored() -> None:
    evaluation = of_scores(0.5, math.nan, 0.9, 0.1, 0.7, 0.3, 0.6)
    assert choose_examples(evaluation, 2) == {
        "worst": ["image3", "image5"],
        "median": ["image0", "image6"],
        "best": ["image2", "image4"],
    }


@pytest.mark.parametrize("images", range(16))
def test_examples_never_overlap_and_use_every_image_there_is(images: int) -> None:
    rng = np.random.default_rng(images)
    evaluation = of_scores(*(float(value) for value in rng.integers(0, 4, images) / 4))  # with ties
    found = choose_examples(evaluation)
    score = {image.name: image.mean_iou for image in evaluation.images}
    names = [name for group in found.values() for name in group]
    assert len(names) == len(set(names)) == min(images, 12)
    for worse, better in (("worst", "median"), ("median", "best"), ("worst", "best")):
        assert all(score[good] >= score[bad] for good in found[better] for bad in found[worse])


def test_shown_are_the_examples_the_suspicious_and_the_worst_of_every_class_each_once() -> None:
    poles = [[90, 0, 0], [0, 90, 0], [0, 0, 90]]
    images = [np.array(poles) for _ in range(20)]
    images[10] = np.array([[90, 0, 0], [0, 90, 0], [9, 0, 81]])
    evaluation = of_counts(*images)
    suspect = Region("image15", (0, 0, 9, 9), 0, 1, 9, 0.9, 1.0)
    shown = shown_images(Evaluation(evaluation.images, THREE, CONDITIONS, (suspect, suspect)))
    assert len(shown) == len(set(shown)) <= MOST_IMAGES
    assert {"image10", "image15", *(name for group in choose_examples(evaluation).values() for name in group)} == set(
        shown
    )


def test_however_many_images_and_classes_few_are_shown() -> None:
    rng = np.random.default_rng(0)
    labels = LabelMap(tuple(f"class {index}" for index in range(60)), tuple((index, 0, 0) for index in range(60)))
    assert len(shown_images(of_counts(*rng.integers(0, 9, (200, 60, 60)), labels=labels))) == MOST_IMAGES


def test_the_error_map_tells_right_ignored_and_three_kinds_of_wrong() -> None:
    truth = np.zeros((20, 40), np.uint8)
    truth[:, 20:], truth[:4] = 1, 255
    seen, confidence = truth.copy(), np.full(truth.shape, 0.95, np.float32)
    seen[4:] = 2
    seen[10:, :20] = 0
    confidence[:, 30:] = 0.5
    found = error_map(Example(Segmentation(np.zeros((20, 40, 3), np.uint8), seen, confidence, THREE, "a"), truth))
    color = {kind: list(values) for kind, (values, _) in ERRORS.items()}
    assert found[15, 5].tolist() == color["right"]
    assert found[15, 21].tolist() == color["border"]
    assert found[15, 26].tolist() == color["sure"]
    assert found[15, 35].tolist() == color["doubt"]
    assert {tuple(values) for values in found[:4].reshape(-1, 4).tolist()} == {
        tuple(color["ignored"]),
        tuple(color["hatch"]),
    }


def test_the_largest_mistakes_are_blobs_not_borders_and_frames_of_a_film_count_once() -> None:
    def street(name: str, left: int) -> Example:
        truth = np.zeros((60, 80), np.uint8)
        seen = truth.copy()
        seen[0, :] = 2  # a border of 80 pixels
        seen[20:26, left : left + 6] = 2  # a blob of 36
        photo = np.zeros((60, 80, 3), np.uint8)
        return Example(Segmentation(photo, seen, np.ones(truth.shape, np.float32), THREE, name), truth)

    found = with_mistakes({0: [], 2: []}, street("a", 10))
    found = with_mistakes(found, street("b", 11))  # the next frame
    found = with_mistakes(found, street("c", 50))
    assert [(one.kind, one.other, one.name, one.pixels) for one in found[2]] == [
        ("called", "Road", "a", 36),
        ("called", "Road", "c", 36),
    ]
    assert found[0][0].kind == "missed"
    assert read_uri(found[2][0].pictures["truth"]).width == 320


def test_a_crop_lies_around_its_box_within_the_image() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        height, width = rng.integers(20, 300, 2)
        left, top = rng.integers(0, width - 1), rng.integers(0, height - 1)
        box = (int(left), int(top), int(rng.integers(1, width - left + 1)), int(rng.integers(1, height - top + 1)))
        rows, columns = window(box, (int(height), int(width)))
        assert 0 <= rows.start <= box[1] < box[1] + box[3] <= rows.stop <= height
        assert 0 <= columns.start <= box[0] < box[0] + box[2] <= columns.stop <= width


def test_a_suspicious_label_is_a_row_with_its_place_what_is_said_and_three_pictures(tmp_path: Path) -> None:
    page = written(tmp_path, evaluation_of(make_example("a"), suspicious=(SUSPECT,)), examples=[make_example("a")])
    said = "annotated as Road, the model says Sidewalk (98\u00a0%)".replace("\u00a0", " ")
    assert ["1", "aleft 100, top 0, 500 × 60 pixels", said, ""] in Outline(page).rows
    assert page.count("of a part of a") == 3 * 3  # the suspect, and the same as Road that is missed and false Sidewalk


def test_a_suspicious_label_without_its_image_still_has_its_row(tmp_path: Path) -> None:
    page = written(tmp_path, evaluation_of(make_example("a"), suspicious=(SUSPECT,)))
    assert "no picture" in page


def test_every_image_of_the_gallery_has_four_pictures_and_its_scores_as_data(tmp_path: Path) -> None:
    examples = [make_example(name) for name in "abc"]
    outline = Outline(written(tmp_path, evaluation_of(*examples), examples=iter(examples)))
    for what in ("photo", "truth", "prediction", "mistakes"):
        assert {value for name, value in outline.attributes if name == "alt"} >= {f"{what} of {name}" for name in "abc"}
    scores = [json.loads(value) for name, value in outline.attributes if name == "data-iou"]
    assert scores == [[0.0, 0.0, None]] * 3


def test_reliability_says_whether_the_model_is_too_sure() -> None:
    def said(confidence: float, right: int) -> str:
        pixels = np.array([0, 100])
        return calibration_in_words(metrics.Reliability(pixels, pixels * confidence, np.array([0, right])))

    assert "differ by 20.0 points on average (ECE): it is surer than it is right." in said(0.9, 70)
    assert "it is right more often than it is sure" in said(0.6, 90)
    assert "can be taken at its word" in said(0.9, 90)


def test_the_reliability_diagram_has_a_dot_for_every_bin_with_pixels_where_it_was_worked_out_by_hand() -> None:
    frame = Frame(left=40.0, right=240.0, top=10.0, bottom=110.0)
    bins = metrics.Reliability(np.array([10, 0, 30]), np.array([2.0, 0.0, 27.0]), np.array([1, 0, 24]))
    diagram = draw_reliability(bins, frame)
    # x: 40 + 200 * 0.2 and 0.9; y: 110 - 100 * 0.1 and 0.8; the bars are a quarter and three quarters of 100
    assert diagram.polyline == "80.0,100.0 220.0,30.0"
    assert [dot.bar for dot in diagram.dots] == [25.0, 75.0]


def test_a_quarter_of_the_images_of_a_report_takes_less_than_a_quarter_of_15_megabytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)

    def street(name: str) -> Example:  # as busy as photos of streets are
        photo = Pillow.fromarray(rng.integers(0, 256, (60, 80, 3), np.uint8)).resize(
            (640, 480), Pillow.Resampling.BICUBIC
        )
        truth, seen = (
            np.kron(labels, np.ones((20, 20), np.uint8)) for labels in rng.integers(0, 11, (2, 24, 32), np.uint8)
        )
        return Example(Segmentation(np.asarray(photo), seen, np.ones(truth.shape, np.float32), CAMVID11, name), truth)

    evaluation = of_counts(*rng.integers(1, 99, (500, 11, 11)), labels=CAMVID11)
    names = shown_images(evaluation)[: MOST_IMAGES // 4]
    assert len(names) == 12
    assert len(written(tmp_path, evaluation, examples=map(street, names))) < 15e6 / 4


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
    assert picture.mode == "P"
    colors = {color for _, color in picture.convert("RGB").getcolors() or []}
    assert colors == {*THREE.colors, (0, 0, 0)}


def test_importing_the_report_does_not_import_torch() -> None:
    program = "import sys, pixelwise.report; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
