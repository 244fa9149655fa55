"""What a dataset.yaml can say of a dataset; whatever it does not say is left to be recognised."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from pixelwise.errors import UserError
from pixelwise.labels import IGNORE, LabelMap


@dataclass(frozen=True)
class Description:
    """What is known of a dataset before it is looked at.

    source: the file that says so. layout: one of LAYOUTS. images, masks: where the files lie, for the "folders"
    layout, like "{split}/photos/{name}.jpg"; each may be a mapping from split to such a path.
    labels: the classes. values: which pixel values of index masks mean which class (value -> class); empty where value
    i is class i. ignored: pixel values that are ignored. splits: which samples each split has, as patterns of their
    names (* is anything); empty for as they lie. exclude: patterns of file paths, relative to the root, left out.
    groups: which classes are merged (new name -> old names; "ignore" for those that are dropped), or the name of a
    published merge.

    >>> Description().labels is None
    True
    """

    source: Path | None = None
    layout: str | None = None
    images: Mapping[str, str] = field(default_factory=dict)
    masks: Mapping[str, str] = field(default_factory=dict)
    labels: LabelMap | None = None
    values: Mapping[int, int] = field(default_factory=dict)
    ignored: tuple[int, ...] = (IGNORE,)
    splits: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    groups: Mapping[str, tuple[str, ...]] | str = field(default_factory=dict)

    def leaves_out(self, path: Path, root: Path) -> bool:
        """Whether a file below the root is excluded."""
        relative = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
        return any(fnmatchcase(relative, pattern) for pattern in self.exclude)


def check_templates(path: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Templates by split as they are. Raises UserError where one has no {name} or leads out of the folder."""
    for template in given.values():
        if "{name}" not in template or ".." in PurePosixPath(template).parts or PurePosixPath(template).is_absolute():
            raise UserError(f"{path}: '{template}' is no path with {{name}} below the folder, like photos/{{name}}.jpg")
    return dict(given)
