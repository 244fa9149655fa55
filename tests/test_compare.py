"""Comparing models: who is better, when that cannot be told, what is shown, and what the page and the command say."""

import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import pixelwise, refused
from html_page import Outline
from PIL import Image as Pillow
from small_data import Held, dataset, held, label, photo
from small_models import TWO, tiny_bundle

import pixelwise as pw
from pixelwise.data import Dataset, Sample, Split
from pixelwise.errors import UserError
from pixelwise.evaluation import Conditions, evaluate
from pixelwise.evaluation.comparing import Answer, Candidate, compare, disagreement
from pixelwise.evaluation.comparison import Comparison, Pair, holm, resamples_for
from pixelwise.evaluation.cost import memory_growth, milliseconds_of
from pixelwise.labels import CAMVID11, LabelMap
from pixelwise.model import Model
from pixelwise.report import write_comparison
from pixelwise.report.compare_page import MAP_COLORS, lone_map, model_colors


def guesser(name: str, wrong: float, seed: int = 0, labels: LabelMap = CAMVID11) -> Candidate:
    """Says the truth but for a share of the pixels, drawn anew in each image, where it says the class after it."""

    def answer(sample: Sample) -> Answer:
        rng = np.random.default_rng([seed, *sample.name.encode()])
        missed = rng.random(sample.label.shape) < wrong * rng.uniform(0.5, 1.5)
        truth = np.where(sample.label == labels.ignore, 0, sample.label)
        return Answer(np.where(missed, (truth + 1) % len(labels), truth).astype(np.uint8))

    return Candidate(name, "guess", answer, Conditions("small", "val", 0, "guess", (8, 8)))


def many(count: int = 30) -> Dataset:
    return dataset(val=held(*(f"image{index}" for index in range(count))))


def compared(*candidates: Candidate, data: Dataset | None = None, blocks: int = 1) -> Comparison:
    data = data or many()
    told = [replace(one, conditions=replace(one.conditions, images=len(data.val))) for one in candidates]
    return compare(told, data, "val", blocks=blocks, speed=False)


@pytest.fixture(scope="module")
def three() -> Comparison:
    return compared(guesser("poor", 0.3), guesser("good", 0.1), guesser("like good", 0.1, seed=1))


@pytest.fixture(scope="module")
def two() -> Comparison:
    return compared(guesser("bad", 0.2), guesser("good", 0.1))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, small: Dataset) -> Path:
    """Predictions of the small streets: right ones, and ones with all cars called road."""
    root = tmp_path_factory.mktemp("predictions")
    for sample in small.val:
        truth = np.where(sample.label == 255, 0, sample.label).astype(np.uint8)
        road, car = CAMVID11.index("Road"), CAMVID11.index("Car")
        for name, predicted in (("right", truth), ("carless", np.where(truth == car, road, truth).astype(np.uint8))):
            (root / name).mkdir(exist_ok=True)
            Pillow.fromarray(predicted).save(root / name / f"{Path(sample.name).name}.png")
    return root


def test_a_planted_better_model_is_told_better_whatever_the_order(two: Comparison) -> None:
    for found in (two, compared(guesser("good", 0.1), guesser("bad", 0.2))):
        assert [model.name for model in found.models] == ["good", "bad"]
        assert found.pairs[0].differ
        assert found.verdict.startswith("By mean IoU, good is ")
        assert " better than bad [" in found.verdict


def test_two_models_as_good_as_each_other_are_not_told_apart() -> None:
    found = compared(guesser("one", 0.1), guesser("other", 0.1, seed=1))
    assert not found.pairs[0].differ
    assert found.verdict.startswith("By mean IoU, no difference can be told: ")


def test_a_model_against_itself_is_no_difference_with_p_1_and_nothing_to_show() -> None:
    model = Model(tiny_bundle())
    found = pw.compare([model, model], dataset(val=held("a", "b", "c")), speed=False)
    assert [one.name for one in found.models] == ["unet", "unet (2)"]
    assert (found.pairs[0].p, found.pairs[0].difference.difference) == (1.0, 0.0)
    assert "no difference can be told" in found.verdict
    assert [one.differ for one in found.disagreements] == [0, 0, 0]
    assert found.shown == ()


def test_every_model_is_scored_as_evaluate_scores_it_and_every_image_read_once() -> None:
    data, bundle = dataset(val=held("a", "b", "c")), tiny_bundle()
    found = pw.compare([Model(bundle), Model(bundle)], data, speed=False)
    assert [entry.reads for entry in data.val.entries] == [1, 1, 1]
    alone = evaluate(bundle, data, "val")
    for model in found.models:
        assert np.array_equal(model.evaluation.counts, alone.counts)
        assert model.evaluation.scores() == alone.scores()
        assert model.evaluation.conditions == alone.conditions


