"""An even sample of a long list, so that looking at a dataset does not mean reading it."""

from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


def even_sample(items: Sequence[Item], most: int) -> list[Item]:
    """At most that many items, evenly spaced from the first to the last.

    >>> even_sample(range(10), 4)
    [0, 3, 6, 9]
    """
    if len(items) <= most:
        return list(items)
    return [items[index * (len(items) - 1) // (most - 1)] for index in range(most)]
