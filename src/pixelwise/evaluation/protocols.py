"""Protocols: what others count as right, leave out and average, so that figures can be laid beside theirs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from pixelwise import metrics
from pixelwise.errors import UserError, unknown
from pixelwise.labels import CAMVID11, CITYSCAPES7, CITYSCAPES19, CITYSCAPES_LABELS, VOC21, LabelMap
from pixelwise.metrics import Counts
from pixelwise.metrics.division import PerClass

Score = Callable[[Counts], float]


@dataclass(frozen=True)
class Protocol:
    """How a score is made of counted pixels, and which predictions are counted at all.

    title: of its table. rules: in words; those of the default one hold too, except where others say otherwise.
    scores: name -> function of the confusion matrix.
    labels: the label map it is for; None = any. no_class: whether a prediction may be of no class, which is a miss of
    the true class; else such a prediction is an error. instances: whether IoU is weighted by instances as well, where
    they are annotated.
    """

    name: str
    title: str
    rules: str
    scores: Mapping[str, Score]
    labels: LabelMap | None = None
    no_class: bool = False
    instances: bool = False

    def scored(self, counts: Counts) -> dict[str, float]:
        """Every score by its name, in [0, 1] or NaN.

        >>> PROTOCOLS["camvid11"].scored(np.array([[3, 1], [0, 0]]))["mean IoU"]
        0.375
        """
        return {name: score(counts) for name, score in self.scores.items()}


def category_iou(counts: Counts) -> PerClass:
    """IoU of Cityscapes' seven categories, in the order of CITYSCAPES7, from the counts of its 19 classes; in [0, 1].

    Source: getIouScoreForCategory in cityscapesScripts.

    >>> category_iou(np.diag([1] * 18 + [0])).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    square = with_row_of_none(counts)
    return metrics.category_iou(square, CATEGORIES + [-1] * (len(square) - len(CATEGORIES)))


def with_row_of_none(counts: Int64[np.ndarray, "*images k _"]) -> Int64[np.ndarray, "*images c c"]:
    """Square matrices: those with a column of predictions of no class get an empty row for it.

    >>> with_row_of_none(np.array([[3, 1, 2], [0, 4, 0]]))
    array([[3, 1, 2],
           [0, 4, 0],
           [0, 0, 0]])
    """
    classes, columns = counts.shape[-2:]
    return np.pad(counts, [*[(0, 0)] * (counts.ndim - 2), (0, columns - classes), (0, 0)])


# The category of each of Cityscapes' 19 classes.
CATEGORIES = [
    CITYSCAPES7.index(next(one.category for one in CITYSCAPES_LABELS if one.name == name))
    for name in CITYSCAPES19.names
]

PROTOCOLS = {
    one.name: one
    for one in (
        Protocol(
            "default",
            "all classes",
            "one confusion matrix over all pixels at the labels' own resolution; ignored pixels not counted; "
            "means over the classes that occur",
            {
                "mean IoU": metrics.mean_iou,
                "mean Dice": metrics.mean_dice,
                "pixel accuracy": metrics.pixel_accuracy,
                "mean class accuracy": metrics.mean_class_accuracy,
                "frequency-weighted IoU": metrics.frequency_weighted_iou,
                "Cohen's kappa": metrics.cohen_kappa,
            },
            no_class=True,
        ),
        # Cordts et al., CVPR 2016; evalPixelLevelSemanticLabeling.py of cityscapesScripts.
        Protocol(
            "cityscapes",
            "as cityscapesScripts",
            "as cityscapesScripts: a prediction outside the 19 classes is a miss of the true class and no false alarm; "
            "means over the classes, or the 7 categories, that occur in truth or prediction; iIoU with true instances "
            "weighted by the average size of their class over their own, where instanceIds are there",
            {
                "IoU classes": metrics.mean_iou,
                "IoU categories": lambda counts: metrics.mean_over_present(category_iou(counts)),
            },
            CITYSCAPES19,
            no_class=True,
            instances=True,
        ),
        # Everingham et al., IJCV 2010; VOCevalseg.m of the development kit, where 0 / 0 makes the mean NaN.
        Protocol(
            "voc",
            "as Pascal VOC's devkit",
            "as Pascal VOC's devkit: mean over all 21 classes, background among them, undefined where one occurs in "
            "neither truth nor prediction",
            {
                "mean IoU": lambda counts: float(metrics.iou(counts).mean()),
                "mean IoU of the classes that occur": metrics.mean_iou,
            },
            VOC21,
        ),
        # Badrinarayanan et al., PAMI 2017; Scripts/compute_test_results.m of SegNet-Tutorial.
        Protocol(
            "camvid11",
            "as SegNet's script",
            "as SegNet's script: means over all 11 classes, those without true pixels counting 0",
            {
                "global accuracy": metrics.pixel_accuracy,
                "class average accuracy": metrics.class_accuracy_over_all,
                "mean IoU": metrics.class_iou_over_all,
                "mean IoU of the classes that occur": metrics.mean_iou,
            },
            CAMVID11,
        ),
        # Isola et al., CVPR 2017; scripts/eval_cityscapes of its code.
        Protocol(
            "pix2pix",
            "as Pix2Pix's paper",
            "as Pix2Pix's code: means over all classes, those that never occur counting 0",
            {
                "pixel accuracy": metrics.pixel_accuracy,
                "class accuracy": metrics.class_accuracy_over_all,
                "class IoU": metrics.class_iou_over_all,
            },
        ),
    )
}


def find_protocol(name: str, labels: LabelMap | None = None) -> Protocol:
    """The protocol of that name. labels: of the data that it is wanted for.

    Raises UserError where there is none, or it is for other classes.

    >>> find_protocol("voc", CAMVID11)
    Traceback (most recent call last):
    pixelwise.errors.UserError: the protocol voc is for 21 classes (background, aeroplane, bicycle, ...) and the data \
has 11 (Sky, Building, Pole, ...); choose another protocol, or data with these classes in their order
    """
    if name not in PROTOCOLS:
        raise unknown("protocol", name, PROTOCOLS)
    found = PROTOCOLS[name]
    if labels and found.labels and labels.names != found.labels.names:
        wanted, given = (f"{', '.join(one.names[:3])}, ..." for one in (found.labels, labels))
        raise UserError(
            f"the protocol {name} is for {len(found.labels)} classes ({wanted}) and the data has {len(labels)} "
            f"({given}); choose another protocol, or data with these classes in their order"
        )
    return found
