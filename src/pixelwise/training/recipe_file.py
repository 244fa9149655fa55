"""recipe.yaml: a recipe as people read and edit it, with the meaning of every setting and the reason for its value."""

import textwrap
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from pixelwise.data.dataset import Source
from pixelwise.errors import UserError
from pixelwise.files import replacing
from pixelwise.processes import agreed_text, rank
from pixelwise.training.recipe import MEANINGS, Recipe, recipe_of

# What begins at which setting.
SECTIONS = {
    "model": "the model",
    "size": "how large and how long",
    "loss": "what is minimised",
    "flip": "augmentation: what happens to every image, anew each time it is seen",
    "optimizer": "how it is minimised",
    "validations": "how the best model is chosen; and the source of all chance",
    "gan": "of painters alone",
}
END = "...\n"  # that YAML writes after a single value
WIDTH = 112  # characters of a comment


def save_recipe(
    recipe: Recipe, path: Path, data: Source, reasons: Mapping[str, str] | None = None, *, about: str = ""
) -> None:
    """Writes recipe.yaml, whole or not at all.

    data: what it is for. reasons: why a setting is as it is. about: what stands above all.
    Raises UserError where it cannot be written.
    """
    asked = {key: value for key, value in data._asdict().items() if value is not None}
    lines = [*_comment(about), _setting("data", asked if len(asked) > 1 else data.path)]
    for name, value in asdict(recipe).items():
        if name in SECTIONS:
            lines += ["", f"# --- {SECTIONS[name]}"]
        reason = (reasons or {}).get(name, "")
        lines += _comment(f"{name}: {MEANINGS[name]}")
        lines += _comment(f"  because {reason}") if reason else []
        lines.append(_setting(name, list(value) if isinstance(value, tuple) else value))
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _setting(name: str, value: Any) -> str:  # noqa: ANN401 - of any type
    """One setting as YAML, lists and mappings in one line."""
    written = yaml.safe_dump(value, default_flow_style=True, width=10**6)
    return f"{name}: {written.removesuffix(END).rstrip()}"


def _comment(text: str) -> list[str]:
    indent = " " * (len(text) - len(text.lstrip()))
    return [f"# {line}" for line in textwrap.wrap(text, WIDTH, initial_indent="", subsequent_indent=indent + "  ")]


def load_recipe(path: Path) -> tuple[Recipe, Source]:
    """The recipe and the data of a recipe.yaml; process 0 reads it for all. Raises UserError as `recipe_of` does."""
    try:
        written = yaml.safe_load(agreed_text(path.read_text(encoding="utf-8") if rank() == 0 else ""))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give a run folder that `train` made") from error
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{path}: is not valid YAML; correct it or train anew") from error
    data = _source(written.pop("data", None)) if isinstance(written, dict) else None
    if data is None:
        raise UserError(f"{path}: should begin with `data: FOLDER`; correct it or train anew")
    return recipe_of(written, str(path)), data


def _source(data: object) -> Source | None:
    """What ``data`` in a recipe.yaml says: a path, or path, layout and classes; None where it is neither."""
    asked = data if isinstance(data, dict) else {"path": data}
    known = set(asked) <= set(Source._fields) and "path" in asked
    return Source(**asked) if known and all(isinstance(value, str) for value in asked.values()) else None
