"""How far a score would move on other images of the same kind: the percentile bootstrap over images.

Sources: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, section 12.5 for which of the sorted scores the
ends are; Koehn, "Statistical Significance Tests for Machine Translation Evaluation", EMNLP 2004, for two systems on the
same resampled test sets, and Berg-Kirkpatrick, Burkett, Klein, "An Empirical Investigation of Statistical Significance
in NLP", EMNLP 2012, for what such a test tells; Davison and Hinkley, "Bootstrap Methods and their Application", 1997,
for the 1 that is added to both counts of p; Carlstein, Annals of Statistics 1986, for blocks side by side, and Kuensch,
Annals of Statistics 1989, for why neighbours need blocks.

What no interval here covers:
- Neighbouring frames of a film are not independent, so that one frame at a time gives intervals that are too narrow.
  ``blocks`` takes frames that follow each other together; choose it longer than a scene lasts. Where films are the
  independent things, sum the counts of each film and give those.
- Training again with another seed gives another model. These intervals are of the one model that was scored.
- From fewer than about 20 images, or blocks, percentile intervals are too narrow.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Integer

from pixelwise.errors import UserError
from pixelwise.metrics import Counts, mean_iou

ImageCounts = Integer[np.ndarray, "images k k"]
Score = Callable[[Counts], float]
Values = Float64[np.ndarray, " resamples"]

TOGETHER = 100  # resamples in memory at once


class Interval(NamedTuple):
    """A score and the ends of its interval; both ends are NaN where there is none.

    >>> print(Interval(0.719, 0.702, 0.735))
    0.719 [0.702, 0.735]
    >>> print(Interval(0.719, float("nan"), float("nan")))
    0.719 [no interval]
    """

    score: float
    low: float
    high: float

    def __str__(self) -> str:
        ends = "no interval" if np.isnan(self.low) else f"{self.low:.3f}, {self.high:.3f}"
        return f"{self.score:.3f} [{ends}]"


class Difference(NamedTuple):
    """The score of one model, A, less that of another, B, on the same images, the ends of its interval, and p.

    p: two-sided, the smallest 1 - level at which the interval leaves out 0; above 0, at most 1. low and high are NaN
    where there is no interval, p where no resample has a difference. images: how many were resampled.

    >>> print(Difference(0.021, 0.008, 0.034, 0.002, 500))
    A is 2.1 points better than B [0.8, 3.4], p = 0.002
    >>> print(Difference(-0.021, -0.034, -0.008, 0.002, 500).in_words("UNet", "SegNet"))
    UNet is 2.1 points worse than SegNet [0.8, 3.4], p = 0.002
    >>> print(Difference(0.003, -0.009, 0.015, 0.64, 20))
    no difference can be told: A less B is 0.3 points [-0.9, 1.5], p = 0.640
    """

    difference: float
    low: float
    high: float
    p: float
    images: int

    @property
    def differ(self) -> bool:
        """Whether the interval leaves out 0; False where there is no interval."""
        return self.low > 0 or self.high < 0

    def in_words(self, ours: str = "A", theirs: str = "B") -> str:
        """One line about two named models; a point is 0.01 of the score."""
        points, low, high = (100 * value for value in self[:3])
        if np.isnan(low):
            return f"no difference can be told: {ours} less {theirs} is {points:z.1f} points, from too few images"
        p = "p < 0.001" if self.p < 0.0005 else f"p = {self.p:.3f}"
        if not self.differ:
            interval = f"[{low:z.1f}, {high:z.1f}]"
            return f"no difference can be told: {ours} less {theirs} is {points:z.1f} points {interval}, {p}"
        low, high = sorted((abs(low), abs(high)))
        side = "better" if self.low > 0 else "worse"
        return f"{ours} is {abs(points):.1f} points {side} than {theirs} [{low:.1f}, {high:.1f}], {p}"

    def __str__(self) -> str:
        return self.in_words()


def bootstrap(
    counts: ImageCounts,
    score: Score = mean_iou,
    *,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    blocks: int = 1,
) -> Interval:
    """The score of all images together, and between which scores the middle ``level`` of the resamples lie.

    A resample draws as many images as there are, each as often as it falls; their counts are summed and scored once.
    A class that none of them has is left out by a score that leaves out absent classes, as mean_iou does; a resample
    whose score is NaN is left out. There is no interval, only NaN, where there is but one image or block, for nothing
    tells how it would vary, or where too few resamples have a score.

    counts: of each image, rows = truth, columns = prediction; sums below 2**53 pixels are exact. score: of one summed
    matrix. level: in (0, 1). blocks: how many images that follow each other are drawn together; see above for what the
    interval does not cover. Raises UserError for counts of another shape or kind, and settings out of range.

    >>> from pixelwise.metrics import pixel_accuracy
    >>> right, wrong = [[1, 0], [0, 0]], [[0, 1], [0, 0]]
    >>> print(bootstrap(np.array([right, wrong] * 50), pixel_accuracy))
    0.500 [0.400, 0.600]
    """
    _check(level, resamples, blocks)
    units = _summed(_checked(counts), blocks)
    values = _values(units, score, resamples, seed)
    return Interval(score(units.sum(0)), *_ends(values, level))


def paired_bootstrap(
    ours: ImageCounts,
    theirs: ImageCounts,
    score: Score = mean_iou,
    *,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    blocks: int = 1,
) -> Difference:
    """How much better our model scores than theirs, and whether other images of the same kind would say so too.

    Both have labelled the same images in the same order, and each resample is scored for both: what is hard for both
    cancels, so that this tells differences which two intervals side by side do not. The arguments are those of
    `bootstrap`. Where several models are compared with one, p is of each comparison alone.

    Raises UserError as `bootstrap` does, and where the two differ in images or classes.

    >>> good, bad = [[9, 0], [0, 1]], [[6, 3], [1, 0]]
    >>> print(paired_bootstrap(np.array([good] * 30), np.array([good, bad] * 15)).differ)
    True
    """
    _check(level, resamples, blocks)
    if ours.shape != theirs.shape:
        raise UserError(
            f"our counts are {ours.shape} and theirs {theirs.shape} (images, classes, classes); "
            "compare models that were scored on the same images and classes"
        )
    units = _summed(np.stack([_checked(ours), _checked(theirs)], axis=1), blocks)

    def difference(pair: Counts) -> float:
        return score(pair[0]) - score(pair[1])

    values = _values(units, difference, resamples, seed)
    return Difference(difference(units.sum(0)), *_ends(values, level), _p(values), len(ours))


def _check(level: float, resamples: int, blocks: int) -> None:
    if not 0 < level < 1:
        raise UserError(f"the level of an interval is {level}; choose one between 0 and 1, 0.95 for one")
    if not _rank(resamples, level):
        least = int(np.ceil(2 / (1 - level) - 1 - 1e-9))
        raise UserError(f"{resamples} resamples are too few for an interval at {level}; take at least {least}")
    if blocks < 1:
        raise UserError(f"blocks of {blocks} images cannot be drawn; choose 1 or more")


def _checked(counts: ImageCounts) -> ImageCounts:
    if counts.ndim != 3 or counts.shape[1] != counts.shape[2] or not len(counts):
        raise UserError(f"the counts are {counts.shape}; give one square confusion matrix for each image")
    if not np.issubdtype(counts.dtype, np.integer) or counts.min(initial=0) < 0:
        raise UserError("the counts are not whole pixels from 0; give those of pixelwise.metrics.confusion")
    return counts.astype(np.int64, copy=False)


def _summed(counts: np.ndarray, blocks: int) -> np.ndarray:
    """The counts of blocks side by side; the last may be of fewer images."""
    summed: np.ndarray = np.add.reduceat(counts, np.arange(0, len(counts), blocks))
    return summed


def _values(units: np.ndarray, statistic: Score, resamples: int, seed: int) -> Values:
    """The statistic of each resample; NaN for all where there is but one unit."""
    if len(units) == 1:
        return np.full(resamples, np.nan)
    return np.array([statistic(counts) for counts in _resampled(units, resamples, seed)], float)


def _resampled(units: np.ndarray, resamples: int, seed: int) -> Iterator[Counts]:
    """Sums over units drawn with replacement, as many as there are."""
    rng, count = np.random.default_rng(seed), len(units)
    flat = units.reshape(count, -1).astype(np.float64)
    for start in range(0, resamples, TOGETHER):
        drawn = rng.multinomial(count, np.full(count, 1 / count), min(TOGETHER, resamples - start))
        yield from (drawn.astype(np.float64) @ flat).astype(np.int64).reshape(-1, *units.shape[1:])


def _ends(values: Values, level: float) -> tuple[float, float]:
    """The values as far from the least and the greatest as the level asks; NaN where too few are defined."""
    defined = np.sort(values[~np.isnan(values)])
    rank = _rank(len(defined), level)
    return (float(defined[rank - 1]), float(defined[-rank])) if rank else (float("nan"), float("nan"))


def _rank(count: int, level: float) -> int:
    """Which of the sorted values the lower end is, from 1; 0 where there are too few."""
    return int((count + 1) * (1 - level) / 2 + 1e-9)  # 1 - 0.9 is a little below 0.1


def _p(values: Values) -> float:
    """Twice the share of differences on the rarer side of 0, which counts as either; the observed one is added."""
    defined = values[~np.isnan(values)]
    if not len(defined):
        return float("nan")
    rarer = min((defined <= 0).sum(), (defined >= 0).sum())
    return min(1.0, float(2 * (rarer + 1) / (len(defined) + 1)))
