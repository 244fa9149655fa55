import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as Pillow
from small_data import assert_same_samples, dataset, held, label, photo, real

from pixelwise.data import Dataset
from pixelwise.data.description import Description
from pixelwise.data.layouts import table_rows
from pixelwise.data.layouts.streets_default import streets
from pixelwise.data.layouts.table import from_hub_dataset, recognise
from pixelwise.data.writers.table import write_table
from pixelwise.errors import DataError, UserError
from pixelwise.labels import CAMVID11, LabelMap

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

OWN = LabelMap(("sky: blue", "yes", "été"), ((10, 200, 250), (250, 10, 200), (90, 250, 10)))
PICTURE = pa.struct({"bytes": pa.binary(), "path": pa.string()})
Cells = Sequence[object]


def png(array: npt.NDArray[np.generic]) -> bytes:
    file = io.BytesIO()
    Pillow.fromarray(array).save(file, "PNG")
    return file.getvalue()


def parquet(path: Path, features: object = None, rows: int = 1, **columns: Cells) -> Path:
    """A table; cells that are dicts are pictures as `datasets` keeps them, others bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kinds = {name: PICTURE if isinstance(cells[0], dict) else pa.binary() for name, cells in columns.items()}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})} if features is not None else None
    schema = pa.schema(list(kinds.items()), metadata=metadata)
    pq.write_table(pa.table(dict(columns), schema), path, row_group_size=rows)
    return path


def three(path: Path, classes: int = 11, **more: object) -> Path:
    """Three rows of plain bytes."""
    masks = [png(label(seed, classes=classes)) for seed in range(3)]
    return parquet(path, image=[png(photo(seed)) for seed in range(3)], label=masks, **more)  # type: ignore[arg-type]


def found(root: Path, description: Description | None = None) -> Dataset:
    data = recognise(root, description or Description())
    assert data is not None
    return data


def test_streets_written_as_a_table_come_back_exactly(tmp_path: Path) -> None:
    source = streets(2, 1, 1)
    for _ in write_table(source, tmp_path):
        pass
    data = found(tmp_path)
    assert data.labels == CAMVID11
    assert not data.problems
    assert_same_samples(data, source)


def test_own_classes_keep_their_names_and_colours_and_progress_is_told_once_a_sample(tmp_path: Path) -> None:
    source = dataset(OWN, train=held(*(f"n{number}" for number in range(40)), labels=OWN))
    assert len(list(write_table(source, tmp_path))) == 40
    data = found(tmp_path)
    assert data.labels == OWN
    assert data.train.names == source.train.names


def test_the_datasets_package_reads_what_is_written_and_gives_the_same_samples(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    source = streets(2, 1, 0)
    for _ in write_table(source, tmp_path / "out"):
        pass
    files = {"train": str(tmp_path / "out/data/train-*.parquet"), "validation": str(tmp_path / "out/data/val*.parquet")}
    loaded = datasets.load_dataset("parquet", data_files=files, cache_dir=str(tmp_path / "cache"))
    assert loaded["train"].features["classes"].feature.names == list(CAMVID11.names)
    assert np.array_equal(np.asarray(loaded["train"][1]["label"]), source.train[1].label)
    data = from_hub_dataset(loaded, name="someone/streets")
    assert data is not None
    assert (data.name, data.labels) == ("someone/streets", CAMVID11)
    assert (len(data.train), len(data.val)) == (2, 1)
    for written, read in zip(source.train, data.train, strict=True):
        assert np.array_equal(read.image, written.image)
        assert np.array_equal(read.label, written.label)
    assert data.train.entries[0] == data.train.entries[0]
    assert data.train.entries[0] != data.val.entries[0]
    assert data.train.entries[0].files


def test_a_lone_file_is_read_and_its_rows_are_numbered_where_they_have_no_names(tmp_path: Path) -> None:
    data = found(three(tmp_path / "mine.parquet"))
    assert (data.name, data.layout) == ("mine", "table")
    assert data.train.names == ("0000000", "0000001", "0000002")
    for seed, sample in enumerate(data.train):
        assert np.array_equal(sample.image, photo(seed))
        assert np.array_equal(sample.label, label(seed))
    assert "1 table, columns image and label; index masks" in data.evidence


def test_shards_and_folders_give_the_splits(tmp_path: Path) -> None:
    for name in ("data/train-00000-of-00002", "data/train-00001-of-00002", "data/validation-00000-of-00001"):
        three(tmp_path / "hub" / f"{name}.parquet")
    three(tmp_path / "converted" / "default" / "test" / "0000.parquet")
    data = found(tmp_path / "hub")
    assert (len(data.train), len(data.val)) == (6, 3)
    assert len(set(data.train.names)) == 6
    assert len(found(tmp_path / "converted").test) == 3


def test_rows_are_named_as_their_pictures_were_and_lead_nowhere(tmp_path: Path) -> None:
    names = ["munich/a.png", "../../b.png", "/c.x.png"]
    cells = [{"bytes": png(photo(seed)), "path": name} for seed, name in enumerate(names)]
    parquet(tmp_path / "a.parquet", image=cells, mask=[png(label(seed)) for seed in range(3)])
    assert found(tmp_path).train.names == ("munich/a", "b", "c.x")


@pytest.mark.parametrize(
    ("image", "mask"),
    [("pixel_values", "segmentation_mask"), ("photo", "annotation"), ("image", "image_label"), ("x", "y"), ("y", "x")],
)
def test_columns_are_found_by_their_names_or_by_what_they_hold(tmp_path: Path, image: str, mask: str) -> None:
    columns: dict[str, Cells] = {image: [png(photo())], mask: [png(label())], "text": [b"a street"]}
    parquet(tmp_path / "a.parquet", **dict(sorted(columns.items())))
    assert np.array_equal(found(tmp_path).train[0].label, label())


def test_the_names_of_the_masks_classes_come_from_the_schema(tmp_path: Path) -> None:
    named = {"names": list(OWN.names), "_type": "ClassLabel"}
    scene = {"names": ["street", "field"], "_type": "ClassLabel"}
    features = {"scene": scene, "label": {"_type": "Image"}, "classes": {"feature": named, "_type": "Sequence"}}
    assert found(three(tmp_path / "a.parquet", 3, features=features)).labels.names == OWN.names
    features = {"scene": scene, "label": {"feature": {"feature": named}, "_type": "Array2D"}}
    assert found(three(tmp_path / "b.parquet", 3, features=features)).labels.names == OWN.names
    assert found(three(tmp_path / "c.parquet", 2, features={"scene": scene})).labels.names[0] == "class 0"


def test_names_that_do_not_cover_the_values_are_not_taken(tmp_path: Path) -> None:
    features = {"label": {"names": ["a", "b"], "_type": "ClassLabel"}}
    assert len(found(three(tmp_path / "a.parquet", 11, features=features)).labels) == 11


@pytest.mark.parametrize(
    "content", [b"{", b"[1]", b'{"info": 3}', b"[" * 100_000, b"\xff", b'{"info": {"features": [[]]}}']
)
def test_damaged_metadata_is_passed_over(tmp_path: Path, content: bytes) -> None:
    table = pq.read_table(three(tmp_path / "a.parquet"))
    pq.write_table(table.replace_schema_metadata({"huggingface": content}), tmp_path / "a.parquet")
    assert len(found(tmp_path).labels) == 11


def test_dataset_yaml_wins_over_the_schema(tmp_path: Path) -> None:
    features = {"label": {"names": ["a", "b", "c"], "_type": "ClassLabel"}}
    path = three(tmp_path / "a.parquet", 3, features=features)
    data = found(path, Description(labels=OWN, values={0: 2, 1: 1, 2: 0}))
    truth = label(0, classes=3)
    assert data.labels == OWN
    assert np.array_equal(data.train[0].label, np.where(truth == 255, 255, 2 - truth))


def test_colour_masks_are_told_by_their_colours(tmp_path: Path) -> None:
    masks = [png(CAMVID11.colorize(label(seed))) for seed in range(2)]
    parquet(tmp_path / "a.parquet", image=[png(photo(0)), png(photo(1))], label=masks)
    data = found(tmp_path)
    assert data.labels == CAMVID11
    assert np.array_equal(data.train[1].label, label(1))


def test_only_the_row_groups_that_are_wanted_are_read_and_those_read_last_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.parquet"
    columns: dict[str, Cells] = {
        "image": [png(photo(seed)) for seed in range(8)],
        "label": [png(label(seed)) for seed in range(8)],
    }
    parquet(path, rows=2, **columns)
    data = found(path)
    groups: list[int] = []
    read = table_rows._read_group
    monkeypatch.setattr(table_rows, "_GROUPS", table_rows._Groups())
    monkeypatch.setattr(
        table_rows, "_read_group", lambda path, group, names: groups.append(group) or read(path, group, names)
    )
    assert np.array_equal(data.train[5].label, label(5))
    assert np.array_equal(data.train[4].label, label(4))
    assert groups == [2]
    monkeypatch.setattr(table_rows, "KEPT", 0)
    for index in (0, 5, 0):
        assert np.array_equal(data.train[index].image, photo(index))
    assert groups == [2, 0, 2, 0]


def damaged(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[40:400] = bytes(360)
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    "content", [b"", b"PAR1", b"PAR1" + b"x" * 99 + b"PAR1", b"<html>404</html>", b"PAR1\xff\xff\xff\x7fPAR1"]
)
def test_what_is_no_parquet_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.parquet: is no Parquet file, or a damaged one"):
        recognise(tmp_path, Description())


def test_a_truncated_shard_is_a_problem_and_the_others_are_read(tmp_path: Path) -> None:
    three(tmp_path / "train-0.parquet")
    path = three(tmp_path / "train-1.parquet")
    path.write_bytes(path.read_bytes()[:-100])
    data = found(tmp_path)
    assert len(data.train) == 3
    assert [(one.kind, one.files) for one in data.problems] == [("unreadable", (str(path),))]


def test_damage_inside_a_shard_is_told_when_its_rows_are_read(tmp_path: Path) -> None:
    path = three(tmp_path / "train-0.parquet")
    data = found(path)
    damaged(path)
    with pytest.raises(DataError, match=r"train-0\.parquet"):
        list(data.train)
    three(tmp_path / "train-1.parquet")
    both = found(tmp_path)
    assert len(both.train) == 6
    assert np.array_equal(both.train[5].label, label(2))


def test_a_shard_with_other_columns_is_a_problem(tmp_path: Path) -> None:
    three(tmp_path / "train-0.parquet")
    parquet(tmp_path / "train-1.parquet", other=[b"x"])
    data = found(tmp_path)
    assert len(data.train) == 3
    assert data.problems[0].what == "has no columns image and label"


def test_cells_that_are_no_pictures_are_told_when_they_are_read(tmp_path: Path) -> None:
    good = png(label())
    bomb = png(np.zeros((2, 2), np.uint8))
    bomb = bomb[:16] + (60_000).to_bytes(4, "big") * 2 + bomb[24:]
    masks = [good, None, b"", b"no picture", good[:60], bomb, png(label()[:8])]
    parquet(tmp_path / "a.parquet", image=[png(photo())] * len(masks), label=masks, rows=2)
    data = found(tmp_path)
    assert len(data.train) == len(masks)
    assert np.array_equal(data.train[0].label, label())
    for index in range(1, len(masks)):
        with pytest.raises(DataError, match=rf"a\.parquet row {index} column label"):
            data.train[index]


def test_pictures_that_are_only_named_are_never_opened(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(png(photo()))
    cells = [{"bytes": png(photo()), "path": "a.png"}, {"bytes": None, "path": str(tmp_path / "secret.png")}]
    parquet(tmp_path / "t" / "a.parquet", image=cells, label=[png(label())] * 2)
    data = found(tmp_path / "t")
    assert len(data.train[0].label)
    with pytest.raises(DataError, match="names a picture that is not in the table"):
        data.train[1]


def test_tables_of_other_things_are_not_recognised(tmp_path: Path) -> None:
    assert recognise(tmp_path, Description()) is None
    pq.write_table(pa.table({"a": [1, 2], "b": ["x", "y"]}), tmp_path / "numbers.parquet")
    assert recognise(tmp_path, Description()) is None
    parquet(tmp_path / "numbers.parquet", image=[png(photo())], text=[b"a street"])
    assert recognise(tmp_path, Description()) is None
    parquet(tmp_path / "numbers.parquet", left=[png(photo())], right=[png(photo(1))])
    assert recognise(tmp_path, Description()) is None
    pq.write_table(
        pa.table({"image": pa.array([], pa.binary()), "label": pa.array([], pa.binary())}), tmp_path / "numbers.parquet"
    )
    assert recognise(tmp_path, Description()) is None
    (tmp_path / "a.txt").touch()
    assert recognise(tmp_path / "a.txt", Description()) is None


def test_a_missing_package_is_one_line_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = three(tmp_path / "a.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    monkeypatch.setitem(sys.modules, "datasets", None)
    for root in (path, Path("nobody/nothing")):
        with pytest.raises(UserError, match=r"run `pip install 'pixelwise\[tables\]'`"):
            recognise(root, Description())


def test_what_is_neither_on_disk_nor_a_name_of_the_hub_is_not_recognised(tmp_path: Path) -> None:
    assert recognise(tmp_path / "nowhere", Description()) is None
    assert recognise(Path("nowhere"), Description()) is None


def test_rows_survive_being_sent_to_another_process(tmp_path: Path) -> None:
    import multiprocessing

    data = found(three(tmp_path / "a.parquet"))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        sample = pool.apply(data.train.entries[2].read)
    assert np.array_equal(sample.label, label(2))


@pytest.mark.parametrize("name", ["camvid", "camvid_color", "cityscapes_pairs", "carla", "labelme"])
def test_real_data_of_other_kinds_is_not_recognised(name: str) -> None:
    assert recognise(real(name), Description()) is None


def test_pictures_that_are_no_masks_are_not_taken_for_labels(tmp_path: Path) -> None:
    parquet(tmp_path / "a.parquet", image=[png(photo())], target=[png(photo(1))])
    assert recognise(tmp_path, Description()) is None


def test_deeply_nested_features_are_not_followed(tmp_path: Path) -> None:
    feature: object = {"names": ["a"] * 2, "_type": "ClassLabel"}
    for _ in range(50):
        feature = {"feature": feature}
    assert len(found(three(tmp_path / "a.parquet", features={"label": feature})).labels) == 11


def test_a_name_of_the_hub_is_loaded_by_datasets_and_a_failure_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = pytest.importorskip("datasets")
    path = three(tmp_path / "train.parquet")
    asked: list[str] = []

    def load(name: str) -> object:
        asked.append(name)
        if name == "nobody/nothing":
            raise ConnectionError("no route to the hub\nand a long story")
        read = datasets.Dataset.from_parquet(str(path), cache_dir=str(tmp_path / "cache"))
        return {"train": read, "extra": read}

    monkeypatch.setattr(datasets, "load_dataset", load)
    data = found(Path("hf:someone/streets"))
    assert (data.name, asked) == ("someone/streets", ["someone/streets"])
    assert np.array_equal(data.train[2].label, label(2))
    with pytest.raises(
        UserError, match=r"nobody/nothing: .* from the Hugging Face hub \(no route to the hub\); correct"
    ):
        recognise(Path("nobody/nothing"), Description())
