"""Which names belong together: what photos and masks add before and after the name that they share.

The names alone decide: of every pair of names that are alike at their beginning, end or numbers, the additions are
proposed, and those that pair the most files one to one are kept. A name is "folders/stem", and only its stem carries
additions.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import takewhile
from typing import NamedTuple

from pixelwise.data.sampling import even_sample

SEPARATORS = "_-. "  # at its edges belong to what is added, not to the name
SAMPLED = 24  # names whose likes are looked for
NEIGHBOURS = 6  # names on either side in the order of the alphabet
MOST_PROPOSED = 6  # additions that are tried on all names
LEAST_SHARE = 0.5  # of the smaller series that must be paired
SURE = 3  # pairs from which on additions need no word that speaks for them
WORDS = re.compile(
    r"(?i)mask|label|annot|seg|truth|(^|[^a-z])(gt|l|trimap|matte|alpha|class)([^a-z]|$)|^gt|im(g|age)|photo|rgb|left"
)
# An addition is a word, perhaps with a digit in it ("leftImg8bit"); a number of its own tells samples apart.
NUMBER = re.compile(r"(^|[\W_])\d+([\W_]|$)|^[\W_]*$")


class Added(NamedTuple):
    """What stands before and after the shared name.

    >>> Added("img_", "_L").core("seq1/img_0007_L"), Added("", "_L").core("0007")
    ('seq1/0007', None)
    """

    before: str = ""
    after: str = ""

    def core(self, name: str) -> str | None:
        """The name without its additions, or None where it has not got them."""
        if not self.before and not self.after:
            return name
        head, slash, stem = name.rpartition("/")
        if not (stem.startswith(self.before) and stem.endswith(self.after)):
            return None
        core = stem[len(self.before) : len(stem) - len(self.after)]
        return head + slash + core if len(stem) > len(self.before) + len(self.after) else None


class Match(NamedTuple):
    """Additions of two series of names, and how many names they pair."""

    first: Added
    second: Added
    pairs: int


class Names:
    """A set of names in the orders that are searched.

    >>> find_matches(Names(["a", "b"]), Names(["a_L", "b_L", "c_L"]))
    [Match(first=Added(before='', after=''), second=Added(before='', after='_L'), pairs=2)]
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.all = frozenset(names)

    @cached_property
    def forward(self) -> list[str]:
        return sorted(self.all)

    @cached_property
    def backward(self) -> list[str]:
        return sorted(map(_turned, self.all))

    @cached_property
    def by_number(self) -> dict[tuple[str, str], str]:
        return {key: name for name in self.all if (key := _number(name))}

    def near(self, name: str) -> Iterator[str]:
        """Names in the same folder that may be alike: next in the order of beginnings, of ends, or of one number."""
        head = name.rpartition("/")[0]
        near = _next(self.forward, name) + [_turned(one) for one in _next(self.backward, _turned(name))]
        if (key := _number(name)) and key in self.by_number:
            near.append(self.by_number[key])
        return (one for one in dict.fromkeys(near) if one != name and one.rpartition("/")[0] == head)


def find_matches(first: Names, second: Names) -> list[Match]:
    """The additions that pair these names, those that pair most first; none where nothing fits well.

    Where both are the same set, its names are paired among each other.
    """
    small, large = (first, second) if len(first.all) <= len(second.all) else (second, first)
    sampled = even_sample(small.forward, SAMPLED)
    proposed = _proposed(sampled, small, large)
    hits = {pair: _hits(sampled, large.all, *pair) for pair in proposed}
    tried = sorted((pair for pair in proposed if hits[pair]), key=lambda pair: -hits[pair])[:MOST_PROPOSED]
    if small is not large and hits[Added(), Added()] == len(sampled):
        tried = [(Added(), Added())]
    found = [match for one, other in tried if (match := _counted(small.all, large.all, one, other))]
    if small is not first:
        found = [Match(match.second, match.first, match.pairs) for match in found]
    return sorted(found, key=lambda match: (-match.pairs, sum(map(len, match.first + match.second))))