def test_of_three_the_best_is_named_and_what_cannot_be_told_is_said(three: Comparison) -> None:
    best, second, worst = (model.name for model in three.models)
    assert worst == "poor"
    assert "it is better than poor" in three.verdict
    assert f"no difference can be told between it and {second}" in three.verdict
    assert len(three.pairs) == 3
    assert "p corrected for 3 pairs by Holm's method" in three.conditions
    assert three.pair("poor", best) is three.pair(best, "poor")


def test_the_difference_to_the_best_is_that_of_the_pair_turned_round(three: Comparison) -> None:
    best = three.models[0].name
    assert three.less_best(best) is None
    less, ahead = three.less_best("poor"), three.pair(best, "poor").difference
    assert less is not None
    assert (less.score, less.low, less.high) == (-ahead.difference, -ahead.high, -ahead.low)
    poor = three.models[-1].evaluation.mean_iou
    assert less.score == pytest.approx(poor - three.models[0].evaluation.mean_iou)


def test_holm_by_hand_and_nan_is_left_out() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([math.nan, 0.02])[1] == 0.02
    assert holm([]) == []


@pytest.mark.parametrize("pairs", [1, 3, 10, 36, 190])
def test_a_clear_difference_can_be_told_however_many_models_there_are(pairs: int) -> None:
    least = 2 / (resamples_for(pairs) + 1)
    assert holm([least] * pairs)[0] < 0.05


def test_what_the_correction_takes_back_is_not_said_to_differ(three: Comparison) -> None:
    told = next(pair for pair in three.pairs if pair.differ)
    lost = replace(told, p=0.3)
    assert not lost.differ
    assert str(lost).startswith("no difference can be told once p is corrected: ")
    assert isinstance(lost, Pair)


def test_classes_are_sorted_by_their_largest_difference_and_absent_ones_come_last() -> None:
    labels = LabelMap(("road", "car", "ghost"), ((1, 1, 1), (2, 2, 2), (3, 3, 3)))
    truth = np.array([[0, 0, 0, 0, 1, 1]], np.uint8)
    data = dataset(labels, val=Split((Held(Sample(photo(0, 1, 6), truth, "a")),)))

    def says(name: str, *classes: int) -> Candidate:
        predicted = np.array([classes], np.uint8)
        return replace(guesser(name, 0, labels=labels), label=lambda _: Answer(predicted))

    found = compared(says("right", 0, 0, 0, 0, 1, 1), says("blind", 0, 0, 0, 0, 0, 1), data=data)
    assert list(found.per_class()) == ["car", "road", "ghost"]
    assert found.per_class()["car"] == {"right": 1.0, "blind": 0.5}
    assert Comparison.best_of(found.per_class()["car"]) == {"right"}
    assert all(math.isnan(value) for value in found.per_class()["ghost"].values())
    assert "from too few images" in found.verdict  # there is but one


def test_disagreement_of_three_by_hand() -> None:
    truth = np.array([[0, 1, 1, 0, 255]], np.uint8)
    says = {
        "a": np.array([[0, 1, 0, 1, 0]], np.uint8),
        "b": np.array([[0, 0, 0, 1, 1]], np.uint8),
        "c": np.array([[0, 0, 1, 1, 0]], np.uint8),
    }
    found = disagreement(Sample(photo(0, 1, 5), truth, "x"), says, 255)
    assert found.differ == 0.5
    assert found.alone == {"a": 0.25, "b": 0.0, "c": 0.25}


def test_an_image_without_counted_pixels_disagrees_in_nothing_and_is_not_shown() -> None:
    blank = Sample(photo(), np.full((24, 32), 255, np.uint8), "blank")
    data = dataset(val=Split((Held(blank), *held("a", "b").entries)))
    found = compared(guesser("one", 0.1), guesser("other", 0.2), data=data)
    assert math.isnan(found.disagreements[0].differ)
    assert {shown.sample.name for shown in found.shown} == {"a", "b"}


def test_the_images_with_the_largest_disagreement_are_shown_but_no_neighbours(three: Comparison) -> None:
    names = [one.name for one in three.disagreements]
    largest = sorted(range(len(names)), key=lambda place: -three.disagreements[place].differ)
    places = [names.index(shown.sample.name) for shown in three.shown]
    assert places[0] == largest[0]
    assert len(places) == 6
    assert min(np.diff(sorted(places))) > 1  # 30 images
    for place in largest[: largest.index(places[-1])]:  # what is left out is a neighbour of one that differs more
        assert min(abs(place - other) for other in places) <= 1
    assert list(three.shown[0].labels) == [model.name for model in three.models]


