"""A network as a figure in the style of the papers, drawn from what was seen while it ran."""

from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from itertools import chain
from typing import TYPE_CHECKING

from pixelwise.report.diagram_places import PLUS, TOUCH, Box, breadth, main_link, name_of, named, place

if TYPE_CHECKING:
    from pixelwise.models.tracing import Stage

WIDTH, LEAST_WIDTH = 900.0, 640.0  # of the figure, in the units of its view box
RIGHT = 20.0  # free on the right
LEGEND_ROW = 19.0
SMALL_LETTER = 5.9  # width of a letter of the subtitle, at most

COLORS = {
    "image": "#b8bcc4",
    "max pooling": "#d9534f",
    "average pooling": "#e08a86",
    "unpooling": "#e8a33d",
    "bilinear upsampling": "#e3c53f",
    "nearest upsampling": "#aaa53c",
}
# The first of these words that a convolution's description holds gives its colour.
CONVOLUTION_COLORS = {
    "upsampling": "#aaa53c",
    "transposed": "#4f9d69",
    "dilated": "#7d67b0",
    "depthwise": "#58a9a5",
    "1x1": "#a5c8e8",
    "3x3": "#4a7ebb",
    "": "#2f4f86",
}
INK, SOFT, PAPER, COPY, COPIED = "#22272e", "#667080", "#fcfcfa", "#eef3f9", "#4a7ebb"
DOWN, UP, ALONG, SKIP = "#c23b36", "#2f7d4b", "#4a5563", "#8a94a3"
ARROWS = {"down": DOWN, "up": UP, "along": ALONG, "skip": SKIP}
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"


def draw_network(stages: Sequence["Stage"], title: str, subtitle: str = "") -> str:
    """The figure as the text of an SVG file.

    stages: in the order in which they run, from ``pixelwise.models.tracing.stages``; the first is the image. Every
    convolution is a slab: its width grows with the logarithm of the channels, its height with that of the height.

    >>> from pixelwise.models.tracing import Link, Stage
    >>> block = Stage("first", "block", 8, 64, 64, convolutions=(("3x3",), ("3x3",)), links=(Link(source=0),))
    >>> draw_network([Stage("", "image", 3, 64, 64), block], "Two convolutions").count("first: 8 x 64 x 64; 2 x 3x3")
    2
    """
    boxes = place(stages, WIDTH - RIGHT)
    width = max(LEAST_WIDTH, breadth(boxes) + RIGHT, 20 + SMALL_LETTER * len(subtitle) + RIGHT)
    body = [*_links(boxes), *_slabs(boxes), *_names(boxes), *_sizes(boxes)]
    legend, height = _legend(boxes, width)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" font-family="{FONT}" role="img" aria-label="{escape(title)}">'
    )
    paper = f'<rect width="{width:.0f}" height="{height:.0f}" rx="8" fill="{PAPER}"/>'
    titles = [_text(20, 27, title, size=16, weight=600), _text(20, 45, subtitle, size=11.5, fill=SOFT)]
    return "\n".join([head, _markers(), paper, *titles, *body, *legend, "</svg>", ""])


def _links(boxes: Sequence[Box]) -> Iterator[str]:
    for index, box in enumerate(boxes[1:], start=1):
        for link in box.stage.links:
            source = boxes[link.source]
            if link.kind == "indices":
                yield _along_the_row(boxes, link.source, index, box.left, dashed=True)
            elif link != main_link(box.stage):
                host = _host(boxes, link.source, index)
                yield _along_the_row(boxes, link.source, host, _end_of_skip(boxes[host], link.source))
            elif box.level == source.level and link.source != index - 1:
                yield _along_the_row(boxes, link.source, index, box.left)
            elif box.level == source.level:
                if box.left - source.right > 2 * TOUCH:
                    yield _arrow("along", (source.right, source.y), (box.left, box.y))
            else:
                yield _to_another_level(source, box)


