import numpy as np
import pytest

from pixelwise.errors import UserError, unknown
from pixelwise.labels import (
    CAMVID11,
    CAMVID32,
    CARLA_0_9_13,
    CARLA_0_9_14,
    CITYSCAPES19,
    PUBLISHED,
    VOC21,
    LabelMap,
)

RED, BLUE = (255, 0, 0), (0, 0, 255)


def test_published_maps_have_the_number_of_classes_their_names_say() -> None:
    counts = {name: len(labels) for name, labels in PUBLISHED.items()}
    assert counts == {
        "camvid11": 11,
        "camvid32": 31,  # the 32nd of label_colors.txt is Void
        "cityscapes19": 19,
        "voc21": 21,
        "carla_0_9_13": 23,
        "carla_0_9_14": 29,
    }


@pytest.mark.parametrize("name", PUBLISHED)
def test_no_published_map_repeats_a_color(name: str) -> None:
    PUBLISHED[name].check_colors_differ()


def test_voc_colors_are_those_of_the_devkits_bit_interleaving_rule() -> None:
    def color(index: int) -> tuple[int, int, int]:
        channels = [0, 0, 0]
        for bit in range(8):
            for channel in range(3):
                channels[channel] |= ((index >> (3 * bit + channel)) & 1) << (7 - bit)
        return (channels[0], channels[1], channels[2])

    assert VOC21.colors == tuple(color(index) for index in range(21))


def test_carla_renumbered_its_tags_in_0_9_14() -> None:
    assert (CARLA_0_9_13.index("Road"), CARLA_0_9_14.index("Roads")) == (7, 1)
    assert (CARLA_0_9_13.names[12], CARLA_0_9_14.names[28]) == ("TrafficSign", "GuardRail")


def test_carla_since_0_9_14_has_all_of_cityscapes_colors_in_their_order() -> None:
    order = [CARLA_0_9_14.colors.index(color) for color in CITYSCAPES19.colors]
    assert order == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]


def test_camvids_eleven_classes_have_colors_of_the_thirty_two() -> None:
    assert set(CAMVID11.colors) <= set(CAMVID32.colors)
    assert CAMVID11.names[::5] == ("Sky", "Tree", "Bicyclist")


def test_two_classes_of_one_name_are_refused() -> None:
    with pytest.raises(UserError, match=r"classes 0 and 1 are both called 'road'"):
        LabelMap(("road", "road"), (RED, BLUE))


@pytest.mark.parametrize(
    ("names", "colors", "message"),
    [
        ((), (), "at least one class"),
        (("road",), (RED, BLUE), "1 class names but 2 colours"),
        (("road",), ((0, 0, 256),), "from 0 to 255"),
    ],
)
def test_a_label_map_that_cannot_be_is_refused(names: tuple[str, ...], colors: tuple, message: str) -> None:
    with pytest.raises(UserError, match=message):
        LabelMap(names, colors)


def test_classes_that_share_a_color_are_fine_until_colors_must_be_decoded() -> None:
    labels = LabelMap(("road", "car", "bus"), (RED, BLUE, BLUE))
    with pytest.raises(UserError, match=r"'car' and 'bus' share the colour \(0, 0, 255\)"):
        labels.check_colors_differ()


def test_colorize_gives_each_class_its_color_and_ignored_or_unknown_values_black() -> None:
    labels = LabelMap(("road", "car"), (RED, BLUE))
    shown = labels.colorize(np.array([[0, 1], [255, 2]], np.uint8))
    assert shown.tolist() == [[[255, 0, 0], [0, 0, 255]], [[0, 0, 0], [0, 0, 0]]]
    assert labels.colorize(np.array([[1, 65535]], np.uint16)).tolist() == [[[0, 0, 255], [0, 0, 0]]]


def test_a_class_is_found_by_name_whatever_its_case() -> None:
    assert CAMVID11.index("sidewalk") == 4
    with pytest.raises(UserError, match="there is no class 'lamp'"):
        CAMVID11.index("lamp")


def test_an_unknown_name_suggests_the_nearest() -> None:
    assert "did you mean 'camvid'" in str(unknown("layout", "camvd", ["camvid", "pairs"]))
    assert "did you mean" not in str(unknown("layout", "xyz", ["camvid", "pairs"]))
