"""The drawn street scenes: always the same, correctly labelled, with every class in them."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from pixelwise.data.streets import HEIGHT, WIDTH, render
from pixelwise.data.streets.camera import Camera
from pixelwise.data.streets.canvas import Canvas, Face, Place, moved
from pixelwise.data.streets.classes import CAR, ROAD, SIGN, SKY, TREE, VOID
from pixelwise.data.streets.ground import Blob, cast_shadows
from pixelwise.data.streets.plan import sample_street
from pixelwise.data.streets.population import populate
from pixelwise.data.streets.sprite import Sprite
from pixelwise.data.streets.weather import CLEAR as FINE_DAY
from pixelwise.labels import CAMVID11

SCENES = 60
CLEAR = replace(FINE_DAY, visibility=1e9, sun=None)


@pytest.fixture(scope="module")
def labels() -> npt.NDArray[np.uint8]:
    """The labels of the first scenes, (60, 256, 320)."""
    return np.stack([render(0, index)[1] for index in range(SCENES)])


def test_the_same_seed_and_index_give_the_same_bytes_in_any_order() -> None:
    first = [render(3, index, height=96, width=120) for index in range(6)]
    again = [render(3, index, height=96, width=120) for index in reversed(range(6))][::-1]
    for (image, label), (same_image, same_label) in zip(first, again, strict=True):
        assert image.tobytes() == same_image.tobytes()
        assert label.tobytes() == same_label.tobytes()


def test_another_index_and_another_seed_give_another_scene() -> None:
    scenes = [render(seed, index)[0].tobytes() for seed in range(2) for index in range(4)]
    assert len(set(scenes)) == len(scenes)


def test_an_image_is_rgb_bytes_with_a_label_of_the_same_size() -> None:
    image, label = render(0, 1)
    assert image.shape == (HEIGHT, WIDTH, 3)
    assert label.shape == (HEIGHT, WIDTH)
    assert image.dtype == label.dtype == np.uint8
    assert image.flags.c_contiguous
    assert image.std() > 15


@pytest.mark.parametrize(("height", "width"), [(97, 131), (131, 97), (33, 200), (360, 480)])
def test_odd_sizes_work(height: int, width: int) -> None:
    for index in range(5):
        image, label = render(1, index, height=height, width=width)
        assert image.shape == (height, width, 3)
        assert label.shape == (height, width)


def test_every_class_is_in_at_least_three_of_ten_scenes(labels: npt.NDArray[np.uint8]) -> None:
    for kind, name in enumerate(CAMVID11.names):
        enough = [(label == kind).mean() > 0.001 for label in labels]
        assert np.mean(enough) >= 0.3, name


def test_a_label_holds_the_eleven_classes_and_void_and_nothing_else(labels: npt.NDArray[np.uint8]) -> None:
    assert set(np.unique(labels)) == {*range(len(CAMVID11)), VOID}


def test_little_is_void(labels: npt.NDArray[np.uint8]) -> None:
    assert (labels == VOID).mean() < 0.05


def test_small_classes_have_room_to_be_learnt(labels: npt.NDArray[np.uint8]) -> None:
    for name, least in {"Pole": 0.01, "Sign": 0.007, "Fence": 0.015, "Pedestrian": 0.008, "Bicyclist": 0.008}.items():
        assert (labels == CAMVID11.index(name)).mean() >= least, name


def test_the_sky_is_above_the_road_in_every_column(labels: npt.NDArray[np.uint8]) -> None:
    rows = np.arange(HEIGHT)[:, None]
    for label in labels:
        lowest_sky = np.where(label == SKY, rows, -1).max(axis=0)
        highest_road = np.where(label == ROAD, rows, HEIGHT).min(axis=0)
        assert (lowest_sky < highest_road).all()


def test_the_camera_projects_as_worked_out_by_hand() -> None:
    camera = Camera(width=320, height=256, focal=300.0, eye=1.5)
    points = np.array([[0.0, 1.5, 10.0], [2.0, 1.5, 10.0], [0.0, 0.0, 15.0], [-1.0, 3.5, 20.0]])
    # column = 160 + 300 x / z, row = 128 - 300 (y - 1.5) / z
    expected = [[160, 128], [220, 128], [160, 158], [145, 98]]
    np.testing.assert_allclose(camera.project(points), expected)


def test_looking_up_lowers_the_horizon_and_looking_right_moves_things_left() -> None:
    camera = Camera(width=320, height=256, focal=300.0, eye=1.5, pitch=0.1, yaw=0.1)
    far_away = camera.project(np.array([[0.0, 0.0, 1e6]]))[0]
    assert far_away[1] == pytest.approx(camera.horizon, abs=0.3)
    assert camera.horizon == pytest.approx(128 + 300 * np.tan(0.1))
    assert far_away[0] < 160


def test_a_bent_street_leaves_the_straight_by_half_the_curvature_times_the_distance_squared() -> None:
    camera = Camera(width=320, height=256, focal=300.0, eye=0.0, bend=0.002, crest=0.001)
    # At 20 m: 0.002 * 400 / 2 = 0.4 m to the right and 0.2 m up.
    np.testing.assert_allclose(camera.project(np.array([[0.0, 0.0, 20.0]])), [[166.0, 125.0]])


def test_a_thing_twice_as_near_is_twice_as_large() -> None:
    camera = Camera(width=320, height=256, focal=300.0, eye=1.5)
    heights = []
    for z in (8.0, 16.0):
        foot, head = camera.project(np.array([[1.0, 0.0, z], [1.0, 1.8, z]]))
        heights.append(foot[1] - head[1])
        assert heights[-1] == pytest.approx(camera.size(1.8, z))
    assert heights[0] == pytest.approx(2 * heights[1])


def test_a_nearer_car_covers_more_pixels_and_hides_the_one_behind() -> None:
    areas = []
    for z in (10.0, 20.0):
        canvas = Canvas(Camera(320, 256, 300.0, 1.5), CLEAR)
        canvas.paint([Face([(-1, 0, 0), (-1, 1.5, 0), (1, 1.5, 0), (1, 0, 0)], (200, 0, 0))], CAR, Place(0, z))
        areas.append(int((canvas.label == CAR).sum()))
    assert areas[0] > 3 * areas[1]
    canvas.paint([Face([(-2, 0, 0), (-2, 3, 0), (2, 3, 0), (2, 0, 0)], (0, 0, 200))], SIGN, Place(0, 10))
    assert not (canvas.label == CAR).any()


def test_image_and_label_are_painted_in_the_very_same_pixels() -> None:
    canvas = Canvas(Camera(160, 128, 150.0, 1.5), CLEAR)
    square = np.array([[-1.5, 2, 7], [1, 2, 9], [1, 0, 9], [-1.5, 0, 7]], np.float64)
    canvas.paint([Face([(0.3, 0, 6), (0, 2.3, 6), (2, 1, 7)], (250, 250, 250))], CAR)
    canvas.textured(square, np.full((8, 8, 4), 250, np.uint8), SIGN)
    leaf = Sprite(np.full((16, 16), 250, np.uint8), np.tri(16, dtype=np.uint8) * 255)
    canvas.stamp(leaf, (-1, 3, 8), (2, 2), (255, 255, 255), TREE)
    assert len(np.unique(canvas.label)) == 4
    np.testing.assert_array_equal(canvas.image[..., 0] > 0, canvas.label != SKY)


def test_a_polygon_that_shows_us_its_back_is_left_out() -> None:
    canvas = Canvas(Camera(160, 128, 150.0, 1.5), CLEAR)
    face = Face([(-1, 0, 5), (-1, 1, 5), (1, 1, 5), (1, 0, 5)], (9, 9, 9), one_sided=True)
    canvas.paint([face._replace(points=face.points[::-1])], CAR)
    assert not (canvas.label == CAR).any()
    canvas.paint([face], CAR)
    assert (canvas.label == CAR).any()


def test_an_object_is_turned_about_its_place() -> None:
    # A metre ahead of a thing that faces right (a quarter turn) is a metre to its right in the street.
    turned = moved(np.array([[0.0, 0.5, 1.0]]), Place(3.0, 10.0, np.pi / 2, 0.1))
    np.testing.assert_allclose(turned, [[4.0, 0.6, 10.0]])


def test_a_shadow_runs_from_the_foot_away_from_the_sun() -> None:
    outline = cast_shadows([Blob(0.0, 10.0, 0.4, 0.0, 2.0)], (1.5, 0.0))[0]
    assert outline[:, 1].tolist() == [0.0] * 6
    assert outline[:, 0].max() == pytest.approx(2 * 1.5, abs=0.1)
    assert outline[:, 0].min() == pytest.approx(0, abs=0.1)
    assert np.ptp(outline[:, 2]) == pytest.approx(0.4)


def test_nothing_stands_in_another_thing() -> None:
    for index in range(10):
        rng = np.random.default_rng(index)
        plots = [item.plot for item in populate(rng, sample_street(rng)) if item.plot]
        assert len(plots) > 5
        assert not any(one.meets(other) for number, one in enumerate(plots) for other in plots[:number])
