"""Pictures that are made once and mapped on walls, ground, fences and trees. All from fixed seeds."""

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from pixelwise.data.streets.sprite import Sprite

Pixels = npt.NDArray[np.uint8]

CROWNS, FIRST_CONIFER = 12, 9
CROWN_SIZE = 176
GRAIN_SIZE = 384


@lru_cache(maxsize=1)
def grain() -> npt.NDArray[np.float32]:
    """(384, 384, 3) normal noise."""
    return np.random.default_rng(1).standard_normal((GRAIN_SIZE, GRAIN_SIZE, 3)).astype(np.float32)


@lru_cache(maxsize=2)
def clouds(seed: int = 2, size: int = 512) -> Pixels:
    """(size, size): smooth noise of many scales that fills 0-255."""
    rng = np.random.default_rng(seed)
    total: npt.NDArray[np.float32] = np.zeros((size, size), np.float32)
    for octave in range(2, 8):
        field = rng.standard_normal((2**octave, 2**octave)).astype(np.float32)
        total += np.float32(1.7**-octave) * np.asarray(
            cv2.resize(field, (size, size), interpolation=cv2.INTER_CUBIC), np.float32
        )
    ranks = (total - total.min()) / (total.max() - total.min())
    return np.asarray(255 * ranks, np.uint8)


@lru_cache(maxsize=1)
def asphalt() -> Pixels:
    """(1024, 512): brightness of a road around 128: grains, stains and wear along the wheels."""
    rng = np.random.default_rng(3)
    fine = rng.normal(0, 13, (1024, 512)).astype(np.float32)
    stains = cv2.resize(clouds(4), (512, 1024)).astype(np.float32) - 128
    return np.clip(128 + fine + 0.22 * stains, 60, 200).astype(np.uint8)


@lru_cache(maxsize=1)
def crowns() -> list[Sprite]:
    """Tree crowns seen from the side: round ones, then conifers."""
    return [_crown(np.random.default_rng([5, number]), conifer=number >= FIRST_CONIFER) for number in range(CROWNS)]


def _crown(rng: np.random.Generator, *, conifer: bool) -> Sprite:
    """Leaves in clumps: those above and outside are lighter than those below and inside."""
    size = CROWN_SIZE
    shade = np.zeros((size, size), np.uint8)
    outline = np.zeros((size, size), np.uint8)
    leaves = _conifer_leaves(rng) if conifer else _round_leaves(rng)
    for x, y, depth in leaves[np.argsort(leaves[:, 2])]:
        radius = int(rng.integers(2, 6))
        light = np.clip(95 + 75 * depth + 70 * (0.5 - y) + 40 * (0.5 - x) + rng.normal(0, 24), 35, 255)
        centre = (int(x * size), int(y * size))
        cv2.circle(shade, centre, radius, float(light), -1)
        cv2.circle(outline, centre, radius, 255.0, -1)
    return Sprite(shade, outline)


def _round_leaves(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """(n, 3) x, y in [0, 1], depth in [0, 1] of the leaves of 10 to 16 clumps."""
    clumps = []
    for _ in range(int(rng.integers(10, 17))):
        angle, far = rng.uniform(0, 2 * np.pi), 0.27 * np.sqrt(rng.random())
        middle = (0.5 + far * np.cos(angle), 0.5 + far * np.sin(angle))
        spread = rng.normal(0, 0.085, (190, 2)).clip(-0.19, 0.19)
        lift = (spread[:, 1] < 0) * 0.4 + rng.random(190) * 0.6
        clumps.append(np.column_stack([spread + middle, lift]))
    return np.concatenate(clumps).clip(0.03, 0.97)


def _conifer_leaves(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """(n, 3): the same for a cone of drooping tiers."""
    down = np.sqrt(rng.random(2400))
    tiers = 0.75 + 0.25 * ((down * 7) % 1)
    across = 0.5 + rng.uniform(-0.42, 0.42, 2400) * down * tiers
    return np.column_stack([across, 0.03 + 0.93 * down, (down * 7) % 1])
