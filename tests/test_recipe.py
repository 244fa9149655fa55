"""recipe.yaml: what is written is read again; what is wrong in it is told with the place."""

from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from pixelwise.data.dataset import Source
from pixelwise.errors import UserError
from pixelwise.models import MODELS, build_network
from pixelwise.training import Recipe, load_recipe, save_recipe


def written(path: Path, **changes: object) -> Path:
    """A good recipe.yaml with some settings changed."""
    save_recipe(Recipe(options={"width": 8}), path / "recipe.yaml", Source("camvid"))
    content = yaml.safe_load((path / "recipe.yaml").read_text()) | changes
    (path / "recipe.yaml").write_text(yaml.safe_dump(content))
    return path / "recipe.yaml"


def test_a_recipe_comes_back_as_it_was_written(tmp_path: Path) -> None:
    recipe = Recipe(model="segnet", options={"width": 24}, size=(96, 128), zoom=(0.5, 2), learning_rate=1e-3, seed=7)
    save_recipe(recipe, tmp_path / "recipe.yaml", Source("../my data: photos"))
    assert load_recipe(tmp_path / "recipe.yaml") == (recipe, Source("../my data: photos"))


def test_a_recipe_is_written_as_plain_yaml_with_the_data_first(tmp_path: Path) -> None:
    save_recipe(Recipe(), tmp_path / "recipe.yaml", Source("camvid"))
    content = yaml.safe_load((tmp_path / "recipe.yaml").read_text())
    assert list(content) == ["data", *(field.name for field in fields(Recipe))]
    assert content["size"] == [192, 256]


def test_settings_that_are_left_out_have_their_defaults(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("data: camvid\nsteps: 5\n")
    assert load_recipe(tmp_path / "recipe.yaml") == (Recipe(steps=5), Source("camvid"))


@pytest.mark.parametrize("model", MODELS)
def test_every_model_can_be_built_with_the_options_of_its_recipe(model: str) -> None:
    assert build_network(model, 2, **Recipe(model=model, options={"width": 2}).options)


def test_a_misspelt_setting_is_told_with_the_nearest_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no setting in .*recipe.yaml 'learning_rat'; did you mean 'learning_rate'"):
        load_recipe(written(tmp_path, learning_rat=0.1))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("steps", 0),
        ("steps", "many"),
        ("batch", -1),
        ("options", 2.5),
        ("weights", 3),
        ("encoder_rate", 0),
        ("validations", 0),
        ("seed", -1),
        ("size", [192]),
        ("size", [0, 256]),
        ("size", 192),
        ("zoom", [0, 1]),
        ("learning_rate", 0),
        ("learning_rate", float("inf")),
        ("learning_rate", float("nan")),
        ("weight_decay", -1),
        ("flip", 1.5),
        ("ema", 2),
        ("model", 5),
    ],
)
def test_a_wrong_value_is_told_with_its_setting(setting: str, value: object, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"recipe.yaml: {setting} is .*; ") as caught:
        load_recipe(written(tmp_path, **{setting: value}))
    assert "\n" not in str(caught.value)


def test_a_frozen_encoder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="give its weights too"):
        load_recipe(written(tmp_path, freeze=True))


@pytest.mark.parametrize("text", ["", "- a list", "steps: 5", "data: 5", "just words"])
def test_a_file_that_does_not_say_which_data_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(text)
    with pytest.raises(UserError, match="should begin with `data: FOLDER`"):
        load_recipe(tmp_path / "recipe.yaml")


@pytest.mark.parametrize("content", [b"data: [", b"\xff\xfe\xfa", b"data: 2020-13-45", b"a: !!python/object:os.x {}"])
def test_a_file_that_is_no_yaml_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_bytes(content)
    with pytest.raises(UserError, match="is not valid YAML"):
        load_recipe(tmp_path / "recipe.yaml")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be read .*; give a run folder"):
        load_recipe(tmp_path / "recipe.yaml")
