"""pixelwise models: what it prints for people and for programs, the figure it writes, what it refuses."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from command_line import pixelwise, refused
from torch import nn

from pixelwise.errors import UserError
from pixelwise.models import MODELS, options_of
from pixelwise.models.survey import describe, meanings

SMALL = ("--size", "32x32")


def words(text: str) -> str:
    return " ".join(text.replace("│", " ").split())


def test_all_models_are_listed_with_their_numbers_and_the_conditions_of_these() -> None:
    answer = pixelwise("models", "--no-speed", "--size", "64x96", "--classes", 5, "--channels", 4)
    assert answer.code == 0, answer
    for model in MODELS:
        found = describe(model, 5, (64, 96), in_channels=4)
        assert f"{model} {found.parameters:,} {found.gflops:.1f} –" in words(answer.out)
    assert "image: 64x96, 4 channels; classes: 5" in words(answer.out)
    assert "precision" not in answer.out


def test_one_model_is_shown_with_its_speed_here_and_what_its_options_mean() -> None:
    answer = pixelwise("models", "unet", *SMALL, "--option", "width=4", "--device", "cpu")
    assert answer.code == 0, answer
    said = words(answer.out)
    assert said.startswith("unet width=4: The network of 2015")
    for shown in (" ms ", "GFLOPs per image", "batch 1", "median of at least five runs", "precision: ", "threads"):
        assert shown in said
    for option, default in options_of("unet").items():
        assert f"{option} {default} {meanings('unet')[option][:20]}" in said


def test_json_has_the_same_for_programs_and_nothing_else_on_standard_output(tmp_path: Path) -> None:
    figure = tmp_path / "new" / "segnet.svg"
    answer = pixelwise("models", "segnet", *SMALL, "--option", "width=4", "--json", "--figure", figure)
    said = json.loads(answer.out)
    (model,) = said["models"]
    assert model["parameters"] == describe("segnet", 11, (32, 32), width=4).parameters
    assert (model["name"], model["size"], model["options"], model["defaults"]) == (
        "segnet",
        [32, 32],
        {"width": 4},
        {"width": 64},
    )
    assert model["milliseconds"] > 0
    assert said["conditions"]["classes"] == "11"
    assert figure.exists()


def test_the_figure_is_that_of_the_network_with_its_options_and_size(tmp_path: Path) -> None:
    figure = tmp_path / "unet.svg"
    answer = pixelwise("models", "unet", "--no-speed", "--option", "depth=2", "--size", "60x90", "--figure", figure)
    assert answer.code == 0, answer
    assert f"figure   {figure}" in answer.out
    texts = [text.text for text in ElementTree.parse(figure).iter("{http://www.w3.org/2000/svg}text")]
    assert texts[0] == "unet depth=2"
    assert "at 60x90" in (texts[1] or "")
    assert {"down.2", "60 × 92", "15 × 23"} <= set(texts)
    assert "down.3" not in texts


def test_a_model_that_lacks_a_package_has_dashes_and_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(in_channels: int, classes: int, *, width: int = 8) -> nn.Module:
        """A model. width: filters."""
        raise UserError("this needs timm; run `pip install 'pixelwise[pretrained]'`")

    monkeypatch.setitem(MODELS, "lacking", lacking)
    answer = pixelwise("models", "--no-speed", *SMALL)
    assert answer.code == 0
    assert "lacking – – – not here, see below" in words(answer.out)
    assert "lacking: this needs timm; run `pip install 'pixelwise[pretrained]'`" in answer.out
    assert refused("models", "lacking", "--no-speed", *SMALL).endswith("pip install 'pixelwise[pretrained]'`")
    listed = json.loads(pixelwise("models", "--no-speed", *SMALL, "--json").out)["models"]
    assert "error" in next(model for model in listed if model["name"] == "lacking")


def test_what_cannot_be_shown_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for given, said in (
        (("unett",), "there is no model 'unett'; did you mean 'unet'?"),
        (("unet", "--option", "widht=3"), "there is no option of unet 'widht'; did you mean 'width'?"),
        (("unet", "--option", "width"), "write NAME=VALUE"),
        (("--option", "width=3"), "name it"),
        (("--figure", "unet.svg"), "name it"),
        (("--size", "big"), "'big' is no size"),
        (("unet", "--device", "cuda:99"), "there is no device 'cuda:99' here"),
        (("unet", "--no-speed", "--figure", tmp_path / "file" / "unet.svg"), "cannot be written"),
    ):
        assert said in refused("models", *given)


def test_every_model_has_a_page_with_its_diagram_and_its_options_with_their_defaults() -> None:
    text = (Path(__file__).parents[1] / "docs" / "models.md").read_text(encoding="utf-8")
    pages = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL))
    assert [name for name in pages if name in MODELS] == list(MODELS)
    for model in MODELS:
        assert f"](models/{model}.svg)" in pages[model]
        rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", pages[model], flags=re.MULTILINE))
        assert rows == {option: str(default) for option, default in options_of(model).items()}, model
