"""Parquet files as the Hugging Face hub has them."""

import io
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as Pillow

from pixelwise.data.dataset import Dataset, Sample, Split
from pixelwise.data.layouts.table_rows import import_parquet
from pixelwise.data.writers.common import Written, samples, splits, with_palette
from pixelwise.labels import LabelMap

if TYPE_CHECKING:
    import pyarrow as pa

FILES = {"train": "train", "val": "validation", "test": "test"}
GROUP = 16  # rows of a row group, the least that is read at once


def write_table(source: Dataset, folder: Path) -> Written:
    """data/{train,validation,test}-00000-of-00001.parquet with the columns image, label and classes, all lossless.

    image and label are PNG as `datasets` keeps pictures, the label with the classes' colours as palette; classes lists
    what is on the picture, so that the file names the classes. Raises UserError where pyarrow is missing.
    """
    parquet = import_parquet()
    schema = _schema(source.labels)
    (folder / "data").mkdir(parents=True)
    for split, content in splits(source).items():
        path = folder / "data" / f"{FILES[split]}-00000-of-00001.parquet"
        with parquet.ParquetWriter(path, schema, compression="none") as writer:  # PNG is compressed already
            for table in _groups(content, source.labels, schema):
                writer.write_table(table)
                yield from [None] * len(table)


def _schema(labels: LabelMap) -> "pa.Schema":
    """The columns, and what they are for `datasets`."""
    import pyarrow as pa

    picture = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    named = {"feature": {"names": list(labels.names), "_type": "ClassLabel"}, "_type": "List"}
    features = {"image": {"_type": "Image"}, "label": {"_type": "Image"}, "classes": named}
    columns = [("image", picture), ("label", picture), ("classes", pa.list_(pa.int64()))]
    return pa.schema(columns, metadata={"huggingface": json.dumps({"info": {"features": features}})})


def _groups(content: Split, labels: LabelMap, schema: "pa.Schema") -> Iterator["pa.Table"]:
    import pyarrow as pa

    rows = (_row(sample, stem, labels) for sample, stem in samples(content))
    while group := list(islice(rows, GROUP)):
        yield pa.Table.from_pylist(group, schema)


def _row(sample: Sample, stem: str, labels: LabelMap) -> dict[str, object]:
    name = f"{stem}.png"
    return {
        "image": {"bytes": _png(Pillow.fromarray(sample.image)), "path": name},
        "label": {"bytes": _png(with_palette(sample.label, labels)), "path": name},
        "classes": [int(value) for value in np.unique(sample.label) if value < len(labels)],
    }


def _png(picture: Pillow.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
