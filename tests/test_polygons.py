"""Shapes become the pixels that each format's own tool fills."""

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageDraw
from pycocotools import mask as reference

from pixelwise.data.masks.polygons import (
    MOST_POINTS,
    Figure,
    Runs,
    as_points,
    counted_runs,
    draw_figures,
    paint_shapes,
    polygon_runs,
)
from pixelwise.labels import Label


def filled(runs: Runs, height: int, width: int) -> Label:
    return paint_shapes([(1, (runs,))], height, width, 0)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools with numpy 2
@pytest.mark.parametrize("beyond", [0.0, 0.9])
def test_a_polygon_has_exactly_the_pixels_of_cocos_own_api(beyond: float) -> None:
    rng = np.random.default_rng(0)
    for number in range(300):
        height, width = (int(side) for side in rng.integers(1, 120, 2))
        corners = rng.uniform(-beyond, 1 + beyond, (int(rng.integers(3, 20)), 2)) * [width, height]
        corners = np.round(corners) if number % 5 == 0 else corners
        encoded = reference.frPyObjects([corners.ravel().tolist()], height, width)
        runs = polygon_runs(as_points(corners.tolist(), height, width), height, width)
        assert np.array_equal(filled(runs, height, width), reference.decode(encoded)[..., 0])


def test_run_lengths_are_read_as_by_cocos_own_api() -> None:
    rng = np.random.default_rng(1)
    for number in range(200):
        blocks = rng.random(rng.integers(1, 40, 2)) < rng.random()
        mask = np.kron(blocks, np.ones((5, 7) if number % 2 else (1, 1))).astype(np.uint8)
        text = reference.encode(np.asfortranarray(mask))["counts"].decode()
        assert np.array_equal(filled(counted_runs(text, *mask.shape), *mask.shape), mask)


def test_uncompressed_run_lengths_go_down_the_columns_and_begin_outside() -> None:
    assert filled(counted_runs([1, 2, 3], 2, 3), 2, 3).tolist() == [[0, 1, 0], [1, 0, 0]]
    assert filled(counted_runs([0, 6], 2, 3), 2, 3).all()
    assert filled(counted_runs([0, 2, 2, 2], 2, 3), 2, 3).tolist() == [[1, 0, 1], [1, 0, 1]]


@pytest.mark.parametrize(
    "counts",
    [
        [1, 2],
        [7, -1],
        [10**30],
        [2**63, 6],
        [1.5, 4.5],
        [True, 5],
        ["6"],
        [],
        None,
        6,
        "",
        "o",
        "5O",
        "é",
        "ooooooooo0",
        "/6",
    ],
)
def test_run_lengths_that_make_no_sense_are_refused(counts: object) -> None:
    with pytest.raises(ValueError, match="run lengths"):
        counted_runs(counts, 2, 3)


def test_run_lengths_of_an_absurd_size_are_refused_before_anything_is_made() -> None:
    with pytest.raises(ValueError, match="do not add up"):
        counted_runs([6], 10**5, 10**5)


@pytest.mark.parametrize(
    "values",
    [
        [1, 2, 3],
        [float("nan")] * 6,
        [float("inf"), 0] * 3,
        [[1, 2], [3]],
        {"x": 1},
        None,
        "abc",
        [None] * 6,
        [10**400] * 6,
    ],
)
def test_points_that_make_no_sense_are_refused(values: object) -> None:
    with pytest.raises(ValueError, match=r"^(is no list|has)"):
        polygon_runs(as_points(values, 10, 10), 10, 10)