def _to_another_level(source: Box, box: Box) -> str:
    """Straight down where the box stands below the end of the other, else along and then up or down."""
    kind, edge = ("down", box.top) if box.level > source.level else ("up", box.bottom)
    if box.adds:
        edge = box.y + (PLUS * 0.35 if kind == "up" else -PLUS * 0.35)
    if kind == "down" and abs(box.entry - source.exit) < 1:
        return _arrow(kind, (box.entry, source.bottom), (box.entry, edge))
    return _arrow(kind, (source.right, source.y), (box.entry, source.y), (box.entry, edge))


def _host(boxes: Sequence[Box], source: int, target: int) -> int:
    """The box beside which its copy stands: the target, or what is joined with it for the target."""
    return target - 1 if source in dict(boxes[target - 1].copies) else target


def _end_of_skip(host: Box, source: int) -> float:
    """The left edge of its copy, or of the sign of addition."""
    adds = host.adds and source not in dict(host.copies)
    return host.entry - PLUS * 0.35 if adds else host.left


def _along_the_row(boxes: Sequence[Box], source: int, target: int, end: float, *, dashed: bool = False) -> str:
    """A skip connection; around what stands between."""
    first, last = boxes[source], boxes[target]
    between = [box for box in boxes[source + 1 : target] if box.level == last.level and box.right < end]
    if first.level != last.level:
        bend = end - 8
        return _arrow("skip", (first.right, first.y), (bend, first.y), (bend, last.y), (end, last.y), dashed=dashed)
    if not between:
        return _arrow("skip", (first.right, first.y), (end, last.y), dashed=dashed)
    under = max(box.bottom for box in [first, *between]) + 8
    start = first.right - 3
    way = [(start, first.bottom), (start, under)]
    if last.adds:
        return _arrow("skip", *way, (last.entry, under), (last.entry, last.y + PLUS * 0.35), dashed=dashed)
    return _arrow("skip", *way, (end - 6, under), (end - 6, last.y), (end, last.y), dashed=dashed)


def _arrow(kind: str, *points: tuple[float, float], dashed: bool = False) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashes = ' stroke-dasharray="5 3"' if dashed else ""
    return (
        f'<polyline points="{path}" fill="none" stroke="{ARROWS[kind]}" stroke-width="1.5"{dashes} '
        f'marker-end="url(#{kind})"/>'
    )


def _markers() -> str:
    heads = (
        f'<marker id="{kind}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0,0.8 L8,4 L0,7.2 z" fill="{color}"/></marker>'
        for kind, color in ARROWS.items()
    )
    return f"<defs>{''.join(heads)}</defs>"


def _slabs(boxes: Sequence[Box]) -> Iterator[str]:
    for box in boxes:
        hint = _hint(box)
        x = box.left
        for source, width in box.copies:
            copied = f"a copy of {name_of(boxes[source].stage)}, {boxes[source].stage.channels} channels"
            yield _rectangle(x, box, width, COPY, copied, stroke=COPIED)
            x += width + TOUCH
        if box.adds:
            yield _plus(box.entry, box.y)
        x = box.x
        for step, width in zip(_steps(box), box.slabs, strict=True):
            for row, kind in enumerate(step):
                yield _rectangle(x, box, width, _color(kind), hint, part=(row, len(step)))
            x += width


def _steps(box: Box) -> tuple[tuple[str, ...], ...]:
    """What each of its slabs is; several things above each other run side by side."""
    return box.stage.convolutions or ((box.stage.kind,),)


def _color(kind: str) -> str:
    return COLORS.get(kind) or next(color for word, color in CONVOLUTION_COLORS.items() if word in kind)


def _hint(box: Box) -> str:
    stage = box.stage
    counts = Counter(chain.from_iterable(stage.convolutions))
    convolutions = "".join(f"; {count} x {kind}" for kind, count in counts.items())
    return f"{stage.name or stage.kind}: {stage.channels} x {stage.height} x {stage.width}{convolutions}"


