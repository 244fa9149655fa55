"""The published label maps, each with its source."""

from typing import NamedTuple

from pixelwise.labels.label_map import IGNORE, Color, LabelMap


def label_map(*classes: tuple[str, Color]) -> LabelMap:
    """A label map from (name, colour) pairs in the order of their indices."""
    return LabelMap(tuple(name for name, _ in classes), tuple(color for _, color in classes))


# CamVid's 11 grouped classes in the order of SegNet's index masks (value 11 = void there).
# Badrinarayanan, Kendall, Cipolla, "SegNet", PAMI 2017; colours of the CamVid database (below).
CAMVID11 = label_map(
    ("Sky", (128, 128, 128)),
    ("Building", (128, 0, 0)),
    ("Pole", (192, 192, 128)),
    ("Road", (128, 64, 128)),
    ("Sidewalk", (0, 0, 192)),
    ("Tree", (128, 128, 0)),
    ("Sign", (192, 128, 128)),
    ("Fence", (64, 64, 128)),
    ("Car", (64, 0, 128)),
    ("Pedestrian", (64, 64, 0)),
    ("Bicyclist", (0, 128, 192)),
)

# Brostow, Fauqueur, Cipolla, "Semantic object classes in video", PRL 2009: label_colors.txt without
# its last entry Void (0, 0, 0), which is the ignored rest.
CAMVID32 = label_map(
    ("Animal", (64, 128, 64)),
    ("Archway", (192, 0, 128)),
    ("Bicyclist", (0, 128, 192)),
    ("Bridge", (0, 128, 64)),
    ("Building", (128, 0, 0)),
    ("Car", (64, 0, 128)),
    ("CartLuggagePram", (64, 0, 192)),
    ("Child", (192, 128, 64)),
    ("Column_Pole", (192, 192, 128)),
    ("Fence", (64, 64, 128)),
    ("LaneMkgsDriv", (128, 0, 192)),
    ("LaneMkgsNonDriv", (192, 0, 64)),
    ("Misc_Text", (128, 128, 64)),
    ("MotorcycleScooter", (192, 0, 192)),
    ("OtherMoving", (128, 64, 64)),
    ("ParkingBlock", (64, 192, 128)),
    ("Pedestrian", (64, 64, 0)),
    ("Road", (128, 64, 128)),
    ("RoadShoulder", (128, 128, 192)),
    ("Sidewalk", (0, 0, 192)),
    ("SignSymbol", (192, 128, 128)),
    ("Sky", (128, 128, 128)),
    ("SUVPickupTruck", (64, 128, 192)),
    ("TrafficCone", (0, 0, 64)),
    ("TrafficLight", (0, 64, 64)),
    ("Train", (192, 64, 128)),
    ("Tree", (128, 128, 0)),
    ("Truck_Bus", (192, 128, 192)),
    ("Tunnel", (64, 0, 64)),
    ("VegetationMisc", (192, 192, 0)),
    ("Wall", (64, 192, 0)),
)

# The 19 evaluated classes in trainId order. Cordts et al., "The Cityscapes Dataset", CVPR 2016;
# names and colours of cityscapesScripts, helpers/labels.py.
CITYSCAPES19 = label_map(
    ("road", (128, 64, 128)),
    ("sidewalk", (244, 35, 232)),
    ("building", (70, 70, 70)),
    ("wall", (102, 102, 156)),
    ("fence", (190, 153, 153)),
    ("pole", (153, 153, 153)),
    ("traffic light", (250, 170, 30)),
    ("traffic sign", (220, 220, 0)),
    ("vegetation", (107, 142, 35)),
    ("terrain", (152, 251, 152)),
    ("sky", (70, 130, 180)),
    ("person", (220, 20, 60)),
    ("rider", (255, 0, 0)),
    ("car", (0, 0, 142)),
    ("truck", (0, 0, 70)),
    ("bus", (0, 60, 100)),
    ("train", (0, 80, 100)),
    ("motorcycle", (0, 0, 230)),
    ("bicycle", (119, 11, 32)),
)


class CityscapesLabel(NamedTuple):
    """One of Cityscapes' labels: the value in labelIds masks, and in labelTrainIds masks (255 = ignored)."""

    name: str
    id: int
    train_id: int
    category: str
    color: Color


