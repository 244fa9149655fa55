"""The pictures of a Segmentation, and what it tells."""

import base64
import io
import re
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from small_data import label, photo

from pixelwise.labels import CAMVID11, LabelMap
from pixelwise.prediction.segmentation import Segmentation


def street(labels: LabelMap = CAMVID11, name: str = "street") -> Segmentation:
    """A photo of 24 x 40 pixels with blocks of classes."""
    found = label(0, 24, 40, len(labels)) % len(labels)
    return Segmentation(photo(0, 24, 40), found, np.ones(found.shape, np.float32), labels, name)


def test_the_index_picture_written_and_read_again_is_the_label(tmp_path: Path) -> None:
    street().index().save(tmp_path / "label.png")
    with Pillow.open(tmp_path / "label.png") as picture:
        assert picture.mode == "P"
        assert np.array_equal(np.asarray(picture), street().label)


def test_the_index_picture_is_shown_in_the_colours_of_the_classes() -> None:
    assert np.array_equal(np.asarray(street().index().convert("RGB")), CAMVID11.colorize(street().label))


def test_the_color_picture_has_the_colours_of_the_classes() -> None:
    assert np.array_equal(np.asarray(street().color()), CAMVID11.colorize(street().label))


@pytest.mark.parametrize("opacity", [0.0, 0.5, 0.8, 1.0])
def test_the_overlay_mixes_photo_and_colours_by_the_opacity(opacity: float) -> None:
    found = street()
    expected = opacity * CAMVID11.colorize(found.label).astype(float) + (1 - opacity) * found.image
    assert np.abs(np.asarray(found.overlay(opacity)) - expected).max() <= 0.51


def test_an_overlay_by_hand() -> None:
    labels = LabelMap(("road", "car"), ((100, 0, 0), (0, 0, 200)))
    image = np.full((1, 2, 3), 50, np.uint8)
    found = Segmentation(image, np.array([[0, 1]], np.uint8), np.ones((1, 2), np.float32), labels, "two")
    assert np.asarray(found.overlay()).tolist() == [[[75, 25, 25], [25, 25, 125]]]


def test_side_by_side_is_photo_and_prediction_and_between_them_the_truth_where_it_is_known() -> None:
    found, truth = street(), np.full((24, 40), 255, np.uint8)
    assert found.side_by_side().size == (80, 24)
    three = np.asarray(found.side_by_side(truth))
    assert three.shape == (24, 120, 3)
    assert np.array_equal(three[:, :40], found.image)
    assert not three[:, 40:80].any()
    assert np.array_equal(three[:, 80:], np.asarray(found.color()))


def test_shares_sum_to_one_largest_first_and_only_of_classes_that_occur() -> None:
    shares = street().shares()
    assert sum(shares.values()) == pytest.approx(1)
    assert list(shares.values()) == sorted(shares.values(), reverse=True)
    assert set(shares) == {CAMVID11.names[index] for index in np.unique(street().label)}


def test_shares_by_hand() -> None:
    labels = LabelMap(("a", "b", "c"), ((0, 0, 0), (1, 1, 1), (2, 2, 2)))
    found = np.array([[2, 2, 2, 0]], np.uint8)
    assert Segmentation(np.zeros((1, 4, 3), np.uint8), found, np.ones((1, 4), np.float32), labels, "x").shares() == {
        "c": 0.75,
        "a": 0.25,
    }


def test_a_notebook_shows_the_overlay_and_a_legend() -> None:
    page = street()._repr_html_()
    data = re.search(r'src="data:image/png;base64,([^"]+)"', page)
    assert data
    with Pillow.open(io.BytesIO(base64.b64decode(data[1]))) as picture:
        assert np.array_equal(np.asarray(picture), np.asarray(street().overlay()))
    assert all(name in unescape(page) for name in street().shares())


def test_a_notebook_gets_a_small_picture_of_a_large_photo() -> None:
    image, found = np.zeros((100, 4000, 3), np.uint8), np.zeros((100, 4000), np.uint8)
    page = Segmentation(image, found, np.ones(found.shape, np.float32), CAMVID11, "wide")._repr_html_()
    data = re.search(r"base64,([^\"]+)", page)
    assert data
    with Pillow.open(io.BytesIO(base64.b64decode(data[1]))) as picture:
        assert picture.size == (800, 20)


def test_names_cannot_smuggle_anything_into_a_notebook() -> None:
    evil = '"><script>alert(1)</script>'
    labels = LabelMap((evil, "car"), ((1, 2, 3), (0, 0, 142)))
    page = street(labels, name=evil)._repr_html_()
    assert "<script" not in page
    assert page.count('"') % 2 == 0
    assert evil in unescape(page)


def test_names_that_differ_only_in_case_keep_their_own_colours_in_the_legend() -> None:
    page = street(LabelMap(("Car", "car"), ((1, 2, 3), (4, 5, 6))))._repr_html_()
    assert "rgb(1, 2, 3)" in page
    assert "rgb(4, 5, 6)" in page
