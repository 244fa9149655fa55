import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as Pillow
from PIL import ImageDraw
from small_data import assert_same_samples, dataset, for_layout, held, photo, real, save

from pixelwise.data import Dataset
from pixelwise.data.description import Description
from pixelwise.data.layouts.cityscapes import recognise
from pixelwise.data.layouts.streets_default import streets
from pixelwise.data.writers.cityscapes import write_cityscapes
from pixelwise.errors import DataError, UserError
from pixelwise.labels import CAMVID11, CITYSCAPES19, CITYSCAPES_LABELS, LabelMap

IDS = np.array([[7, 8, 11, 23, 26, 0, 3, 18], [33, 4, 29, 30, 9, 14, 24, 17]], np.uint8)
TRUTH = np.array([[0, 1, 2, 10, 13, 255, 255, 255], [18, 255, 255, 255, 255, 255, 11, 5]], np.uint8)


def city(root: Path, base: str = "aachen_000000_000019", split: str = "train", *, kind: str = "labelIds") -> Path:
    """One photo with a mask of the ids; returns the mask."""
    folder = Path(split, base.split("_")[0])
    save(root / "leftImg8bit" / folder / f"{base}_leftImg8bit.png", photo(0, 2, 8))
    return save(root / "gtFine" / folder / f"{base}_gtFine_{kind}.png", IDS)


def polygons(root: Path, objects: object, base: str = "bonn_1_2", *, width: int = 40, height: int = 30) -> Path:
    """One photo with a file of polygons."""
    save(root / "leftImg8bit" / "val" / f"{base}_leftImg8bit.png", photo(0, height, width))
    path = root / "gtFine" / "val" / f"{base}_gtFine_polygons.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"imgHeight": height, "imgWidth": width, "objects": objects}))
    return path


def found(root: Path, description: Description | None = None) -> Dataset:
    data = recognise(root, description or Description())
    assert data is not None
    return data


def test_streets_written_as_cityscapes_come_back_exactly(tmp_path: Path) -> None:
    source = for_layout(streets(2, 1, 1), "cityscapes")
    for _ in write_cityscapes(source, tmp_path):
        pass
    data = found(tmp_path)
    assert data.labels == CITYSCAPES19
    assert not data.problems
    assert_same_samples(data, source)


def test_real_names_survive_writing_and_reading(tmp_path: Path) -> None:
    source = dataset(CITYSCAPES19, train=held("aachen/aachen_000000_000019", "ulm_1_2", labels=CITYSCAPES19))
    for _ in write_cityscapes(source, tmp_path):
        pass
    assert found(tmp_path).train.names == ("aachen/aachen_000000_000019", "ulm/ulm_1_2")


