"""What a plan chooses, and why: from the data, the machine and what was asked for."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from command_line import pixelwise, refused
from html_page import Outline
from small_data import held

from pixelwise.data import Dataset, Sample, Split
from pixelwise.data.store.reading import Decoded
from pixelwise.errors import UserError
from pixelwise.labels import CAMVID11, LabelMap
from pixelwise.training import Plan, Recipe, Request, load_recipe, plan
from pixelwise.training.plan import _ladder, _native, scaled_size
from pixelwise.training.probe import Probe
from pixelwise.training.recipe import MEANINGS

CPU = torch.device("cpu")
TINY = {"size": (32, 64), "options": {"width": 4}}


def planned(data: Dataset, model: str = "unet", **asked: object) -> Plan:
    """A plan for one epoch of tiny crops, with whatever else is asked."""
    settings = {"batch": 2} | asked.pop("settings", {})
    length = {} if {"steps"} & set(settings) or "budget" in asked else {"epochs": 2}
    return plan(Request(model, **({**TINY, **length} | asked), settings=settings), data, CPU)


# What is asked for stays


def test_what_is_asked_for_stays_and_says_so(small: Dataset) -> None:
    asked = {
        "batch": 3,
        "flip": 0.0,
        "zoom": [1.0, 1.0],
        "learning_rate": 0.5,
        "loss": "ce + 0.5 dice",
        "accumulate": 3,
    }
    found = planned(small, settings=asked)
    assert found.recipe.zoom == (1.0, 1.0)
    for name, value in asked.items():
        assert name == "zoom" or getattr(found.recipe, name) == value
        assert found.reasons[name] == "it was asked for"


def test_a_misspelt_setting_is_refused_with_the_nearest_right_one_before_data_is_read() -> None:
    with pytest.raises(UserError, match="there is no setting 'los'; did you mean 'loss'"):
        Request(settings={"los": "ce"})
    with pytest.raises(UserError, match="there is no setting 'seed'"):  # it has an argument of its own
        Request(settings={"seed": 3})


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"freeze": 0.5}, "give its weights too"),
        ({"accumulate": 9}, "a batch of 4 cannot be taken in 9 parts"),
        ({"zoom": [2.0, 1.0]}, r"zoom goes from 2\.0 down to 1\.0; swap them"),
        ({"crop": [999, 999]}, "a crop of 999x999 is larger than the size 192x256"),
        ({"optimizer": "adam"}, "there is no optimizer 'adam'; did you mean 'adamw'"),
        ({"schedule": "polly"}, "there is no schedule 'polly'; did you mean 'poly'"),
        ({"loss": "ce + 0.5 dicee"}, "did you mean 'dice'"),
        ({"ema": 2}, "the settings: ema is 2; input should be less than or equal to 1"),
        ({"steps": 5, "batch": "four"}, "the settings: batch is 'four'"),
    ],
)
def test_settings_that_do_not_go_together_are_refused_in_one_line(settings: dict[str, object], told: str) -> None:
    with pytest.raises(UserError, match=told) as caught:
        Request(settings=settings)
    assert "\n" not in str(caught.value)


def test_only_one_thing_may_say_how_long_to_train() -> None:
    for lengths in ({"budget": 60.0, "epochs": 3}, {"epochs": 3, "settings": {"steps": 5}}):
        with pytest.raises(UserError, match="budget, epochs and steps all say how long to train"):
            Request(**lengths)


def test_steps_may_be_asked_for_instead_of_epochs(small: Dataset) -> None:
    recipe = planned(small, settings={"steps": 7}).recipe
    assert (recipe.steps, recipe.validations) == (7, 7)


# What follows from the data


def test_classes_that_tell_left_from_right_are_not_mirrored() -> None:
    sides = LabelMap(("left kidney", "right kidney", "rest"), ((0, 0, 0), (9, 9, 9), (99, 0, 0)))
    samples = held("a", "b", "c", labels=sides)
    body = Dataset("body", "held", "made by a test", sides, train=samples, val=samples)
    found = planned(body, size=(32, 32))
    assert found.recipe.flip == 0
    assert "left kidney" in found.reasons["flip"]
    assert planned(replace(body, labels=LabelMap(("a", "b", "c"), sides.colors)), size=(32, 32)).recipe.flip == 0.5


def test_the_rarest_classes_and_those_never_labelled_are_named_with_their_shares(small: Dataset) -> None:
    why = planned(small).reasons["class_balance"]
    counts = sum(np.bincount(sample.label.ravel(), minlength=256)[:11] for sample in small.train)
    names = small.labels.names
    for index in np.flatnonzero(counts == 0):
        assert names[index] in why.split("never labelled: ")[1]
    assert names[int(counts.argmax())] in why


def test_a_larger_batch_learns_at_a_higher_rate(small: Dataset) -> None:
    """AdamW by the root of the batch, SGD in proportion to it."""
    rates = {
        (optimizer, batch): planned(small, settings={"batch": batch, "optimizer": optimizer}).recipe.learning_rate
        for optimizer in ("adamw", "sgd")
        for batch in (1, 4)
    }
    assert rates["adamw", 4] == Recipe().learning_rate == pytest.approx(2 * rates["adamw", 1])
    assert rates["sgd", 4] == pytest.approx(4 * rates["sgd", 1])


def test_augmentation_grows_with_how_often_an_image_is_seen(small: Dataset) -> None:
    turns = [planned(small, epochs=epochs).recipe.rotation for epochs in (1, 20, 40, 80)]
    assert turns == [1.25, 2.5, 5.0, 5.0]


# Memory


class Roomy(Probe):
    """As if single images took 100 bytes and only so many were free."""

    def memory(self, *_: object) -> int:
        return 100

    def left(self) -> int:
        return self.room


def test_a_batch_is_taken_in_as_few_parts_as_fit_into_memory(small: Dataset) -> None:
    probe, recipe = Roomy(small, CPU), Recipe(batch=8)
    cache = planned(small).cache
    for room, parts in ((10_000, 1), (800, 1), (799, 2), (300, 3), (250, 4), (100, 8)):
        probe.room = room
        assert probe.parts(recipe, cache) == parts
    probe.room = 99
    with pytest.raises(UserError, match=r"a training step on a single image of 192x256 takes .* give a smaller --size"):
        probe.parts(recipe, cache)


def test_the_memory_of_a_step_is_measured_and_grows_with_the_image(small: Dataset) -> None:
    probe = Probe(small, CPU)
    cache = planned(small).cache
    little, much = (
        probe.memory(Recipe("unet", {"width": 8}, size=size, batch=2), cache) for size in ((32, 64), (512, 640))
    )
    activations = 2 * 8 * 4 * 512 * 640 * 2  # bytes of the outermost convolutions alone, bf16 or more
    assert much - little > activations


def test_what_the_training_images_fill_is_less_room_and_no_part_of_what_a_step_takes(small: Dataset) -> None:
    probe = Probe(small, CPU)
    cache, recipe = planned(small).cache, Recipe("unet", {"width": 8}, size=(64, 64), batch=2)
    alone, left = probe.memory(recipe, cache), probe.left()
    images = np.ones(2**30, np.uint8)
    assert probe.memory(recipe, cache) == pytest.approx(alone, abs=2**27)
    assert left - probe.left() == pytest.approx(len(images), abs=2**27)


# Written and done again


def test_sizes_are_multiples_of_32_of_the_share_that_was_asked() -> None:
    assert scaled_size((360, 480), 1.0) == (352, 480)
    assert scaled_size((10, 10), 0.1) == (32, 32)


def test_plan_writes_a_recipe_with_a_meaning_for_every_setting_and_a_reason_for_every_choice(
    tmp_path: Path, small_folder: Path
) -> None:
    path = tmp_path / "recipe.yaml"
    answer = pixelwise("plan", small_folder, "--model", "unet", "--epochs", 2, "--size", "32x64", "--output", path)
    assert answer.code == 0, answer
    text = " ".join(path.read_text().replace("#", " ").split())
    for name, meaning in MEANINGS.items():
        assert f"{name}: {meaning}" in text
    assert "because 2 passes over 6 images were asked for" in text
    assert "because it was asked for size: [32, 64]" in text
    assert f"data: {small_folder}" in text
    assert "pixelwise train --recipe" in answer.out
    assert "already; give another --output" in refused("plan", small_folder, "--output", path)


def test_train_without_a_recipe_does_what_plan_writes(tmp_path: Path, small_folder: Path) -> None:
    asked = (small_folder, "--model", "unet", "--option", "width=4", "--size", "32x64", "--epochs", 1, "--batch", 2)
    asked += ("--set", "loss=ce + 0.5 dice", "--set", "classmix=0.5")
    assert pixelwise("plan", *asked, "--output", tmp_path / "recipe.yaml").code == 0
    assert pixelwise("train", *asked, "--run", tmp_path / "planned").code == 0
    assert pixelwise("train", "--recipe", tmp_path / "recipe.yaml", "--run", tmp_path / "followed").code == 0
    recipes = [load_recipe(tmp_path / where / "recipe.yaml") for where in (".", "planned", "followed")]
    assert recipes[0] == recipes[1] == recipes[2]
    last = [(tmp_path / run / "state.safetensors").read_bytes() for run in ("planned", "followed")]
    assert last[0] == last[1]


def test_a_recipe_may_be_edited_and_used_on_other_data(tmp_path: Path, small_folder: Path) -> None:
    path = tmp_path / "recipe.yaml"
    assert pixelwise("plan", small_folder, "--epochs", 1, "--size", "32x64", "--output", path).code == 0
    edited = yaml.safe_load(path.read_text()) | {"steps": 2, "validations": 1, "data": "nowhere"}
    path.write_text(yaml.safe_dump(edited))
    assert "no such folder" in refused("train", "--recipe", path, "--run", tmp_path / "run")
    answer = pixelwise("train", small_folder, "--recipe", path, "--run", tmp_path / "run")
    assert answer.code == 0, answer
    assert load_recipe(tmp_path / "run" / "recipe.yaml")[1].path == str(small_folder)
    for option in (("--budget", "3m"), ("--model", "unet")):
        said = refused("train", "--recipe", path, *option)
        assert "--recipe goes by the settings of that file; leave the other options out" in said


def test_plan_shows_what_augmentation_does_as_a_page(tmp_path: Path, small_folder: Path) -> None:
    words = ("plan", small_folder, "--epochs", 40, "--size", "32x64", "--output", tmp_path / "recipe.yaml", "--show")
    answer = pixelwise(*words, "--json")
    assert answer.code == 0, answer
    told = json.loads(answer.out)
    assert told["page"] == str(tmp_path / "recipe_augmentation.html")
    assert told["settings"]["zoom"] == [0.75, 1.75]
    page = Outline((tmp_path / "recipe_augmentation.html").read_text())
    assert page.tags["img"] >= 4


def test_a_page_that_is_not_asked_for_is_not_written(tmp_path: Path, small_folder: Path) -> None:
    assert pixelwise("plan", small_folder, "--epochs", 1, "--size", "32x64", "-o", tmp_path / "recipe.yaml").code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["recipe.yaml"]


def test_large_photos_may_be_brought_to_a_hundredth_of_their_area_and_small_ones_to_a_tenth() -> None:
    for side, smallest in ((2048, 192), (256, 96)):
        photo = np.zeros((side, side, 3), np.uint8)
        label = np.zeros((side, side), np.uint8)
        entries = tuple(Decoded(Sample(photo, label, name)) for name in "ab")
        data = Dataset("flat", "held", "made by a test", CAMVID11, train=Split(entries), val=Split(entries))
        rungs = _ladder(Request("unet"), _native(data.train), len(data.train))
        assert rungs[0].size == (smallest, smallest)
        assert [rung.size for rung in rungs] == sorted(rung.size for rung in rungs)
        assert rungs[-1].size == (side, side)
