"""A label becomes polygons along its pixels' edges, and they become the label again."""

import numpy as np
import pytest
import shapely

from pixelwise.data.streets.scene import render
from pixelwise.errors import UserError
from pixelwise.labels import IGNORE, Label
from pixelwise.shapes import Polygon, boundaries, polygons, rasterize


def noise(seed: int, height: int, width: int, classes: int) -> Label:
    """Single pixels of random classes, some ignored: everything touches everything at corners."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, classes, (height, width), np.uint8)
    label[rng.random(label.shape) < 0.1] = IGNORE
    return label


def street(index: int = 0) -> Label:
    return render(0, index, height=180, width=240)[1]


def shaped(found: Polygon) -> shapely.Polygon:
    return shapely.Polygon(found.outer, found.holes)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 1), (23, 31)])
@pytest.mark.parametrize("classes", [1, 2, 3, 11])
def test_random_labels_come_back_exactly(size: tuple[int, int], classes: int) -> None:
    for seed in range(10):
        label = noise(seed, *size, classes)
        assert np.array_equal(rasterize(polygons(label), size), label)


@pytest.mark.parametrize("index", range(4))
def test_streets_come_back_exactly(index: int) -> None:
    label = street(index)
    assert np.array_equal(rasterize(polygons(label), label.shape), label)


@pytest.mark.parametrize("label", [noise(0, 30, 40, 2), noise(1, 30, 40, 4), street()])
def test_polygons_are_valid_and_have_the_areas_of_the_regions(label: Label) -> None:
    found = polygons(label)
    assert all(shapely.is_valid(shaped(one)) for one in found)
    assert [shaped(one).area for one in found] == pytest.approx([one.area for one in found])
    for value in np.unique(label[label != IGNORE]):
        assert sum(one.area for one in found if one.class_index == value) == (label == value).sum()


def test_a_ring_around_another_class_has_a_hole_and_that_class_is_a_polygon_of_its_own() -> None:
    label = np.zeros((5, 5), np.uint8)
    label[1:4, 1:4], label[2, 2] = 1, 2
    outside, ring, middle = polygons(label)
    assert (ring.outer.tolist(), [hole.tolist() for hole in ring.holes]) == (
        [[1, 1], [4, 1], [4, 4], [1, 4]],
        [[[2, 3], [3, 3], [3, 2], [2, 2]]],
    )
    assert (len(outside.holes), middle.holes, middle.box) == (1, (), (2, 2, 1, 1))


def test_pixels_that_touch_at_a_corner_are_two_polygons() -> None:
    assert [one.area for one in polygons(np.array([[1, 0], [0, 1]], np.uint8))] == [1, 1, 1, 1]


def test_a_region_whose_ends_touch_at_a_corner_has_a_hole_there() -> None:
    label = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 0]], np.uint8)
    [ring] = [one for one in polygons(label) if one.class_index == 1]
    assert (len(ring.holes), ring.area, shapely.is_valid(shaped(ring))) == (1, 7, True)


def test_ignored_pixels_are_in_no_polygon() -> None:
    assert polygons(np.full((3, 3), IGNORE, np.uint8)) == []


@pytest.mark.parametrize("tolerance", [0.5, 1, 3.0])
def test_simplified_neighbours_share_their_lines_so_nothing_is_lost_or_doubled(tolerance: float) -> None:
    label = np.where(street(1) == IGNORE, np.uint8(0), street(1))
    exact, simple = polygons(label), polygons(label, simplify=tolerance)
    assert sum(one.area for one in simple) == pytest.approx(label.size, rel=1e-3)
    assert shapely.union_all([shaped(one).buffer(0) for one in simple]).area == pytest.approx(label.size, rel=1e-3)
    assert sum(len(ring) for one in simple for ring in one.rings) < sum(
        len(ring) for one in exact for ring in one.rings
    )
    assert (rasterize(simple, label.shape) == label).mean() > 0.95


def test_a_staircase_becomes_a_straight_line() -> None:
    label = np.tril(np.ones((20, 20), np.uint8))
    [below] = [one for one in polygons(label, simplify=1.0) if one.class_index == 1]
    assert len(below.outer) <= 5


def test_a_simplified_outline_is_nowhere_farther_off_than_the_tolerance() -> None:
    rows, columns = np.mgrid[:60, :60]
    label = ((rows - 30) ** 2 + (columns - 30) ** 2 < 400).astype(np.uint8)
    exact, simple = (polygons(label, simplify=by)[1] for by in (0, 2))
    assert len(simple.outer) < len(exact.outer) / 3
    assert shaped(exact).boundary.hausdorff_distance(shaped(simple).boundary) <= 2


def test_a_negative_tolerance_is_refused() -> None:
    with pytest.raises(UserError, match="0 or more"):
        polygons(np.zeros((2, 2), np.uint8), simplify=-1)


def test_slanted_polygons_have_the_pixels_whose_centres_shapely_finds_inside() -> None:
    rng = np.random.default_rng(0)
    for _ in range(30):
        angles = np.sort(rng.uniform(0, 2 * np.pi, 9))
        star = 20 + np.stack([np.cos(angles), np.sin(angles)], axis=1) * rng.uniform(3, 26, (9, 1))
        polygon = Polygon(1, star)
        rows, columns = np.mgrid[:40, :36]
        inside = shapely.contains_xy(shaped(polygon), columns + 0.5, rows + 0.5)
        assert np.array_equal(rasterize([polygon], (40, 36), fill=0) == 1, inside)


def test_boundaries_are_the_pixels_on_both_sides_of_an_edge() -> None:
    label = np.zeros((4, 4), np.uint8)
    label[2:, 2:] = 1
    expected = [[0, 0, 0, 0], [0, 0, 1, 1], [0, 1, 1, 1], [0, 1, 1, 0]]
    assert boundaries(label).astype(int).tolist() == expected
