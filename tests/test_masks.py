from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from small_data import label, real

from pixelwise.data.files.images import list_images, read_image
from pixelwise.data.masks.decoders import ColorMask, IndexMask
from pixelwise.data.masks.palettes import EXACT, NEAR, distinct_colors, match_published, share_near
from pixelwise.errors import UserError
from pixelwise.labels import CAMVID11, CAMVID32, CARLA_0_9_14, CITYSCAPES19, PUBLISHED, VOC21, LabelMap

MASK = Path("mask.png")


def test_index_masks_keep_classes_and_turn_ignored_values_into_255() -> None:
    decode = IndexMask(3, ignored=(11, 255))
    assert decode(np.array([[0, 1, 2, 11, 255]], np.uint8), MASK).tolist() == [[0, 1, 2, 255, 255]]


def test_a_class_that_is_listed_as_ignored_is_ignored() -> None:
    assert IndexMask(3, ignored=(0,))(np.array([[0, 1]], np.uint8), MASK).tolist() == [[255, 1]]


def test_sixteen_bit_index_masks_become_bytes() -> None:
    decoded = IndexMask(3, ignored=(65535,))(np.array([[2, 65535]], np.uint16), MASK)
    assert decoded.tolist() == [[2, 255]]
    assert decoded.dtype == np.uint8


def test_a_mask_value_outside_the_classes_names_the_file_the_value_and_the_mend() -> None:
    with pytest.raises(UserError, match=r"mask\.png: pixel value 9 is not one of the 3 classes \(0-2\).*`ignore`"):
        IndexMask(3, ignored=(255,))(np.array([[0, 9]], np.uint8), MASK)


def test_color_images_and_index_images_are_not_mixed_up() -> None:
    with pytest.raises(UserError, match=r"mask\.png: is a colour image"):
        IndexMask(3, ignored=())(np.zeros((2, 2, 3), np.uint8), MASK)
    with pytest.raises(UserError, match=r"mask\.png: holds class indices"):
        ColorMask(CAMVID11)(np.zeros((2, 2), np.uint8), MASK)


@pytest.mark.parametrize("labels", PUBLISHED.values(), ids=PUBLISHED.keys())
def test_clean_color_masks_decode_to_the_label_they_were_drawn_from(labels: LabelMap) -> None:
    truth = label(3, 64, 64, len(labels))
    truth[truth == 255] = 0  # black is a class in some maps
    assert np.array_equal(ColorMask(labels)(labels.colorize(truth), MASK), truth)


def test_of_clean_masks_only_the_exact_colour_is_the_class_and_of_lossy_ones_the_region() -> None:
    labels = LabelMap(("dark", "light"), ((40, 40, 40), (200, 200, 200)))
    mask = np.repeat(np.array([[[40, 40, 41]] * 9 + [[120, 120, 120]] + [[202, 199, 200]] * 9], np.uint8), 9, axis=0)
    assert (ColorMask(labels)(mask, MASK) == 255).all()
    lossy = ColorMask(labels, lossy=True)(mask, MASK)
    assert (lossy[:, :9] == 0).all()
    assert (lossy[:, 10:] == 1).all()


def test_a_map_whose_classes_share_a_colour_cannot_decode_colour_masks() -> None:
    with pytest.raises(UserError, match="share the colour"):
        ColorMask(LabelMap(("a", "b"), ((1, 2, 3), (1, 2, 3))))


def test_black_is_not_counted_when_maps_are_compared() -> None:
    pixels = np.array([[0, 0, 0]] * 98 + [[128, 64, 128], [1, 200, 7]], np.uint8)
    assert share_near(pixels, CITYSCAPES19, EXACT) == 0.5
    assert share_near(np.zeros((5, 3), np.uint8), CITYSCAPES19, NEAR) == 0.0


@pytest.mark.parametrize("labels", [CAMVID11, CAMVID32, CITYSCAPES19, VOC21, CARLA_0_9_14])
@pytest.mark.parametrize("limit", [EXACT, NEAR])
def test_a_maps_own_colours_are_recognised_as_it(labels: LabelMap, limit: int) -> None:
    match = match_published(np.array(labels.colors, np.uint8), limit)
    assert match.labels is labels
    assert match.share == 1.0


def test_of_two_maps_that_explain_the_pixels_equally_the_smaller_is_taken() -> None:
    road_and_car = np.array([[128, 64, 128], [0, 0, 142]], np.uint8)
    assert match_published(road_and_car).name == "cityscapes19"


def test_maps_whose_classes_share_a_colour_are_not_considered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PUBLISHED, "twins", LabelMap(("a", "b"), ((1, 200, 3), (1, 200, 3))))
    assert match_published(np.array([[1, 200, 3]], np.uint8)).name != "twins"


def test_generated_colours_all_differ_and_none_is_the_black_of_ignored_pixels() -> None:
    colors = distinct_colors(255)
    assert len(set(colors)) == 255
    assert min(sum(color) for color in colors) > 60


def test_real_colour_masks_decode_to_the_same_label_as_the_real_index_masks() -> None:
    """camvid_color holds the same photos as camvid; neither file knows of the other."""
    colored = list_images(real("camvid_color") / "val_labels")
    indexed = real("camvid") / "valannot"
    decode, equal = ColorMask(CAMVID11), 0
    for path in colored:
        truth = np.asarray(Pillow.open(indexed / path.name.replace("_L", "")))
        equal += np.array_equal(decode(read_image(path), path), np.where(truth == 11, 255, truth))
    assert equal == len(colored) == 12


def test_most_pixels_of_the_real_pairs_are_decoded_and_no_truck_appears_in_every_image() -> None:
    paths = list_images(real("cityscapes_pairs") / "val")[::10]
    decode = ColorMask(CITYSCAPES19, lossy=True)
    labels = [decode(read_image(path)[:, 256:], path) for path in paths]
    assert np.mean([np.mean(label != 255) for label in labels]) > 0.8
    assert sum(bool((label == CITYSCAPES19.index("truck")).any()) for label in labels) <= len(labels) / 4