def test_blocks_make_the_interval_of_images_that_come_in_twos_wider() -> None:
    twins = held(*(f"image{index}" for index in range(30))).entries
    data = dataset(val=Split(tuple(entry for entry in twins for _ in range(2))))
    alone, together = (compared(guesser("a", 0.1), guesser("b", 0.2), data=data, blocks=blocks) for blocks in (1, 2))
    widths = [found.models[0].interval.high - found.models[0].interval.low for found in (alone, together)]
    assert widths[1] > 1.2 * widths[0]
    assert "blocks of 2 images" in together.conditions


def test_few_images_are_said_to_be_few(three: Comparison) -> None:
    assert "fewer than 20" in compared(guesser("a", 0.1), guesser("b", 0.2), data=many(5)).conditions
    assert "fewer than 20" not in three.conditions


def test_models_take_turns_and_each_is_first_in_its_turn() -> None:
    order: list[str] = []
    actions: dict[str, Callable[[int], None]] = {name: lambda _, name=name: order.append(name) for name in "ab"}
    times = milliseconds_of(actions, [1, 2])
    assert set(times) == {"a", "b"}
    assert order[:8] == ["a", "b", "a", "b", "b", "a", "b", "a"]
    assert order.count("a") == order.count("b")


def test_the_time_of_an_action_is_its_own() -> None:
    times = milliseconds_of({"slow": lambda _: time.sleep(0.03), "fast": lambda _: None}, [1])
    assert times["slow"] >= 30
    assert times["fast"] < 15


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how much memory was resident")
def test_memory_that_an_action_takes_is_measured_even_if_it_is_freed_again() -> None:
    def take(megabytes: int) -> int:
        return memory_growth(lambda: np.ones((megabytes, 1 << 20), np.uint8).sum(), torch.device("cpu")) or 0

    assert 60e6 < take(64) < 80e6
    assert take(8) < 20e6


def test_what_each_model_takes_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pixelwise.evaluation.cost.TIMED_SECONDS", 0.0)  # the fewest rounds
    large, small = tiny_bundle(size=(96, 128)), tiny_bundle(size=(16, 24))
    large.save(tmp_path / "large.safetensors")
    found = pw.compare([tmp_path / "large.safetensors", Model(small)], many(2))
    costs = {one.name: one.cost for one in found.models}
    assert costs["large"].parameters == sum(weights.numel() for weights in large.network.parameters())
    assert costs["large"].file_bytes == (tmp_path / "large.safetensors").stat().st_size
    assert costs["unet"].file_bytes is None
    assert all(cost.milliseconds for cost in costs.values())
    assert found.machine
    assert "different sizes" in found.conditions


def test_a_shipped_model_and_a_run_have_their_own_names(small: Dataset, small_run: Path) -> None:
    found = pw.compare(["street", small_run], small, speed=False)
    assert [model.name for model in found.models] == ["street", "finished"]
    assert found.models[0].cost.file_bytes
    assert found.models[0].cost.milliseconds is None
    assert found.machine == ""


def test_a_model_of_other_classes_is_refused_by_its_name() -> None:
    with pytest.raises(UserError, match="mine: the model knows 2 classes and the data has 11"):
        pw.compare({"mine": Model(tiny_bundle(TWO)), "other": Model(tiny_bundle())}, many(1))


def test_one_thing_cannot_be_compared() -> None:
    with pytest.raises(UserError, match="two or more"):
        pw.compare([Model(tiny_bundle())], many(1))


def page_of(found: Comparison, tmp_path: Path) -> str:
    write_comparison(tmp_path / "compare.html", found, command="pixelwise compare <a> && b")
    return (tmp_path / "compare.html").read_text(encoding="utf-8")


def test_the_page_is_whole_loads_nothing_and_says_what_was_found(three: Comparison, tmp_path: Path) -> None:
    page = page_of(three, tmp_path)
    outline = Outline(page)
    assert outline.open == []
    assert not {"script", "link", "iframe", "object", "base"} & set(outline.tags)
    assert "http" not in page.replace("http-equiv", "")
    assert all(value.startswith("data:") for name, value in outline.attributes if name in ("src", "href", "srcset"))
    text = " ".join(" ".join(outline.texts).split())
    for said in (three.verdict, three.conditions, *map(str, three.pairs), "pixelwise compare <a> && b"):
        assert " ".join(said.split()) in text
    assert "nan" not in text
    assert outline.tags["img"] == 6 * (3 + 3)


def test_the_page_marks_the_best_of_each_class(two: Comparison, tmp_path: Path) -> None:
    page = page_of(two, tmp_path)
    assert page.count('<td class="best">') == len(CAMVID11)
    rows = {row[0]: row for row in Outline(page).rows if len(row) == 6}
    iou = two.per_class()["Sky"]
    assert rows["Sky"][3:5] == [f"{100 * iou['good']:.1f}", f"{100 * iou['bad']:.1f}"]