def loosened(name: str) -> str:
    """A name in which numbers count by their value and capital letters as small ones.

    >>> loosened("Seq01/IMG_0007")
    'seq1/img_7'
    """
    return re.sub(r"\d+", lambda digits: digits.group().lstrip("0") or "0", name).lower()


def _proposed(sampled: Sequence[str], small: Names, large: Names) -> list[tuple[Added, Added]]:
    same = Counter({(Added(), Added()): len(sampled) * len(sampled)})  # is always tried where it can pair anything
    votes: Counter[tuple[Added, Added]] = Counter() if small is large else same
    for name in sampled:
        for other in large.near(name):
            votes.update(set(_additions(name, other)))
    return [pair for pair, _ in votes.most_common(4 * MOST_PROPOSED)]


def _additions(name: str, other: str) -> Iterator[tuple[Added, Added]]:
    """What two names add to what they share at their beginning, at their end, or around their numbers."""
    one, two = name.rpartition("/")[2], other.rpartition("/")[2]
    cut = _shared(one, two)
    yield from _fair(one[:cut], Added("", one[cut:]), Added("", two[cut:]))
    cut = _shared(one[::-1], two[::-1])
    yield from _fair(one[len(one) - cut :], Added(one[: len(one) - cut]), Added(two[: len(two) - cut]))
    spans = [re.search(r"\d(.*\d)?", stem) for stem in (one, two)]
    if spans[0] and spans[1] and spans[0].group() == spans[1].group():
        around = [
            Added(stem[: span.start()], stem[span.end() :])
            for stem, span in zip((one, two), spans, strict=True)
            if span
        ]
        yield from _fair(spans[0].group(), around[0], around[1])


def _fair(core: str, one: Added, two: Added) -> Iterator[tuple[Added, Added]]:
    """The two additions, if something is shared and every addition is a word: numbers are never additions."""
    words = [word for word in one + two if word]
    if re.search(r"[^\W_]", core) and words and not any(NUMBER.search(word) for word in words):
        yield one, two


def _shared(one: str, two: str) -> int:
    """How many characters two names share at their beginning, up to the end of a word or number of both."""
    cut = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(one, two, strict=False))))
    while cut and (_within(one, cut) or _within(two, cut) or one[cut - 1] in SEPARATORS):
        cut -= 1
    return cut


def _within(stem: str, cut: int) -> bool:
    left, right = stem[cut - 1 : cut], stem[cut : cut + 1]
    return (left.isdigit() and right.isdigit()) or (left.islower() and right.islower())


def _hits(sampled: Sequence[str], names: frozenset[str], one: Added, other: Added) -> int:
    cores = (one.core(name) for name in sampled)
    return sum(core is not None and _with(core, other) in names for core in cores)


def _with(core: str, added: Added) -> str:
    head, slash, stem = core.rpartition("/")
    return f"{head}{slash}{added.before}{stem}{added.after}"


def _counted(small: frozenset[str], large: frozenset[str], one: Added, other: Added) -> Match | None:
    """The match, if these additions pair enough of the names that have them, or words speak for few."""
    first = {core for name in small if (core := one.core(name))}
    second = {core for name in large if (core := other.core(name))}
    pairs = len(first & second)
    fair = Added() in (one, other) or pairs >= SURE or WORDS.search(" ".join(one + other))
    bare = min(len(series) for series in (first, second))
    return Match(one, other, pairs) if fair and pairs and pairs >= LEAST_SHARE * bare else None


def _next(ordered: list[str], name: str) -> list[str]:
    place = bisect_left(ordered, name)
    return ordered[max(0, place - NEIGHBOURS) : place + NEIGHBOURS + 1]


def _turned(name: str) -> str:
    """The name with its stem from back to front; twice gives the name again."""
    head, slash, stem = name.rpartition("/")
    return head + slash + stem[::-1]


def _number(name: str) -> tuple[str, str] | None:
    head, _, stem = name.rpartition("/")
    found = re.search(r"\d(.*\d)?", stem)
    return (head, found.group()) if found else None
