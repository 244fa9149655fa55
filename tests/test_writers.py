"""What is written in any layout is read back as it was."""

from pathlib import Path

import pytest
from small_data import Held, assert_same_samples, dataset, for_layout, held, label, photo

from pixelwise.checking import check, freeze
from pixelwise.data import Dataset, Sample, Split, open_dataset
from pixelwise.data.layouts.streets_default import streets
from pixelwise.data.writers import WRITERS, write_dataset
from pixelwise.errors import UserError
from pixelwise.labels import CAMVID11, CITYSCAPES19, LabelMap

OWN = LabelMap(("sky: blue", "yes", "été"), ((10, 200, 250), (250, 10, 200), (90, 250, 10)))


@pytest.fixture(scope="module")
def rendered() -> Dataset:
    """Six rendered streets, kept in memory."""
    source = streets(3, 2, 1)
    splits = {name: Split(tuple(Held(one) for one in source.split(name))) for name in ("train", "val", "test")}
    return dataset(source.labels, **splits)


@pytest.mark.parametrize("layout", [name for name in WRITERS if name != "pairs"])
def test_streets_come_back_exactly_from_lossless_layouts_and_from_what_check_writes(
    tmp_path: Path, rendered: Dataset, layout: str
) -> None:
    source = for_layout(rendered, layout)
    write_dataset(source, tmp_path / "out", layout)
    back = open_dataset(tmp_path / "out")
    frozen = open_dataset(freeze(check(back), tmp_path / "mine.yaml"))
    for read in (back, frozen):
        assert (read.layout, read.labels) == (layout, source.labels)
        assert_same_samples(read, source)


def test_streets_come_back_from_lossy_pairs_nearly_as_they_were(tmp_path: Path, rendered: Dataset) -> None:
    write_dataset(rendered, tmp_path / "out", "pairs")
    back = open_dataset(tmp_path / "out")
    frozen = open_dataset(freeze(check(back), tmp_path / "mine.yaml"))
    for found in (back, frozen):
        assert (found.layout, found.labels) == ("pairs", CAMVID11)
        for name in ("train", "val", "test"):
            for written, read in zip(rendered.split(name), found.split(name), strict=True):
                decoded = (read.label != 255) & (written.label != 255)
                assert read.name == written.name
                assert decoded.sum() >= 0.97 * (written.label != 255).sum()
                assert (read.label == written.label)[decoded].mean() >= 0.985


def test_a_dataset_without_splits_is_written_and_read_without(tmp_path: Path) -> None:
    write_dataset(dataset(train=held("a", "b")), tmp_path / "out", "folders")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["dataset.yaml", "images", "masks"]
    assert len(open_dataset(tmp_path / "out").train) == 2


@pytest.mark.parametrize("layout", ["folders", "pairs"])
def test_own_classes_keep_their_names_and_colours(tmp_path: Path, layout: str) -> None:
    source = dataset(OWN, test=held("a", labels=OWN))
    write_dataset(source, tmp_path / "out", layout)
    back = open_dataset(tmp_path / "out", layout)
    assert back.labels == OWN
    assert back.test.names == ("a",)


def test_the_camvid_layout_refuses_other_classes_and_leaves_nothing(tmp_path: Path) -> None:
    source = dataset(CITYSCAPES19, train=held("a", labels=CITYSCAPES19))
    with pytest.raises(UserError, match="CamVid's 11 classes only"):
        write_dataset(source, tmp_path / "out", "camvid")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_empty_is_never_written_to(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    for target in (tmp_path, tmp_path / "mine.txt"):
        with pytest.raises(UserError, match="is there already and not empty"):
            write_dataset(dataset(train=held("a")), target, "folders")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_empty_folder_may_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write_dataset(dataset(train=held("a")), tmp_path / "out", "camvid")
    assert len(open_dataset(tmp_path / "out").train) == 1


@pytest.mark.parametrize("layout", WRITERS)
def test_progress_is_told_after_every_sample(tmp_path: Path, layout: str) -> None:
    told: list[tuple[int, int]] = []
    source = for_layout(dataset(train=held("a", "b"), val=held("c")), layout)
    write_dataset(source, tmp_path / "out", layout, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("layout", WRITERS)
def test_names_with_folders_and_spaces_become_one_word(tmp_path: Path, layout: str) -> None:
    source = for_layout(dataset(train=held("munich/my street 1")), layout)
    write_dataset(source, tmp_path / "out", layout)
    [name] = open_dataset(tmp_path / "out").train.names
    assert name.removeprefix("munich/") == "munich_my_street_1"  # Cityscapes' names begin with the city


def test_two_samples_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="two samples would be written as 'a_b'"):
        write_dataset(dataset(train=held("a/b", "a b")), tmp_path / "out", "folders")


def test_an_unknown_layout_and_an_empty_dataset_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'folders'"):
        write_dataset(dataset(train=held("a")), tmp_path / "out", "folder")
    with pytest.raises(UserError, match="has no samples"):
        write_dataset(dataset(), tmp_path / "out", "folders")


def test_a_failure_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    class Broken(Held):
        def read(self) -> Sample:
            raise UserError("b.png: is damaged")

    good = Sample(photo(), label(), "a")
    source = dataset(train=Split((Held(good), Broken(good._replace(name="b")))))
    with pytest.raises(UserError, match=r"b\.png"):
        write_dataset(source, tmp_path / "out", "folders")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_one_line_for_the_user(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        write_dataset(dataset(train=held("a")), tmp_path / "file" / "out", "folders")