def test_hostile_names_are_escaped(tmp_path: Path) -> None:
    labels = LabelMap(("<b>", '"><script>'), TWO.colors)
    entry = Held(Sample(photo(), label(classes=2), "<em>street"))
    data = replace(dataset(labels, val=Split((entry,))), name="<u>")
    first, second = guesser("<script>x", 0.1, labels=labels), guesser('"><i>', 0.2, labels=labels)
    outline = Outline(page_of(compared(first, second, data=data), tmp_path))
    assert not {"script", "em", "u"} & set(outline.tags)
    assert {"<b>", '"><script>'} <= {row[0] for row in outline.rows if row}
    assert any("<em>street" in text for text in outline.texts)
    assert any("<script>x" in text for text in outline.texts)


def test_models_that_agree_everywhere_and_one_image_still_give_a_page(tmp_path: Path) -> None:
    found = compared(guesser("a", 0.1), guesser("b", 0.1), data=many(1))
    page = page_of(found, tmp_path)
    assert "say the same of every pixel" in page
    assert "no interval" in page
    assert "nan" not in " ".join(Outline(page).texts)


def test_the_map_shows_who_alone_is_right() -> None:
    truth = np.array([[0, 1, 0, 1, 255]], np.uint8)
    says = {
        "a": np.array([[0, 1, 1, 0, 0]], np.uint8),
        "b": np.array([[0, 0, 0, 0, 0]], np.uint8),
        "c": np.array([[0, 0, 0, 0, 0]], np.uint8),
    }
    colors = dict(zip(says, model_colors(3), strict=True))
    every, several, none, ignored = MAP_COLORS.values()
    drawn = [tuple(pixel) for pixel in lone_map(truth, says, colors, 255)[0].tolist()]
    assert drawn == [every, colors["a"], several, none, ignored]


def test_save_writes_the_page(tmp_path: Path) -> None:
    model = Model(tiny_bundle())
    pw.compare({"one": model, "other": model}, dataset(val=held("a")), speed=False).save(tmp_path / "x.html")
    assert "one against other" in (tmp_path / "x.html").read_text(encoding="utf-8")


def test_the_command_compares_models_and_predictions(
    small_run: Path, small_folder: Path, folders: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    given = (small_run, "--predictions", folders / "right", "--predictions", folders / "carless")
    answer = pixelwise(
        "compare", *given, "--name", "[oracle]", "--data", small_folder, "--no-speed", "--output", page, "--json"
    )
    assert answer.code == 0, answer
    found = json.loads(answer.out, parse_constant=lambda constant: pytest.fail(constant))
    models = {model["name"]: model for model in found["models"]}
    assert set(models) == {"[oracle]", "carless", "finished"}
    assert found["models"][0]["name"] == "[oracle]"
    assert models["[oracle]"]["scores"]["mean IoU"] == 1
    assert models["[oracle]"]["mean_iou_interval"] == [1, 1]
    assert models["[oracle]"]["cost"]["milliseconds"] is None
    assert models["finished"]["cost"]["file_bytes"] == (small_run / "best.safetensors").stat().st_size
    assert len(found["pairs"]) == 3
    assert found["per_class"]["Car"]["carless"] == 0
    assert list(found["disagreements"][0]["alone"]) == ["finished", "[oracle]", "carless"]
    assert found["page"] == str(page)
    assert page.exists()


def test_the_command_prints_who_is_better_and_where_the_page_lies(small_folder: Path, folders: Path) -> None:
    page = folders / "page.html"
    given = ("--predictions", folders / "right", "--predictions", folders / "carless", "--output", page)
    answer = pixelwise("compare", *given, "--data", small_folder)
    assert answer.code == 0, answer
    said = " ".join(answer.out.split())
    for part in ("By mean IoU, ", "right", "carless", "Car", "IoU of each class", f"page {page}"):
        assert part in said, part


def test_errors_are_one_line_with_exit_code_2(small_run: Path, small_folder: Path, folders: Path) -> None:
    data = ("--data", small_folder)
    twice = ("--predictions", folders / "right") * 2
    for words, said in (
        ((small_run, *data), "a comparison needs two or more"),
        (data, "a comparison needs two or more"),
        (("street", "nowhere.safetensors", *data), "nowhere.safetensors"),
        (("street", small_run, "--data", "nowhere"), "nowhere"),
        (("street", small_run, *data, "--split", "valid"), "there is no split 'valid'; did you mean 'val'"),
        (("street", small_run, *data, "--name", "x"), "1 names for 0 folders"),
        ((*twice, *data), "two folders of predictions are called 'right'"),
        (("street", "--predictions", folders, *data, "--split", "test"), "have no prediction"),
    ):
        assert said in refused("compare", *words)
    assert pixelwise("compare", "street", small_run).code == 2  # --data is missing
