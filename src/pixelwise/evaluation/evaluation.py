"""An Evaluation: the counts of a whole split, what was counted and how, and every score that follows."""

import io
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pixelwise import metrics
from pixelwise.evaluation.bootstrap import Interval, bootstrap
from pixelwise.evaluation.html import evaluation_html
from pixelwise.evaluation.image_result import ImageResult
from pixelwise.evaluation.protocols import PROTOCOLS, Protocol, find_protocol, with_row_of_none
from pixelwise.evaluation.suspicious import Region
from pixelwise.files import replacing
from pixelwise.labels import LabelMap
from pixelwise.metrics import Counts, InstanceOverlap, Overlap, Reliability

if TYPE_CHECKING:
    import matplotlib.figure
    import pandas  # type: ignore[import-untyped]

PER_CLASS = {"IoU": metrics.iou, "Dice": metrics.dice, "precision": metrics.precision, "recall": metrics.recall}


@dataclass(frozen=True)
class Conditions:
    """What a score was measured on; printed beside it.

    data: name of the dataset. split: "train", "val" or "test". images: how many. model: which network, or whose
    predictions. working_size: height and width whose area the images were brought to before the network saw them; None
    where predictions were read from files. painted: whether the classes were read from the colours of a painted
    picture. view: how the network looked. offsets: where the classes have them, mean IoU on the validation images
    "without", and "crosswise", each half of them scored with those fitted on the other. protocol: one of PROTOCOLS.
    read: how predictions were read from files.
    """

    data: str
    split: str
    images: int
    model: str
    working_size: tuple[int, int] | None
    painted: bool = False
    view: str = "no test-time augmentation"
    offsets: Mapping[str, float] = field(default_factory=dict)
    protocol: str = "default"
    read: str = ""

    def __str__(self) -> str:
        images = f"{self.images} image{'s' * (self.images != 1)}"
        return f"{self.model} on {self.data}, {self.split} split, {images}; {self.rules}; {self._preprocessing()}"

    @property
    def rules(self) -> str:
        """How was counted and averaged, in words: our rules, and what the protocol has else."""
        return "; ".join(PROTOCOLS[name].rules for name in dict.fromkeys(("default", self.protocol)))

    def _preprocessing(self) -> str:
        if not self.working_size:
            return self.read
        height, width = self.working_size
        answer, paper = "logits resized back", ""
        if self.painted:
            answer = "pictures resized back and read as lossy masks, in doubt by nearest colour"
            paper = "; in the paper's means classes that never occur count 0"
        fitted = ""
        if self.offsets:
            without, crosswise = (f"{self.offsets[name]:.3f}" for name in ("without", "crosswise"))
            fitted = (
                f"; classes' offsets fitted on the validation images, where mean IoU was {without} without them and "
                f"{crosswise} on each half with those of the other"
            )
        return f"images brought to the area of {height}x{width}, {answer}, {self.view}{paper}{fitted}"


