"""Ultralytics' description of a semantic dataset: docs.ultralytics.com/datasets/semantic."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from pixelwise.data.class_rows import Row, labels_of
from pixelwise.data.description import Description, check_templates
from pixelwise.errors import UserError
from pixelwise.labels import IGNORE


class Ultralytics(BaseModel):
    """Ultralytics' form; what it holds besides (nc, download) says nothing of the data."""

    model_config = ConfigDict(extra="ignore")

    path: str = "."
    train: str
    val: str | None = None
    test: str | None = None
    masks_dir: str | None = None
    names: dict[int, str] | list[str]
    label_mapping: dict[int, int | str] = {}


def from_ultralytics(path: Path, content: Ultralytics) -> tuple[Path, Description]:
    """Where the data lies and what their file says of it.

    Their loader finds masks by putting ``masks_dir`` in the place of "images" in the photos' folder.
    """
    root = path.parent / content.path
    if not root.is_dir():  # their path counts from a folder of all datasets; the file usually lies with the data
        root = path.parent
    names = dict(enumerate(content.names)) if isinstance(content.names, list) else content.names
    if len(names) > IGNORE:
        raise UserError(f"{path}: names: lists {len(names)} classes, but a label holds {IGNORE}; merge some of them")
    index = {number: place for place, number in enumerate(sorted(names))}
    labels = labels_of([Row(names[number]) for number in sorted(names)])
    mapping = {old: new for old, new in content.label_mapping.items() if isinstance(new, int) and new in index}
    ignored = {old for old in content.label_mapping if old not in mapping and 0 <= old <= 65535}
    folders = {split: folder for split in ("train", "val", "test") if (folder := getattr(content, split))}
    images = {split: f"{folder}/{{name}}.*" for split, folder in folders.items()} if content.masks_dir else {}
    masks = {split: _beside(template, str(content.masks_dir)) for split, template in images.items()}
    return root, Description(
        source=path,
        images=check_templates(path, images),
        masks=check_templates(path, masks),
        labels=labels,
        values={old: index[new] for old, new in mapping.items() if 0 <= old <= 65535},
        ignored=tuple(sorted(ignored | ({IGNORE} - mapping.keys()))),
    )


def _beside(template: str, masks: str) -> str:
    parts = ["" if part == "." else part for part in template.split("/")]
    place = len(parts) - 1 - parts[::-1].index("images") if "images" in parts else None
    return "/".join([masks if here == place else part for here, part in enumerate(parts)])
