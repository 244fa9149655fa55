"""What a notebook shows: HTML of evaluations, datasets and models, tables of pandas, figures of matplotlib."""

import base64
import importlib
import io
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from html_page import Outline
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image as Pillow
from small_data import Held, dataset, held
from small_models import TWO, tiny_bundle

import pixelwise as pw
from pixelwise import metrics
from pixelwise.data import Sample, Split
from pixelwise.data.html import SHOWN, SIDE
from pixelwise.data.problems import Problem
from pixelwise.errors import DataError, UserError
from pixelwise.evaluation import Conditions, Evaluation, measure
from pixelwise.evaluation.figures import MOST_NUMBERED
from pixelwise.labels import CAMVID11, LabelMap
from pixelwise.labels.legend import MOST, legend
from pixelwise.model import Model
from pixelwise.prediction.segmentation import Segmentation

EVIL = '"><script>alert(1)</script>$x_1$'
AWKWARD = LabelMap((EVIL, "_background_", "US$ and AU$"), ((0, 0, 0), (255, 255, 255), (0, 0, 142)))


def evaluation(labels: LabelMap = CAMVID11, images: int = 3, *, sure: bool = True) -> Evaluation:
    """Two thirds of the pixels right; the last class never occurs."""
    rng, classes = np.random.default_rng(0), len(labels) - 1
    results = []
    for index in range(images):
        label = rng.integers(0, classes, (24, 32), np.uint8)
        found = np.where(rng.random(label.shape) < 2 / 3, label, rng.integers(0, classes, label.shape, np.uint8))
        confidence = rng.random(label.shape) if sure else None
        results.append(measure(f"image{index}", label, found.astype(np.uint8), labels, confidence=confidence))
    return Evaluation(tuple(results), labels, Conditions("mine", "val", images, "unet", (192, 256)))


