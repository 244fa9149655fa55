"""An Evaluation: every score, on what it was measured, as a table and as JSON."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn import metrics as sklearn
from small_data import Held, dataset, held
from small_models import TWO, tiny_bundle

from pixelwise.data import Sample, Split
from pixelwise.errors import UserError
from pixelwise.evaluation import Conditions, Evaluation, ImageResult, check_classes, evaluate
from pixelwise.labels import CAMVID11, LabelMap
from pixelwise.prediction.predict import predict

THREE = LabelMap(("road", "car", "bus"), ((128, 64, 128), (0, 0, 142), (0, 60, 100)))
COUNTS = np.array([[6, 2, 0], [1, 1, 0], [0, 0, 0]])


def evaluation(labels: LabelMap = THREE, counts: np.ndarray = COUNTS) -> Evaluation:
    conditions = Conditions("mine", "val", 2, "unet", (192, 256))
    images = (ImageResult("a", counts), ImageResult("b", np.zeros_like(counts)))
    return Evaluation(images, labels, conditions)


def test_the_scores_of_the_whole_by_hand() -> None:
    scores = evaluation().scores()
    assert scores["mean IoU"] == pytest.approx((6 / 9 + 1 / 4) / 2)
    assert scores["mean Dice"] == pytest.approx((12 / 15 + 2 / 5) / 2)
    assert scores["pixel accuracy"] == 7 / 10
    assert scores["mean class accuracy"] == pytest.approx((6 / 8 + 1 / 2) / 2)
    assert scores["frequency-weighted IoU"] == pytest.approx(0.8 * 6 / 9 + 0.2 * 1 / 4)
    assert evaluation().mean_iou == scores["mean IoU"]


def test_the_scores_of_a_class_by_hand() -> None:
    table = evaluation().per_class()
    assert list(table) == ["road", "car", "bus"]
    assert table["car"] == pytest.approx({"share": 0.2, "IoU": 0.25, "Dice": 0.4, "precision": 1 / 3, "recall": 0.5})
    assert table["bus"]["share"] == 0
    assert all(math.isnan(table["bus"][score]) for score in ("IoU", "Dice", "precision", "recall"))


def test_the_table_names_every_class_and_every_score_in_per_cent() -> None:
    text = str(evaluation())
    lines = {cells[0]: cells[1:] for line in text.splitlines() if (cells := line.replace("│", " ").split())}
    assert lines["road"] == ["80.0", "66.7", "80.0", "85.7", "75.0"]
    assert lines["car"] == ["20.0", "25.0", "40.0", "33.3", "50.0"]
    assert lines["bus"] == ["0.0", "-", "-", "-", "-"]
    for score in evaluation().scores():
        assert score in text


def test_the_table_ends_with_the_conditions() -> None:
    said = " ".join(str(evaluation()).split())
    assert said.endswith(str(evaluation().conditions))
    for part in ("unet on mine", "val split", "2 images;", "ignored pixels not counted", "192x256", "own resolution"):
        assert part in said


def test_one_image_is_one_image() -> None:
    assert "1 image;" in str(Conditions("mine", "val", 1, "unet", (192, 256)))


def test_class_names_in_brackets_are_printed_as_they_are() -> None:
    text = str(evaluation(LabelMap(("[red]road", "[/]", "bus"), THREE.colors)))
    assert "[red]road" in text
    assert "[/]" in text


def test_json_holds_everything_and_no_nan(tmp_path: Path) -> None:
    def refuse(constant: str) -> float:
        raise AssertionError(constant)

    evaluation().save(tmp_path / "evaluation.json")
    found = json.loads((tmp_path / "evaluation.json").read_text(), parse_constant=refuse)
    assert found["counts"] == COUNTS.tolist()
    assert found["per_class"]["bus"]["IoU"] is None
    assert found["scores"] == evaluation().scores()
    of_classes = dict.fromkeys(("IoU road", "IoU car", "IoU bus"))
    unknown = {"mean_iou": None, "pixel_accuracy": None, "confidence": None}
    assert found["images"][1] == {"name": "b", "ignored": 0.0} | unknown | of_classes
    assert found["mean_iou_interval"] == pytest.approx(evaluation().mean_iou_interval[1:])
    assert found["conditions"]["working_size"] == [192, 256]
    assert found["conditions"]["in_words"] == str(evaluation().conditions)
    assert [path.name for path in tmp_path.iterdir()] == ["evaluation.json"]


def test_an_evaluation_of_nothing_is_a_table_of_dashes_and_json_of_nulls(tmp_path: Path) -> None:
    nothing = evaluation(counts=np.zeros((3, 3), np.int64))
    assert "nan" not in str(nothing)
    nothing.save(tmp_path / "evaluation.json")
    assert set(json.loads((tmp_path / "evaluation.json").read_text())["scores"].values()) == {None}


def test_a_model_is_scored_over_all_pixels_as_scikit_learn_scores_them() -> None:
    bundle, data = tiny_bundle(), dataset(val=held("a", "b", "c"))
    found = evaluate(bundle, data, "val")
    truth = np.concatenate([sample.label.ravel() for sample in data.val])
    guess = np.concatenate([predict(bundle, sample.image).label.ravel() for sample in data.val])
    expected = sklearn.confusion_matrix(truth[truth != 255], guess[truth != 255], labels=range(11))
    assert np.array_equal(found.counts, expected)
    assert [image.name for image in found.images] == ["a", "b", "c"]
    assert found.conditions == Conditions("small", "val", 3, "unet", (32, 48))


def test_a_model_that_is_always_right_scores_one() -> None:
    bundle = tiny_bundle(TWO, (8, 8))
    bundle.network.body = torch.nn.Conv2d(3, 2, 1)
    bundle.network.body.stride = 1  # type: ignore[assignment]
    with torch.no_grad():
        bundle.network.body.weight.copy_(torch.tensor([[-9.0, 0, 0], [9, 0, 0]])[..., None, None])
        bundle.network.body.bias.zero_()
    label = np.eye(8, dtype=np.uint8)
    sample = Sample(np.repeat(255 * label[..., None], 3, axis=2), label, "diagonal")
    found = evaluate(bundle, dataset(TWO, test=Split((Held(sample),))), "test")
    assert found.mean_iou == 1
    assert found.counts.tolist() == [[56, 0], [0, 8]]


def test_an_empty_split_is_one_clear_error() -> None:
    with pytest.raises(UserError, match="small: has no test split; choose another"):
        evaluate(tiny_bundle(), dataset(val=held("a")), "test")


def test_an_unknown_split_is_told_with_the_nearest_one() -> None:
    with pytest.raises(UserError, match="there is no split 'valid'; did you mean 'val'"):
        evaluate(tiny_bundle(), dataset(val=held("a")), "valid")


def test_a_model_of_other_classes_is_refused_before_anything_is_read() -> None:
    data = dataset(val=held("a"))
    with pytest.raises(UserError, match="the model knows 2 classes and the data has 11"):
        evaluate(tiny_bundle(TWO), data, "val")
    assert data.val.entries[0].reads == 0


@pytest.mark.parametrize(
    ("model", "data", "difference"),
    [
        (TWO, THREE, "(only in the data: bus)"),
        (THREE, TWO, "(only in the model: bus)"),
        (LabelMap(("road", "van"), TWO.colors), TWO, "(only in the data: car; only in the model: van)"),
        (LabelMap(("car", "road"), TWO.colors), TWO, "(the same ones in another order)"),
        (LabelMap(("x",), ((0, 0, 0),)), CAMVID11, f"only in the data: {', '.join(CAMVID11.names[:5])} ...;"),
    ],
)
def test_the_difference_between_two_lists_of_classes_is_named(model: LabelMap, data: LabelMap, difference: str) -> None:
    with pytest.raises(UserError) as caught:
        check_classes(model, data)
    assert difference in str(caught.value)


def test_the_same_classes_in_other_colours_are_the_same_classes() -> None:
    check_classes(TWO, LabelMap(TWO.names, ((1, 1, 1), (2, 2, 2))))


def test_an_evaluation_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    save: Callable[[Path], None] = evaluation().save
    with pytest.raises(UserError, match="cannot be written"):
        save(tmp_path / "file" / "evaluation.json")
