"""Regions are measured as scikit-image measures them, and as geometry says."""

from math import pi

import numpy as np
import numpy.typing as npt
import pytest
from small_data import photo

from pixelwise.errors import UserError
from pixelwise.labels import Label, LabelMap
from pixelwise.prediction.segmentation import Segmentation
from pixelwise.shapes import Region, regions, split_touching

measure = pytest.importorskip("skimage.measure")
TWO = LabelMap(("ground", "cell"), ((0, 0, 0), (255, 0, 0)))


def discs(size: tuple[int, int], *circles: tuple[float, float, float]) -> Label:
    """1 within circles, each a row, a column and a radius."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    inside = [(rows - y) ** 2 + (columns - x) ** 2 <= radius**2 for y, x, radius in circles]
    return np.any(inside, axis=0).astype(np.uint8)


def blobs(seed: int) -> Label:
    """Random regions of all forms."""
    low = np.random.default_rng(seed).random((10, 13))
    return (np.kron(low, np.ones((6, 6))) + photo(seed, 60, 78)[..., 0] / 900 > 0.75).astype(np.uint8)


def ellipse(covariance: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Major and minor axis of the ellipse with these second moments, a pixel's own added."""
    small, large = np.linalg.eigvalsh(covariance + np.eye(2) / 12)
    return 4 * float(np.sqrt(large)), 4 * float(np.sqrt(small))


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("seed", range(3))
def test_regions_are_those_of_scikit_image(seed: int, connectivity: int) -> None:
    label, image = blobs(seed), photo(seed, 60, 78)[..., :1]
    numbered = measure.label(label, connectivity=connectivity // 4)
    expected = measure.regionprops(numbered, intensity_image=image[..., 0])
    found = regions(label, 1, image=image, connectivity=connectivity)
    assert len(found) == len(expected) > 5
    for one, other in zip(found, expected, strict=True):
        top, left, bottom, right = other.bbox
        assert (one.area, one.left, one.top, one.width, one.height) == (
            other.area,
            left,
            top,
            right - left,
            bottom - top,
        )
        assert (one.y, one.x) == pytest.approx([value + 0.5 for value in other.centroid])
        assert one.perimeter == pytest.approx(other.perimeter_crofton)
        assert one.mean_intensity == pytest.approx(other.intensity_mean)
        assert one.touches_border == (left == 0 or top == 0 or right == 78 or bottom == 60)
        covariance = np.cov(other.coords.T, bias=True) if other.area > 1 else np.zeros((2, 2))
        assert (one.major_axis, one.minor_axis) == pytest.approx(ellipse(covariance))
        assert one.eccentricity == pytest.approx(np.sqrt(1 - (one.minor_axis / one.major_axis) ** 2), abs=1e-6)


def test_the_orientation_is_that_of_scikit_image_measured_from_the_x_axis() -> None:
    label = blobs(1)
    for one, other in zip(regions(label, 1), measure.regionprops(measure.label(label)), strict=True):
        if other.area > 20 and other.eccentricity > 0.3:
            turned = np.degrees(other.orientation) - 90  # scikit-image measures from the rows' axis
            assert (one.orientation - turned + 90) % 180 == pytest.approx(90, abs=1e-3)


@pytest.mark.parametrize(("radius", "tolerance"), [(10, 0.04), (25, 0.02), (60, 0.02)])
def test_a_disc_has_the_measures_of_a_disc(radius: int, tolerance: float) -> None:
    [disc] = regions(discs((150, 150), (70, 80, radius)), 1)
    assert disc.area == pytest.approx(pi * radius**2, rel=tolerance)
    assert disc.perimeter == pytest.approx(2 * pi * radius, rel=tolerance)
    assert (disc.major_axis, disc.minor_axis) == pytest.approx((2 * radius, 2 * radius), rel=tolerance)
    assert (disc.x, disc.y, disc.touches_border) == (80.5, 70.5, False)
    assert disc.eccentricity < 0.05
    assert np.isnan(disc.mean_intensity)


def test_a_rectangle_by_hand() -> None:
    label = np.zeros((20, 30), np.uint8)
    label[5:9, 0:12] = 1
    [found] = regions(label, 1)
    assert (found.area, found.left, found.top, found.width, found.height) == (48, 0, 5, 12, 4)
    assert (found.x, found.y, found.orientation, found.touches_border) == (6, 7, 0, True)
    # A solid rectangle has second moments of a twelfth of its sides squared, exactly.
    assert (found.major_axis, found.minor_axis) == pytest.approx((4 * 12 / 12**0.5, 4 * 4 / 12**0.5))
    [upright] = regions(np.ascontiguousarray(label.T), 1)
    assert (upright.orientation, upright.major_axis) == (90, found.major_axis)


def test_an_object_that_rises_to_the_right_has_a_positive_orientation() -> None:
    [rising] = regions(np.ascontiguousarray(np.eye(9, dtype=np.uint8)[::-1]), 1)
    [falling] = regions(np.eye(9, dtype=np.uint8), 1)
    assert (rising.orientation, falling.orientation) == pytest.approx((45, -45))


def test_a_hole_takes_from_the_area_and_adds_to_the_perimeter() -> None:
    label = discs((90, 90), (45, 45, 40))
    [full] = regions(label, 1)
    label[discs((90, 90), (45, 45, 20)) > 0] = 0
    [ring] = regions(label, 1)
    assert full.area - ring.area == pytest.approx(pi * 400, rel=0.02)
    assert ring.perimeter - full.perimeter == pytest.approx(2 * pi * 20, rel=0.03)


def test_physical_units_scale_lengths_and_areas_and_leave_places_in_pixels() -> None:
    label = blobs(2)
    for one, half in zip(regions(label, 1), regions(label, 1, pixel_size=0.5), strict=True):
        assert half.area == one.area / 4
        lengths = (one.perimeter / 2, one.major_axis / 2, one.minor_axis / 2)
        assert (half.perimeter, half.major_axis, half.minor_axis) == pytest.approx(lengths)
        assert (half.x, half.left, half.width, half.orientation) == (one.x, one.left, one.width, one.orientation)


def test_an_ellipse_of_pixels_that_are_twice_as_high_as_wide_is_the_disc_that_it_was() -> None:
    rows, columns = np.mgrid[:60, :120]
    label = ((2 * (rows - 30)) ** 2 + (columns - 60) ** 2 <= 50**2).astype(np.uint8)
    [disc] = regions(label, 1, pixel_size=(2, 1))
    assert disc.area == pytest.approx(pi * 2500, rel=0.02)
    assert disc.perimeter == pytest.approx(2 * pi * 50, rel=0.04)
    assert (disc.major_axis, disc.minor_axis) == pytest.approx((100, 100), rel=0.03)


def test_regions_that_are_too_small_are_left_out_and_the_others_numbered_anew() -> None:
    label = np.array([[1, 0, 1, 1], [0, 0, 0, 0], [1, 1, 1, 0]], np.uint8)
    assert [(one.number, one.area) for one in regions(label, 1, least=2)] == [(1, 2), (2, 3)]
    assert regions(label, 1, least=4) == regions(label, 7) == []


def test_rows_have_equal_keys() -> None:
    rows = [one.row() for one in regions(blobs(0), 1)]
    assert {tuple(row) for row in rows} == {tuple(Region.__dataclass_fields__)}


@pytest.mark.parametrize(
    "circles",
    [
        [(40, 40, 20), (40, 74, 20)],
        [(30, 30, 22), (60, 60, 22)],
        [(40, 30, 25), (40, 62, 12)],
        [(35, 35, 20), (35, 70, 20), (69, 70, 20)],
    ],
)
def test_touching_discs_are_parted(circles: list[tuple[float, float, float]]) -> None:
    label = discs((100, 110), *circles)
    assert len(regions(label, 1)) == 1
    numbered = split_touching(label > 0)
    assert numbered.max() == len(circles)
    assert np.array_equal(numbered > 0, label > 0)
    for row, column, radius in circles:
        own = discs((100, 110), (row, column, radius)) > 0
        assert (numbered[own] == numbered[int(row), int(column)]).mean() > 0.85


@pytest.mark.parametrize(
    "label",
    [
        discs((80, 80), (40, 40, 30)),
        np.ones((40, 90), np.uint8),
        (np.abs(np.subtract.outer(np.arange(80), np.arange(80) * 0.7)) < 9).astype(np.uint8),
        (discs((80, 80), (40, 40, 30)) - discs((80, 80), (40, 40, 15))).astype(np.uint8),
    ],
    ids=["disc", "rectangle", "slanted bar", "ring"],
)
def test_an_object_without_a_neck_stays_whole(label: Label) -> None:
    assert split_touching(label > 0).max() == 1


def test_objects_apart_and_tiny_ones_keep_their_numbers_apart() -> None:
    label = discs((60, 60), (20, 20, 12), (50, 50, 0), (5, 50, 1))
    assert split_touching(label > 0).max() == 3
    assert not split_touching(np.zeros((4, 4), np.bool_)).any()


def test_a_segmentation_counts_and_measures_its_regions() -> None:
    label = discs((80, 110), (40, 40, 20), (40, 74, 20), (5, 5, 2))
    image = np.full((80, 110, 3), 90, np.uint8)
    found = Segmentation(image, label, np.ones(label.shape, np.float32), TWO, "cells")
    assert (found.count("cell"), found.count("Cell", split=True), found.count("cell", least=50)) == (2, 3, 1)
    assert [one.mean_intensity for one in found.regions("cell", pixel_size=2)] == [90, 90]
    with pytest.raises(UserError, match="no class 'cat'"):
        found.regions("cat")


def test_numbers_that_make_no_sense_are_refused() -> None:
    label = np.ones((4, 4), np.uint8)
    with pytest.raises(UserError, match="4 or 8"):
        regions(label, 1, connectivity=6)
    with pytest.raises(UserError, match="above 0"):
        regions(label, 1, pixel_size=(1, 0))
    with pytest.raises(UserError, match="one size"):
        regions(label, 1, image=np.zeros((5, 4, 3), np.uint8))
    with pytest.raises(UserError, match="above 0"):
        split_touching(label > 0, depth=0)
