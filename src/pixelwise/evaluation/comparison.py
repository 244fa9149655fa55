"""A Comparison: several models on the same images, which is better, whether that can be told, where they disagree."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, NamedTuple

from pixelwise import metrics
from pixelwise.data import Sample
from pixelwise.evaluation.bootstrap import Difference, ImageCounts, Interval, paired_bootstrap
from pixelwise.evaluation.cost import Cost
from pixelwise.evaluation.evaluation import Evaluation
from pixelwise.labels import Label, LabelMap
from pixelwise.progress import track

SIGNIFICANT = 0.05
ENOUGH = 20  # images, or blocks of them: intervals from fewer are too narrow, see bootstrap.py
SCORES = ("pixel accuracy", "mean boundary IoU", "calibration error")  # that are shown beside mean IoU


@dataclass(frozen=True)
class Compared:
    """One model of a comparison. network: which one. interval: of its mean IoU, at 95 %."""

    name: str
    network: str
    evaluation: Evaluation
    interval: Interval
    cost: Cost

    def scores(self) -> dict[str, float]:
        """What is shown beside mean IoU, in [0, 1]; NaN where it is not known."""
        scores = self.evaluation.scores()
        return {name: scores.get(name, math.nan) for name in SCORES}


@dataclass(frozen=True)
class Pair:
    """Two models, the one with the higher mean IoU first. p: of the difference, corrected for the number of pairs.

    >>> told = Difference(0.02, 0.004, 0.036, 0.02, 100)
    >>> print(Pair("UNet", "SegNet", told, 0.02))
    UNet is 2.0 points better than SegNet [0.4, 3.6], p = 0.020
    >>> print(Pair("UNet", "SegNet", told, 0.12))
    no difference can be told once p is corrected: UNet less SegNet is 2.0 points [0.4, 3.6], p = 0.120
    """

    first: str
    second: str
    difference: Difference
    p: float

    @property
    def differ(self) -> bool:
        """Whether a difference can be told."""
        return self.difference.differ and self.p < SIGNIFICANT

    @property
    def p_in_words(self) -> str:
        """As it is printed: small ones are only said to be small."""
        if math.isnan(self.p):
            return "from too few images"
        return "p < 0.001" if self.p < 0.0005 else f"p = {self.p:.3f}"

    def __str__(self) -> str:
        if self.difference.differ and not self.differ:
            points, low, high = (100 * value for value in self.difference[:3])
            return (
                f"no difference can be told once p is corrected: {self.first} less {self.second} is {points:z.1f} "
                f"points [{low:z.1f}, {high:z.1f}], {self.p_in_words}"
            )
        return self.difference._replace(p=self.p).in_words(self.first, self.second)


@dataclass(frozen=True)
class Disagreement:
    """Of one image, shares of its counted pixels, in [0, 1] or NaN where none counts.

    differ: where not all models say the same. alone: of each model by its name, where it is right and no other is.
    """

    name: str
    differ: float
    alone: Mapping[str, float]


class Shown(NamedTuple):
    """An image and what every model, by its name, says of it: (h, w) class indices."""

    sample: Sample
    labels: Mapping[str, Label]


@dataclass(frozen=True)
class Comparison:
    """Models scored on the same images, the one with the highest mean IoU first.

    pairs: every two of them. disagreements: of every image, in the order of the split. shown: images with the largest,
    of neighbours one. labels: the classes. blocks: how many images that follow each other were resampled together.
    machine: on which time and memory were measured, in words; "" where they were not.
    """

    models: tuple[Compared, ...]
    pairs: tuple[Pair, ...]
    disagreements: tuple[Disagreement, ...]
    shown: tuple[Shown, ...]
    labels: LabelMap
    blocks: int = 1
    machine: str = ""

    @property
    def conditions(self) -> str:
        """What all scores were measured on and how the models were told apart, in words."""
        first = self.models[0].evaluation.conditions
        sizes = {model.evaluation.conditions.working_size for model in self.models}
        units = "images" if self.blocks == 1 else f"blocks of {self.blocks} images that follow each other"
        fitted = [model.name for model in self.models if model.evaluation.conditions.offsets]
        parts = [
            f"{first.images} image{'s' * (first.images != 1)}, the same for all: {first.data}, {first.split} split",
            "one confusion matrix over all pixels at the labels' own resolution, ignored pixels not counted",
            "the models see the images at different sizes" if len(sizes - {None}) > 1 else "",
            f"95 % intervals and p from resampling the {units} (percentile bootstrap, paired for differences)",
            f"p corrected for {len(self.pairs)} pairs by Holm's method" if len(self.pairs) > 1 else "",
            f"from fewer than {ENOUGH} {units} intervals are too narrow" if first.images < ENOUGH * self.blocks else "",
            "if these are frames of a film, intervals are too narrow without blocks" if self.blocks == 1 else "",
            f"the classes' offsets of {_listed(fitted)} were fitted on validation images" if fitted else "",
            "intervals say how scores move on other images of this kind, not how on another training of the model",
        ]
        return "; ".join(part for part in parts if part)

    @property
    def verdict(self) -> str:
        """In one or two sentences, which model is better and of which that cannot be told.

        Of two models, their difference with its interval.
        """
        best, *others = self.models
        if len(others) == 1:
            return f"By mean IoU, {self.pairs[0]}."
        told = {model.name for model in others if self.pair(best.name, model.name).differ}
        better = [model.name for model in others if model.name in told]
        rest = [model.name for model in others if model.name not in told]
        parts = [f"{best.name} has the highest mean IoU, {100 * best.interval.score:.1f} %"]
        parts += [f"it is better than {_listed(better)}"] if better else []
        parts += [f"no difference can be told between it and {_listed(rest)}"] if rest else []
        return f"{'; '.join(parts)}."

    def pair(self, one: str, other: str) -> Pair:
        """What was found of these two models."""
        return next(pair for pair in self.pairs if {pair.first, pair.second} == {one, other})

    @staticmethod
    def best_of(row: Mapping[str, float]) -> set[str]:
        """The models with the highest value, to a tenth of a per cent; none where all are alike.

        >>> sorted(Comparison.best_of({"one": 0.5004, "other": 0.5001, "third": 0.4}))
        ['one', 'other']
        """
        rounded = {name: round(1000 * value) for name, value in row.items() if not math.isnan(value)}
        best = {name for name, value in rounded.items() if value == max(rounded.values())}
        return best if len(best) < len(row) else set()

    def less_best(self, name: str) -> Interval | None:
        """Mean IoU of a model less that of the best, with its interval; None of the best itself."""
        best = self.models[0].name
        if name == best:
            return None
        ahead = self.pair(best, name).difference
        return Interval(-ahead.difference, -ahead.high, -ahead.low)

    def per_class(self) -> dict[str, dict[str, float]]:
        """Class name -> IoU of every model by its name, in [0, 1] or NaN; the class with the largest difference first.

        Classes that occur nowhere come last.
        """
        columns = {model.name: metrics.iou(model.evaluation.counts) for model in self.models}
        rows = {
            name: {model: float(column[index]) for model, column in columns.items()}
            for index, name in enumerate(self.labels.names)
        }
        return dict(sorted(rows.items(), key=lambda row: -_spread(row[1].values())))

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain numbers and text, NaN as None."""
        return {
            "verdict": self.verdict,
            "conditions": self.conditions,
            "blocks": self.blocks,
            "machine": self.machine,
            "models": [
                {"name": model.name, "network": model.network, "cost": asdict(model.cost)}
                | model.evaluation.to_dict()
                | {"mean_iou_interval": list(_numbers(model.interval._asdict()).values())[1:]}  # of blocks, if asked
                for model in self.models
            ],
            "pairs": [
                {"first": pair.first, "second": pair.second, "differ": pair.differ, "in_words": str(pair)}
                | _numbers(pair.difference._asdict() | {"uncorrected_p": pair.difference.p, "p": pair.p})
                for pair in self.pairs
            ],
            "per_class": {name: _numbers(row) for name, row in self.per_class().items()},
            "disagreements": [
                {"name": one.name, "alone": _numbers(one.alone)} | _numbers({"differ": one.differ})
                for one in self.disagreements
            ],
        }

    def __str__(self) -> str:
        rows = [f"{model.name}: mean IoU {model.interval}" for model in self.models]
        return "\n".join([self.verdict, *rows, *(map(str, self.pairs) if len(self.pairs) > 1 else ()), self.conditions])


