"""What was understood of a dataset, written into a file that gives the same when it is read again."""

import os
from bisect import bisect_left
from dataclasses import replace
from glob import escape
from pathlib import Path

from pixelwise.checking.check import Check
from pixelwise.data.arrange import decoder_of, leave_out
from pixelwise.data.dataset import SPLITS, Dataset
from pixelwise.data.dataset_yaml import NAME, as_yaml
from pixelwise.data.description import Description
from pixelwise.data.layouts import folders, recognise
from pixelwise.data.masks.decoders import IndexMask
from pixelwise.data.splitting import sequence_of
from pixelwise.errors import UserError
from pixelwise.files import replacing

FOUND_BY_VALUE = ("folders", "camvid", "voc", "table")  # layouts whose index masks may hold any values


def freeze(found: Check, output: str | Path | None = None) -> Path:
    """Writes what was understood of a checked dataset into one file to edit, and gives its path.

    output: the file; by default dataset.yaml in the dataset's folder. Files with errors are left out by it.
    The file that described the dataset so far may be replaced, and is kept as dataset.yaml.bak.
    Raises UserError where there is another file already, or it cannot be written.
    """
    source = found.dataset.source
    dataset, given = recognise(source.path, source.layout)
    beside = dataset.root / NAME if dataset.root.is_dir() else dataset.root.with_suffix(".yaml")  # a table is a file
    path = Path(output) if output else beside
    if path.exists() and not (given.source and path.samefile(given.source)):
        raise UserError(f"{path}: is there already; remove it, or give another file with --output")
    if not dataset.root.exists() or dataset.root == Path():
        raise UserError(f"{source.path}: lies in no folder that a file could describe")
    frozen = describe(dataset, replace(given, groups=source.classes or given.groups), found)
    if path.exists():
        path.rename(path.with_suffix(".yaml.bak"))
    with replacing(path) as temporary:
        text = as_yaml(frozen, os.path.relpath(dataset.root.resolve(), path.parent.resolve()))
        temporary.write_text(f"# {' '.join(str(dataset).split())}\n{text}", encoding="utf-8")
    return path


def describe(dataset: Dataset, given: Description, found: Check) -> Description:
    """The description that gives the checked dataset, and leaves nothing to be guessed.

    dataset: as it lies on disk. given: what a description said of it already.
    """
    images, masks = _templates(dataset, given)
    values, ignored = _values(dataset, given)
    bad = set(found.bad_files)
    split = leave_out(found.dataset, lambda file: str(file) in bad)
    moved = any(dataset.split(name).names != found.dataset.split(name).names for name in SPLITS)
    return Description(
        layout=dataset.layout,
        images=images,
        masks=masks,
        labels=dataset.labels,
        values=values,
        ignored=ignored,
        splits=_splits(split) if moved else {},
        exclude=tuple(dict.fromkeys([*given.exclude, *(_relative(file, dataset.root) for file in sorted(bad))])),
        groups=given.groups,
    )


def _templates(dataset: Dataset, given: Description) -> tuple[dict[str, str], dict[str, str]]:
    found = folders.templates(dataset.root, given) if dataset.layout == "folders" else None
    images, masks = found or ({}, {})
    return dict(images), dict(masks)


def _values(dataset: Dataset, given: Description) -> tuple[dict[int, int], tuple[int, ...]]:
    """Pixel values and ignored ones as they were found; where the layout itself says what they mean, as given."""
    decode = next((decoder_of(entry) for name in SPLITS for entry in dataset.split(name).entries), None)
    if isinstance(decode, IndexMask) and dataset.layout in FOUND_BY_VALUE:
        return dict(decode.values), decode.ignored
    return dict(given.values), given.ignored


def _splits(dataset: Dataset) -> dict[str, tuple[str, ...]]:
    """Patterns of the names in each split; training comes last and takes the rest, for it is the longest."""
    held = {name: _patterns(dataset, name) for name in ("val", "test") if dataset.split(name)}
    return held | ({"train": ("*",)} if dataset.train else {})


def _patterns(dataset: Dataset, split: str) -> tuple[str, ...]:
    """The names of a split's samples; a sequence that is in it whole as one pattern."""
    elsewhere = sorted(name for other in SPLITS if other != split for name in dataset.split(other).names)

    def pattern(name: str) -> str:
        start = sequence_of(name)
        after = bisect_left(elsewhere, start)
        alone = len(start) > 1 and not any(other.startswith(start) for other in elsewhere[after : after + 1])
        return f"{escape(start)}*" if alone else escape(name)

    return tuple(dict.fromkeys(map(pattern, dataset.split(split).names)))


def _relative(file: str, root: Path) -> str:
    path = Path(file)
    return escape(path.relative_to(root).as_posix() if path.is_relative_to(root) else file)
