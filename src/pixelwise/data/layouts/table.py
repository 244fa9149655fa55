"""Tables of photos and masks: Parquet files as the Hugging Face hub has them, or a dataset of the hub by its name.

Each row holds a photo and a mask, both as the bytes of a picture file.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pixelwise.data.dataset import Dataset
from pixelwise.data.description import Description
from pixelwise.data.layouts.splits import SPLITS
from pixelwise.data.layouts.table_dataset import table_dataset
from pixelwise.data.layouts.table_rows import HubRows, Indexed, ParquetRows, Rows
from pixelwise.data.store.reading import together
from pixelwise.errors import DataError, UserError

if TYPE_CHECKING:
    from datasets import Features

LOOKS_FOR = "Parquet files with the bytes of a photo and of a mask in each row"

ENDING = ".parquet"
DEEPEST = 3  # folders below the root
MOST_FOLDERS = 1000
HUB_NAME = re.compile(r"(hf:)?[\w.-]+/[\w.-]+")


def recognise(root: Path, description: Description) -> Dataset | None:
    """The dataset in a Parquet file, a folder of such, or by that name on the hub; else None.

    Raises UserError where there are Parquet files but none can be used, UserError where pyarrow or datasets is missing.
    """
    if not root.exists():
        may_be = is_hub_name(str(root)) and not root.parent.is_dir()  # else it is a mistyped path
        return _from_hub(str(root), description) if may_be else None
    files = sorted(_files(root))
    problems: list[DataError] = []
    parts: list[tuple[str, Rows]] = []
    for path in files:
        try:
            parts.append((_split(path, root), ParquetRows.open(path)))
        except DataError as error:
            problems.append(error)
    found = table_dataset(root, parts, description, problems) if parts else None
    if problems and not found:
        raise together(problems)
    return replace(found, name=root.stem) if found and root.is_file() else found


def is_hub_name(path: str) -> bool:
    """Whether a path may be the name of a dataset on the Hugging Face hub.

    >>> is_hub_name("segments/sidewalk-semantic"), is_hub_name("data/a/b"), is_hub_name("hf:segments/sidewalk")
    (True, False, True)
    """
    return HUB_NAME.fullmatch(path) is not None


def _files(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield from [root] if root.suffix.lower() == ENDING else []
        return
    for folder, inner, names in islice(os.walk(root), MOST_FOLDERS):
        deep = len(Path(folder).relative_to(root).parts) >= DEEPEST
        inner[:] = [] if deep else sorted(name for name in inner if name[0] != ".")
        yield from (Path(folder, name) for name in names if name.lower().endswith(ENDING) and name[0] != ".")


def _split(path: Path, root: Path) -> str:
    """The split after which the file or a folder above it is called: train-00000-of-00003.parquet."""
    folders = path.relative_to(root).parent.parts if root.is_dir() else ()
    words = [re.split(r"[-_.]", path.stem)[0], *reversed(folders)]
    return next((SPLITS[word.lower()] for word in words if word.lower() in SPLITS), "train")


class HubSplit(Indexed, Protocol):
    """What is used of a `datasets.Dataset`."""

    _fingerprint: str
    features: "Features"
    cache_files: Sequence[Mapping[str, str]]

    def cast_column(self, column: str, feature: object) -> "HubSplit": ...


def _from_hub(name: str, description: Description) -> Dataset | None:
    """Downloads a dataset of the Hugging Face hub, or takes what is kept of it on this machine."""
    try:
        import datasets
    except ImportError as error:
        raise UserError(
            f"{name}: is not on disk, and datasets of the Hugging Face hub need the package datasets; "
            "run `pip install 'pixelwise[tables]'`"
        ) from error
    try:
        found = datasets.load_dataset(name.removeprefix("hf:"))
    except Exception as error:  # of the network, of the hub, of the dataset's own files
        reason = (str(error).splitlines() or [type(error).__name__])[0][:150]
        raise UserError(
            f"{name}: is not on disk and could not be had from the Hugging Face hub ({reason}); "
            "correct the name, or check the connection"
        ) from error
    return from_hub_dataset(found, description, name=name.removeprefix("hf:"))


def from_hub_dataset(
    splits: Mapping[str, HubSplit], description: Description | None = None, *, name: str = "table"
) -> Dataset | None:
    """The dataset that `datasets.load_dataset` gave, if it has a column of photos and one of masks; else None.

    splits: its splits by name; those that are not called as train, val and test are left out.
    """
    parts: list[tuple[str, Rows]] = []
    for split, content in splits.items():
        if split.lower() in SPLITS:
            parts.append((SPLITS[split.lower()], _hub_rows(content)))
    found = table_dataset(Path(name), parts, description or Description()) if parts else None
    return replace(found, name=name) if found else None


def _hub_rows(content: HubSplit) -> HubRows:
    """The split with its pictures as bytes, so that they are read here as safely as files are."""
    from datasets import Image

    for column, feature in content.features.items():
        if isinstance(feature, Image):
            content = content.cast_column(column, Image(decode=False))
    files = tuple(Path(file["filename"]) for file in content.cache_files)
    return HubRows(content._fingerprint, files, content.features.arrow_schema, content)
