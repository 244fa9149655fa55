"""What a user can mend. Every such error is one sentence: what, where and the mend."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """Something the user can mend; the command line prints it as one line and exits with 2.

    >>> raise UserError("masks/0017.png: is empty; restore it or delete it")
    Traceback (most recent call last):
    pixelwise.errors.UserError: masks/0017.png: is empty; restore it or delete it
    """


def unknown(kind: str, name: str, known: Iterable[str]) -> UserError:
    """The error for a misspelt name, with the nearest right one.

    >>> print(unknown("model", "unett", ["unet", "segnet"]))
    there is no model 'unett'; did you mean 'unet'? Known: segnet, unet
    """
    choices = sorted(known)
    close = get_close_matches(name, choices, n=1)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return UserError(f"there is no {kind} '{name}'; {hint}Known: {', '.join(choices)}")
