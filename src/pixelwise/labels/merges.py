"""Fewer classes out of many: merges as a user writes them, and the published ones."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pixelwise.errors import UserError, unknown
from pixelwise.labels.label_map import IGNORE, LabelMap
from pixelwise.labels.published import (
    CAMVID11,
    CAMVID32,
    CARLA_0_9_9,
    CITYSCAPES7,
    CITYSCAPES19,
    CITYSCAPES_LABELS,
)

DROPPED = "ignore"  # the group of the classes that are neither learnt nor scored

Groups = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Merge:
    """How a published map becomes another: each class of the target with the classes of the source that it holds.

    Classes of the source that no group names are ignored.
    """

    source: LabelMap
    target: LabelMap
    groups: Groups


def merge(labels: LabelMap, how: Groups | str) -> tuple[LabelMap, npt.NDArray[np.uint8]]:
    """The map after merging, and the table (256,) from old class index to new.

    how: new name -> old names, "ignore" for those that are dropped; classes in no group stay as they are, and a merged
    class is drawn in the colour of its namesake or else of the first of its group. Or the name of one of MERGES.
    Raises UserError for an unknown name, or a class in two groups.

    >>> streets = LabelMap(("car", "bus", "sky"), ((0, 0, 142), (0, 60, 100), (70, 130, 180)))
    >>> few, table = merge(streets, {"vehicle": ("car", "bus")})
    >>> few.names, table[:3].tolist()
    (('vehicle', 'sky'), [0, 0, 1])
    """
    if isinstance(how, str):
        return _published(labels, how)
    groups = {name: [labels.index(member) for member in members] for name, members in how.items()}
    _check_once(labels, groups)
    dropped = groups.pop(DROPPED, [])
    becomes = dict(enumerate(labels.names)) | {index: name for name, members in groups.items() for index in members}
    kept = {index: name for index, name in becomes.items() if index not in dropped}
    names = tuple(dict.fromkeys(kept.values()))
    colors = {becomes[index]: labels.colors[index] for index in reversed(kept)}
    colors |= {name: color for name, color in zip(labels.names, labels.colors, strict=True) if name in names}
    merged = LabelMap(names, tuple(colors[name] for name in names), labels.ignore)
    return merged, _table({index: names.index(name) for index, name in kept.items()}, labels.ignore)


def _check_once(labels: LabelMap, groups: Mapping[str, list[int]]) -> None:
    members = [index for group in groups.values() for index in group]
    for index in members:
        if members.count(index) > 1:
            raise UserError(f"class '{labels.names[index]}' is merged into two; name it once")


def _published(labels: LabelMap, name: str) -> tuple[LabelMap, npt.NDArray[np.uint8]]:
    if name not in MERGES:
        raise unknown("merge", name, MERGES)
    source, target, groups = MERGES[name].source, MERGES[name].target, MERGES[name].groups
    if labels == target:
        return labels, _table({index: index for index in range(len(labels))}, labels.ignore)
    if labels.names != source.names:
        raise UserError(
            f"{name} merges {len(source)} classes ({', '.join(source.names[:3])}, ...), but the data has "
            f"{len(labels)} ({', '.join(labels.names[:3])}, ...); take another merge, or write `merge` in dataset.yaml"
        )
    pairs = {source.index(old): target.index(new) for new, members in groups.items() for old in members}
    return target, _table(pairs, target.ignore)


def _table(pairs: Mapping[int, int], ignore: int) -> npt.NDArray[np.uint8]:
    table = np.full(256, ignore, np.uint8)
    table[list(pairs)] = list(pairs.values())
    return table


# The grouping of the SegNet tutorial's labels, as MathWorks' camvidPixelLabelIDs spells it out; Sturgess et al.,
# "Combining Appearance and Structure from Motion Features for Road Scene Understanding", BMVC 2009, were the first to
# score these 11.
CAMVID32_TO_11 = Merge(
    CAMVID32,
    CAMVID11,
    {
        "Sky": ("Sky",),
        "Building": ("Archway", "Bridge", "Building", "Tunnel", "Wall"),
        "Pole": ("Column_Pole", "TrafficCone"),
        "Road": ("LaneMkgsDriv", "LaneMkgsNonDriv", "Road"),
        "Sidewalk": ("ParkingBlock", "RoadShoulder", "Sidewalk"),
        "Tree": ("Tree", "VegetationMisc"),
        "Sign": ("Misc_Text", "SignSymbol", "TrafficLight"),
        "Fence": ("Fence",),
        "Car": ("Car", "OtherMoving", "SUVPickupTruck", "Train", "Truck_Bus"),
        "Pedestrian": ("Animal", "CartLuggagePram", "Child", "Pedestrian"),
        "Bicyclist": ("Bicyclist", "MotorcycleScooter"),
    },
)

# The categories of cityscapesScripts, helpers/labels.py, as its category scores use them.
CITYSCAPES19_TO_7 = Merge(
    CITYSCAPES19,
    CITYSCAPES7,
    {
        category: tuple(one.name for one in CITYSCAPES_LABELS if one.category == category and one.train_id != IGNORE)
        for category in CITYSCAPES7.names
    },
)

# Into CamVid's 11 what Cityscapes' classes would have been called there, by the grouping of CamVid's 32 above: a wall
# is Building, terrain is VegetationMisc and so Tree, a traffic light is Sign, a motorcycle belongs to Bicyclist.
CITYSCAPES19_TO_CAMVID11 = Merge(
    CITYSCAPES19,
    CAMVID11,
    {
        "Sky": ("sky",),
        "Building": ("building", "wall"),
        "Pole": ("pole",),
        "Road": ("road",),
        "Sidewalk": ("sidewalk",),
        "Tree": ("vegetation", "terrain"),
        "Sign": ("traffic light", "traffic sign"),
        "Fence": ("fence",),
        "Car": ("car", "truck", "bus", "train"),
        "Pedestrian": ("person",),
        "Bicyclist": ("rider", "motorcycle", "bicycle"),
    },
)

# The same for CARLA's first 13, whose sky is unlabelled and whose bicycles are vehicles.
CARLA13_TO_CAMVID11 = Merge(
    CARLA_0_9_9,
    CAMVID11,
    {
        "Sky": (),
        "Building": ("Building", "Wall"),
        "Pole": ("Pole",),
        "Road": ("Road", "RoadLine"),
        "Sidewalk": ("SideWalk",),
        "Tree": ("Vegetation",),
        "Sign": ("TrafficSign",),
        "Fence": ("Fence",),
        "Car": ("Vehicles",),
        "Pedestrian": ("Pedestrian",),
        "Bicyclist": (),
    },
)

# Every merge by the name a user may write.
MERGES: dict[str, Merge] = {
    "camvid32-to-11": CAMVID32_TO_11,
    "cityscapes19-to-7": CITYSCAPES19_TO_7,
    "cityscapes19-to-camvid11": CITYSCAPES19_TO_CAMVID11,
    "carla13-to-camvid11": CARLA13_TO_CAMVID11,
}
