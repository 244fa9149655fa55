"""dataset.yaml: a file that says of a dataset what cannot be seen, or pins down what was seen.

path: photos                # where the data lies, from this file's folder; . if left out
layout: folders             # one of pixelwise.data.LAYOUTS; recognised if left out
images: "{split}/images/{name}.jpg"     # with layout folders, where names cannot be guessed
masks: "{split}/masks/{name}_mask.png"
splits:                     # names of samples, * is anything; the first that fits; as they lie if left out
  val: ["seq3_*"]
  train: "*"
classes:                    # in the order of their indices; or the name of a published map: camvid11
  road: [128, 64, 128]      # the colour
  car: {color: [0, 0, 142], value: 26}  # value: in index masks, where it is not the index
ignore: 255                 # or a list of pixel values; 255 always is, unless a class has it
merge: {vehicle: [car, bus], ignore: [sky]}     # or the name of a published merge: camvid32-to-11
exclude: ["train/images/0017.*"]        # files left out

Ultralytics' files (path, train, val, masks_dir, names, label_mapping) are read too, and tables of classes as others
write them: ``- {name: road, color: [128, 64, 128], id: 7}``, ``0: road``, or names with a ``palette``.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pixelwise.data.class_rows import Row, labels_of, rows_of, values_of
from pixelwise.data.dataset import SPLITS
from pixelwise.data.description import Description, check_templates
from pixelwise.data.files.file_content import fenced
from pixelwise.data.files.safe_yaml import read_yaml
from pixelwise.data.ultralytics import Ultralytics, from_ultralytics
from pixelwise.errors import UserError, unknown
from pixelwise.labels import IGNORE, NAMED, LabelMap

NAME = "dataset.yaml"
EXAMPLE = "classes: {road: [128, 64, 128], car: [0, 0, 142]}"

Value = Annotated[int, Field(ge=0, le=65535)]
SplitName = Literal["train", "val", "test"]


class _File(BaseModel):
    """Our own form."""

    model_config = ConfigDict(extra="forbid", strict=True)

    path: str = "."
    layout: str | None = None
    images: str | dict[SplitName, str] | None = None
    masks: str | dict[SplitName, str] | None = None
    splits: dict[SplitName, str | list[str]] = {}
    classes: Any = None
    palette: list[list[int]] | None = None
    ignore: Value | list[Value] = IGNORE
    merge: str | dict[str, str | list[str]] = {}
    exclude: list[str] = []


def find_description(path: Path) -> tuple[Path, Description]:
    """Where the data lies and what its dataset.yaml says: the file itself, that of a folder, or nothing.

    Raises UserError where it is not YAML, a key is unknown, a class is named twice or a colour is no RGB value; and
    where the file of a folder names a path outside it (a file that is named by itself may).
    """
    if path.suffix.lower() in {".yaml", ".yml"} and path.is_file():
        return _described(path)
    if os.path.lexists(path / NAME):
        with fenced(path):
            root, description = _described(path / NAME)
        if not root.resolve().is_relative_to(path.resolve()):
            raise UserError(f"{path / NAME}: path leads out of the folder; give the file itself if that is meant")
        return root, description
    return path, Description()


def _described(path: Path) -> tuple[Path, Description]:
    content = read_yaml(path, EXAMPLE)
    try:
        if "names" in content and "classes" not in content:
            return from_ultralytics(path, Ultralytics.model_validate(content))
        return _from_ours(path, _File.model_validate(content))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UserError(f"{path}: {where}: {first['msg']}; it should read like `{EXAMPLE}`") from error


def _from_ours(path: Path, content: _File) -> tuple[Path, Description]:
    rows = _published_rows(content.classes) or rows_of(path, content.classes, content.palette)
    labels, values = labels_of(rows), values_of(rows)
    default = {IGNORE} - values.keys()
    listed = content.ignore if isinstance(content.ignore, list) else [content.ignore]
    asked = default if content.ignore == IGNORE else set(listed)
    return path.parent / content.path, Description(
        source=path,
        layout=content.layout,
        images=check_templates(path, _by_split(content.images)),
        masks=check_templates(path, _by_split(content.masks)),
        labels=labels,
        values=values,
        ignored=tuple(sorted(asked | default)),
        splits={split: (names,) if isinstance(names, str) else tuple(names) for split, names in content.splits.items()},
        exclude=tuple(content.exclude),
        groups=_groups(content.merge),
    )


def _published_rows(classes: object) -> list[Row]:
    if not isinstance(classes, str):
        return []
    if classes not in NAMED:
        raise unknown("published label map", classes, NAMED)
    labels = NAMED[classes]
    return [Row(name, color) for name, color in zip(labels.names, labels.colors, strict=True)]


def _by_split(given: str | Mapping[SplitName, str] | None) -> dict[str, str]:
    if isinstance(given, str):
        splits = SPLITS if "{split}" in given else ("train",)
        return {split: given.replace("{split}", split) for split in splits}
    return dict((given or {}).items())


def _groups(merge: str | Mapping[str, str | list[str]]) -> Mapping[str, tuple[str, ...]] | str:
    if isinstance(merge, str):
        return merge
    return {name: (old,) if isinstance(old, str) else tuple(old) for name, old in merge.items()}


def write_description(root: Path, labels: LabelMap) -> None:
    """Writes root/dataset.yaml with the classes alone.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_description(folder, LabelMap(("road", "car"), ((128, 64, 128), (0, 0, 142))))
    >>> find_description(folder)[1].labels.names
    ('road', 'car')
    """
    (root / NAME).write_text(as_yaml(Description(labels=labels, ignored=(labels.ignore,))), encoding="utf-8")


def as_yaml(description: Description, path: str = ".") -> str:
    """The text of a file from which ``find_description`` gives the same. path: to the data, from the file's folder."""
    labels = description.labels
    of_class: dict[int, list[int]] = {}
    for value, index in description.values.items():
        of_class.setdefault(index, []).append(value)
    content: dict[str, Any] = {"path": path} if path != "." else {}
    content |= {"layout": description.layout} if description.layout else {}
    sides = {"images": dict(description.images), "masks": dict(description.masks)}
    content |= {side: templates for side, templates in sides.items() if templates}
    if description.splits:
        content["splits"] = {split: list(names) for split, names in description.splits.items()}
    if labels:
        pairs = zip(labels.names, labels.colors, strict=True)
        content["classes"] = {name: _class(color, of_class.get(index)) for index, (name, color) in enumerate(pairs)}
    content["ignore"] = description.ignored[0] if len(description.ignored) == 1 else list(description.ignored)
    if description.groups:
        groups = description.groups
        content["merge"] = groups if isinstance(groups, str) else {name: list(old) for name, old in groups.items()}
    content |= {"exclude": list(description.exclude)} if description.exclude else {}
    return yaml.safe_dump(content, sort_keys=False, default_flow_style=None, allow_unicode=True, width=120)


def _class(color: tuple[int, int, int], values: list[int] | None) -> object:
    if not values:
        return list(color)
    return {"color": list(color), "value": values[0] if len(values) == 1 else values}
