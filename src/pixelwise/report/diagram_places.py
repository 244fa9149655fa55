"""Where the boxes of a network's diagram stand: time from left to right, resolution from top to bottom."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pixelwise.models.tracing import Link, Stage

LEFT, TOP = 92.0, 56.0  # of the area for the boxes: sizes stand to its left, the title above
TEXT_ABOVE, BELOW = 30.0, 14.0  # every row: names and channels above, room for arrows below
GAP = 18.0  # between boxes, for an arrow
TOUCH = 1.5  # between boxes that belong together
PLUS = 20.0  # room for the sign of an addition
LETTER = 5.9  # width of a letter of a name, about
SCALES = [step / 50 for step in range(160, 15, -1)]  # of the widths of boxes; the largest that fits is taken


@dataclass(frozen=True)
class Box:
    """A stage with its place.

    level: its row. x: where its slabs begin, y: its middle. slabs: their widths. copies: what skip connections bring
    beside it, the place of the stage and the width of each. adds: whether something is added in front of it.
    resampled: whether it only brings another resolution, for the block after it.
    """

    stage: "Stage"
    level: int
    slabs: tuple[float, ...]
    copies: tuple[tuple[int, float], ...] = ()
    adds: bool = False
    resampled: bool = False
    x: float = field(default=0.0, kw_only=True)
    y: float = field(default=0.0, kw_only=True)

    @property
    def height(self) -> float:
        """Grows with the logarithm of the stage's height."""
        return max(14.0, 15 * math.log2(max(2, self.stage.height)) - 30)

    @property
    def before(self) -> float:
        """What stands before the slabs."""
        return sum(width + TOUCH for _, width in self.copies) + (PLUS if self.adds else 0)

    @property
    def left(self) -> float:
        return self.x - self.before

    @property
    def right(self) -> float:
        return self.x + sum(self.slabs)

    @property
    def top(self) -> float:
        return self.y - self.height / 2

    @property
    def bottom(self) -> float:
        return self.y + self.height / 2

    @property
    def entry(self) -> float:
        """Where an arrow from another resolution arrives."""
        return self.x - PLUS / 2 if self.adds else self.x + self.slabs[0] / 2

    @property
    def exit(self) -> float:
        """Where an arrow to a lower resolution leaves."""
        return self.right - self.slabs[-1] / 2


def place(stages: Sequence["Stage"], width: float) -> list[Box]:
    """Every stage at its place, the boxes as wide as ``width`` allows."""
    levels = _levels(stages)
    for scale in SCALES:
        boxes = _in_line(_boxes(stages, levels, scale))
        if breadth(boxes) <= width:
            break
    middles, y = {}, TOP
    for level in sorted(set(levels)):
        height = max(box.height for box in boxes if box.level == level)
        middles[level] = y + TEXT_ABOVE + height / 2
        y += TEXT_ABOVE + height + BELOW
    return [replace(box, y=middles[box.level]) for box in boxes]


def breadth(boxes: Sequence[Box]) -> float:
    """Where the last of them, or what is written above it, ends."""
    return max(max(box.right, box.x + text_width(box) * named(box)) for box in boxes)


def main_link(stage: "Stage") -> "Link":
    """The link that the stage continues: the one to the latest stage, but for indices."""
    return max((link for link in stage.links if link.kind != "indices"), key=lambda link: link.source)


def _levels(stages: Sequence["Stage"]) -> list[int]:
    """How often each has been halved; counted from stage to stage, for valid convolutions lose pixels besides."""
    levels = [0]
    for stage in stages[1:]:
        source = main_link(stage).source
        levels.append(levels[source] + round(math.log2(stages[source].height / stage.height)))
    return levels


def _boxes(stages: Sequence["Stage"], levels: Sequence[int], scale: float) -> list[Box]:
    """The boxes without their places."""
    widths = [scale * max(4.0, 2 * math.log2(stage.channels) - 3) for stage in stages]
    boxes = [
        Box(stage, level, (width,) * max(1, len(stage.convolutions)), resampled=_resampled(stage, level == following))
        for stage, level, width, following in zip(stages, levels, widths, [*levels[1:], None], strict=True)
    ]
    for index, stage in enumerate(stages):
        main = main_link(stage).source if stage.links else index
        others = [(link.source, widths[link.source]) for link in stage.links if link.source != main]
        if any(link.kind == "addition" for link in stage.links):
            boxes[index] = replace(boxes[index], adds=True)
        elif any(link.kind == "concatenation" for link in stage.links):
            here = levels[main] == levels[index]
            grown = boxes[main].resampled and here
            moves_on = not (here or boxes[main].copies) and all(levels[source] == levels[main] for source, _ in others)
            host = main if main == index - 1 and (grown or moves_on) else index  # beside what it is joined to
            boxes[host] = replace(boxes[host], copies=tuple(others))
    return boxes


def _resampled(stage: "Stage", followed: bool) -> bool:
    """Whether a stage only brings another resolution. followed: whether the next one has the same."""
    return not stage.convolutions or (followed and "transposed" in str(stage.convolutions))


def _in_line(boxes: Sequence[Box]) -> list[Box]:
    """From left to right: beside the box before, under its end where it is pooled, beyond its end where it grows."""
    placed = [replace(boxes[0], x=LEFT)]
    row_ends = {boxes[0].level: placed[0].right}
    text_ends = {boxes[0].level: LEFT + text_width(boxes[0])}
    for box in boxes[1:]:
        last = placed[-1]
        free = row_ends.get(box.level, LEFT - GAP) + (2 * GAP if box.level < last.level else GAP)
        if box.level == last.level:
            x = last.right + (TOUCH if last.resampled else GAP) + box.before
        elif box.level > last.level:
            x = last.exit - box.slabs[0] / 2 + box.before
            free = row_ends.get(box.level, -GAP) + GAP
        else:
            past = max(last.right + GAP / 2 + 2, last.x + text_width(last) + 4 if named(last) else 0)
            x = past + (PLUS / 2 if box.adds else -box.slabs[0] / 2)
        if box.level != last.level or not last.resampled:
            x = max(x, free + box.before)
        if named(box):
            x = max(x, text_ends.get(box.level, 0) + 9)
            text_ends[box.level] = x + text_width(box)
        placed.append(replace(box, x=x))
        row_ends[box.level] = placed[-1].right
    return placed


def named(box: Box) -> bool:
    """Whether its name and channels are written above it."""
    return box.stage.kind == "image" or (bool(box.stage.name) and not (box.resampled and box.stage.convolutions))


def text_width(box: Box) -> float:
    """Of what is written above it."""
    return LETTER * max(len(name_of(box.stage)), len(str(box.stage.channels)) + 1)


def name_of(stage: "Stage") -> str:
    """What is written above it: the module's own name, with its number in a list."""
    *parents, own = (stage.name or stage.kind).split(".")
    return f"{parents[-1]}.{own}" if own.isdecimal() and parents else own
