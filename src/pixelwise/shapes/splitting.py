"""Objects that touch, parted at their necks."""

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int32

from pixelwise.errors import UserError

Plane = Float32[np.ndarray, "h w"]

OUTSIDE = -1e6  # below every distance, so that nothing spreads across the background
STEP = 0.5  # pixels by which the watershed's level sinks
AROUND = np.ones((3, 3), np.uint8)


def split_touching(mask: Bool[np.ndarray, "h w"], *, depth: int | float = 1.0) -> Int32[np.ndarray, "h w"]:
    """(h, w) numbers from 1 for the objects of a mask, 0 outside: connected ones are parted where they are narrow.

    The watershed of the distance to the outside. depth: pixels; a neck parts two objects if half its width is that much
    less than the largest radius that fits into the smaller one. More parts less. An object that fills its neighbour's
    neck, or has no neck, stays whole; a thick middle between three objects may become one of its own.
    Sources: Vincent and Soille, "Watersheds in Digital Spaces", PAMI 1991; for the maxima (h-maxima) Soille,
    "Morphological Image Analysis", 2003. Raises UserError where ``depth`` is not above zero.

    >>> split_touching(np.array([[1, 1, 0, 1]], np.bool_)).tolist()
    [[1, 1, 0, 2]]
    """
    if not depth > 0:
        raise UserError(f"necks cannot be {depth} pixels deep; give a number above 0")
    distance = np.asarray(cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)
    number, parts, boxes, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    found = np.zeros(mask.shape, np.int32)
    count = 0
    for part in range(1, number):
        left, top, width, height = boxes[part, :4].tolist()
        box = slice(top, top + height), slice(left, left + width)
        inside = parts[box] == part
        objects = _split(inside, np.minimum(distance[box], sum(mask.shape)), depth)  # infinite where all is inside
        found[box][inside] = objects[inside] + count
        count += int(objects.max())
    return found


def _split(inside: Bool[np.ndarray, "h w"], distance: Plane, depth: int | float) -> Int32[np.ndarray, "h w"]:
    """The objects of one connected part, numbered from 1."""
    height = np.where(inside, distance, OUTSIDE).astype(np.float32)
    if height.max() <= depth:  # too thin for any neck
        return inside.astype(np.int32)
    number, seeds = cv2.connectedComponents(_tops(height, depth).view(np.uint8), connectivity=8)
    objects = number - 1  # the outside has a number, too
    return _flooded(height, seeds.astype(np.float32)) if objects > 1 else inside.astype(np.int32)


def _tops(height: Plane, depth: int | float) -> Bool[np.ndarray, "h w"]:
    """The hills that rise by ``depth`` above the pass to a higher one."""
    cut = _rebuilt(np.where(height > OUTSIDE, height - depth, OUTSIDE).astype(np.float32), height)
    small = np.float32(depth / 100)
    return np.asarray((cut > _rebuilt(cut - small, cut)) & (height > OUTSIDE))


def _rebuilt(low: Plane, high: Plane) -> Plane:
    """What ``low`` becomes if it spreads to neighbours as far as ``high`` lets it: reconstruction by dilation."""
    while True:
        grown: Plane = np.minimum(cv2.dilate(low, AROUND), high).astype(np.float32)
        if np.array_equal(grown, low):
            return grown
        low = grown


def _flooded(height: Plane, numbers: Plane) -> Int32[np.ndarray, "h w"]:
    """Numbers spread from the seeds downhill, over the pixels above a level that sinks."""
    level = float(height.max())
    while level > -STEP:
        level -= STEP
        waiting = (height >= max(level, 0)) & (numbers == 0)
        while waiting.any():
            grown = np.where(waiting, cv2.dilate(numbers, AROUND), numbers).astype(np.float32)
            reached = waiting & (grown > 0)
            if not reached.any():
                break
            numbers, waiting = grown, waiting & ~reached
    return numbers.astype(np.int32)