def test_other_classes_are_refused_by_the_writer(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds Cityscapes' classes only"):
        next(write_cityscapes(dataset(CAMVID11, train=held("a")), tmp_path))


def test_the_label_ids_are_those_of_cityscapes_and_their_train_ids_count_up() -> None:
    assert [label.id for label in CITYSCAPES_LABELS] == list(range(34))
    evaluated = [label for label in CITYSCAPES_LABELS if label.train_id != 255]
    assert tuple(label.name for label in evaluated) == CITYSCAPES19.names
    assert tuple(label.color for label in evaluated) == CITYSCAPES19.colors
    assert [label.train_id for label in evaluated] == list(range(19))


def test_label_ids_become_the_19_classes_and_all_else_is_ignored(tmp_path: Path) -> None:
    city(tmp_path)
    data = found(tmp_path)
    assert data.train.names == ("aachen/aachen_000000_000019",)
    assert np.array_equal(data.train[0].label, TRUTH)
    assert data.evidence == "1 photos *_leftImg8bit and gtFine 1 labelIds"


def test_train_ids_are_read_before_label_ids_and_label_ids_before_polygons(tmp_path: Path) -> None:
    city(tmp_path)
    polygon = tmp_path / "gtFine" / "train" / "aachen" / "aachen_000000_000019_gtFine_polygons.json"
    polygon.write_text("never read")
    assert np.array_equal(found(tmp_path).train[0].label, TRUTH)
    save(tmp_path / "gtFine/train/aachen/aachen_000000_000019_gtFine_labelTrainIds.png", np.full_like(IDS, 18))
    assert (found(tmp_path).train[0].label == 18).all()


def test_colour_masks_alone_are_decoded_by_cityscapes_colours(tmp_path: Path) -> None:
    mask = city(tmp_path)
    mask.unlink()
    colors = np.array([label.color for label in CITYSCAPES_LABELS], np.uint8)[IDS]
    save(mask.with_name(mask.name.replace("labelIds", "color")), np.dstack([colors, np.full_like(IDS, 255)]))
    truth = TRUTH.copy()
    truth[0, 7] = 5  # a polegroup has the colour of a pole
    assert np.array_equal(found(tmp_path).train[0].label, truth)


def test_the_classes_of_dataset_yaml_are_told_by_name_from_label_ids(tmp_path: Path) -> None:
    city(tmp_path)
    save(tmp_path / "gtFine/train/aachen/aachen_000000_000019_gtFine_labelTrainIds.png", np.zeros_like(IDS))
    labels = LabelMap(("parking", "car"), ((1, 2, 3), (4, 5, 6)))
    data = found(tmp_path, Description(labels=labels))
    assert data.labels == labels
    assert data.train[0].label.tolist() == [[255, 255, 255, 255, 1, 255, 255, 255], [255] * 4 + [0] + [255] * 3]


def test_classes_that_cityscapes_has_not_need_values(tmp_path: Path) -> None:
    city(tmp_path)
    labels = LabelMap(("ground", "things"), ((1, 2, 3), (4, 5, 6)))
    with pytest.raises(UserError, match="'things' is no label of Cityscapes"):
        recognise(tmp_path, Description(Path("dataset.yaml"), labels=labels))
    values = {int(value): int(value not in (7, 8, 9)) for value in np.unique(IDS)}
    data = found(tmp_path, Description(labels=labels, values=values))
    assert np.array_equal(data.train[0].label, ~np.isin(IDS, (7, 8, 9)))


def test_a_value_that_is_no_label_id_is_named_when_it_is_read(tmp_path: Path) -> None:
    mask = city(tmp_path)
    save(mask, np.full_like(IDS, 77))
    with pytest.raises(DataError, match="pixel value 77"):
        found(tmp_path).train[0]


def drawn_by_cityscapes_scripts(objects: list[dict[str, object]], width: int, height: int) -> npt.NDArray[np.uint8]:
    """The steps of createLabelImage of cityscapesScripts, written down anew as a reference."""
    picture = Pillow.new("L", (width, height), 0)
    draw = ImageDraw.Draw(picture)
    ids = {label.name: label.id for label in CITYSCAPES_LABELS}
    for one in objects:
        name = str(one["label"])
        if one["deleted"] or name == "license plate":
            continue
        if name not in ids and name.endswith("group"):
            name = name[: -len("group")]
        draw.polygon([tuple(point) for point in one["polygon"]], fill=ids[name])  # type: ignore[attr-defined]
    return np.asarray(picture)


def test_polygons_are_drawn_like_cityscapes_scripts_draws_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = ["road", "cargroup", "polegroup", "sky", "out of roi", "persongroup", "license plate", "pole", "parking"]
    objects: list[dict[str, object]] = [
        {
            "label": name,
            "deleted": int(number % 7 == 3),
            "polygon": rng.integers(-10, 60, (5, 2)).tolist(),
        }
        for number, name in enumerate(names * 3)
    ]
    polygons(tmp_path, objects)
    by_id = np.full(256, 255)
    by_id[[label.id for label in CITYSCAPES_LABELS]] = [label.train_id for label in CITYSCAPES_LABELS]
    reference = by_id[drawn_by_cityscapes_scripts(objects, 40, 30)]
    data = found(tmp_path)
    assert len(np.unique(reference)) > 4
    assert np.array_equal(data.val[0].label, reference)
    assert data.val.names == ("bonn/bonn_1_2",)


def test_later_objects_cover_earlier_ones_and_groups_count_as_their_class(tmp_path: Path) -> None:
    square = [[0, 0], [39, 0], [39, 29], [0, 29]]
    left = [[0, 0], [19, 0], [19, 29], [0, 29]]
    objects = [
        {"label": "cargroup", "polygon": square},
        {"label": "license plate", "polygon": square},
        {"label": "out of roi", "polygon": left},
        {"label": "sky", "polygon": square, "deleted": 1},
    ]
    polygons(tmp_path, objects)
    label = found(tmp_path).val[0].label
    assert (label[:, :20] == 255).all()
    assert (label[:, 20:] == CITYSCAPES19.index("car")).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON"),
        ("[]", "is not as Cityscapes writes polygons"),
        ('{"imgHeight": 30, "imgWidth": 40, "objects": [{"label": 3, "polygon": []}]}', r"objects\.label"),
        ('{"imgHeight": 30, "imgWidth": 40, "objects": [{"label": "car", "polygon": [[NaN, 1]]}]}', "polygon"),
        ('{"imgHeight": 30, "imgWidth": 40, "objects": [{"label": "car", "polygon": [[1e300, 1]]}]}', "polygon"),
        ('{"imgHeight": 30, "imgWidth": 1e9, "objects": []}', "imgWidth"),
        ('{"imgHeight": 99999999, "imgWidth": 99999999, "objects": []}', "but its photo"),
        (
            '{"imgHeight": 30, "imgWidth": 40, "objects": [{"label": "ufo", "polygon": [[1, 2], [3, 4]]}]}',
            "'ufo', which is no label of Cityscapes",
        ),
    ],
)
def test_a_wrong_file_of_polygons_is_one_line_when_it_is_read(tmp_path: Path, content: str, message: str) -> None:
    polygons(tmp_path, []).write_text(content)
    data = found(tmp_path)
    with pytest.raises(DataError, match=message):
        data.val[0]


