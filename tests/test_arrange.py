"""What a dataset.yaml asks for: splits, files left out, merged classes."""

from glob import escape
from pathlib import Path

import pytest
from small_data import dataset, folders, held

from pixelwise.data import open_dataset
from pixelwise.data.arrange import arrange_splits, merge_classes
from pixelwise.errors import UserError
from pixelwise.labels import CAMVID11


def test_a_sample_is_in_the_first_split_of_which_a_pattern_fits_and_the_rest_is_left_out() -> None:
    data = dataset(train=held("a_1", "a_2", "b_1", "c_1", "d_1"))
    found = arrange_splits(data, {"val": ("b_*", "a_2"), "train": ("a_*", "c_1")})
    assert (found.train.names, found.val.names, found.test.names) == (("a_1", "c_1"), ("a_2", "b_1"), ())


def test_a_star_takes_what_is_left() -> None:
    found = arrange_splits(dataset(train=held("a", "b"), val=held("c")), {"val": ("a",), "train": ("*",)})
    assert (found.train.names, found.val.names) == (("b", "c"), ("a",))


@pytest.mark.parametrize("name", ["a[1]", "what?", "x*y", "[", "a]b"])
def test_names_with_the_signs_of_patterns_can_be_named(name: str) -> None:
    found = arrange_splits(dataset(train=held(name, "axy", "a1")), {"val": (escape(name),), "train": ("*",)})
    assert found.val.names == (name,)


def test_a_pattern_that_fits_nothing_is_refused() -> None:
    with pytest.raises(UserError, match="no sample is called 'e_\\*'"):
        arrange_splits(dataset(train=held("a")), {"train": ("a",), "val": ("e_*",)})


def test_excluded_files_are_left_out_with_their_samples(tmp_path: Path) -> None:
    folders(tmp_path, "abc")
    (tmp_path / "dataset.yaml").write_text('classes: camvid11\nexclude: ["images/a.png", "masks/c.*"]')
    assert open_dataset(tmp_path).train.names == ("b",)


def test_merged_classes_are_those_of_the_samples_too() -> None:
    data = merge_classes(dataset(train=held("a")), {"thing": ("Car", "Pole"), "ignore": ("Sky",)})
    label, before = data.train[0].label, held("a")[0].label
    assert data.labels.names[:3] == ("Building", "thing", "Road")
    for name, new in (("Car", "thing"), ("Pole", "thing"), ("Road", "Road"), ("Tree", "Tree")):
        assert (label[before == CAMVID11.index(name)] == data.labels.index(new)).all()
    assert (label[before == CAMVID11.index("Sky")] == 255).all()
    assert (label[before == 255] == 255).all()
