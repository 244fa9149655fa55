from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as Pillow
from small_data import flat, label, save

from pixelwise.data.description import Description
from pixelwise.data.files.images import read_mask
from pixelwise.data.masks.decoders import IndexMask
from pixelwise.data.masks.mask_classes import Classes, NotMasks, find_classes
from pixelwise.data.masks.palettes import distinct_colors, name_colors
from pixelwise.errors import DataError, UserError
from pixelwise.labels import CAMVID11, CAMVID32, VOC21, Label, LabelMap

NOTHING = Description()
OWN = LabelMap(("grass", "water", "roof"), ((10, 200, 30), (20, 40, 230), (240, 20, 10)))


def masks(folder: Path, *arrays: npt.NDArray[np.generic], ending: str = "png") -> list[Path]:
    return [save(folder / f"{index}.{ending}", array) for index, array in enumerate(arrays)]


def decoded(found: Classes, path: Path) -> Label:
    return found.decode(read_mask(path), path)


def grey(values: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.repeat(values[..., None], 3, axis=2)


# values


@pytest.mark.parametrize("values", [(0, 1), (0, 255), (0, 7), (0, 300)])
def test_zero_and_one_other_value_are_background_and_foreground(tmp_path: Path, values: tuple[int, int]) -> None:
    paths = masks(tmp_path, flat(*values), flat(values[0]))
    found = find_classes(paths, NOTHING)
    assert found.labels.names == ("background", "foreground")
    assert np.array_equal(decoded(found, paths[0]), flat(0, 1))


@pytest.mark.parametrize(
    ("values", "names", "expected"),
    [
        ((0, 1, 255), ("background", "foreground"), (0, 1, 255)),
        ((0, 1, 2), ("class 0", "class 1", "class 2"), (0, 1, 2)),
        ((0, 1, 3, 255), ("class 0", "class 1", "class 2", "class 3"), (0, 1, 3, 255)),
        ((0, 38, 75, 113), ("value 0", "value 38", "value 75", "value 113"), (0, 1, 2, 3)),
        ((0, 128, 255), ("value 0", "value 128", "value 255"), (0, 1, 2)),
        ((0, 5, 15, 255), tuple(f"class {index}" for index in range(16)), (0, 5, 15, 255)),
        ((7, 1000, 26001), ("value 7", "value 1000", "value 26001"), (0, 1, 2)),
    ],
)
def test_values_are_classes_and_255_is_ignored_where_classes_count_from_0(
    tmp_path: Path, values: tuple[int, ...], names: tuple[str, ...], expected: tuple[int, ...]
) -> None:
    paths = masks(tmp_path, flat(*values))
    found = find_classes(paths, NOTHING)
    if values == (0, 1, 255):
        names = ("class 0", "class 1")
    assert found.labels.names == names
    assert np.array_equal(decoded(found, paths[0]), flat(*expected))


def test_a_value_that_was_in_no_mask_looked_at_is_an_error_when_it_is_read(tmp_path: Path) -> None:
    found = find_classes(masks(tmp_path, flat(0, 128, 255)), NOTHING)
    with pytest.raises(DataError, match="pixel value 9 is not one of") as error:
        found.decode(flat(9), tmp_path / "x.png")
    assert error.value.kind == "unknown value"


def test_one_value_is_nothing_to_tell_apart(tmp_path: Path) -> None:
    for value in (0, 255):
        with pytest.raises(UserError, match=f"only the value {value}, so there is nothing to tell apart"):
            find_classes(masks(tmp_path, flat(value)), NOTHING)


def test_more_values_than_classes_are_no_masks(tmp_path: Path) -> None:
    ramp = np.arange(400, dtype=np.uint16).reshape(20, 20)
    with pytest.raises(NotMasks):
        find_classes(masks(tmp_path, ramp), NOTHING)


def test_grey_saved_as_rgb_or_rgba_holds_values(tmp_path: Path) -> None:
    truth = label(1, classes=5)
    paths = masks(tmp_path, grey(truth), np.dstack([grey(truth), np.full(truth.shape, 255, np.uint8)]))
    found = find_classes(paths, NOTHING)
    assert len(found.labels) == 5
    for path in paths:
        assert np.array_equal(decoded(found, path), truth)


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_values_in_one_channel_are_found_there(tmp_path: Path, channel: int) -> None:
    truth = label(1, classes=5)
    truth[truth == 255] = 0
    one = np.zeros((*truth.shape, 3), np.uint8)
    one[..., channel] = truth
    paths = masks(tmp_path, np.zeros_like(one), one)
    found = find_classes(paths, NOTHING)
    assert np.array_equal(decoded(found, paths[1]), truth)
    assert not decoded(found, paths[0]).any()


def test_palette_masks_hold_values_and_lend_colours(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", label(classes=4), VOC21)
    found = find_classes([path], NOTHING)
    assert found.labels.colors == VOC21.colors[:4]
    sparse = find_classes([save(tmp_path / "b.png", flat(0, 15), VOC21)], NOTHING)
    assert sparse.labels.colors == (VOC21.colors[0], VOC21.colors[15])


def test_masks_of_the_rarer_kind_and_damaged_ones_are_found_when_they_are_read(tmp_path: Path) -> None:
    paths = masks(tmp_path, *(label(seed) for seed in range(4)), CAMVID11.colorize(label(9)))
    paths[0].write_bytes(b"\x89PNG")
    found = find_classes(paths, NOTHING)
    assert len(found.labels) == 11
    with pytest.raises(DataError) as error:
        decoded(found, paths[-1])
    assert error.value.kind == "mixed mask types"
    with pytest.raises(UserError):
        find_classes(paths[:1], NOTHING)


# smeared grey


def jpeg(path: Path, array: npt.NDArray[np.uint8], quality: int = 80) -> Path:
    Pillow.fromarray(array).save(path, quality=quality)
    return path


@pytest.mark.parametrize("as_rgb", [False, True])
def test_black_and_white_jpeg_masks_are_background_and_foreground(tmp_path: Path, as_rgb: bool) -> None:
    disc = np.hypot(*np.mgrid[-64:64, -64:64]) < 40
    drawn = np.where(disc, 255, 0).astype(np.uint8)
    path = jpeg(tmp_path / "a.jpg", grey(drawn) if as_rgb else drawn)
    assert len(np.unique(read_mask(path))) > 10
    found = find_classes([path], NOTHING)
    assert found.labels.names == ("background", "foreground")
    assert (decoded(found, path) == disc).mean() > 0.995


def test_jpeg_masks_of_several_greys_keep_their_classes_apart(tmp_path: Path) -> None:
    truth = np.kron(np.random.default_rng(0).integers(0, 4, (6, 6)), np.ones((24, 24), np.int64)).astype(np.uint8)
    path = jpeg(tmp_path / "a.jpg", np.array([0, 90, 170, 255], np.uint8)[truth])
    found = find_classes([path], NOTHING)
    assert len(found.labels) == 4
    label_read = decoded(found, path)
    assert (label_read == truth).mean() > 0.97
    assert set(np.unique(label_read)) <= {0, 1, 2, 3, 255}


def test_jpeg_masks_of_indices_are_refused_since_their_values_are_smeared(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a grey JPEG cannot hold class indices"):
        find_classes([jpeg(tmp_path / "a.jpg", label() % 11)], NOTHING)


def test_listed_greys_are_values_where_the_masks_hold_them(tmp_path: Path) -> None:
    listed = Description(labels=LabelMap(("ground", "house"), ((0, 0, 0), (255, 255, 255))))
    for path in (
        save(tmp_path / "a.png", flat(0, 255)),
        jpeg(tmp_path / "b.jpg", flat(0, 255)),
        save(tmp_path / "c.png", grey(flat(0, 255))),
    ):
        found = find_classes([path], listed)
        assert found.labels.names == ("ground", "house")
        assert np.array_equal(decoded(found, path), flat(0, 1))
    path = save(tmp_path / "d.png", flat(0, 1, 255))
    assert np.array_equal(decoded(find_classes([path], listed), path)[:, :16], flat(0, 1))


# colours


def test_colours_of_no_known_map_become_classes_with_proposed_names(tmp_path: Path) -> None:
    truth = label(2, classes=3)
    truth[truth == 255] = 2
    paths = masks(tmp_path, OWN.colorize(truth), OWN.colorize(label(3, classes=3) % 3))
    found = find_classes(paths, NOTHING)
    assert set(found.labels.colors) == set(OWN.colors)
    assert set(found.labels.names) == {"green", "blue", "red"}
    assert "the names are proposals" in found.evidence
    assert [problem.kind for problem in found.problems] == ["unnamed classes"]
    assert "--write" in found.problems[0].mend
    order = np.array([found.labels.colors.index(color) for color in OWN.colors])
    assert np.array_equal(decoded(found, paths[0]), order[truth])


def test_smeared_colours_of_no_known_map_are_found_from_their_regions(tmp_path: Path) -> None:
    truth = np.kron(np.random.default_rng(0).integers(0, 3, (6, 6)), np.ones((24, 24), np.int64)).astype(np.uint8)
    path = jpeg(tmp_path / "a.jpg", OWN.colorize(truth), 92)
    found = find_classes([path], NOTHING)
    assert len(found.labels) == 3
    for index, color in enumerate(found.labels.colors):
        nearest = int(np.abs(np.array(OWN.colors) - color).sum(axis=1).argmin())
        chosen = decoded(found, path) == index
        assert (truth[chosen] == nearest).mean() > 0.95


def test_much_black_is_background_and_little_is_void(tmp_path: Path) -> None:
    columns = [0, 0, 0, 1, 2, 2, 2, 2]
    colors = np.array([(0, 0, 0), (200, 10, 10), (10, 10, 200)], np.uint8)
    much = find_classes([save(tmp_path / "a.png", np.tile(colors[columns], (8, 1, 1)))], NOTHING)
    assert "background" in much.labels.names
    little = np.tile(colors[[1, 2] * 16], (32, 1, 1))
    little[0, :4] = 0
    found = find_classes([save(tmp_path / "b.png", little)], NOTHING)
    assert (len(found.labels), "background" in found.labels.names) == (2, False)
    two = find_classes([save(tmp_path / "c.png", np.tile(colors[[1] * 99 + [0]], (8, 1, 1)) + np.uint8(0))], NOTHING)
    assert len(two.labels) == 2


def test_photos_are_not_masks(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    with pytest.raises(NotMasks):
        find_classes([save(tmp_path / "a.png", noise)], NOTHING)


def test_proposed_names_are_a_published_maps_where_it_has_several_of_the_colours() -> None:
    names = name_colors([(128, 64, 128), (64, 0, 128), (1, 2, 250)])
    assert names[2] == "blue"
    assert name_colors([CAMVID32.colors[0], CAMVID32.colors[1], (255, 1, 0)])[:2] == CAMVID32.names[:2]
    assert len(set(name_colors([(value, 0, 0) for value in range(130, 250)]))) == 120


# tables beside the masks


def table(labels: LabelMap, **more: object) -> Description:
    return Description(Path("class_dict.csv"), labels=labels, **more)  # type: ignore[arg-type]


def test_a_table_of_colours_names_the_classes_before_published_maps_do(tmp_path: Path) -> None:
    renamed = LabelMap(tuple(f"my {name}" for name in CAMVID11.names), CAMVID11.colors)
    paths = masks(tmp_path, *(CAMVID11.colorize(label(seed)) for seed in range(3)))
    found = find_classes(paths, NOTHING, table(renamed))
    assert found.labels == renamed
    assert "class_dict.csv" in found.evidence
    assert find_classes(paths, Description(labels=CAMVID11), table(renamed)).labels == CAMVID11


def test_a_table_of_other_colours_or_values_is_not_taken(tmp_path: Path) -> None:
    paths = masks(tmp_path / "colors", *(CAMVID11.colorize(label(seed)) for seed in range(3)))
    assert find_classes(paths, NOTHING, table(OWN)).labels == CAMVID11
    paths = masks(tmp_path / "values", label(classes=11))
    assert len(find_classes(paths, NOTHING, table(OWN, values={0: 0, 1: 1, 2: 2})).labels) == 11
    full = table(CAMVID32, values={index: index for index in range(32)})
    assert find_classes(paths, NOTHING, full).labels.names[0] == "class 0"


def test_names_without_a_background_are_of_the_values_from_1(tmp_path: Path) -> None:
    paths = masks(tmp_path, flat(0, 1, 2))
    named = table(LabelMap(("cat", "dog"), distinct_colors(2)), values={0: 0, 1: 1})
    assert find_classes(paths, NOTHING, named).labels.names == ("background", "cat", "dog")


@pytest.mark.parametrize("names", [("crack",), ("background", "crack")])
@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_one_or_two_names_are_of_masks_of_two_values(tmp_path: Path, names: tuple[str, ...], ending: str) -> None:
    path = masks(tmp_path, flat(0, 255), ending=ending)[0]
    found = find_classes([path], NOTHING, table(LabelMap(names, distinct_colors(len(names))), values={0: 0}))
    assert np.array_equal(decoded(found, path), flat(0, 1))
    if ending == "png" or len(names) == 2:
        assert found.labels.names == ("background", "crack")


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_a_table_of_greys_names_grey_values(tmp_path: Path, ending: str) -> None:
    """As in Kaggle's tables of two classes."""
    path = masks(tmp_path, flat(0, 255), ending=ending)[0]
    listed = table(LabelMap(("land", "water"), ((0, 0, 0), (255, 255, 255))), values={0: 0, 1: 1})
    found = find_classes([path], NOTHING, listed)
    assert found.labels.names == ("land", "water")
    assert np.array_equal(decoded(found, path), flat(0, 1))


# pinned down


def test_what_was_found_is_found_again_once_it_is_written_down(tmp_path: Path) -> None:
    """As `pixelwise check --write` does: labels, and values and ignored ones of index masks."""
    red = np.zeros((24, 32, 3), np.uint8)
    red[..., 0] = label(classes=4) % 4
    disc = np.where(np.hypot(*np.mgrid[-64:64, -64:64]) < 40, 255, 0).astype(np.uint8)
    blocks = np.kron(np.random.default_rng(0).integers(0, 3, (6, 6)), np.ones((24, 24), np.int64)).astype(np.uint8)
    paths = [
        *masks(tmp_path, flat(0, 255), flat(0, 1, 255), flat(0, 38, 113), flat(0, 300), flat(0, 1, 2), red),
        *masks(tmp_path / "b", grey(flat(0, 255)), grey(flat(0, 128, 255)), OWN.colorize(label(classes=3) % 3)),
        *(jpeg(tmp_path / "c.jpg", disc), jpeg(tmp_path / "d.jpg", grey(disc))),
        jpeg(tmp_path / "e.jpg", OWN.colorize(blocks), 92),
    ]
    for path in paths:
        found = find_classes([path], NOTHING)
        index = found.decode if isinstance(found.decode, IndexMask) else IndexMask(1, (255,))
        pinned = Description(labels=found.labels, values=dict(index.values), ignored=index.ignored)
        again = find_classes([path], pinned)
        assert again.labels == found.labels
        assert np.array_equal(decoded(again, path), decoded(found, path)), path
