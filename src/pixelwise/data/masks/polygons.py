"""Shapes as annotators draw them, made into labels: polygons, run lengths, and labelme's figures.

Every format means the pixels that its own tool fills, so there are three rasterisers: COCO's own takes a pixel where
its centre lies inside the outline; Ultralytics' is OpenCV's and labelme's Pillow's, which take the outline too.
All functions raise ValueError, in words that follow "a shape that", where a shape makes no sense.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from PIL import ImageDraw

from pixelwise.labels import Label

Points = npt.NDArray[np.float64]  # (n, 2): x to the right and y down, in pixels
Runs = npt.NDArray[np.int64]  # lengths of runs down one column after another: outside, inside, outside, ...

MOST_POINTS = 100_000  # of one shape
MOST_OUTLINE = 4_000_000  # pixels along all outlines of a photo; takes seconds
MOST_RUNS = 2**24  # of all shapes of a photo
FINE = 5  # steps per pixel of COCO's rasteriser
PIECE = 2**18  # steps of an outline that are walked at a time
LOST_DIGITS = 0.01  # pixels by which a whole coordinate may be smaller after it was written as a share
LINE_WIDTH, POINT_RADIUS = 10, 5  # pixels; labelme's own, in its shape_to_mask


def as_points(values: object, height: int, width: int) -> Points:
    """(n, 2) points from whatever a file holds; those more than an image's side outside are moved there.

    values: pairs, or x and y in turn.

    >>> as_points([1, 2, 1e308, 4], 10, 20).tolist()
    [[1.0, 2.0], [40.0, 4.0]]
    """
    try:
        flat = np.asarray(values, np.float64).ravel()
    except (TypeError, ValueError, OverflowError):
        raise ValueError("is no list of numbers") from None
    if flat.size % 2:
        raise ValueError("has an odd number of coordinates")
    if flat.size > 2 * MOST_POINTS:
        raise ValueError(f"has more than {MOST_POINTS:,} points")
    if not np.isfinite(flat).all():
        raise ValueError("has a coordinate that is no number")
    return np.clip(flat.reshape(-1, 2), (-width, -height), (2 * width, 2 * height))


def polygon_runs(points: Points, height: int, width: int) -> Runs:
    """The pixels whose centres lie inside a polygon, exactly those of COCO's API (Lin et al., ECCV 2014; rleFrPoly).

    points: (n, 2), n >= 3. The outline is walked in steps of a fifth of a pixel; where it passes the middle of a
    column of pixels, inside and outside change places.

    >>> square = as_points([1, 0, 3, 0, 3, 2, 1, 2], 3, 4)
    >>> paint_shapes([(1, [square])], 3, 4, 0).tolist()
    [[0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    """
    if len(points) < 3:
        raise ValueError("has fewer than three points")
    corners = np.trunc(points * FINE + 0.5)
    edges = np.stack([corners, np.roll(corners, -1, axis=0)], axis=1)
    steps = np.abs(edges[:, 1] - edges[:, 0]).max(axis=1).cumsum()
    pieces = np.split(edges, np.searchsorted(steps, np.arange(PIECE, steps[-1], PIECE)))
    changes = np.sort(np.concatenate([_changes(piece, height, width) for piece in pieces]))
    return np.diff(changes, prepend=0, append=height * width)


def _changes(edges: npt.NDArray[np.float64], height: int, width: int) -> Runs:
    """Where inside and outside change places on these edges, as pixels counted down one column after another."""
    x, y = _walked(edges)
    passed = np.flatnonzero(x[1:] != x[:-1])
    column, rest = np.divmod(np.minimum(x[passed], x[passed + 1]) - FINE // 2, FINE)
    top = np.minimum(y[passed], y[passed + 1])
    row = np.clip(-((FINE // 2 - top) // FINE), 0, height)
    middle = (rest == 0) & (column >= 0) & (column < width)
    return np.asarray(column[middle] * height + row[middle])


def _walked(edges: npt.NDArray[np.float64]) -> tuple[Runs, Runs]:
    """x and y of all whole-numbered points along edges (n, 2 ends, 2), each walked from its lower end as by COCO."""
    reach = np.abs(edges[:, 1] - edges[:, 0])
    steps = reach.max(axis=1).astype(np.int64)
    numbers = np.arange(len(edges))
    major = np.where(reach[:, 0] >= reach[:, 1], 0, 1)
    back = edges[numbers, 0, major] > edges[numbers, 1, major]
    low, high = edges[numbers, back.astype(int)], edges[numbers, 1 - back.astype(int)]
    slope = (high - low) / np.maximum(steps, 1)[:, None]
    edge = np.repeat(numbers, steps + 1)
    along = np.arange(len(edge)) - np.repeat(np.cumsum(steps + 1) - steps - 1, steps + 1)
    along = np.where(back[edge], steps[edge] - along, along)
    x, y = (np.floor(low[edge, axis] + slope[edge, axis] * along + 0.5).astype(np.int64) for axis in (0, 1))
    return x, y


def counted_runs(counts: object, height: int, width: int) -> Runs:
    """The runs of a COCO "RLE": a list of counts, or those as compressed text.

    >>> counted_runs([1, 2, 3], 2, 3).tolist(), counted_runs("123", 2, 3).tolist()
    ([1, 2, 3], [1, 2, 3])
    """
    if isinstance(counts, str):
        runs = _decompressed(counts)
    elif isinstance(counts, list) and all(type(count) is int and 0 <= count < 2**31 for count in counts):
        runs = np.array(counts, np.int64)
    else:
        raise ValueError("has run lengths that are no numbers, or below zero")
    if (runs < 0).any() or runs.sum() != height * width:
        raise ValueError("has run lengths that do not add up to its height times width")
    return runs


def _decompressed(text: str) -> Runs:
    """COCO's compressed counts.

    Each character less "0" holds five bits, low ones first, and 32 where more follow; the last one's 16 is the sign.
    From the fourth number on, each is the difference to the last but one.
    """
    try:
        bits = np.frombuffer(text.encode("ascii"), np.uint8).astype(np.int64) - ord("0")
    except UnicodeEncodeError:
        raise ValueError("has compressed run lengths with other characters than COCO's") from None
    ends = np.flatnonzero((bits & 32) == 0)
    starts = np.concatenate([[0], ends + 1])[: len(ends)].astype(np.int64)
    lengths = ends - starts + 1
    if not bits.size or bits.min() < 0 or bits.max() > 63 or ends[-1:].tolist() != [bits.size - 1] or lengths.max() > 7:
        raise ValueError("has compressed run lengths that are cut off or damaged")
    place = np.arange(bits.size) - np.repeat(starts, lengths)
    values = np.add.reduceat((bits & 31) << (5 * place), starts)
    values -= np.where(bits[ends] & 16, 1 << (5 * lengths), 0)
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values


def paint_shapes(
    shapes: Iterable[tuple[int, Sequence[Points | Runs]]], height: int, width: int, unlabelled: int
) -> Label:
    """The label (height, width) with larger shapes below smaller ones, so that small objects are seen.

    shapes: (class, parts) pairs, the union of whose parts they are: polygons (n, 2), or runs; of equally large ones
    the later lies above. unlabelled: the class elsewhere.
    """
    drawn: list[tuple[int, list[Runs]]] = []
    outline, runs = 0.0, 0
    for value, parts in shapes:
        outline += _outline(part for part in parts if part.ndim == 2)
        _check_outline(outline)
        drawn.append((value, [_as_runs(part, height, width) for part in parts]))
        runs += sum(map(len, drawn[-1][1]))
        if runs > MOST_RUNS:
            raise ValueError("has run lengths without end")
    flat = np.full(height * width, unlabelled, np.uint8)
    for value, all_runs in sorted(drawn, key=lambda shape: -sum(int(part[1::2].sum()) for part in shape[1])):
        for part in all_runs:
            _paint(flat, part, value)
    return np.ascontiguousarray(flat.reshape(width, height).T)


def _as_runs(part: Points | Runs, height: int, width: int) -> Runs:
    return polygon_runs(part.astype(np.float64), height, width) if part.ndim == 2 else part.astype(np.int64)


def _outline(polygons: Iterable[npt.NDArray[np.generic]]) -> float:
    """The length of closed polygons in pixels."""
    return sum(
        float(np.abs(points - np.roll(points, 1, axis=0)).max(axis=1).sum()) for points in polygons if len(points)
    )


def _check_outline(length: float) -> None:
    if length > MOST_OUTLINE:
        raise ValueError("has too long an outline, or is one of too many")


def _paint(flat: npt.NDArray[np.uint8], runs: Runs, value: int) -> None:
    inner = runs[1:] if len(runs) % 2 == 0 else runs[1:-1]  # without the outside at both ends: most shapes are small
    start = int(runs[:1].sum())
    filled = np.repeat(np.arange(len(inner)) % 2 == 0, inner)
    flat[start : start + len(filled)][filled] = value


def fill_polygons(polygons: Iterable[tuple[int, Points]], height: int, width: int, unlabelled: int) -> Label:
    """The label (height, width) with the pixels that Ultralytics takes: those under the outline and within.

    polygons: (class, (n, 2) points) pairs; larger ones lie below smaller ones. unlabelled: the class elsewhere.
    A polygon that was traced along the pixels of a region gives that region again.

    >>> fill_polygons([(1, as_points([1, 0, 2, 0, 2, 1, 1, 1], 3, 4))], 3, 4, 0).tolist()
    [[0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    """
    drawn = [(value, np.floor(points + LOST_DIGITS).astype(np.int32)) for value, points in polygons]
    _check_outline(_outline(corners for _, corners in drawn))
    label = np.full((height, width), unlabelled, np.uint8)
    for value, corners in sorted(drawn, key=lambda polygon: -_filled_area(polygon[1])):
        cv2.fillPoly(label, [corners], value)
    return label


def _filled_area(corners: npt.NDArray[np.int32]) -> int:
    """How many pixels a polygon fills, those outside the photo too."""
    low = corners.min(axis=0)
    wide, high = (corners.max(axis=0) - low + 1).tolist()
    canvas = np.zeros((high, wide), np.uint8)
    cv2.fillPoly(canvas, [corners - low], 1)
    return int(cv2.countNonZero(canvas))


class Figure(NamedTuple):
    """One of labelme's shapes: its kind ("polygon", "circle", ...), points, class, and the mask of the kind "mask"."""

    kind: str
    points: Points
    value: int
    mask: npt.NDArray[np.bool_] | None = None


def draw_figures(figures: Sequence[Figure], height: int, width: int, unlabelled: int) -> Label:
    """The label (height, width) that labelme makes of its shapes: later ones lie above earlier ones.

    >>> corners = as_points([1, 0, 2, 1], 3, 4)
    >>> draw_figures([Figure("rectangle", corners, 7)], 3, 4, 0).tolist()
    [[0, 7, 7, 0], [0, 7, 7, 0], [0, 0, 0, 0]]
    """
    _check_outline(_outline(figure.points for figure in figures))
    canvas = Pillow.new("L", (width, height), unlabelled)
    draw = ImageDraw.Draw(canvas)
    for figure in figures:
        if figure.kind == "mask":
            _paste(canvas, figure)
        else:
            _draw(draw, figure)
    return np.array(canvas)


# How many points each kind may have; the others have at least that many.
EXACTLY = {"circle": 2, "line": 2, "point": 1, "oriented_rectangle": 4}
AT_LEAST = {"polygon": 3, "rotation": 3, "linestrip": 2, "rectangle": 2}


def _draw(draw: ImageDraw.ImageDraw, figure: Figure) -> None:
    kind, points, value, _ = figure
    if kind not in EXACTLY and kind not in AT_LEAST:
        raise ValueError(f"is a '{kind}', which labelme does not know")
    if len(points) != EXACTLY.get(kind, len(points)) or len(points) < AT_LEAST.get(kind, 0):
        raise ValueError(f"is a {kind} of {len(points)} points")
    xy = [(float(x), float(y)) for x, y in points]
    if kind in {"line", "linestrip"}:
        draw.line(xy, fill=value, width=LINE_WIDTH)
    elif kind in {"circle", "point"}:
        radius = float(np.hypot(*(points[1] - points[0]))) if kind == "circle" else POINT_RADIUS
        (x, y) = xy[0]
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=value, outline=value)
    elif kind == "rectangle" and len(points) == 2:
        draw.rectangle((*points.min(axis=0).tolist(), *points.max(axis=0).tolist()), fill=value, outline=value)
    else:
        draw.polygon(xy, fill=value, outline=value)


def _paste(canvas: Pillow.Image, figure: Figure) -> None:
    """A mask lies in its box, whose both corners it includes."""
    if figure.mask is None or len(figure.points) != 2:
        raise ValueError("is a mask without picture or box")
    (left, top), (right, bottom) = figure.points.astype(int).tolist()
    if figure.mask.shape != (bottom - top + 1, right - left + 1):
        raise ValueError("is a mask of another size than its box")
    canvas.paste(figure.value, (left, top), Pillow.fromarray(figure.mask.astype(np.uint8) * 255))
