"""The page of a recipe's augmentation: all settings that are on are shown, and it needs nothing from outside."""

import re
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from html_page import Outline
from small_data import label, photo

from pixelwise.data import Sample
from pixelwise.errors import UserError
from pixelwise.labels import CAMVID11
from pixelwise.report.augmentation_page import DRAWS, OFF, is_on, write_augmentation_page
from pixelwise.training import Recipe
from pixelwise.training.recipe import MEANINGS

DEFAULT = Recipe(size=(24, 32))
STILL = replace(DEFAULT, **OFF)


def samples(count: int = 3, channels: int = 3) -> list[Sample]:
    """Two sizes of images, named by number."""
    shapes = [(24, 32), (32, 24)]
    channel = (np.arange(channels) % 3).tolist()
    return [
        Sample(photo(i, *shapes[i % 2])[..., channel], label(i, *shapes[i % 2]), f"photo {i}") for i in range(count)
    ]


def page(folder: Path, recipe: Recipe, shown: list[Sample]) -> tuple[str, Outline]:
    write_augmentation_page(folder / "page.html", recipe, shown, CAMVID11)
    text = (folder / "page.html").read_text(encoding="utf-8")
    return text, Outline(text)


def test_every_image_is_shown_as_it_is_and_in_five_epochs_and_nothing_comes_from_elsewhere(tmp_path: Path) -> None:
    text, outline = page(tmp_path, STILL, samples())
    assert not outline.open
    assert outline.tags["img"] == 2 * 3 * (1 + DRAWS)
    sources = [value for name, value in outline.attributes if name in ("src", "href")]
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert not re.search(r"url\(|@import|<script|<link", text)
    assert "All of them are off" in text
    assert {"photo 0", "photo 1", "photo 2", *CAMVID11.names} <= set(outline.texts)


def test_the_five_epochs_of_an_image_differ_where_anything_is_on_and_are_alike_where_nothing_is(tmp_path: Path) -> None:
    for recipe, expected in ((STILL, 1), (DEFAULT, DRAWS)):
        _, outline = page(tmp_path, recipe, samples(1))
        photos = [value for name, value in outline.attributes if name == "src"][0 : 2 * (1 + DRAWS) : 2]
        assert len(set(photos[1:])) == expected


STRONG = {
    "rare_sampling": 0.5,
    "zoom": (0.5, 2.0),
    "rotation": 20.0,
    "flip": 0.5,
    "elastic": 3.0,
    "color": 0.4,
    "hue": 20.0,
    "blur": 0.2,
    "noise": 9.0,
    "jpeg": 0.3,
    "cutout": 0.2,
    "classmix": 0.5,
    "augment": "mine.py:own",
}


def test_every_setting_of_augmentation_is_known_to_the_page() -> None:
    names = [one.name for one in fields(Recipe)]
    first, last = names.index("flip"), names.index("augment")
    assert set(OFF) == set(STRONG) == {*names[first : last + 1], "rare_sampling"}
    assert not any(is_on(STILL, setting) for setting in OFF)


@pytest.mark.parametrize("setting", STRONG)
def test_a_setting_that_is_on_is_shown_alone_with_its_value_and_meaning_and_changes_the_image(
    tmp_path: Path, setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text("def own(image, mask): return 255 - image, mask\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    recipe = replace(STILL, **{setting: STRONG[setting]})
    _, outline = page(tmp_path, recipe, samples())
    _, without = page(tmp_path, STILL, samples())
    headings = [text for text in outline.texts if re.match(rf"{setting}: (\d|mine)", text)]
    assert len(headings) == 1
    assert not [text for text in without.texts if text in headings]
    assert outline.texts.count(MEANINGS[setting]) == without.texts.count(MEANINGS[setting]) + 1  # which is in the table
    pictures = [value for name, value in outline.attributes if name == "src"]
    rows = 2 * 3 * (1 + DRAWS)
    assert len(pictures) in (rows + 2, rows + 4)
    assert all(alone != pictures[0] for alone in pictures[rows::2])


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_all_together_can_be_shown_for_any_number_of_channels(tmp_path: Path, channels: int) -> None:
    recipe = replace(DEFAULT, **STRONG | {"augment": ""})
    text, outline = page(tmp_path, recipe, samples(2, channels))
    assert not outline.open
    assert len(text) < 3_000_000


def test_a_single_image_without_any_class_can_be_shown(tmp_path: Path) -> None:
    nothing = Sample(photo(0), np.full((24, 32), 255, np.uint8), "<nothing>")
    text, _ = page(tmp_path, replace(DEFAULT, rare_sampling=0.5, classmix=1.0), [nothing])
    assert "&lt;nothing&gt;" in text


def test_a_callable_that_fails_leaves_no_page(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no_such_module"):
        page(tmp_path, replace(DEFAULT, augment="no_such_module:own"), samples())
    assert not list(tmp_path.iterdir())
