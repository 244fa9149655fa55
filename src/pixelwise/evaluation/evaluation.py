"""An Evaluation: the counts of a whole split, what was counted and how, and every score that follows."""

import io
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pixelwise import metrics
from pixelwise.files import replacing
from pixelwise.labels import LabelMap
from pixelwise.metrics import Counts

PER_CLASS = {"IoU": metrics.iou, "Dice": metrics.dice, "precision": metrics.precision, "recall": metrics.recall}
OVERALL = {
    "mean IoU": metrics.mean_iou,
    "mean Dice": metrics.mean_dice,
    "pixel accuracy": metrics.pixel_accuracy,
    "mean class accuracy": metrics.mean_class_accuracy,
    "frequency-weighted IoU": metrics.frequency_weighted_iou,
}
# What others average, and how; beside ours, to compare with their figures.
PROTOCOLS = {
    "pix2pix": {
        "pixel accuracy": metrics.pixel_accuracy,
        "class accuracy": metrics.class_accuracy_over_all,
        "class IoU": metrics.class_iou_over_all,
    }
}


@dataclass(frozen=True)
class Conditions:
    """What a score was measured on; printed beside it.

    data: name of the dataset. split: "train", "val" or "test". images: how many. model: which network.
    working_size: height and width whose area the images were brought to before the network saw them.
    painted: whether the classes were read from the colours of a painted picture. view: how the network looked.
    offsets: where the classes have them, mean IoU on the validation images "without", and "crosswise", each half of
    them scored with those fitted on the other.
    """

    data: str
    split: str
    images: int
    model: str
    working_size: tuple[int, int]
    painted: bool = False
    view: str = "no test-time augmentation"
    offsets: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
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
        images = f"{self.images} image{'s' * (self.images != 1)}"
        return (
            f"{self.model} on {self.data}, {self.split} split, {images}; one confusion matrix over all pixels at "
            f"the labels' own resolution; ignored pixels not counted; means over the classes that occur; "
            f"images brought to the area of {height}x{width}, {answer}, {self.view}{paper}{fitted}"
        )


@dataclass(frozen=True)
class ImageScore:
    """One image's scores, each in [0, 1] or NaN: mean IoU over the classes that occur in it, pixel accuracy."""

    name: str
    mean_iou: float
    pixel_accuracy: float


@dataclass(frozen=True)
class Evaluation:
    """Counts over a whole split, and the scores divided from them.

    counts: (k, k) whole pixels, rows = truth, columns = prediction. images: in the order of the split.

    >>> import numpy as np
    >>> labels = LabelMap(("road", "car"), ((128, 64, 128), (0, 0, 142)))
    >>> conditions = Conditions("mine", "val", 1, "unet", (192, 256))
    >>> evaluation = Evaluation(np.array([[3, 1], [0, 4]]), labels, conditions, ())
    >>> round(evaluation.mean_iou, 3), evaluation.scores()["pixel accuracy"]
    (0.775, 0.875)
    """

    counts: Counts
    labels: LabelMap
    conditions: Conditions
    images: tuple[ImageScore, ...]

    @property
    def mean_iou(self) -> float:
        """Mean IoU over the classes that occur, in [0, 1]."""
        return metrics.mean_iou(self.counts)

    def scores(self) -> dict[str, float]:
        """Every score of the whole split by its name, in [0, 1]."""
        return {name: score(self.counts) for name, score in OVERALL.items()}

    def protocols(self) -> dict[str, dict[str, float]]:
        """The scores that others publish, by the name of their protocol, in [0, 1].

        "pix2pix": means over all classes, those that never occur counting 0.
        """
        return {
            protocol: {name: score(self.counts) for name, score in scores.items()}
            for protocol, scores in PROTOCOLS.items()
        }

    def per_class(self) -> dict[str, dict[str, float]]:
        """Class name -> IoU, Dice, precision, recall and the class's share of the true pixels; NaN where undefined."""
        columns = {name: score(self.counts) for name, score in PER_CLASS.items()}
        share = self.counts.sum(1) / max(1, self.counts.sum())
        return {
            name: {"share": float(share[index])} | {key: float(column[index]) for key, column in columns.items()}
            for index, name in enumerate(self.labels.names)
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and text, NaN as None, as written to evaluation.json."""
        written: dict[str, Any] = _without_nan(
            {
                "conditions": asdict(self.conditions) | {"in_words": str(self.conditions)},
                "scores": self.scores(),
                "protocols": self.protocols(),
                "per_class": self.per_class(),
                "counts": self.counts.tolist(),
                "images": [asdict(image) for image in self.images],
            }
        )
        return written

    def save(self, path: str | Path) -> None:
        """Writes evaluation.json whole or not at all."""
        with replacing(Path(path)) as temporary:
            temporary.write_text(json.dumps(self.to_dict(), indent=1, allow_nan=False), encoding="utf-8")

    def tables(self) -> list[Table]:
        """The per-class and the overall table, and of painters that of their paper's protocol, for a rich console."""
        classes = Table(title="per class, %", title_justify="left")
        classes.add_column("class")
        for column in ("share", *PER_CLASS):
            classes.add_column(column, justify="right")
        for name, values in self.per_class().items():
            classes.add_row(escape(name), *(_percent(value) for value in values.values()))
        tables = [classes, _scores_table("all classes, %", self.scores())]
        if self.conditions.painted:
            tables.append(_scores_table("as Pix2Pix's paper, %", self.protocols()["pix2pix"]))
        return tables

    def __str__(self) -> str:
        text = io.StringIO()
        console = Console(file=text, width=100, color_system=None)
        for table in self.tables():
            console.print(table)
        console.print(str(self.conditions), markup=False)
        return text.getvalue()


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


def image_score(name: str, counts: Counts) -> ImageScore:
    """The scores of one image from its own counts.

    >>> import numpy as np
    >>> image_score("street", np.array([[3, 1], [0, 4]])).pixel_accuracy
    0.875
    """
    return ImageScore(name, metrics.mean_iou(counts), metrics.pixel_accuracy(counts))
