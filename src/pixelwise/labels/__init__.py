"""What the classes are; the published maps; and which classes are merged into which."""

from pixelwise.labels.label_map import IGNORE, Color, Label, LabelMap
from pixelwise.labels.merges import MERGES, Groups, merge
from pixelwise.labels.published import (
    CAMVID11,
    CAMVID32,
    CARLA_0_9_9,
    CARLA_0_9_13,
    CARLA_0_9_14,
    CITYSCAPES7,
    CITYSCAPES19,
    CITYSCAPES_LABELS,
    NAMED,
    PUBLISHED,
    VOC21,
    VOIDS,
    CityscapesLabel,
)

__all__ = [
    "CAMVID11",
    "CAMVID32",
    "CARLA_0_9_9",
    "CARLA_0_9_13",
    "CARLA_0_9_14",
    "CITYSCAPES7",
    "CITYSCAPES19",
    "CITYSCAPES_LABELS",
    "IGNORE",
    "MERGES",
    "NAMED",
    "PUBLISHED",
    "VOC21",
    "VOIDS",
    "CityscapesLabel",
    "Color",
    "Groups",
    "Label",
    "LabelMap",
    "merge",
]