def test_files_are_found_by_their_endings_wherever_they_lie(tmp_path: Path) -> None:
    flat, elsewhere, one_city = (tmp_path / name for name in ("flat", "elsewhere", "one_city"))
    for root in (flat, elsewhere, one_city):
        city(root / "source")
    mask = next((flat / "source").rglob("*_labelIds.png"))
    picture = next((flat / "source").rglob("*_leftImg8bit.png"))
    for path in (mask, picture):
        path.rename(flat / path.name)
    (elsewhere / "source" / "gtFine").rename(elsewhere / "truth")
    (elsewhere / "source" / "leftImg8bit" / "train").rename(elsewhere / "photos")
    for root in (flat, elsewhere, one_city):
        data = found(root)
        assert data.train.names == ("aachen/aachen_000000_000019",)
        assert np.array_equal(data.train[0].label, TRUTH)


def test_what_has_no_partner_is_a_problem_and_left_out(tmp_path: Path) -> None:
    city(tmp_path)
    city(tmp_path, "ulm_0_1").unlink()
    mask = city(tmp_path, "ulm_0_2")
    next(tmp_path.rglob("ulm_0_2_leftImg8bit.png")).unlink()
    data = found(tmp_path)
    assert len(data.train) == 1
    assert [(one.kind, one.what) for one in data.problems] == [
        ("missing partner", "has no annotation"),
        ("missing partner", "has no photo"),
    ]
    assert data.problems[1].files == (str(mask),)


def test_a_split_without_annotations_is_left_out_and_said_so(tmp_path: Path) -> None:
    city(tmp_path)
    city(tmp_path, "berlin_0_1", "test").unlink()
    data = found(tmp_path)
    assert not data.test
    assert not data.problems
    assert "test has no annotations and is left out" in data.evidence


def test_the_dummy_labels_of_the_test_split_are_all_ignored(tmp_path: Path) -> None:
    city(tmp_path)
    save(city(tmp_path, "berlin_0_1", "test"), np.full_like(IDS, 3))
    assert (found(tmp_path).test[0].label == 255).all()


def test_coarse_annotations_are_read_only_where_there_are_no_fine_ones(tmp_path: Path) -> None:
    fine = city(tmp_path)
    coarse = Path(str(fine).replace("gtFine", "gtCoarse"))
    save(coarse, np.full_like(IDS, 26))
    extra = "gtCoarse/train_extra/bayreuth/bayreuth_0_1_gtCoarse_labelIds.png"
    save(tmp_path / extra, np.full_like(IDS, 26))
    save(tmp_path / "leftImg8bit/train_extra/bayreuth/bayreuth_0_1_leftImg8bit.png", photo(1, 2, 8))
    both = found(tmp_path)
    assert np.array_equal(both.train[0].label, TRUTH)
    assert len(both.train) == 1
    assert not both.problems
    assert "2 gtCoarse are left out" in both.evidence
    fine.unlink()
    alone = found(tmp_path)
    assert alone.train.names == ("aachen/aachen_000000_000019", "bayreuth/bayreuth_0_1")
    assert (alone.train[1].label == 13).all()


def test_foggy_variants_of_a_photo_share_its_annotation(tmp_path: Path) -> None:
    city(tmp_path)
    picture = next(tmp_path.rglob("*_leftImg8bit.png"))
    picture.rename(picture.with_name(picture.name.replace(".png", "_foggy_beta_0.01.png")))
    data = found(tmp_path)
    assert data.train.names == ("aachen/aachen_000000_000019_foggy_beta_0.01",)


def test_the_same_photo_twice_in_a_split_is_a_problem(tmp_path: Path) -> None:
    city(tmp_path)
    save(tmp_path / "copy" / "train" / "aachen_000000_000019_leftImg8bit.png", photo(0, 2, 8))
    data = found(tmp_path)
    assert len(data.train) == 1
    assert data.problems[0].kind == "duplicate name"


def test_folders_of_other_kinds_are_not_recognised(tmp_path: Path) -> None:
    assert recognise(tmp_path, Description()) is None
    save(tmp_path / "a_leftImg8bit.png", photo())
    assert recognise(tmp_path, Description()) is None


@pytest.mark.parametrize("name", ["camvid", "camvid_color", "cityscapes_pairs", "carla", "labelme/data_dataset_voc"])
def test_real_data_of_other_kinds_is_not_recognised(name: str) -> None:
    assert recognise(real(name), Description()) is None