def _rectangle(
    x: float, box: Box, width: float, fill: str, hint: str, *, stroke: str = PAPER, part: tuple[int, int] = (0, 1)
) -> str:
    """As high as the box, or one part of so many of it."""
    height = box.height / part[1]
    return (
        f'<rect x="{x:.1f}" y="{box.top + part[0] * height:.1f}" width="{width:.1f}" height="{height:.1f}" rx="1.5" '
        f'fill="{fill}" stroke="{stroke}" stroke-width="0.8"><title>{escape(hint)}</title></rect>'
    )


def _plus(x: float, y: float) -> str:
    radius = PLUS * 0.35
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{PAPER}" stroke="{ALONG}" stroke-width="1.2"/>'
        f'<path d="M{x - 4:.1f},{y:.1f} h8 M{x:.1f},{y - 4:.1f} v8" stroke="{ALONG}" stroke-width="1.2"/>'
    )


def _names(boxes: Sequence[Box]) -> Iterator[str]:
    """Name and channels above every box; beside an arrow that comes from above."""
    for box in filter(named, boxes):
        above = box.stage.links and boxes[main_link(box.stage).source].level < box.level
        x = box.entry + 5 if above else box.x
        yield _text(x, box.top - 17, name_of(box.stage), size=10, fill=SOFT)
        yield _text(x, box.top - 5, str(box.stage.channels), size=11, weight=600)


def _sizes(boxes: Sequence[Box]) -> Iterator[str]:
    """Height x width at the left of every row; under every block where they differ within a row."""
    named_boxes = [box for box in boxes if named(box)]
    sizes = {(box.level, _size(box)) for box in named_boxes}
    if len(sizes) > len({level for level, _ in sizes}):
        yield from (_text(box.x, box.bottom + 11, _size(box), size=9.5, fill=SOFT) for box in named_boxes)
        return
    rows = {box.level: box for box in [*boxes, *named_boxes]}
    yield from (_text(20, box.y + 4, _size(box), size=11, fill=SOFT) for box in rows.values())


def _size(box: Box) -> str:
    height, width = box.stage.height, box.stage.width
    return f"{height}²" if height == width else f"{height} × {width}"


def _legend(boxes: Sequence[Box], width: float) -> tuple[list[str], float]:
    """What colours and arrows mean, only those that occur; and where the figure ends."""
    kinds = dict.fromkeys(kind for box in boxes[1:] for step in _steps(box) for kind in step)
    links = {link.kind for box in boxes for link in box.stage.links}
    entries = [(_swatch(_color(kind)), kind if kind in COLORS else f"{kind} convolution") for kind in kinds]
    if any(box.copies for box in boxes):
        entries.append((_swatch(COPY, COPIED), "copied by a skip connection, concatenated"))
    if any(len(step) > 1 for box in boxes for step in _steps(box)):
        entries.append((_halves(), "side by side"))
    if "addition" in links:
        entries.append((_plus(8, -4), "addition"))
    if "indices" in links:
        entries.append((_arrow("skip", (0, -4), (20, -4), dashed=True), "pooling indices"))
    for arrow, meaning in (("down", "to a lower resolution"), ("up", "to a higher one")):
        entries.append((_arrow(arrow, (0, -4), (20, -4)), meaning))
    x, y = 20.0, max(box.bottom for box in boxes) + 42
    parts = []
    for sign, words in entries:
        length = 30 + 5.7 * len(words)
        if x + length > width - 10:
            x, y = 20.0, y + LEGEND_ROW
        parts.append(f'<g transform="translate({x:.1f} {y:.1f})">{sign}{_text(25, 0, words, size=10.5)}</g>')
        x += length + 10
    return parts, y + 18


def _swatch(color: str, stroke: str = "none") -> str:
    return f'<rect x="4" y="-11" width="13" height="13" rx="2" fill="{color}" stroke="{stroke}"/>'


def _halves() -> str:
    square = '<rect x="4" y="-11" width="13" height="13" rx="2"/><path d="M4,-4.5 h13"/>'
    return f'<g stroke="{INK}" fill="none">{square}</g>'


def _text(x: float, y: float, words: str, *, size: float, fill: str = INK, weight: int = 400) -> str:
    style = f'font-size="{size}" fill="{fill}" font-weight="{weight}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(words)}</text>'
