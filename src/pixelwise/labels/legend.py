"""Classes as HTML for a notebook: a square of the colour, and the name."""

from collections.abc import Mapping
from html import escape

from pixelwise.labels.label_map import Color, LabelMap

MOST = 200  # classes that a legend shows

# The grey edge shows on light and on dark pages, whatever the colour inside.
SQUARE = "display:inline-block;width:.8em;height:.8em;border:1px solid rgba(128, 128, 128, .8);background-color:rgb{}"


def swatch(color: Color) -> str:
    """A small square of a colour.

    >>> "rgb(0, 0, 142)" in swatch((0, 0, 142))
    True
    """
    return f'<span style="{SQUARE.format(color)}"></span>'


def legend(labels: LabelMap, notes: Mapping[str, str] | None = None) -> str:
    """The classes, each with its square; names are escaped.

    notes: class name -> what is said behind it; only these classes are shown, in this order. None = all, at most 200.

    >>> streets = LabelMap(("road", "R&D"), ((128, 64, 128), (0, 0, 142)))
    >>> legend(streets, {"R&D": "40%"}).endswith("</span> R&amp;D 40%</span>")
    True
    """
    colors = dict(zip(labels.names, labels.colors, strict=True))
    shown = dict.fromkeys(labels.names, "") if notes is None else notes
    parts = [
        f'<span style="white-space:nowrap">{swatch(colors[name])} {escape(f"{name} {note}".rstrip())}</span>'
        for name, note in list(shown.items())[:MOST]
    ]
    rest = len(shown) - len(parts)
    return " &ensp;".join([*parts, *([f"and {rest} more"] if rest else [])])
