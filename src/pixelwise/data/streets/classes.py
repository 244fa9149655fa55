"""The class indices that the renderer paints, by name."""

from pixelwise.labels import CAMVID11

SKY = CAMVID11.index("sky")
BUILDING = CAMVID11.index("building")
POLE = CAMVID11.index("pole")
ROAD = CAMVID11.index("road")
SIDEWALK = CAMVID11.index("sidewalk")
TREE = CAMVID11.index("tree")
SIGN = CAMVID11.index("sign")
FENCE = CAMVID11.index("fence")
CAR = CAMVID11.index("car")
PEDESTRIAN = CAMVID11.index("pedestrian")
BICYCLIST = CAMVID11.index("bicyclist")
VOID = CAMVID11.ignore