@dataclass(frozen=True)
class Evaluation:
    """What was counted in every image of a split, and the scores of the whole.

    images: in the order of the split. suspicious: annotations that the model contradicts, the most suspicious first.

    >>> import numpy as np
    >>> labels = LabelMap(("road", "car"), ((128, 64, 128), (0, 0, 142)))
    >>> conditions = Conditions("mine", "val", 1, "unet", (192, 256))
    >>> evaluation = Evaluation((ImageResult("a", np.array([[3, 1], [0, 4]])),), labels, conditions)
    >>> round(evaluation.mean_iou, 3), evaluation.scores()["pixel accuracy"]
    (0.775, 0.875)
    """

    images: tuple[ImageResult, ...]
    labels: LabelMap
    conditions: Conditions
    suspicious: tuple[Region, ...] = ()

    @cached_property
    def counts(self) -> Counts:
        """(k, k) whole pixels of all images, rows = truth, columns = prediction.

        Where predictions are of no class, (k, k + 1); they count in the last column.
        """
        if not self.images:
            return np.zeros((len(self.labels), len(self.labels)), np.int64)
        return np.asarray(np.sum([image.counts for image in self.images], axis=0))

    @cached_property
    def reliability(self) -> Reliability | None:
        """All counted pixels by confidence, where that is known."""
        parts = [image.reliability for image in self.images if image.reliability]
        return metrics.total(parts) if parts else None

    @cached_property
    def overlap(self) -> Overlap | None:
        """Of the bands along the boundaries of every class, where they were counted."""
        parts = [image.overlap for image in self.images if image.overlap]
        return metrics.total(parts) if parts else None

    @cached_property
    def instances(self) -> InstanceOverlap | None:
        """Pixels of Cityscapes' instances, where they were counted."""
        parts = [image.instances for image in self.images if image.instances]
        return metrics.total(parts) if parts else None

    @property
    def mean_iou(self) -> float:
        """Mean IoU over the classes that occur, in [0, 1]."""
        return metrics.mean_iou(self.counts)

    @cached_property
    def mean_iou_interval(self) -> Interval:
        """Mean IoU and its 95 % interval by the bootstrap over images; what it does not cover is said there."""
        counts = with_row_of_none(np.stack([image.counts for image in self.images]))
        classes = len(self.labels)
        return bootstrap(counts, lambda summed: metrics.mean_iou(summed[:classes]))

    def scores(self) -> dict[str, float]:
        """Every score of the whole split by its name, in [0, 1]."""
        scores = self.scores_of("default")
        if self.overlap:
            scores["mean boundary IoU"] = metrics.mean_over_present(metrics.boundary_iou(self.overlap))
        if self.reliability:
            scores["calibration error"] = metrics.expected_calibration_error(self.reliability)
        return scores

    def scores_of(self, protocol: str) -> dict[str, float]:
        """The scores as a protocol has them, by name, in [0, 1] or NaN.

        protocol: one of PROTOCOLS. Raises UserError where there is none of that name, or it is for other classes.
        """
        chosen = find_protocol(protocol, self.labels)
        scores = chosen.scored(self.counts)
        if chosen.instances and self.instances:
            weighted, classes = metrics.instance_iou(self.instances), len(metrics.INSTANCE_CLASSES)
            scores["iIoU classes"] = metrics.mean_over_present(weighted[:classes])
            scores["iIoU categories"] = metrics.mean_over_present(weighted[classes:])
        return scores

    def protocols(self) -> list[Protocol]:
        """Those beside the default one whose scores are shown: the one asked for, and of painters their paper's."""
        shown = [self.conditions.protocol, *(["pix2pix"] if self.conditions.painted else [])]
        return [PROTOCOLS[name] for name in dict.fromkeys(shown) if name != "default"]

    def per_class(self) -> dict[str, dict[str, float]]:
        """Class name -> IoU, Dice, precision, recall and the class's share of the true pixels; NaN where undefined.

        Where boundaries were counted their IoU too.
        """
        columns = {name: score(self.counts) for name, score in PER_CLASS.items()}
        if self.overlap:
            columns["boundary IoU"] = metrics.boundary_iou(self.overlap)
        share = self.counts.sum(1) / max(1, self.counts.sum())
        return {
            name: {"share": float(share[index])} | {key: float(column[index]) for key, column in columns.items()}
            for index, name in enumerate(self.labels.names)
        }

    def rows(self) -> list[dict[str, float | str]]:
        """A row per image: its name, scores, mean confidence, share of ignored pixels, and the IoU of every class."""
        return [
            {
                "name": image.name,
                "mean_iou": image.mean_iou,
                "pixel_accuracy": image.pixel_accuracy,
                "confidence": image.confidence,
                "ignored": image.ignored,
                **{
                    f"IoU {name}": float(iou)
                    for name, iou in zip(self.labels.names, metrics.iou(image.counts), strict=True)
                },
            }
            for image in self.images
        ]

    def to_pandas(self, rows: str = "classes") -> "pandas.DataFrame":
        """`per_class` or, with rows="images", `rows` as a table of pandas indexed by name; all in [0, 1].

        Raises UserError for any other rows, and where pandas is missing.
        """
        from pixelwise.evaluation.frames import frame_of  # loads pandas

        return frame_of(self, rows)

    def plot(self) -> "matplotlib.figure.Figure":
        """Confusion matrix, IoU per class and, where confidences are known, their reliability, as a figure.

        Raises UserError where matplotlib is missing.
        """
        from pixelwise.evaluation.figures import evaluation_figure  # loads matplotlib

        return evaluation_figure(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and text, NaN as None, as written to evaluation.json."""
        written: dict[str, Any] = _without_nan(
            {
                "conditions": asdict(self.conditions)
                | {"rules": self.conditions.rules, "in_words": str(self.conditions)},
                "scores": self.scores(),
                "protocols": {one.name: self.scores_of(one.name) for one in self.protocols()},
                "mean_iou_interval": self.mean_iou_interval[1:] if self.images else None,
                "per_class": self.per_class(),
                "counts": self.counts.tolist(),
                "images": self.rows(),
            }
        )
        return written

    def save(self, path: str | Path) -> None:
        """Writes evaluation.json whole or not at all."""
        with replacing(Path(path)) as temporary:
            temporary.write_text(json.dumps(self.to_dict(), indent=1, allow_nan=False), encoding="utf-8")

    def tables(self) -> list[Table]:
        """The per-class table, the overall one, and those of other protocols, for a rich console."""
        classes = Table(title="per class, %", title_justify="left")
        classes.add_column("class")
        per_class = self.per_class()
        for column in next(iter(per_class.values())):
            classes.add_column(column, justify="right")
        for name, values in per_class.items():
            classes.add_row(escape(name), *(_percent(value) for value in values.values()))
        others = [_scores_table(f"{one.title}, %", self.scores_of(one.name)) for one in self.protocols()]
        return [classes, _scores_table("all classes, %", self.scores()), *others]

    def __str__(self) -> str:
        text = io.StringIO()
        console = Console(file=text, width=100, color_system=None)
        for table in self.tables():
            console.print(table)
        console.print(str(self.conditions), markup=False)
        return text.getvalue()

    def __repr__(self) -> str:  # without every count of every image
        return f"Evaluation({self.conditions}: mean IoU {self.mean_iou:.3f})"

    def _repr_html_(self) -> str:
        return evaluation_html(self)


def _scores_table(title: str, scores: dict[str, float]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("score")
    table.add_column("", justify="right")
    for name, value in scores.items():
        table.add_row(name, _percent(value))
    return table


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.1f}"


def _without_nan(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {key: _without_nan(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(entry) for entry in value]
    return None if isinstance(value, float) and math.isnan(value) else value