# All labels of cityscapesScripts, helpers/labels.py; "license plate", whose id is -1 and which is never drawn, is
# left out.
CITYSCAPES_LABELS = tuple(
    CityscapesLabel(*fields)
    for fields in (
        ("unlabeled", 0, 255, "void", (0, 0, 0)),
        ("ego vehicle", 1, 255, "void", (0, 0, 0)),
        ("rectification border", 2, 255, "void", (0, 0, 0)),
        ("out of roi", 3, 255, "void", (0, 0, 0)),
        ("static", 4, 255, "void", (0, 0, 0)),
        ("dynamic", 5, 255, "void", (111, 74, 0)),
        ("ground", 6, 255, "void", (81, 0, 81)),
        ("road", 7, 0, "flat", (128, 64, 128)),
        ("sidewalk", 8, 1, "flat", (244, 35, 232)),
        ("parking", 9, 255, "flat", (250, 170, 160)),
        ("rail track", 10, 255, "flat", (230, 150, 140)),
        ("building", 11, 2, "construction", (70, 70, 70)),
        ("wall", 12, 3, "construction", (102, 102, 156)),
        ("fence", 13, 4, "construction", (190, 153, 153)),
        ("guard rail", 14, 255, "construction", (180, 165, 180)),
        ("bridge", 15, 255, "construction", (150, 100, 100)),
        ("tunnel", 16, 255, "construction", (150, 120, 90)),
        ("pole", 17, 5, "object", (153, 153, 153)),
        ("polegroup", 18, 255, "object", (153, 153, 153)),
        ("traffic light", 19, 6, "object", (250, 170, 30)),
        ("traffic sign", 20, 7, "object", (220, 220, 0)),
        ("vegetation", 21, 8, "nature", (107, 142, 35)),
        ("terrain", 22, 9, "nature", (152, 251, 152)),
        ("sky", 23, 10, "sky", (70, 130, 180)),
        ("person", 24, 11, "human", (220, 20, 60)),
        ("rider", 25, 12, "human", (255, 0, 0)),
        ("car", 26, 13, "vehicle", (0, 0, 142)),
        ("truck", 27, 14, "vehicle", (0, 0, 70)),
        ("bus", 28, 15, "vehicle", (0, 60, 100)),
        ("caravan", 29, 255, "vehicle", (0, 0, 90)),
        ("trailer", 30, 255, "vehicle", (0, 0, 110)),
        ("train", 31, 16, "vehicle", (0, 80, 100)),
        ("motorcycle", 32, 17, "vehicle", (0, 0, 230)),
        ("bicycle", 33, 18, "vehicle", (119, 11, 32)),
    )
)

# The seven categories of the same file that are evaluated, each in the colour of its first class.
CITYSCAPES7 = label_map(
    ("flat", (128, 64, 128)),
    ("construction", (70, 70, 70)),
    ("object", (153, 153, 153)),
    ("nature", (107, 142, 35)),
    ("sky", (70, 130, 180)),
    ("human", (220, 20, 60)),
    ("vehicle", (0, 0, 142)),
)

# Everingham et al., "The Pascal Visual Object Classes (VOC) Challenge", IJCV 2010; the colours are
# those of the devkit's VOClabelcolormap.
VOC21 = label_map(
    ("background", (0, 0, 0)),
    ("aeroplane", (128, 0, 0)),
    ("bicycle", (0, 128, 0)),
    ("bird", (128, 128, 0)),
    ("boat", (0, 0, 128)),
    ("bottle", (128, 0, 128)),
    ("bus", (0, 128, 128)),
    ("car", (128, 128, 128)),
    ("cat", (64, 0, 0)),
    ("chair", (192, 0, 0)),
    ("cow", (64, 128, 0)),
    ("diningtable", (192, 128, 0)),
    ("dog", (64, 0, 128)),
    ("horse", (192, 0, 128)),
    ("motorbike", (64, 128, 128)),
    ("person", (192, 128, 128)),
    ("pottedplant", (0, 64, 0)),
    ("sheep", (128, 64, 0)),
    ("sofa", (0, 192, 0)),
    ("train", (128, 192, 0)),
    ("tvmonitor", (0, 64, 128)),
)