def street(labels: LabelMap = CAMVID11, height: int = 24, width: int = 40) -> Segmentation:
    """A column of each class, from left to right."""
    label = np.tile((np.arange(width) * len(labels) // width).astype(np.uint8), (height, 1))
    photo = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return Segmentation(photo, label, np.ones(label.shape, np.float32), labels, "street")


def is_readable_on_any_background(page: str) -> bool:
    """No text has a colour of its own, neither does what lies behind it."""
    colored = re.findall(r"[\";](?:color|background):([^;\"]*)", page)
    return set(colored) <= {"inherit"}


# Evaluation


def test_an_evaluation_shows_a_sentence_its_conditions_and_a_row_with_a_bar_per_class() -> None:
    scored = evaluation()
    outline = Outline(page := scored._repr_html_())
    text = unescape(" ".join(outline.texts))
    interval = scored.mean_iou_interval
    assert f"Mean IoU is {100 * scored.mean_iou:.1f} % (95 % interval {100 * interval.low:.1f} to" in text
    assert f"{100 * scored.scores()['pixel accuracy']:.1f} % of the pixels are right." in text
    assert str(scored.conditions) in text
    assert outline.rows[0] == ["class", "", *scored.per_class()["Sky"]]
    sky = scored.per_class()["Sky"]
    assert outline.rows[1] == ["Sky", "", *(f"{100 * value:.1f}" for value in sky.values())]
    assert len(outline.rows) == 1 + len(CAMVID11)
    assert re.findall(r"width:([\d.]+)%", page) == [row[3] for row in outline.rows[1:-1]]
    assert outline.rows[-1][3] == "–"  # a class that never occurs has no bar
    assert is_readable_on_any_background(page)


def test_an_evaluation_of_one_image_has_no_interval_and_one_without_pixels_says_so() -> None:
    assert "interval" not in evaluation(images=1)._repr_html_()
    empty = replace(evaluation(), images=())
    assert "Nothing was counted" in empty._repr_html_()


def test_an_evaluation_shows_the_scores_of_the_protocol_that_was_asked_for() -> None:
    scored = evaluation()
    asked = replace(scored, conditions=replace(scored.conditions, protocol="camvid11"))
    text = unescape(asked._repr_html_())
    for name, value in asked.scores_of("camvid11").items():
        assert f"{name} {'–' if np.isnan(value) else f'{100 * value:.1f}'}" in text


def test_the_repr_of_an_evaluation_and_of_a_dataset_is_one_short_line() -> None:
    assert repr(evaluation()).startswith("Evaluation(unet on mine, val split, 3 images;")
    assert len(repr(evaluation(images=50)).splitlines()) == 1
    names = [f"image{index}" for index in range(500)]
    many = dataset(train=Split(tuple(Held(held("a")[0]._replace(name=name)) for name in names)))
    assert repr(many) == f"Dataset({many})"


# Dataset


def pictures_in(page: str) -> list[Pillow.Image]:
    return [Pillow.open(io.BytesIO(base64.b64decode(data))) for data in re.findall(r"base64,([^\"]+)", page)]


def test_a_dataset_shows_its_splits_classes_and_a_few_labelled_images() -> None:
    data = dataset(train=held(*"abcdefghi"), val=held("j"))
    outline = Outline(page := data._repr_html_())
    text = unescape(" ".join(outline.texts))
    for said in ("small", "9 train, 1 val", "11 classes", "held layout (made by a test)", "train: a", "train: i"):
        assert said in text
    assert all(name in text for name in CAMVID11.names)
    assert all(f"background-color:rgb{color}" in page for color in CAMVID11.colors)
    assert outline.tags["img"] == SHOWN
    assert is_readable_on_any_background(page)


def test_a_thumbnail_is_half_photo_and_half_the_colours_of_a_label_of_another_resolution() -> None:
    label = np.repeat([[0, 1]], 2, axis=0).astype(np.uint8)
    sample = Sample(np.full((60, 120, 3), 200, np.uint8), label, "a")
    (picture,) = pictures_in(dataset(TWO, test=Split((Held(sample),)))._repr_html_())
    shown = np.asarray(picture)
    assert shown.shape == (60, 120, 3)
    for columns, color in ((slice(0, 50), TWO.colors[0]), (slice(70, 120), TWO.colors[1])):
        assert np.abs(shown[:, columns] - (np.array(color) + 200) / 2).max() < 6  # JPEG


def test_a_large_dataset_of_large_noisy_images_reads_four_of_them_and_stays_below_200_kilobytes() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (500, 500, 3), np.uint8)
    label = np.random.default_rng(1).integers(0, 11, (500, 500), np.uint8)
    entries = tuple(Held(Sample(noise, label, f"image{index}")) for index in range(1000))
    page = dataset(train=Split(entries))._repr_html_()
    assert sum(entry.reads for entry in entries) == SHOWN
    assert [picture.size for picture in pictures_in(page)] == [(SIDE, SIDE)] * SHOWN
    assert len(page) < 200_000


class Damaged(Held):
    """An entry whose file cannot be read."""

    def read(self) -> Sample:
        raise DataError("<b>.png", "is cut off", "copy it again", "unreadable")


def test_a_dataset_says_which_image_cannot_be_read_and_what_was_wrong_when_it_was_opened() -> None:
    entry = Damaged(held("a")[0])
    problem = Problem("missing partner", "warning", "has no mask", "add <one>", ("b.png",))
    page = replace(dataset(train=Split((entry,))), problems=(problem,))._repr_html_()
    assert "&lt;b&gt;.png: is cut off; copy it again" in page
    assert "warning: b.png: has no mask; add &lt;one&gt;" in page


def test_a_dataset_without_images_says_so() -> None:
    outline = Outline(dataset()._repr_html_())
    assert "no images" in " ".join(outline.texts)
    assert outline.tags["img"] == 0


def test_a_legend_of_very_many_classes_ends_with_how_many_it_leaves_out() -> None:
    labels = LabelMap(tuple(f"class{index}" for index in range(MOST + 7)), ((0, 0, 0),) * (MOST + 7))
    assert legend(labels).endswith("and 7 more")
    assert legend(labels).count("background-color") == MOST


# Model


def test_a_model_shows_its_network_its_classes_where_it_was_trained_and_its_scores() -> None:
    bundle = replace(
        tiny_bundle(),
        provenance={"data": "camvid", "train_images": 367, "step": 10, "made": "2026-11-21T19:01:56+00:00"},
        scores={"conditions": {"data": "camvid", "split": "val", "images": 101}, "mean IoU": 0.71896},
    )
    outline = Outline(page := Model(bundle, Path("runs/mine"))._repr_html_())
    rows = dict(outline.rows)
    weights = sum(tensor.numel() for tensor in bundle.network.parameters())
    assert rows["network"] == f"unet (width=4), {weights / 1e6:.1f} million weights"
    assert rows["images"] == "brought to the area of 32x48, 3 channels"
    assert rows["trained"] == "on camvid, 367 images, 10 steps, 2026-11-21"
    assert rows["run"] == str(Path("runs/mine"))
    assert rows["scores"] == "mean IoU 0.719 (camvid, val split, 101 images)"
    assert rows["11 classes"].split()[:2] == ["Sky", "Building"]
    assert all(f"background-color:rgb{color}" in page for color in CAMVID11.colors)
    assert is_readable_on_any_background(page)


def test_a_model_of_which_nothing_is_known_shows_no_empty_rows() -> None:
    rows = dict(Outline(Model(replace(tiny_bundle(), provenance={}, scores={}))._repr_html_()).rows)
    assert list(rows) == ["network", "images", "11 classes"]


def test_the_model_that_comes_with_pixelwise_shows_where_it_comes_from() -> None:
    rows = dict(Outline(pw.load("street", "cpu")._repr_html_()).rows)
    assert rows["trained"].startswith("on mostly_camvid, 1843 images")
    assert "mean IoU 0.7" in rows["scores"]


# All of them


def evil_things() -> Iterator[object]:
    scored = evaluation(AWKWARD)
    yield replace(scored, conditions=replace(scored.conditions, data=EVIL, model=EVIL))
    sample = held("a", labels=AWKWARD)[0]._replace(name=EVIL, label=np.zeros((24, 32), np.uint8))
    yield replace(dataset(AWKWARD, train=Split((Held(sample),))), name=EVIL, layout=EVIL, evidence=EVIL)
    provenance = {"data": EVIL, "train_images": EVIL, "step": EVIL, "made": EVIL, "environment": {"processor": EVIL}}
    scores = {"conditions": {"data": EVIL, "split": EVIL, "images": EVIL}, EVIL: 0.5}
    bundle = replace(tiny_bundle(AWKWARD), model=EVIL, options={EVIL: EVIL}, provenance=provenance, scores=scores)
    yield Model(bundle, Path(EVIL))
    yield replace(street(AWKWARD), name=EVIL)


@pytest.mark.parametrize("index", range(4), ids=["evaluation", "dataset", "model", "segmentation"])
def test_names_cannot_smuggle_anything_into_a_notebook_and_every_element_is_closed(index: int) -> None:
    page = list(evil_things())[index]._repr_html_()  # type: ignore[attr-defined]
    outline = Outline(page)
    assert outline.open == []
    assert outline.tags["script"] == 0
    assert EVIL in "".join(outline.texts)


# Tables


def test_the_table_of_classes_holds_the_figures_of_per_class() -> None:
    scored = evaluation()
    frame = scored.to_pandas()
    assert list(frame.index) == list(CAMVID11.names)
    assert frame.index.name == "class"
    assert list(frame.columns) == list(scored.per_class()["Sky"])
    assert (frame.dtypes == "float64").all()
    assert np.array_equal(frame, [list(row.values()) for row in scored.per_class().values()], equal_nan=True)
    assert np.isnan(frame.loc["Bicyclist", "IoU"])
    assert frame["IoU"].mean() == pytest.approx(scored.mean_iou)


def test_the_table_of_images_holds_the_figures_of_rows() -> None:
    scored = evaluation()
    frame = scored.to_pandas("images")
    assert (frame.dtypes == "float64").all()
    expected = pd.DataFrame(scored.rows()).set_index("name")
    pd.testing.assert_frame_equal(frame, expected)
    assert list(frame.index) == ["image0", "image1", "image2"]
    assert len(replace(scored, images=()).to_pandas("images")) == 0


def test_a_misspelt_table_is_refused() -> None:
    with pytest.raises(UserError, match="did you mean 'images'"):
        evaluation().to_pandas("image")


# Figures


def drawn(figure: Figure) -> bytes:
    """The figure as a PNG; warnings are errors here."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def test_an_evaluation_is_plotted_as_confusion_matrix_bars_and_reliability() -> None:
    scored = evaluation()
    figure = scored.plot()
    assert isinstance(figure, Figure)
    confusion, bars, reliability = figure.axes
    shares = np.asarray(confusion.images[0].get_array().filled(np.nan))
    present = scored.counts[:-1].sum(1, keepdims=True)
    np.testing.assert_allclose(shares[:-1], scored.counts[:-1] / present)
    assert np.isnan(shares[-1]).all()
    assert [tick.get_text() for tick in confusion.get_yticklabels()] == list(CAMVID11.names)
    widths = [bar.get_width() for bar in bars.patches]
    np.testing.assert_allclose(widths, np.nan_to_num(100 * metrics.iou(scored.counts)))
    assert [bar.get_facecolor()[:3] for bar in bars.patches] == [
        to_rgb([value / 255 for value in color]) for color in CAMVID11.colors
    ]
    assert bars.get_title() == f"IoU, %; mean {100 * scored.mean_iou:.1f}"
    sure, right = reliability.lines[1].get_data()
    assert scored.reliability is not None
    np.testing.assert_allclose(right, scored.reliability.right / scored.reliability.pixels)
    np.testing.assert_allclose(sure, scored.reliability.confidence / scored.reliability.pixels)
    assert drawn(figure).startswith(b"\x89PNG")


def test_without_confidences_there_is_no_reliability_diagram() -> None:
    assert len(evaluation(sure=False).plot().axes) == 2


def test_the_cells_of_a_matrix_of_many_classes_have_no_numbers() -> None:
    def numbers(classes: int) -> int:
        labels = LabelMap(tuple(f"class{index}" for index in range(classes)), ((9, 9, 9),) * classes)
        return len(evaluation(labels).plot().axes[0].texts)

    assert numbers(MOST_NUMBERED) > 0
    assert numbers(MOST_NUMBERED + 1) == 0


def test_predictions_of_no_class_have_a_column_of_the_matrix() -> None:
    label = np.array([[0, 1, 1, 0]], np.uint8)
    result = measure("a", label, np.array([[0, 1, 255, 255]], np.uint8), TWO, no_class=True)
    figure = replace(evaluation(TWO), images=(result,)).plot()
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["road", "car", "no class"]
    drawn(figure)


def test_a_segmentation_is_plotted_as_photo_truth_and_prediction_with_a_legend_of_what_occurs() -> None:
    found = street(TWO)
    truth = np.zeros((24, 40), np.uint8)
    truth[:, :5] = 255
    figure = found.plot(truth)
    assert [axis.get_title() for axis in figure.axes] == ["photo", "truth", "prediction"]
    pictures = [np.asarray(axis.images[0].get_array()) for axis in figure.axes]
    assert np.array_equal(pictures[0], found.image)
    assert np.array_equal(pictures[1], TWO.colorize(truth))
    assert np.array_equal(pictures[2], np.asarray(found.color()))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["road", "car", "no class"]
    assert [axis.get_title() for axis in found.plot().axes] == ["photo", "prediction"]
    assert [text.get_text() for text in found.plot().legends[0].get_texts()] == ["road", "car"]
    drawn(figure)


def test_a_notebook_shows_a_figure_without_pyplot() -> None:
    loaded = "matplotlib.pyplot" in sys.modules
    figure = street().plot()
    with Pillow.open(io.BytesIO(figure._repr_png_())) as picture:  # type: ignore[attr-defined]
        assert picture.width == 800
    evaluation().plot()
    assert ("matplotlib.pyplot" in sys.modules) == loaded


def test_names_that_matplotlib_would_hide_or_typeset_are_drawn_as_they_are() -> None:
    figure = street(AWKWARD).plot()
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert [text.strip("\u200b").replace(r"\$", "$") for text in texts] == list(AWKWARD.names)
    drawn(figure)
    drawn(evaluation(AWKWARD).plot())


def test_a_large_photo_is_drawn_small() -> None:
    figure = street(height=900, width=3600).plot()
    assert figure.axes[0].images[0].get_array().shape == (300, 1200, 3)


@pytest.mark.parametrize(
    ("package", "home", "ask"),
    [
        ("pandas", "pixelwise.evaluation.frames", lambda: evaluation().to_pandas()),
        ("matplotlib.figure", "pixelwise.evaluation.figures", lambda: evaluation().plot()),
        ("matplotlib.figure", "pixelwise.prediction.figures", lambda: street().plot()),
    ],
)
def test_a_missing_package_is_said_in_one_line_with_the_command_that_installs_it(
    package: str, home: str, ask: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (home, "pixelwise.prediction.figures"):
        importlib.import_module(name)
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        UserError, match=rf"need.* {package.split('.')[0]} \(.*pip install 'pixelwise\[notebook\]'"
    ) as told:
        ask()  # type: ignore[operator]
    assert "\n" not in str(told.value)
