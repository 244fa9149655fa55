"""Which classes are meant, of a model or of masks that have numbers alone."""

import colorsys
from collections.abc import Sequence

from pixelwise.errors import UserError
from pixelwise.labels import Color, LabelMap

GOLDEN = 0.618034  # of the circle of hues: those of neighbours differ much


def label_map(classes: Sequence[str], names: str | None) -> LabelMap:
    """What masks hold: the classes of a model, of a dataset, or of a published label map; else numbers are the names.

    classes: those that are asked for. Raises UserError where one of them is unknown.

    >>> label_map(["2"], None).index("2")
    2
    >>> label_map(["car"], "camvid11").index("car")
    8
    """
    if names is not None:
        labels = _named(names)
        for name in classes:
            labels.index(name)
        return labels
    if odd := [name for name in classes if not (name.isdecimal() and int(name) < 65536)]:
        raise UserError(
            f"--class {odd[0]}: masks hold numbers; give a class's number, or say with --names whose they are"
        )
    return _numbers(max(255, *map(int, classes)) + 1)


def _named(names: str) -> LabelMap:
    from pixelwise.api import is_model, load, open_dataset
    from pixelwise.labels import NAMED

    if names in NAMED:
        return NAMED[names]
    return load(names, "cpu").labels if is_model(names) else open_dataset(names).labels


def _numbers(count: int) -> LabelMap:
    return LabelMap(tuple(map(str, range(count))), tuple(map(_color, range(count))))


def _color(number: int) -> Color:
    """Another for each number; black for 0, which is mostly what is of no interest."""
    red, green, blue = colorsys.hsv_to_rgb(number * GOLDEN % 1, 0.65, 0.9 if number else 0.0)
    return round(255 * red), round(255 * green), round(255 * blue)