# CARLA's semantic tags up to 0.9.13, in the order of their numbers (the red channel of the camera's masks).
# Dosovitskiy et al., "CARLA: An Open Urban Driving Simulator", CoRL 2017; names and colours of the
# documentation of 0.9.13, "Sensors reference", semantic segmentation camera.
CARLA_0_9_13 = label_map(
    ("Unlabeled", (0, 0, 0)),
    ("Building", (70, 70, 70)),
    ("Fence", (100, 40, 40)),
    ("Other", (55, 90, 80)),
    ("Pedestrian", (220, 20, 60)),
    ("Pole", (153, 153, 153)),
    ("RoadLine", (157, 234, 50)),
    ("Road", (128, 64, 128)),
    ("SideWalk", (244, 35, 232)),
    ("Vegetation", (107, 142, 35)),
    ("Vehicles", (0, 0, 142)),
    ("Wall", (102, 102, 156)),
    ("TrafficSign", (220, 220, 0)),
    ("Sky", (70, 130, 180)),
    ("Ground", (81, 0, 81)),
    ("Bridge", (150, 100, 100)),
    ("RailTrack", (230, 150, 140)),
    ("GuardRail", (180, 165, 180)),
    ("TrafficLight", (250, 170, 30)),
    ("Static", (110, 190, 160)),
    ("Dynamic", (170, 120, 50)),
    ("Water", (45, 60, 150)),
    ("Terrain", (145, 170, 100)),
)

# Up to 0.9.9 CARLA had the first 13 alone, and its sky was unlabelled; pull request 3251 of carla-simulator/carla
# added the others in 0.9.10.
CARLA_0_9_9 = LabelMap(CARLA_0_9_13.names[:13], CARLA_0_9_13.colors[:13])

# CARLA renumbered its tags in 0.9.14, Cityscapes' classes first; the same page of its documentation.
CARLA_0_9_14 = label_map(
    ("Unlabeled", (0, 0, 0)),
    ("Roads", (128, 64, 128)),
    ("SideWalks", (244, 35, 232)),
    ("Building", (70, 70, 70)),
    ("Wall", (102, 102, 156)),
    ("Fence", (190, 153, 153)),
    ("Pole", (153, 153, 153)),
    ("TrafficLight", (250, 170, 30)),
    ("TrafficSign", (220, 220, 0)),
    ("Vegetation", (107, 142, 35)),
    ("Terrain", (152, 251, 152)),
    ("Sky", (70, 130, 180)),
    ("Pedestrian", (220, 20, 60)),
    ("Rider", (255, 0, 0)),
    ("Car", (0, 0, 142)),
    ("Truck", (0, 0, 70)),
    ("Bus", (0, 60, 100)),
    ("Train", (0, 80, 100)),
    ("Motorcycle", (0, 0, 230)),
    ("Bicycle", (119, 11, 32)),
    ("Static", (110, 190, 160)),
    ("Dynamic", (170, 120, 50)),
    ("Other", (55, 90, 80)),
    ("Water", (45, 60, 150)),
    ("RoadLine", (157, 234, 50)),
    ("Ground", (81, 0, 81)),
    ("Bridge", (150, 100, 100)),
    ("RailTrack", (230, 150, 140)),
    ("GuardRail", (180, 165, 180)),
)

# Every published map by the name a user may write in dataset.yaml or see in a message. CARLA_0_9_9 and CITYSCAPES7 are
# not among them: masks are matched to the smallest map that has their colours, which these two would win by chance.
PUBLISHED: dict[str, LabelMap] = {
    "camvid11": CAMVID11,
    "camvid32": CAMVID32,
    "cityscapes19": CITYSCAPES19,
    "voc21": VOC21,
    "carla_0_9_13": CARLA_0_9_13,
    "carla_0_9_14": CARLA_0_9_14,
}

# Every map that can be named; CARLA's oldest is not looked for by its colours, which the others have too.
NAMED = PUBLISHED | {"carla_0_9_9": CARLA_0_9_9}

# Colours that masks in a published map have for what is ignored, black apart.
VOIDS: dict[str, tuple[Color, ...]] = {
    "cityscapes19": tuple(
        dict.fromkeys(one.color for one in CITYSCAPES_LABELS if one.train_id == IGNORE and any(one.color))
    )
}
