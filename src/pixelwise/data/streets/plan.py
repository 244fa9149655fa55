"""Where the camera is and how the street runs."""

import numpy as np

from pixelwise.data.streets.camera import Camera
from pixelwise.data.streets.ground import Street
from pixelwise.data.streets.palette import pick


def sample_camera(rng: np.random.Generator, height: int, width: int) -> Camera:
    """Where the camera is: its height, its angle of view, and how the street bends and rises."""
    focal = rng.uniform(0.82, 1.12) * width
    pitch, yaw = rng.uniform(-0.03, 0.11), rng.uniform(-0.06, 0.06)
    bend, crest = rng.normal(0, 0.0011), rng.uniform(-0.0002, 0.0005)
    return Camera(width, height, focal, rng.uniform(1.3, 1.85), pitch, yaw, bend, crest)


def sample_street(rng: np.random.Generator) -> Street:
    """The plan: we drive in the lane around x = 0, others come towards us beside it."""
    lane = rng.uniform(2.9, 3.5)
    ours, theirs = 1 + int(rng.random() < 0.2), int(rng.choice((0, 1, 2), p=(0.25, 0.55, 0.2)))
    parking = _parking(rng), _parking(rng)
    drive = pick(rng, (-1, 1))
    away, near = -lane * (theirs + 0.5) - parking[0], lane * (ours - 0.5) + parking[1]
    left, right = sorted((drive * away, drive * near))
    lines = tuple(drive * lane * (number - 0.5) for number in range(1 - theirs, ours)) if rng.random() < 0.9 else ()
    begin = rng.uniform(13, 34)
    side_street = (begin, begin + rng.uniform(6, 9)) if rng.random() < 0.45 else None
    crossing = rng.uniform(8, 20) if rng.random() < 0.35 else None
    if side_street and crossing is not None:
        crossing = side_street[0] - 6
    grey, tone = rng.uniform(78, 118), rng.uniform(-6, 6)
    road = (grey + tone, grey, grey - tone)
    paving = pick(rng, ((178, 172, 162), (190, 186, 178), (168, 150, 132), (172, 134, 112), (152, 154, 156)))
    grass = (rng.uniform(78, 112), rng.uniform(112, 142), 62)
    walk = rng.uniform(2.6, 5.5), rng.uniform(2.6, 5.5)
    patches = tuple(
        (rng.uniform(left, right), rng.uniform(4, 25), rng.uniform(0.5, 1.8), rng.uniform(1, 6))
        for _ in range(int(rng.integers(0, 4)))
    )
    return Street(
        drive=drive,
        left=left,
        right=right,
        lane=lane,
        parking=parking if drive > 0 else parking[::-1],
        lanes=lines,
        walk=walk,
        side_street=side_street,
        crossing=crossing,
        road_color=road,
        walk_color=paving,
        grass_color=grass,
        slab=rng.uniform(0.8, 1.6),
        edge_lines=bool(rng.random() < 0.5),
        patches=patches,
    )


def _parking(rng: np.random.Generator) -> float:
    """How much room there is for parked cars on one side."""
    return rng.uniform(1.9, 2.3) if rng.random() < 0.45 else 0.3
