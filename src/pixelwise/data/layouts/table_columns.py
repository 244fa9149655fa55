"""Which columns of a table hold the photos and the masks, and what its schema says of the classes."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from pixelwise.data.description import Description
from pixelwise.data.files.images import Pixels, read_mask
from pixelwise.data.layouts.table_rows import Rows, picture_of
from pixelwise.data.masks.palettes import distinct_colors
from pixelwise.data.sampling import even_sample
from pixelwise.errors import DataError, UserError
from pixelwise.labels import IGNORE, LabelMap

if TYPE_CHECKING:
    import pyarrow as pa

LOOKED_AT = 4  # rows
LABEL_WORDS = ("label", "mask", "annot", "seg", "target")
IMAGE_WORDS = ("image", "pixel_values", "photo", "img", "picture", "rgb")
LEAST_FLAT = 0.35  # share of pixels equal to their right neighbour, without which a nameless column holds no masks


class Columns(NamedTuple):
    """The names of the two columns."""

    image: str
    label: str


def find_columns(rows: Rows) -> Columns | None:
    """The columns of photos and masks, by what they hold and what they are called; None where there are no two."""
    candidates = [name.name for name in rows.schema if _may_hold_pictures(name.type)]
    if len(candidates) < 2:
        return None
    looked = {name: picture for name in candidates if (picture := _first_picture(rows, name)) is not None}
    labels = [name for word in LABEL_WORDS for name in looked if word in name.lower()]
    if not labels and looked:
        flattest = max(looked, key=lambda name: _flatness(looked[name]))
        labels = [flattest] if _flatness(looked[flattest]) >= LEAST_FLAT else []
    others = [name for name in looked if name not in labels]
    images = [name for word in IMAGE_WORDS for name in others if word in name.lower()] or others
    return Columns(images[0], labels[0]) if images and labels else None


def _may_hold_pictures(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    if pa.types.is_struct(kind):
        names = [kind.field(index).name for index in range(kind.num_fields)]
        return names.count("bytes") == 1 and _may_hold_pictures(kind.field("bytes").type)
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _first_picture(rows: Rows, column: str) -> Pixels | None:
    """Of some rows the first that can be read."""
    for index in even_sample(range(len(rows)), LOOKED_AT):
        with suppress(DataError):
            return read_mask(picture_of(rows.cells(index, [column])[column], Path(), ""))
    return None


def _flatness(picture: Pixels) -> float:
    return float(np.mean(picture[:, 1:] == picture[:, :-1])) if picture.shape[1] > 1 else 0.0


class _Info(BaseModel):
    model_config = ConfigDict(extra="ignore")

    features: dict[str, object]


class _Metadata(BaseModel):
    model_config = ConfigDict(extra="ignore")

    info: _Info


def named_classes(schema: "pa.Schema", table: Path, label: str) -> Description | None:
    """The names that `datasets` keeps with a column: of the masks, or of lists of classes on each picture.

    A single class for each picture (a kind of scene, for one) is not what the masks' values mean.
    """
    try:
        stored = (schema.metadata or {}).get(b"huggingface", b"")
        features = _Metadata.model_validate(json.loads(stored)).info.features if stored else {}
    except (ValueError, ValidationError, RecursionError):
        return None
    lists = [value for name, value in features.items() if name != label and _is_list(value)]
    for found in [features.get(label), *lists]:
        for names in _names_within(found):
            with suppress(UserError):
                labels = LabelMap(names, distinct_colors(len(names)))
                values = {index: index for index in range(len(names))}
                return Description(table, labels=labels, values=values, ignored=(IGNORE,))
    return None


def _is_list(feature: object) -> bool:
    return isinstance(feature, list) or (
        isinstance(feature, dict) and feature.get("_type") in {"Sequence", "List", "LargeList"}
    )


def _names_within(feature: object, depth: int = 8) -> Iterator[tuple[str, ...]]:
    """The names of every ClassLabel in a feature."""
    if not depth:
        return
    if isinstance(feature, dict) and feature.get("_type") == "ClassLabel":
        names = feature.get("names")
        if isinstance(names, list) and 0 < len(names) < IGNORE and all(isinstance(name, str) for name in names):
            yield tuple(names)
    inner: Sequence[object] = list(feature.values()) if isinstance(feature, dict) else ()
    for one in feature if isinstance(feature, list) else inner:
        yield from _names_within(one, depth - 1)
