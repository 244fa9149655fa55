"""What is wrong with a dataset, in words that a table, a page and a program can all use."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pixelwise.errors import DataError


@dataclass(frozen=True)
class Problem:
    """One kind of fault and the files that have it.

    kind: one to three words, "missing partner" for one. severity: with an "error" nothing can be trained, with a
    "warning" the result may be worse than it need be. what: a sentence. mend: what to do. files: all of them.
    """

    kind: str
    severity: Literal["error", "warning"]
    what: str
    mend: str
    files: tuple[str, ...]

    def __str__(self) -> str:
        shown = ", ".join(self.files[:3]) + (f" and {len(self.files) - 3} more" if len(self.files) > 3 else "")
        return f"{shown}: {self.what}; {self.mend}" if self.files else f"{self.what}; {self.mend}"


MILD = frozenset({"unnamed classes", "not read"})  # kinds with which one can train


def gather(errors: Iterable[DataError]) -> tuple[Problem, ...]:
    """The errors of single files as problems, one for each kind, what and mend.

    >>> a, b = (DataError(name, "is cut off", "copy it again", "unreadable") for name in ("a.png", "b.png"))
    >>> print(*gather([a, b]))
    a.png, b.png: is cut off; copy it again
    """
    files: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for error in errors:
        files[error.kind, error.what, error.mend].append(error.path)
    return tuple(
        Problem(kind, "warning" if kind in MILD else "error", what, mend, tuple(paths))
        for (kind, what, mend), paths in files.items()
    )
