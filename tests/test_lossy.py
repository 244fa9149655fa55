import time
import tracemalloc

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as Pillow
from small_data import real

from pixelwise.data.masks.colors_found import find_colors
from pixelwise.data.masks.lossy import MOST_CLASSES, decode_lossy
from pixelwise.errors import UserError
from pixelwise.labels import CITYSCAPES19, PUBLISHED, LabelMap

Bytes = npt.NDArray[np.uint8]

TELLABLE = {name: labels for name, labels in PUBLISHED.items() if len(set(labels.colors)) == len(labels)}
COLORS = np.array(CITYSCAPES19.colors, np.uint8)
# CamVid's sky, building, pole, road, sidewalk, tree, sign, fence, car, pedestrian and bicyclist, and void.
COUNTERPARTS = np.array([10, 2, 5, 0, 1, 8, 7, 4, 13, 11, 18, 255], np.uint8)
CLASSES = (*range(19), 255)


def drawn(label: Bytes) -> Bytes:
    return CITYSCAPES19.colorize(label)


def saved(mask: Bytes, quality: int = 75) -> Bytes:
    """The mask as it comes back from a JPEG file with 4:2:0 chroma, OpenCV's and Pillow's default."""
    coded = cv2.imencode(".jpg", cv2.cvtColor(mask, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    picture = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)


def halved(mask: Bytes) -> Bytes:
    return np.asarray(cv2.resize(mask, None, fx=0.45, fy=0.45, interpolation=cv2.INTER_LINEAR), np.uint8)


def of(name: str) -> int:
    return CITYSCAPES19.index(name)


def regions(seed: int, count: int, size: int = 256) -> Bytes:
    """Rectangles and discs of `count` classes over one another."""
    rng = np.random.default_rng(seed)
    label = np.zeros((size, size), np.uint8)
    for number in range(4 * count):
        x, y, reach = (int(value) for value in rng.integers([0, 0, size // 10], [size, size, size // 4]))
        corner = (x + reach, y + reach)
        if number % 2:
            cv2.circle(label, (x, y), reach // 2, number % count, -1)
        else:
            cv2.rectangle(label, (x, y), corner, number % count, -1)
    return label


def colors_apart(seed: int, count: int, least: int = 40) -> Bytes:
    """Random colours, every two at least that Euclidean distance apart."""
    rng = np.random.default_rng(seed)
    colors = np.zeros((0, 3), np.uint8)
    while len(colors) < count:
        one = rng.integers(0, 256, 3, dtype=np.uint8)
        if len(colors) == 0 or np.linalg.norm(colors - one.astype(float), axis=1).min() >= least:
            colors = np.concatenate([colors, one[None]])
    return colors


@pytest.mark.parametrize("labels", TELLABLE.values(), ids=TELLABLE.keys())
def test_clean_masks_are_exact_to_the_pixel_even_where_every_pixel_is_a_region(labels: LabelMap) -> None:
    label = np.random.default_rng(3).integers(0, len(labels), (61, 47), dtype=np.uint8)
    assert np.array_equal(decode_lossy(labels.colorize(label), np.array(labels.colors, np.uint8)), label)


def test_one_lost_pixel_in_a_clean_mask_keeps_its_class_and_other_colours_are_ignored() -> None:
    label = np.full((64, 64), of("road"), np.uint8)
    label[10, 20], label[40, 40] = of("truck"), 255
    mask = drawn(label)
    mask[50:60, 50:60] = (250, 170, 160)  # parking: drawn in Cityscapes, but no evaluated class
    label[50:60, 50:60] = 255
    assert np.array_equal(decode_lossy(mask, COLORS), label)


@pytest.mark.parametrize(("left", "right"), [("road", "sky"), ("car", "building"), ("sidewalk", "vegetation")])
def test_a_blurred_edge_gives_the_two_classes_beside_it_and_no_other(left: str, right: str) -> None:
    label = np.full((96, 96), of(left), np.uint8)
    label[:, 40:] = of(right)
    decoded = decode_lossy(saved(np.asarray(cv2.GaussianBlur(drawn(label), (5, 5), 0), np.uint8)), COLORS)
    assert set(np.unique(decoded)) <= {of(left), of(right), 255}
    assert (decoded == label).mean() > 0.98


@pytest.mark.parametrize("slope", [0.0, 0.4, 1.0])
def test_a_car_against_black_and_a_road_against_the_sky_are_never_a_truck(slope: float) -> None:
    x, y = np.meshgrid(np.arange(300), np.arange(300))
    for above, below in (("car", 255), ("sky", "road"), ("sky", 255)):
        label = np.where(y > 150 + slope * (x - 150), _class(below), _class(above)).astype(np.uint8)
        assert of("truck") not in decode_lossy(saved(halved(drawn(label))), COLORS)


def _class(name: str | int) -> int:
    return of(name) if isinstance(name, str) else name


def test_black_regions_and_regions_of_unknown_colours_are_ignored() -> None:
    label = np.full((240, 240), of("road"), np.uint8)
    label[180:], label[:60] = 255, of("sky")
    mask = drawn(label)
    mask[80:140, 80:140] = (250, 170, 160)
    decoded = decode_lossy(saved(mask), COLORS)
    assert (decoded[184:] == 255).all()
    assert (decoded[84:136, 84:136] == 255).all()
    assert (decoded[62:178, :70] == of("road")).all()


def test_black_is_a_class_where_the_palette_has_it() -> None:
    labels = PUBLISHED["voc21"]
    label = regions(0, 4)
    decoded = decode_lossy(saved(labels.colorize(label)), np.array(labels.colors, np.uint8))
    assert (decoded == label).mean() > 0.98
    assert set(np.unique(decoded)) <= {0, 1, 2, 3, 255}


def test_poles_two_pixels_wide_survive_shrinking_and_jpeg() -> None:
    label = np.full((512, 512), of("building"), np.uint8)
    label[300:] = of("road")
    for x in range(40, 480, 60):
        label[100:400, x : x + 4] = of("pole")
    small = halved(drawn(label))
    truth = cv2.resize(label, small.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    decoded = decode_lossy(saved(small), COLORS)
    assert (decoded[truth == of("pole")] == of("pole")).mean() > 0.6
    assert set(np.unique(decoded)) <= {of("building"), of("road"), of("pole"), 255}


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 3), (7, 5), (33, 17), (0, 4)])
def test_masks_of_any_size_are_decoded(shape: tuple[int, int]) -> None:
    clean = np.broadcast_to(COLORS[0], (*shape, 3))
    assert (decode_lossy(clean, COLORS) == 0).all()
    assert (decode_lossy(clean + np.uint8(1), COLORS) == 0).all()
    assert decode_lossy(clean, COLORS).shape == shape


def test_decoding_the_same_mask_twice_gives_the_same_label_and_leaves_the_mask_as_it_was() -> None:
    mask = saved(halved(drawn(regions(1, 8))))
    before = mask.copy()
    assert np.array_equal(decode_lossy(mask, COLORS), decode_lossy(mask, COLORS))
    assert np.array_equal(mask, before)


def test_the_right_half_of_a_picture_is_decoded_like_its_copy() -> None:
    pair = saved(np.tile(drawn(regions(2, 6)), (1, 2, 1)))
    half = pair[:, 256:]
    assert np.array_equal(decode_lossy(half, COLORS), decode_lossy(half.copy(), COLORS))


def test_more_colours_than_a_label_can_hold_are_refused() -> None:
    with pytest.raises(UserError, match="254 colours are too many"):
        decode_lossy(np.zeros((2, 2, 3), np.uint8), np.zeros((MOST_CLASSES + 1, 3), np.uint8))


def test_noise_takes_neither_long_nor_much_memory() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    decode_lossy(noise[:8], COLORS)
    tracemalloc.start()
    start = time.perf_counter()
    decode_lossy(noise, COLORS)
    assert time.perf_counter() - start < 1
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()


@pytest.mark.parametrize("seed", range(4))
def test_the_colours_of_clean_masks_are_found_exactly_the_most_frequent_first(seed: int) -> None:
    colors = colors_apart(seed, 12)
    label = regions(seed, 11)
    label[7, 7] = 11  # a class of one pixel
    found = find_colors([colors[label[:128]], colors[label[128:]]])
    counts = np.bincount(label.ravel(), minlength=12)
    assert {*map(tuple, found.tolist())} == {*map(tuple, colors[counts > 0].tolist())}
    position = [int((colors == color).all(axis=1).argmax()) for color in found]
    assert (np.diff(counts[position]) <= 0).all()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("quality", [75, 95])
def test_the_colours_of_jpeg_masks_are_found_and_no_mixtures(seed: int, quality: int) -> None:
    colors = colors_apart(seed, 8)
    label = np.repeat(np.repeat(regions(seed, 8), 2, axis=0), 2, axis=1)
    found = find_colors([saved(halved(colors[label]), quality)]).astype(int)
    distance = np.abs(found[:, None] - colors[np.unique(label)].astype(int)).max(axis=2)
    assert distance.shape[0] == distance.shape[1]
    assert distance.min(axis=0).max() <= 6


@pytest.mark.parametrize("masks", [[], [np.zeros((0, 4, 3), np.uint8)]], ids=["no mask", "an empty mask"])
def test_where_no_mask_is_no_colour_is_found(masks: list[Bytes]) -> None:
    assert find_colors(masks).shape == (0, 3)


def test_a_lossy_mask_decodes_by_the_colours_found_in_it() -> None:
    label = regions(5, 6)
    mask = saved(COLORS[label])
    found = find_colors([mask])
    decoded = decode_lossy(mask, found)
    nearest = np.abs(found[:, None].astype(int) - COLORS).sum(axis=2).argmin(axis=1)
    assert (nearest[decoded[decoded != 255]] == label[decoded != 255]).mean() > 0.985


def test_shrunk_camvid_labels_saved_at_quality_75_come_back_nearly_as_they_were() -> None:
    root = real("camvid")
    right, decoded_pixels, known_pixels, invented, absent = 0, 0, 0, 0, 0
    for line in (root / "train.txt").read_text().split("\n")[:360:45]:
        full = COUNTERPARTS[np.asarray(Pillow.open(root / line.split()[1]))]
        areas = [
            cv2.resize((full == one).astype(np.float32), (256, 256), None, 0, 0, cv2.INTER_AREA) for one in CLASSES
        ]
        truth = np.array(CLASSES, np.uint8)[np.argmax(areas, axis=0)]
        small = np.asarray(cv2.resize(drawn(full), (256, 256), interpolation=cv2.INTER_LINEAR), np.uint8)
        label = decode_lossy(saved(small), COLORS)
        known, found = truth != 255, (truth != 255) & (label != 255)
        right += int((label == truth)[found].sum())
        decoded_pixels, known_pixels = decoded_pixels + int(found.sum()), known_pixels + int(known.sum())
        lacking = set(range(19)) - set(np.unique(truth))
        invented, absent = invented + len(lacking & set(np.unique(label))), absent + len(lacking)
    assert right / decoded_pixels >= 0.985
    assert decoded_pixels / known_pixels >= 0.97
    assert invented / absent <= 0.02
