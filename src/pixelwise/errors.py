"""What a user can mend. Every such error is one sentence: what, where and the mend."""

from collections.abc import Iterable
from difflib import get_close_matches
from os import PathLike


class UserError(Exception):
    """Something the user can mend; the command line prints it as one line and exits with 2.

    >>> raise UserError("masks/0017.png: is empty; restore it or delete it")
    Traceback (most recent call last):
    pixelwise.errors.UserError: masks/0017.png: is empty; restore it or delete it
    """


class DataError(UserError):
    """A file of a dataset that cannot be used as it is.

    path: the file. what: is wrong with it. mend: what to do. kind: one or two words under which `pixelwise check`
    groups such files, "unreadable" for one.

    >>> print(DataError("a.png", "is cut off", "copy it again", "unreadable"))
    a.png: is cut off; copy it again
    """

    def __init__(self, path: PathLike[str] | str, what: str, mend: str, kind: str) -> None:
        super().__init__(f"{path}: {what}; {mend}")
        self.path, self.what, self.mend, self.kind = str(path), what, mend, kind


def unknown(kind: str, name: str, known: Iterable[str]) -> UserError:
    """The error for a misspelt name, with the nearest right one.

    >>> print(unknown("model", "unett", ["unet", "segnet"]))
    there is no model 'unett'; did you mean 'unet'? Known: segnet, unet
    """
    choices = sorted(known)
    close = get_close_matches(name, choices, n=1)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return UserError(f"there is no {kind} '{name}'; {hint}Known: {', '.join(choices)}")
