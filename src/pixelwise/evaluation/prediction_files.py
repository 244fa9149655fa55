"""Which file of a folder is whose prediction: matched by name."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from pixelwise.data.files.images import is_image
from pixelwise.errors import UserError

# What programs add to the photo's name, one or several of them.
ADDED = ("_pred", "_prediction", "_mask", "_gtFine", "_leftImg8bit")
OF_VALUES = ("_label", "_labels", "_labelIds", "_trainIds", "_labelTrainIds")
OF_COLORS = ("_color", "_colors")
OF_PHOTOS = ("_leftImg8bit",)  # a sample's name may have them where the prediction's has not
SHOWN = 3  # names in a message


def find_predictions(folder: Path, names: Sequence[str], *, colors: bool = False) -> list[Path]:
    """The file of every sample, in their order.

    A file is a sample's if its path below the folder, without the ending and what programs add (a_pred.png), is the
    sample's name; where no path is, if the last part of both is equal. names: of the samples. colors: whether colour
    images are looked for (a_color.png) and not values (a_label.png, a_labelIds.png).
    Raises UserError where the folder or a prediction is missing, and where several files could be one.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a_label.png").write_bytes(b""), (folder / "a_overlay.png").write_bytes(b"")
    >>> [path.name for path in find_predictions(folder, ["town/a"])]
    ['a_label.png']
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder; name the one with the predictions")
    added = (*ADDED, *(OF_COLORS if colors else OF_VALUES))
    by_path, by_last = defaultdict(set), defaultdict(set)
    for path in sorted(folder.rglob("*")):
        if is_image(path) or path.suffix.lower() == ".npz":
            for base in _bases(path.relative_to(folder).with_suffix("").as_posix(), added):
                by_path[base].add(path)
                by_last[_last(base)].add(path)
    found = []
    for name in names:
        bases = _bases(name, OF_PHOTOS)
        paths = {path for base in bases for path in by_path[base]}
        found.append(sorted(paths or {path for base in bases for path in by_last[_last(base)]}))
    _check(folder, names, found, "a_color.png" if colors else "a_label.png")
    return [paths[0] for paths in found]


def _bases(name: str, added: tuple[str, ...]) -> list[str]:
    """The name, and what it is without one, two ... of the additions at its end."""
    return [name, *_shorter(name, added)]


def _shorter(name: str, added: tuple[str, ...]) -> Iterator[str]:
    for ending in added:
        shorter = name.removesuffix(ending)
        if shorter != name and _last(shorter):
            yield from _bases(shorter, added)


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _check(folder: Path, names: Sequence[str], found: Sequence[list[Path]], example: str) -> None:
    missing = [name for name, paths in zip(names, found, strict=True) if not paths]
    if missing:
        raise UserError(
            f"{folder}: {len(missing)} of {len(names)} images have no prediction: {_few(missing)}; "
            f"call each file as its image, a.png or {example} for the image a"
        )
    several = [(name, paths) for name, paths in zip(names, found, strict=True) if len(paths) > 1]
    if several:
        name, paths = several[0]
        could = _few([path.relative_to(folder).as_posix() for path in paths])
        raise UserError(
            f"{folder}: {len(several)} of {len(names)} images have several predictions, {name} {len(paths)}: {could}; "
            "keep one of each"
        )
    owners: dict[Path, str] = {}
    for name, [path] in zip(names, found, strict=True):
        if (other := owners.setdefault(path, name)) != name:
            raise UserError(
                f"{path}: could be the prediction of {other} and of {name}; put predictions into folders as the images"
            )


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (" ..." if len(names) > SHOWN else "")
