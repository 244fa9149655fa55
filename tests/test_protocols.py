"""Protocols: the scores of other people's scripts, against the scripts themselves or worked by hand."""

import math
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt
import pytest
from small_data import photo, save

from pixelwise import metrics
from pixelwise.data import open_dataset
from pixelwise.errors import UserError
from pixelwise.evaluation import PROTOCOLS, Conditions, Evaluation, ImageResult, evaluate_predictions
from pixelwise.evaluation.protocols import category_iou, find_protocol
from pixelwise.labels import CAMVID11, CITYSCAPES7, CITYSCAPES19, CITYSCAPES_LABELS, VOC21, LabelMap
from pixelwise.metrics import INSTANCE_CATEGORIES, INSTANCE_CLASSES, instance_iou

HEIGHT, WIDTH, IMAGES = 32, 48, 24
SCRIPT = "cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling"
Ids = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    """The evaluation script of Cityscapes' authors, asked to print and write nothing."""
    found: ModuleType = pytest.importorskip(SCRIPT, reason="cityscapesscripts is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np, "in1d", np.isin, raising=False)  # the script's name for it, which NumPy 2.4 has no more
        patch.setattr(found.args, "quiet", True)
        patch.setattr(found.args, "JSONOutput", False)
        yield found


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generated annotations as in gtFine, with photos, and predictions beside them."""
    root = tmp_path_factory.mktemp("cityscapes")
    for index in range(IMAGES):
        name = f"town/town_000000_{index:06d}"
        label, instances = annotated(index)
        save(root / "data" / "leftImg8bit" / "val" / f"{name}_leftImg8bit.png", photo(index, HEIGHT, WIDTH))
        save(root / "data" / "gtFine" / "val" / f"{name}_gtFine_labelIds.png", label)
        save(root / "data" / "gtFine" / "val" / f"{name}_gtFine_instanceIds.png", instances)
        save(root / "predictions" / f"{name}_pred.png", predicted(index, label))
    return root


def annotated(index: int) -> tuple[Ids, npt.NDArray[np.uint16]]:
    """Stripes of any labels, with boxes that are instances, some cut off by the edge, and groups without a number."""
    rng = np.random.default_rng(index)
    few = {0: [0], 1: [26], 2: [7, 24], 3: [23, 29, 30]}.get(index, list(range(34)))
    label = np.repeat(rng.choice(few, WIDTH // 4).astype(np.uint8)[None], HEIGHT, axis=0).repeat(4, axis=1)
    instances = label.astype(np.uint16)
    instanced = [one for one in few if one >= 24]
    for number in range(8 if instanced else 0):
        top, left = rng.integers(-4, (HEIGHT, WIDTH))
        box = np.s_[max(0, top) : top + rng.integers(5, 16), max(0, left) : left + rng.integers(5, 16)]
        label[box] = kind = rng.choice(instanced)
        instances[box] = kind if number == 0 else 1000 * int(kind) + number
    return label, instances


def predicted(index: int, label: Ids) -> Ids:
    """The annotation with edges moved, a third of the boxes as something else, ignored ids among them."""
    rng = np.random.default_rng(1000 + index)
    found = np.roll(label, rng.integers(-2, 3, 2), (0, 1))
    for _ in range(6):
        top, left = rng.integers(0, (HEIGHT, WIDTH))
        found[top : top + 9, left : left + 9] = rng.integers(0, 34)
    return found


def by_script(script: ModuleType, scenes: Path, indices: range) -> dict[str, dict[str, float] | float]:
    names = [f"town/town_000000_{index:06d}" for index in indices]
    predictions = [str(scenes / "predictions" / f"{name}_pred.png") for name in names]
    truths = [str(scenes / "data" / "gtFine" / "val" / f"{name}_gtFine_labelIds.png") for name in names]
    answer: dict[str, dict[str, float] | float] = script.evaluateImgLists(predictions, truths, script.args)
    return answer


def assert_as_the_script(found: Evaluation, script: dict[str, dict[str, float] | float]) -> None:
    """Every figure of the script agrees, NaN with NaN."""
    assert found.instances is not None
    weighted = instance_iou(found.instances)
    pairs = {
        "classScores": (CITYSCAPES19.names, metrics.iou(found.counts)),
        "categoryScores": (CITYSCAPES7.names, category_iou(found.counts)),
        "classInstScores": (tuple(INSTANCE_CLASSES), weighted[: len(INSTANCE_CLASSES)]),
        "categoryInstScores": (tuple(INSTANCE_CATEGORIES), weighted[len(INSTANCE_CLASSES) :]),
    }
    for key, (names, ours) in pairs.items():
        theirs = script[key]
        assert isinstance(theirs, dict)
        assert np.allclose(ours, [theirs[name] for name in names], rtol=0, atol=1e-12, equal_nan=True), key
        assert all(math.isnan(value) for name, value in theirs.items() if name not in names), key
    means = {
        "IoU classes": "averageScoreClasses",
        "IoU categories": "averageScoreCategories",
        "iIoU classes": "averageScoreInstClasses",
        "iIoU categories": "averageScoreInstCategories",
    }
    expected = {ours: script[theirs] for ours, theirs in means.items()}
    assert found.scores_of("cityscapes") == pytest.approx(expected, rel=0, abs=1e-12, nan_ok=True)


@pytest.fixture(scope="module")
def scored(scenes: Path) -> Evaluation:
    data = open_dataset(scenes / "data")
    return evaluate_predictions(scenes / "predictions", data, "val", protocol="cityscapes")


def test_images_together_score_as_cityscapes_script_scores_them(
    script: ModuleType, scenes: Path, scored: Evaluation
) -> None:
    assert scored.conditions.read.startswith("predictions read as Cityscapes' original ids (guessed: ")
    assert_as_the_script(scored, by_script(script, scenes, range(IMAGES)))


@pytest.mark.parametrize("index", range(IMAGES))
def test_each_image_alone_scores_as_cityscapes_script_scores_it(
    script: ModuleType, scenes: Path, scored: Evaluation, index: int
) -> None:
    alone = Evaluation((scored.images[index],), scored.labels, scored.conditions)
    assert_as_the_script(alone, by_script(script, scenes, range(index, index + 1)))


def test_the_generated_images_hold_what_is_hard(scored: Evaluation) -> None:
    empty, one_class = scored.images[0].counts, scored.images[1].counts
    assert empty.sum() == 0
    assert (one_class.sum(1) > 0).sum() == 1
    assert scored.counts.shape == (19, 20)
    assert scored.counts[:, 19].sum() > 0  # ignored ids on valid pixels
    assert all(0 < one.ignored < 1 for one in scored.images[4:])


def test_without_instance_ids_there_is_no_instance_score(scenes: Path, tmp_path: Path) -> None:
    names = [f"town/town_000000_{index:06d}" for index in (4, 5)]
    for name, index in zip(names, (4, 5), strict=True):
        save(tmp_path / "leftImg8bit" / "val" / f"{name}_leftImg8bit.png", photo(0, HEIGHT, WIDTH))
        save(tmp_path / "gtFine" / "val" / f"{name}_gtFine_labelIds.png", annotated(index)[0])
    data = open_dataset(tmp_path)
    found = evaluate_predictions(scenes / "predictions", data, "val", protocol="cityscapes")
    assert list(found.scores_of("cityscapes")) == ["IoU classes", "IoU categories"]
    save(tmp_path / "gtFine" / "val" / f"{names[0]}_gtFine_instanceIds.png", annotated(4)[1])
    with pytest.raises(UserError, match=r"1 of 2 images have no instanceIds .* town/town_000000_000005;"):
        evaluate_predictions(scenes / "predictions", data, "val", protocol="cityscapes")


def test_train_ids_score_as_the_ids_that_they_stand_for(scenes: Path, scored: Evaluation, tmp_path: Path) -> None:
    table = np.array([one.train_id for one in CITYSCAPES_LABELS], np.uint8)
    for index in range(IMAGES):
        found = table[predicted(index, annotated(index)[0])]
        save(tmp_path / f"town_000000_{index:06d}_labelTrainIds.png", found)
    data = open_dataset(scenes / "data")
    same = evaluate_predictions(tmp_path, data, "val", protocol="cityscapes")
    assert same.conditions.read.startswith("predictions read as class indices")
    assert np.array_equal(same.counts, scored.counts)
    ours, ids = same.scores_of("cityscapes"), scored.scores_of("cityscapes")
    # A caravan or trailer that is found among vehicles is one for the script; train ids cannot say so.
    assert ours.pop("iIoU categories") < ids.pop("iIoU categories")
    assert ours == ids


def test_a_miss_is_no_other_classes_false_alarm() -> None:
    counts = np.zeros((19, 20), np.int64)
    counts[0, 0], counts[0, 19], counts[1, 1] = 6, 2, 3
    scores = PROTOCOLS["cityscapes"].scored(counts)
    assert scores["IoU classes"] == (6 / 8 + 1) / 2
    assert scores["IoU categories"] == 9 / 11  # road and sidewalk are one, flat


def test_the_devkit_of_voc_has_no_mean_where_a_class_never_occurs() -> None:
    counts = np.diag([4] * 21)
    counts[3, 0] = 4
    protocol = PROTOCOLS["voc"]
    assert protocol.scored(counts)["mean IoU"] == pytest.approx((19 + 4 / 8 + 4 / 8) / 21)
    counts[5, 5] = 0
    scores = protocol.scored(counts)
    assert math.isnan(scores["mean IoU"])
    assert scores["mean IoU of the classes that occur"] == pytest.approx((18 + 1) / 20)
    assert not protocol.no_class


def test_the_script_of_segnet_counts_0_for_an_absent_class_and_divides_by_11() -> None:
    counts = np.zeros((11, 11), np.int64)
    counts[0, 0], counts[0, 1], counts[1, 1], counts[1, 2] = 6, 2, 1, 1
    scores = PROTOCOLS["camvid11"].scored(counts)
    assert scores["global accuracy"] == 7 / 10
    assert scores["class average accuracy"] == pytest.approx((6 / 8 + 1 / 2) / 11)
    assert scores["mean IoU"] == pytest.approx((6 / 8 + 1 / 4) / 11)
    assert scores["mean IoU of the classes that occur"] == pytest.approx((6 / 8 + 1 / 4 + 0) / 3)


def test_the_script_of_pix2pix_counts_0_for_an_absent_class() -> None:
    scores = PROTOCOLS["pix2pix"].scored(np.array([[3, 1, 0], [0, 4, 0], [0, 0, 0]]))
    assert scores["pixel accuracy"] == 7 / 8
    assert scores["class accuracy"] == pytest.approx((3 / 4 + 1) / 3)
    assert scores["class IoU"] == pytest.approx((3 / 4 + 4 / 5) / 3)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_conditions_say_by_which_rules_was_scored(name: str) -> None:
    protocol = PROTOCOLS[name]
    labels = protocol.labels or CAMVID11
    image = ImageResult("a", np.eye(len(labels), dtype=np.int64))
    found = Evaluation((image,), labels, Conditions("mine", "val", 1, "unet", (192, 256), protocol=name))
    said = str(found.conditions)
    for part in (protocol.rules, "val split", "1 image;", "mean", "ignored pixels not counted", "192x256", "own resol"):
        assert part in said
    written = found.to_dict()
    assert written["conditions"]["rules"].endswith(protocol.rules)
    assert written["protocols"] == ({} if name == "default" else {name: found.scores_of(name)})
    assert f"{protocol.title}, %" in str(found)


def test_a_protocol_for_other_classes_or_a_misspelt_one_is_refused() -> None:
    assert find_protocol("voc", VOC21).name == "voc"
    with pytest.raises(UserError, match=r"the protocol cityscapes is for 19 classes .* and the data has 11"):
        find_protocol("cityscapes", CAMVID11)
    with pytest.raises(UserError, match="there is no protocol 'cityscape'; did you mean 'cityscapes'"):
        find_protocol("cityscape")


def test_the_interval_of_predictions_of_no_class_is_around_their_score() -> None:
    labels = LabelMap(("road", "car"), ((1, 1, 1), (2, 2, 2)))
    images = tuple(ImageResult(str(index), np.array([[index, 1, 1], [0, 9, index]])) for index in range(30))
    found = Evaluation(images, labels, Conditions("mine", "val", 30, "x", None, read="read"))
    score, low, high = found.mean_iou_interval
    assert score == found.mean_iou
    assert low < score < high
