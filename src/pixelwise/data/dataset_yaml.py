"""dataset.yaml: what a folder of masks cannot say of itself, the classes' names and colours and what is ignored.

classes:                    # in the order of their indices; or the name of a published map: camvid11
  road: [128, 64, 128]
  car: [0, 0, 142]
ignore: 255                 # or a list of pixel values; 255 always is
"""

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pixelwise.data.description import Description
from pixelwise.errors import UserError, unknown
from pixelwise.labels import IGNORE, PUBLISHED, LabelMap

NAME = "dataset.yaml"
EXAMPLE = "classes: {road: [128, 64, 128], car: [0, 0, 142]}"

Value = Annotated[int, Field(ge=0, le=65535)]
Channel = Annotated[int, Field(ge=0, le=255)]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    classes: dict[str, Annotated[list[Channel], Field(min_length=3, max_length=3)]] | str
    ignore: Value | list[Value] = IGNORE


def find_description(path: Path) -> tuple[Path, Description]:
    """Where the data lies and what its dataset.yaml says: the file itself, that of a folder, or nothing.

    Raises UserError where it is not YAML, a key is unknown, a class is named twice or a colour is no RGB value.
    """
    if path.suffix.lower() in {".yaml", ".yml"} and path.is_file():
        return path.parent, _described(path)
    if (path / NAME).is_file():
        return path, _described(path / NAME)
    return path, Description()


def _described(path: Path) -> Description:
    content = _parsed(path)
    ignored = content.ignore if isinstance(content.ignore, list) else [content.ignore]
    return Description(path, labels=_labels(content), ignored=tuple(sorted({*ignored, IGNORE})))


def write_description(root: Path, labels: LabelMap) -> None:
    """Writes root/dataset.yaml, from which ``find_description`` gives the same classes.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_description(folder, LabelMap(("road", "car"), ((128, 64, 128), (0, 0, 142))))
    >>> find_description(folder)[1].labels.names
    ('road', 'car')
    """
    classes = {name: list(color) for name, color in zip(labels.names, labels.colors, strict=True)}
    text = yaml.safe_dump({"classes": classes, "ignore": labels.ignore}, sort_keys=False, default_flow_style=None)
    (root / NAME).write_text(text, encoding="utf-8")


def _parsed(path: Path) -> _File:
    try:
        text = path.read_text(encoding="utf-8")
        _check_keys(path, yaml.compose(text, yaml.SafeLoader))
        return _File.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise UserError(f"{path}: is not valid YAML ({' '.join(str(error).split())}); correct it") from error
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not UTF-8 text; save it as UTF-8") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UserError(f"{path}: {where}: {first['msg']}; it should read like `{EXAMPLE}`") from error


def _check_keys(path: Path, node: yaml.Node | None) -> None:
    """YAML's readers keep the last of two equal keys and drop the first; a class would be lost silently."""
    if not isinstance(node, yaml.MappingNode):
        return
    keys = [key.value for key, _ in node.value]
    for key, value in node.value:
        if keys.count(key.value) > 1:
            raise UserError(f"{path}: line {key.start_mark.line + 1}: '{key.value}' is there twice; rename one")
        _check_keys(path, value)


def _labels(content: _File) -> LabelMap:
    if isinstance(content.classes, str):
        if content.classes not in PUBLISHED:
            raise unknown("published label map", content.classes, PUBLISHED)
        return PUBLISHED[content.classes]
    colors = tuple((red, green, blue) for red, green, blue in content.classes.values())
    return LabelMap(tuple(content.classes), colors)
