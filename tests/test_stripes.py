"""Rows and columns that do not belong to a label are found, and those of a street are left alone."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from pixelwise.checking.stripes import CommonStripe, Stripe, common_stripes, find_stripes
from pixelwise.data.streets import render

DATA = Path(__file__).parents[2] / "shared" / "data"
Array = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def labels() -> list[Array]:
    return [render(4, index)[1] for index in range(10)]


def test_drawn_streets_have_no_stripes(labels: list[Array]) -> None:
    assert [stripe for label in labels for stripe in find_stripes(label)] == []


@pytest.mark.parametrize("value", [0, 7, 255])
@pytest.mark.parametrize(("index", "width"), [(0, 1), (100, 1), (101, 3), (318, 2)])
def test_columns_of_one_value_are_found(labels: list[Array], value: int, index: int, width: int) -> None:
    for label in labels:
        faulty = label.copy()
        faulty[:, index : index + width] = value
        assert find_stripes(faulty) == [Stripe("column", index, width, value, 320)]
        assert find_stripes(np.ascontiguousarray(faulty.T)) == [Stripe("row", index, width, value, 320)]


def test_a_stripe_with_a_few_other_pixels_is_found(labels: list[Array]) -> None:
    faulty = labels[0].copy()
    faulty[130] = 7
    faulty[130, ::20] = 3
    assert find_stripes(faulty) == [Stripe("row", 130, 1, 7, 256)]


def test_sky_above_and_road_below_are_no_stripes() -> None:
    label = np.indices((30, 40), np.uint8).sum(axis=0, dtype=np.uint8) % 5
    label[:10], label[20:] = 1, 3
    assert find_stripes(label) == []


def test_a_constant_row_between_a_flat_and_a_varied_side_is_no_stripe() -> None:
    label = np.indices((30, 40), np.uint8).sum(axis=0, dtype=np.uint8) % 5
    label[:10] = 1
    label[10] = 2
    assert find_stripes(label) == [Stripe("row", 10, 1, 2, 30)], "both sides differ"
    label[:10] = 2
    assert find_stripes(label) == []


def test_a_thing_wider_than_a_stripe_is_no_stripe() -> None:
    label = np.indices((60, 60), np.uint8).sum(axis=0, dtype=np.uint8) % 5
    label[20:29] = 3
    assert find_stripes(label) == []
    label[28] = label[40]
    assert find_stripes(label) == [Stripe("row", 20, 8, 3, 60)]


def test_ignored_pixels_beside_it_are_nothing_against_a_row() -> None:
    label = np.full((20, 30), 255, np.uint8)
    label[9] = 2
    assert find_stripes(label) == []
    assert find_stripes(label, ignore=254) == [Stripe("row", 9, 1, 2, 20)]


def test_sixteen_bit_labels_have_stripes() -> None:
    label = (np.indices((20, 30)).sum(axis=0) % 7 * 1000).astype(np.uint16)
    label[:, 4] = 65535
    assert find_stripes(label, ignore=65535) == [Stripe("column", 4, 1, 65535, 30)]


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2)])
def test_the_smallest_labels_have_none(shape: tuple[int, int]) -> None:
    assert find_stripes(np.zeros(shape, np.uint8)) == []


def test_common_stripes_are_those_of_most_labels_whatever_their_size() -> None:
    left, right = Stripe("column", 0, 2, 255, 640), Stripe("column", 639, 1, 255, 640)
    wider = replace(right, index=799, size=800)
    found = [[left, right], [left, wider], [replace(left, width=1)], [Stripe("row", 5, 1, 0, 480)]]
    assert common_stripes(found) == [CommonStripe("column", -1, 1, 2), CommonStripe("column", 0, 2, 3)]
    assert common_stripes(found, least=0.75) == [CommonStripe("column", 0, 1, 3)]


def test_no_labels_have_nothing_in_common() -> None:
    assert common_stripes([]) == common_stripes([[], []]) == []


@pytest.mark.skipif(not DATA.is_dir(), reason="the real data of shared/data is not here")
def test_camvid_has_no_stripes_but_the_one_drawn_into_it() -> None:
    for path in sorted((DATA / "camvid" / "valannot").glob("*.png"))[:30]:
        label = np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), np.uint8)
        assert find_stripes(label) == []
        label[:, 200] = 0
        assert find_stripes(label) == [Stripe("column", 200, 1, 0, 480)]
