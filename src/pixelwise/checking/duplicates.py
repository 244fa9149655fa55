"""The same image, or nearly the same, in two splits: what was learnt is then asked again in the test.

Bits of 1024 that differ between a copy (JPEG 50 to 95, scaled by 0.5 to 1.5, 10 % brighter or darker, or all three)
and its original: median 8, 99 % within 40 (CamVid), 50 (drawn streets), 58 (pairs); at most 74.
Between different images: at least 74 (CamVid, 1 s apart from a car that stands still), 158 (CARLA), 176 (pairs),
436 (drawn streets). So within 64: no two different images of these sets, and all copies but 0.2 % in pairs.
With 256 bits the worst copy is farther than 20 % of the CamVid frames are from their nearest other.
"""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from pixelwise.data.dataset import Image

Hash = npt.NDArray[np.uint64]
Hashes = npt.NDArray[np.uint64]

WORDS = 16  # of 64 bits
SIDE, LOWEST = 64, 32  # the image is shrunk to SIDE x SIDE; the LOWEST x LOWEST frequencies of it are hashed
FLAT = 2.0  # grey levels; an image with a smaller standard deviation shows nothing
MOST_DISTANCE = 64
ROWS, COLUMNS = 16, 4096  # compared at a time: what a processor's second cache holds


def perceptual_hash(image: Image) -> Hash:
    """1024 bits that stay nearly the same when an image is stored anew, scaled or made a little brighter.

    image: (h, w, c) uint8 of any size; of c channels the first three are used, or the first where there are fewer.
    Returns (16,) uint64. A bit says whether one of the lowest 32 x 32 frequencies of the grey image, shrunk to
    64 x 64, is stronger than their median. An image of one flat colour gives only zeros, which no other image does.
    Source: Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash Functions", there with 64 bits.

    >>> rng = np.random.default_rng(0)
    >>> image = cv2.resize(rng.integers(0, 256, (8, 10, 3), np.uint8), (100, 80))
    >>> brighter = perceptual_hash(image // 2), perceptual_hash(image // 2 + 9)
    >>> int(np.bitwise_count(brighter[0] ^ brighter[1]).sum()) <= MOST_DISTANCE
    True
    """
    grey = shrunk_grey(image, SIDE, SIDE)
    if grey.std() < FLAT:
        return np.zeros(WORDS, np.uint64)
    strengths = cv2.dct(grey)[:LOWEST, :LOWEST]
    bits = strengths > np.median(strengths)
    bits[0, 0] = False  # the mean brightness
    return np.packbits(bits).view(np.uint64)


def shrunk_grey(image: Image, height: int, width: int) -> npt.NDArray[np.float32]:
    """The mean of the colours, 0-255, at a smaller size: (h, w, c) uint8 -> (height, width) float32.

    >>> shrunk_grey(np.full((4, 4, 3), 7, np.uint8), 1, 2)
    array([[7., 7.]], dtype=float32)
    """
    colours = np.ascontiguousarray(image[..., : 3 if image.shape[2] >= 3 else 1])
    small = cv2.resize(colours, (width, height), interpolation=cv2.INTER_AREA)
    grey: npt.NDArray[np.float32] = small.reshape(height, width, -1).mean(axis=2, dtype=np.float32)
    return grey


def are_flat(hashes: Hashes) -> npt.NDArray[np.bool_]:
    """Which hashes are those of images of one flat colour: (n, 16) uint64 -> (n,).

    >>> are_flat(np.array([[0, 0], [0, 5]], np.uint64))
    array([ True, False])
    """
    flat: npt.NDArray[np.bool_] = np.bitwise_or.reduce(hashes, axis=1) == 0
    return flat


def near_duplicates(
    hashes: Hashes, groups: Sequence[int] | None = None, most_distance: int = MOST_DISTANCE
) -> list[tuple[int, int, int]]:
    """Every image that nearly repeats an earlier one of another group, with the nearest such: (earlier, image, bits).

    hashes: (n, words) uint64. groups: one number per image, its split; None compares all with all. most_distance:
    how many bits may differ. Each image is named once at most as the later one, so a hundred thousand copies of one
    image give 99,999 lines and not five billion pairs; of equally near ones the first is named. Images of one flat
    colour are compared with none: `are_flat` says which they are.

    >>> hashes = np.array([[0b1111], [0b0111], [0b1000], [0b0111]], np.uint64)
    >>> near_duplicates(hashes, most_distance=1)
    [(0, 1, 1), (1, 3, 0)]
    >>> near_duplicates(hashes, groups=[0, 0, 1, 1], most_distance=1)
    [(1, 3, 0)]
    """
    shown = np.flatnonzero(~are_flat(hashes))
    words = np.ascontiguousarray(hashes[shown].T)  # (words, n)
    kinds = np.arange(len(shown)) if groups is None else np.asarray(groups)[shown]
    found: list[tuple[int, int, int]] = []
    for start in range(0, len(shown), ROWS):
        nearest, distance = _nearest_earlier(words, kinds, start, most=most_distance)
        near = np.flatnonzero(distance <= most_distance)
        pairs = shown[nearest[near]].tolist(), shown[start + near].tolist(), distance[near].tolist()
        found += list(zip(*pairs, strict=True))
    return found


def _nearest_earlier(
    words: Hashes, kinds: npt.NDArray[np.int64], start: int, *, most: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The nearest earlier one of another kind and its distance, for the ROWS hashes from ``start`` on."""
    rows = np.arange(start, min(start + ROWS, len(kinds)))
    nearest, least = np.zeros(len(rows), np.int64), np.full(len(rows), np.iinfo(np.uint16).max, np.int64)
    for columns in _blocks(int(rows[-1])):
        distance = _distances(words[:, rows], words[:, columns], most)
        if distance is None:
            continue
        unfit = (kinds[rows, None] == kinds[columns]) | (columns >= rows[:, None])
        distance[unfit] = np.iinfo(np.uint16).max
        best = distance.argmin(axis=1)
        value = distance[np.arange(len(rows)), best]
        better = value < least
        nearest[better], least[better] = columns[best[better]], value[better]
    return nearest, least


def _blocks(end: int) -> Iterator[npt.NDArray[np.int64]]:
    return (np.arange(column, min(column + COLUMNS, end)) for column in range(0, end, COLUMNS))


def _distances(some: Hashes, others: Hashes, most: int) -> npt.NDArray[np.uint16] | None:
    """How many bits differ: (words, n), (words, m) -> (n, m); None as soon as it is clear that all are beyond most."""
    distance = np.zeros((some.shape[1], others.shape[1]), np.uint16)
    for number, (word, other) in enumerate(zip(some, others, strict=True), 1):
        distance += np.bitwise_count(word[:, None] ^ other)
        if number % 4 == 0 and distance.min() > most:
            return None
    return distance