def test_too_many_points_or_too_long_an_outline_are_refused() -> None:
    with pytest.raises(ValueError, match="more than 100,000 points"):
        as_points(np.zeros(2 * MOST_POINTS + 2), 10, 10)
    zigzag = np.tile([[0, 0], [10_000, 10_000]], (MOST_POINTS // 2, 1))
    points = as_points(zigzag, 10_000, 10_000)
    with pytest.raises(ValueError, match="too long an outline"):
        paint_shapes([(1, [points])], 10_000, 10_000, 0)
    with pytest.raises(ValueError, match="too long an outline"):
        draw_figures([Figure("linestrip", points, 1)], 10_000, 10_000, 0)


def test_many_shapes_together_may_be_too_much_as_well() -> None:
    zigzag = as_points(np.tile([[0, 0], [10_000, 10_000]], (100, 1)), 10_000, 10_000)
    with pytest.raises(ValueError, match="one of too many"):
        paint_shapes([(1, [zigzag])] * 3, 10_000, 10_000, 0)
    with pytest.raises(ValueError, match="without end"):
        paint_shapes(((1, [np.zeros(2**22, np.int64)]) for _ in range(9)), 2, 3, 0)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_long_outline_is_walked_in_pieces_as_if_at_once() -> None:
    corners = np.random.default_rng(2).uniform(-0.1, 1.1, (900, 2)) * [1400, 900]
    encoded = reference.frPyObjects([corners.ravel().tolist()], 900, 1400)
    runs = polygon_runs(as_points(corners, 900, 1400), 900, 1400)
    assert np.array_equal(filled(runs, 900, 1400), reference.decode(encoded)[..., 0])


def test_points_far_outside_are_clipped_and_the_shape_still_filled() -> None:
    points = as_points([-1e308, -1e308, 1e308, -1e308, 1e308, 1e308, -1e308, 1e308], 20, 30)
    assert filled(polygon_runs(points, 20, 30), 20, 30).all()
    assert (draw_figures([Figure("polygon", points, 1)], 20, 30, 0) == 1).all()


def test_smaller_shapes_lie_above_larger_ones_whatever_their_order() -> None:
    large, small = (as_points([0, 0, side, 0, side, side, 0, side], 8, 8) for side in (8, 3))
    shapes = [(value, (polygon_runs(points, 8, 8),)) for value, points in ((1, small), (2, large))]
    for order in (shapes, shapes[::-1]):
        label = paint_shapes(order, 8, 8, 0)
        assert (label[:3, :3] == 1).all()
        assert (label == 2).sum() == 64 - 9


def test_parts_of_one_object_are_joined_even_where_they_overlap() -> None:
    parts = tuple(polygon_runs(as_points([left, 0, left + 4, 0, left + 4, 8, left, 8], 8, 8), 8, 8) for left in (0, 2))
    assert (paint_shapes([(1, parts)], 8, 8, 0) == [1] * 6 + [0] * 2).all()


def test_labelmes_figures_are_drawn_as_pillow_draws_them_and_the_later_above() -> None:
    triangle, ends, spot = ([(5.5, 5.2), (50, 8), (30, 44.7)], [(3, 40), (60, 20)], (45, 30))
    canvas = Pillow.new("L", (64, 48), 9)
    draw = ImageDraw.Draw(canvas)
    draw.polygon(triangle, fill=1, outline=1)
    draw.line(ends, fill=2, width=10)
    draw.ellipse((40, 25, 50, 35), fill=3, outline=3)
    draw.ellipse((5, 5, 15, 15), fill=4, outline=4)
    figures = [
        Figure("polygon", as_points(triangle, 48, 64), 1),
        Figure("line", as_points(ends, 48, 64), 2),
        Figure("point", as_points(spot, 48, 64), 3),
        Figure("circle", as_points([10, 10, 13, 14], 48, 64), 4),
    ]
    assert np.array_equal(draw_figures(figures, 48, 64, 9), np.asarray(canvas))


def test_a_rectangle_may_be_drawn_from_any_of_its_corners() -> None:
    labels = [
        draw_figures([Figure("rectangle", as_points(corners, 9, 9), 1)], 9, 9, 0)
        for corners in ([2, 3, 5, 6], [5, 6, 2, 3], [2, 6, 5, 3], [2, 3, 5, 3, 5, 6, 2, 6])
    ]
    assert labels[0].sum() == 16
    assert all(np.array_equal(label, labels[0]) for label in labels)


def test_a_mask_that_sticks_out_is_cut_at_the_edge() -> None:
    corners = as_points([-1, -1, 1, 1], 4, 4)
    label = draw_figures([Figure("mask", corners, 5, np.ones((3, 3), bool))], 4, 4, 0)
    assert (label == 5).sum() == 4
    assert (label[:2, :2] == 5).all()


@pytest.mark.parametrize(
    "figure",
    [
        Figure("polygon", as_points([1, 1, 2, 2], 9, 9), 1),
        Figure("circle", as_points([1, 1], 9, 9), 1),
        Figure("point", as_points([], 9, 9), 1),
        Figure("linestrip", as_points([1, 1], 9, 9), 1),
        Figure("cuboid", as_points([1, 1, 2, 2], 9, 9), 1),
        Figure("mask", as_points([1, 1, 2, 2], 9, 9), 1),
        Figure("mask", as_points([1, 1, 2, 2], 9, 9), 1, np.ones((5, 5), bool)),
    ],
)
def test_figures_that_make_no_sense_are_refused(figure: Figure) -> None:
    with pytest.raises(ValueError, match=r"^is a"):
        draw_figures([figure], 9, 9, 0)
