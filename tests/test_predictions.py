"""Predictions of other programs: their files are found, read and scored, and each bad one is named in one line."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from command_line import pixelwise, refused
from PIL import Image as Pillow
from small_data import dataset, folders, held, label, save

from pixelwise.data import Dataset
from pixelwise.errors import UserError
from pixelwise.evaluation import Evaluation, evaluate_predictions
from pixelwise.labels import CAMVID11, CITYSCAPES19, CITYSCAPES_LABELS, LabelMap
from pixelwise.metrics import confusion

Array = npt.NDArray[np.generic]

SHAPE = (24, 32)  # of the small photos
IDS = np.zeros(256, np.uint8)
for _one in CITYSCAPES_LABELS:
    if _one.train_id != 255:
        IDS[_one.train_id] = _one.id


def guess(seed: int, classes: int = 11) -> npt.NDArray[np.uint8]:
    """Predicted class indices that are wrong in places."""
    found = label(seed, classes=classes)
    found[found == 255] = 3
    found[10:20, 5:25] = 2
    return found


def predictions(folder: Path, names: str = "abc", classes: int = 11, ending: str = "_pred.png") -> Path:
    for seed, name in enumerate(names):
        save(folder / f"{name}{ending}", guess(seed, classes))
    return folder


def counts_of(found: Evaluation) -> list[list[int]]:
    return found.counts.tolist()


@pytest.fixture
def data() -> Dataset:
    return dataset(val=held("a", "b", "c"))


@pytest.fixture
def expected(data: Dataset) -> npt.NDArray[np.int64]:
    return sum(
        (confusion(sample.label, guess(seed), 11) for seed, sample in enumerate(data.val)), np.zeros((11, 11), np.int64)
    )


def test_predicted_class_indices_are_counted_like_those_of_a_model(
    tmp_path: Path, data: Dataset, expected: npt.NDArray[np.int64]
) -> None:
    found = evaluate_predictions(predictions(tmp_path), data, "val")
    assert np.array_equal(found.counts, expected)
    assert found.scores()["mean boundary IoU"] > 0
    assert "calibration error" not in found.scores()
    said = str(found.conditions)
    for part in (
        f"predictions in {tmp_path} on small, val split, 3 images;",
        "read as class indices (guessed: all values are)",
    ):
        assert part in said


def test_the_command_scores_our_own_predictions_as_evaluate_scores_the_model(
    tmp_path: Path, small_run: Path, small_folder: Path
) -> None:
    assert pixelwise("predict", small_run, small_folder, "--output", tmp_path / "out").code == 0
    ours = json.loads(pixelwise("evaluate", small_run, small_folder, "--split", "test", "--json").out)
    options = ("--predictions", tmp_path / "out", "--split", "test", "--json")
    for data in ((small_folder,), ("--data", small_folder)):
        theirs = json.loads(pixelwise("evaluate", *data, *options).out)
        assert theirs["counts"] == ours["counts"]
        assert theirs["per_class"] == ours["per_class"]
        assert theirs["scores"] == {name: ours["scores"][name] for name in theirs["scores"]}
        of_labels = [{key: one[key] for key in one if key != "confidence"} for one in ours["images"]]
        assert [{key: one[key] for key in one if key != "confidence"} for one in theirs["images"]] == of_labels


def test_the_command_writes_a_row_per_image_and_the_evaluation(tmp_path: Path) -> None:
    for split in ("train", "val"):
        folders(tmp_path / "data" / split)
    found, rows, out = predictions(tmp_path / "found"), tmp_path / "rows.csv", tmp_path / "out"
    answer = pixelwise("evaluate", tmp_path / "data", "--predictions", found, "--rows", rows, "--output", out)
    assert answer.code == 0, answer
    assert [line.split(",")[0] for line in rows.read_text().splitlines()] == ["name", "a", "b", "c"]
    assert [path.name for path in out.iterdir()] == ["evaluation.json"]
    said = " ".join(answer.out.split())
    assert "95 % interval over images" in said
    assert "read as class indices" in said


def test_a_protocol_is_shown_with_its_rules(tmp_path: Path, small_run: Path, small_folder: Path) -> None:
    words = ("evaluate", small_run, small_folder, "--protocol", "camvid11")
    said = " ".join(pixelwise(*words).out.split())
    assert "as SegNet's script, %" in said
    assert "those without true pixels counting 0" in said
    answer = json.loads(pixelwise(*words, "--json").out)
    assert set(answer["protocols"]) == {"camvid11"}
    assert answer["conditions"]["protocol"] == "camvid11"
    assert "as SegNet's script" in answer["conditions"]["rules"]
    assert answer["protocols"]["camvid11"]["mean IoU"] <= answer["scores"]["mean IoU"]


@pytest.mark.parametrize(
    "ending", [".png", "_label.png", "_pred.PNG", "_leftImg8bit_labelTrainIds.png", ".bmp", ".npy"]
)
def test_files_are_found_by_the_names_that_programs_give_them(
    tmp_path: Path, data: Dataset, expected: npt.NDArray[np.int64], ending: str
) -> None:
    for seed, name in enumerate("abc"):
        path = tmp_path / "deep" / f"{name}{ending}"
        path.parent.mkdir(exist_ok=True)
        np.save(path, guess(seed).astype(np.int64)) if ending == ".npy" else Pillow.fromarray(guess(seed)).save(path)
        save(path.with_name(f"{name}_overlay.png"), np.zeros((*SHAPE, 3), np.uint8))
    assert np.array_equal(evaluate_predictions(tmp_path, data, "val").counts, expected)


def test_samples_of_the_same_name_are_told_by_their_folders(tmp_path: Path) -> None:
    data = dataset(val=held("one/a", "two/a"))
    predictions(tmp_path / "one", "a")
    with pytest.raises(UserError, match=r"a_pred.png: could be the prediction of one/a and of two/a"):
        evaluate_predictions(tmp_path, data, "val")
    save(tmp_path / "two" / "a_pred.png", guess(1))
    found = evaluate_predictions(tmp_path, data, "val")
    assert found.images[1].counts.tolist() == confusion(data.val[1].label, guess(1), 11).tolist()


@pytest.mark.parametrize("values", [None, "colors"])
@pytest.mark.parametrize("palette", [False, True])
def test_colours_are_read_as_the_classes_that_they_stand_for(
    tmp_path: Path, data: Dataset, expected: npt.NDArray[np.int64], *, values: str | None, palette: bool
) -> None:
    for seed, name in enumerate("abc"):
        colors = Pillow.fromarray(CAMVID11.colorize(guess(seed)))
        picture = colors.quantize(20).point(lambda index: index) if palette else colors
        picture.save(tmp_path / f"{name}.png")
    found = evaluate_predictions(tmp_path, data, "val", values="colors" if palette else values)
    assert np.array_equal(found.counts, expected)


def test_original_ids_are_guessed_where_a_value_is_no_class(tmp_path: Path) -> None:
    data = dataset(CITYSCAPES19, val=held("a", "b", labels=CITYSCAPES19))
    for seed, name in enumerate("ab"):
        save(tmp_path / "ids" / f"{name}.png", IDS[guess(seed, 19)])
    found = evaluate_predictions(tmp_path / "ids", data, "val")
    same = evaluate_predictions(predictions(tmp_path / "indices", "ab", 19), data, "val")
    assert counts_of(found) == counts_of(same)
    assert "original ids (guessed: " in found.conditions.read
    assert "class indices" in same.conditions.read


@pytest.mark.parametrize("first", [True, False])
def test_probabilities_give_the_most_probable_class_and_how_sure_it_is(
    tmp_path: Path, data: Dataset, expected: npt.NDArray[np.int64], *, first: bool
) -> None:
    for seed, name in enumerate("abc"):
        sure = np.full((*SHAPE, 11), 0.02, np.float16)
        np.put_along_axis(sure, guess(seed)[..., None], np.float16(0.8), axis=2)
        np.save(tmp_path / f"{name}.npy", np.moveaxis(sure, 2, 0) if first else sure)
    found = evaluate_predictions(tmp_path, data, "val")
    assert np.array_equal(found.counts, expected)
    assert found.images[0].confidence == pytest.approx(0.8, abs=1e-3)
    accuracy = np.trace(expected) / expected.sum()
    assert found.scores()["calibration error"] == pytest.approx(abs(0.8 - accuracy), abs=1e-3)


def test_the_ignore_index_is_a_miss_and_the_share_is_told(tmp_path: Path, data: Dataset) -> None:
    predictions(tmp_path)
    holed = guess(0)
    holed[:, 20:] = 255
    save(tmp_path / "a_pred.png", holed)
    found = evaluate_predictions(tmp_path, data, "val")
    truth = data.val[0].label
    assert found.counts.shape == (11, 12)
    assert found.counts[:, 11].sum() == (truth[:, 20:] != 255).sum()
    assert found.counts.sum() == sum((sample.label != 255).sum() for sample in data.val)
    assert "of the counted pixels predicted as no class, which is a miss" in str(found.conditions)
    for protocol in ("camvid11", "pix2pix"):
        with pytest.raises(UserError, match=r"a_pred.png: holds pixels of no class \(255\)"):
            evaluate_predictions(tmp_path, data, "val", protocol=protocol)


def float_tiff(path: Path) -> None:
    Pillow.fromarray(guess(1).astype(np.float32)).save(path.with_suffix(".tif"))


def with_nan(path: Path) -> None:
    probabilities = np.full((11, *SHAPE), 1 / 11, np.float32)
    probabilities[0, 0, 0] = np.nan
    np.save(path.with_suffix(".npy"), probabilities)


def array(values: Array) -> Callable[[Path], None]:
    return lambda path: np.save(path.with_suffix(".npy"), values)


def image(values: Array) -> Callable[[Path], object]:
    return lambda path: save(path, values)


def value_77(path: Path) -> None:
    values = guess(1)
    values[0, 0] = 77
    save(path, values)


BAD = {
    "wrong size": (image(guess(1)[:-1]), "b.png: is 32 x 23 pixels but the label 32 x 24"),
    "value 77": (value_77, "b.png: value 77 is not one of the 11 classes (0-10)"),
    "missing": (lambda _: None, "1 of 3 images have no prediction: b;"),
    "float tiff": (float_tiff, "b.tif: holds fractions where classes are wanted"),
    "nan": (with_nan, "b.npy: holds NaN in 1 pixels"),
    "infinite": (array(np.full((11, *SHAPE), np.inf)), "b.npy: holds infinite numbers"),
    "logits": (array(np.full((11, *SHAPE), 3.0)), "b.npy: holds numbers that are no probabilities"),
    "other classes": (array(np.full((10, *SHAPE), 0.1)), "b.npy: holds fractions of shape (10, 24, 32), not prob"),
    "float labels": (array(guess(1).astype(float)), "b.npy: holds fractions of shape (24, 32), not probabilities"),
    "negative": (array(guess(1).astype(int) - 1), "b.npy: value -1 is not one of the 11 classes"),
    "objects": (array(np.array([{}, None], object)), "b.npy: cannot be read"),
    "cut off": (lambda path: path.with_suffix(".npy").write_bytes(b"\x93NUMPY\x01\0"), "b.npy: cannot be read"),
    "npz": (lambda path: np.savez(path.with_suffix(".npz"), guess(1)), "b.npz: is not an image that can be read"),
    "unreadable": (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n rest"), "b.png: "),
    "no image": (lambda path: path.write_text("<!doctype html>"), "b.png: is not an image that can be read but html"),
    "empty": (lambda path: path.write_bytes(b""), "b.png: is empty"),
    "16 bits": (image(guess(1).astype(np.uint16)), "b.png: has more than 8 bits a pixel"),
    "colours among indices": (image(np.zeros((*SHAPE, 3), np.uint8)), ".png: is "),
}


@pytest.mark.parametrize("values", [(), ("--values", "indices")], ids=["guessed", "told"])
@pytest.mark.parametrize("what", BAD)
def test_a_malformed_prediction_is_named_in_one_line(tmp_path: Path, what: str, values: tuple[str, ...]) -> None:
    write, expected = BAD[what]
    found = predictions(tmp_path / "found", "ac", ending=".png")
    write(found / "b.png")
    for split in ("train", "val"):
        folders(tmp_path / "data" / split)
    classes = (f"  {name}: {list(color)}\n" for name, color in zip(CAMVID11.names, CAMVID11.colors, strict=True))
    (tmp_path / "data" / "dataset.yaml").write_text("classes:\n" + "".join(classes), encoding="utf-8")
    assert expected in refused("evaluate", tmp_path / "data", "--predictions", found, *values)


def test_a_prediction_that_is_there_twice_is_refused(tmp_path: Path, data: Dataset) -> None:
    predictions(predictions(tmp_path), ending=".png")
    with pytest.raises(UserError, match=r"3 of 3 images have several predictions, a 2: a\.png, a_pred\.png; keep one"):
        evaluate_predictions(tmp_path, data, "val")


def test_a_colour_of_no_class_is_named(tmp_path: Path, data: Dataset) -> None:
    for seed, name in enumerate("abc"):
        colors = CAMVID11.colorize(guess(seed))
        colors[3, 3] = (1, 2, 3)
        save(tmp_path / f"{name}.png", colors)
    with pytest.raises(UserError, match=r"a.png: colour \(1, 2, 3\) is of no class"):
        evaluate_predictions(tmp_path, data, "val")


def test_two_classes_as_0_and_255_are_no_misses_in_silence(tmp_path: Path) -> None:
    two = LabelMap(("background", "cell"), ((0, 0, 0), (255, 255, 255)))
    save(tmp_path / "a.png", (255 * (guess(0) > 4)).astype(np.uint8))
    with pytest.raises(UserError, match="holds 0 and 255 alone; save the two classes as 0 and 1"):
        evaluate_predictions(tmp_path, dataset(two, val=held("a", labels=two)), "val", values="indices")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("DATA", "--predictions", "nowhere"), "nowhere: there is no such folder"),
        (("DATA", "--predictions", "found", "--protocol", "cityscape"), "did you mean 'cityscapes'"),
        (("DATA", "--predictions", "found", "--protocol", "voc"), "the protocol voc is for 21 classes"),
        (("DATA", "--predictions", "found", "--values", "idss"), "there is no kind of values 'idss'"),
        (("DATA", "--predictions", "found", "--values", "ids"), "original ids are known of Cityscapes' 19 classes"),
        (("DATA", "--predictions", "found", "--rows", "rows.txt"), "rows.txt: a table is written as .csv or .parquet"),
        (("DATA", "--predictions", "found", "--split", "vall"), "there is no split 'vall'"),
        (("MODEL", "DATA", "--predictions", "found"), "takes one DATA and no MODEL"),
        (("--predictions", "found"), "name the data too"),
        (("DATA",), "name one model and one dataset"),
        (("MODEL", "DATA", "--values", "ids"), "--values says what the masks of --predictions hold"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_computed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    small_folder: Path,
    words: tuple[str, ...],
    expected: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    predictions(tmp_path / "found")
    monkeypatch.setattr("pixelwise.evaluation.predictions.read_prediction", None)  # calling it would be a TypeError
    asked = [{"DATA": str(small_folder), "MODEL": "street"}.get(word, word) for word in words]
    assert expected in refused("evaluate", *asked)