def pairs_of(counts: Mapping[str, ImageCounts], blocks: int = 1) -> tuple[Pair, ...]:
    """Every two models, with p corrected for how many pairs there are.

    All pairs count, since which model is the best is known only afterwards. counts: of each image, by the model's name.
    """
    names = list(combinations(counts, 2))
    resamples = resamples_for(len(names))
    found = [
        paired_bootstrap(counts[one], counts[other], resamples=resamples, blocks=blocks)
        for one, other in track(names, "telling them apart")
    ]
    corrected = holm([difference.p for difference in found])
    return tuple(Pair(*pair, told, p) for pair, told, p in zip(names, found, corrected, strict=True))


def resamples_for(pairs: int) -> int:
    """How many resamples: the least p that they can give, 2 / (resamples + 1), is small even times the pairs.

    >>> resamples_for(1), resamples_for(36)
    (1000, 3600)
    """
    return max(1000, 100 * pairs)


def holm(p: Sequence[float]) -> list[float]:
    """Each p so corrected that the chance of any false one below the level stays below it; NaN stays NaN.

    Source: Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 1979.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected, largest = list(p), 0.0
    known = sorted((value, place) for place, value in enumerate(p) if not math.isnan(value))
    for rank, (value, place) in enumerate(known):
        largest = max(largest, min(1.0, value * (len(known) - rank)))
        corrected[place] = largest
    return corrected


def _spread(values: Iterable[float]) -> float:
    """The largest less the smallest; -1 where there is none."""
    known = [value for value in values if not math.isnan(value)]
    return max(known) - min(known) if known else -1.0


def _numbers(row: Mapping[str, float]) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in row.items()}


def _listed(names: Sequence[str]) -> str:
    """Names as one says them.

    >>> _listed(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
