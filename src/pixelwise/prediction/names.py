"""A name of its own for every photo, where there may be a hundred million of them."""

from collections.abc import Container, Iterable
from itertools import count

import numpy as np


class Known(Container[object]):
    """Tells what was seen by its hash alone, in eight bytes for each.

    hashes: what Python's `hash` gives for all that was seen. Of a hundred million things, one in 10^11 questions for
    something else is answered with yes.

    >>> known = Known(map(hash, ["a", "b", "a"]))
    >>> "a" in known, "c" in known, len(known)
    (True, False, 3)
    """

    def __init__(self, hashes: Iterable[int]) -> None:
        self._hashes = np.fromiter(hashes, np.int64)
        self._hashes.sort()

    def __contains__(self, thing: object) -> bool:
        number = hash(thing)
        place = int(self._hashes.searchsorted(number))
        return place < len(self._hashes) and bool(self._hashes[place] == number)

    def __len__(self) -> int:
        return len(self._hashes)

    def repeated(self) -> "Known":
        """Those that were seen more than once.

        >>> repeated = Known(map(hash, "aba")).repeated()
        >>> "a" in repeated, "b" in repeated
        (True, False)
        """
        return Known(np.unique(self._hashes[1:][self._hashes[1:] == self._hashes[:-1]]))


class Names:
    """Photos are called after their files; where several are called alike, all of these get numbers.

    bases: what all photos are called at first. Eight bytes are kept of each, and more of each that is repeated.

    >>> names = Names(["a", "b", "a", "a_1"])
    >>> [names.next(base) for base in ("a", "b", "a", "a_1")]
    ['a_2', 'b', 'a_3', 'a_1']
    """

    def __init__(self, bases: Iterable[str]) -> None:
        self._bases = Known(map(hash, bases))
        self._repeated = self._bases.repeated()
        self._numbers: dict[str, count[int]] = {}

    def next(self, base: str) -> str:
        """The name of the next photo that is called so at first; to be asked once for each."""
        if base not in self._repeated:
            return base
        numbers = self._numbers.setdefault(base, count(1))
        return next(name for name in (f"{base}_{number}" for number in numbers) if name not in self._bases)
