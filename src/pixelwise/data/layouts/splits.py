"""What the layouts share: the names of splits, sub-folders, and putting a dataset together."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pixelwise.data.dataset import RGB, Dataset, Entry, Format, Split
from pixelwise.data.problems import gather
from pixelwise.errors import DataError
from pixelwise.labels import LabelMap

SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


def split_of(folder: Path) -> str | None:
    """The split that a folder's name stands for, if any.

    >>> split_of(Path("data/Validation")), split_of(Path("data/images"))
    ('val', None)
    """
    return SPLITS.get(folder.name.lower())


def sub_folders(root: Path) -> list[Path]:
    """The visible folders directly in a folder, in the order of their names."""
    return sorted(path for path in root.iterdir() if path.is_dir() and path.name[0] not in "._")


def assemble(
    root: Path,
    layout: str,
    splits: Mapping[str, Sequence[Entry]],
    *,
    labels: LabelMap,
    evidence: str,
    format: Format = RGB,
    problems: Iterable[DataError] = (),
) -> Dataset:
    """The dataset of that folder with these splits by name; those not given are empty.

    problems: the files that were found wanting while the layout was read, and are left out.

    >>> from pixelwise.labels import CAMVID11
    >>> len(assemble(Path("mine"), "folders", {}, labels=CAMVID11, evidence="an example").train)
    0
    """
    train, val, test = (Split(tuple(splits.get(split, ()))) for split in ("train", "val", "test"))
    found = gather(problems)
    name = root.resolve().name
    return Dataset(name, layout, evidence, labels, train, val, test, format=format, problems=found, root=root)


def inside(root: Path, word: str) -> Path | None:
    """The path that a file of the dataset names, if it lies below the root; else None.

    Absolute paths, paths that climb out with "..", and links that lead out are not followed.

    >>> inside(Path("data"), "../secret.png"), inside(Path("data"), "train/../../x") is None
    (None, True)
    """
    try:
        path = (root / word.replace("\\", "/")).resolve()
        return root / path.relative_to(root.resolve()) if path.is_relative_to(root.resolve()) else None
    except (OSError, ValueError, RuntimeError):  # too long, a zero byte, a circle of links
        return None
