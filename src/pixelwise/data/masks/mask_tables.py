"""Whether a table of classes is of some index masks, and which of their values its classes have."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pixelwise.data.description import Description
from pixelwise.data.masks.found_classes import BINARY, Classes
from pixelwise.data.masks.palettes import distinct_colors
from pixelwise.labels import IGNORE, LabelMap

MOST_UNKNOWN = 0.1  # share of masks with a value that a table of classes has not, for the table to be of these masks
LONGER = 2  # times more classes than values, from which on a table with colours is of other masks


def fitting(table: Description, masks: Sequence[frozenset[int]]) -> Description | None:
    """The table if it names the values of nearly all masks, else None; masks: the values of each.

    A table of names alone may leave out the background: then 0 is a class that it has not.
    """
    assert table.labels
    every = sorted(set().union(*masks))
    highest = max((value for value in every if value != IGNORE), default=0)
    if are_greys({*every}, greys := grey_values(table.labels)):
        return with_values(table, greys)
    made_up = table.labels.colors == distinct_colors(len(table.labels))
    two = len(every) == 2 and every[0] == 0 and len(table.labels) <= 2
    if made_up and (two or highest == len(table.labels)):
        table = _with_background(table, 2 if two else highest + 1)
    if made_up and two:
        return with_values(table, {0: 0, every[1]: 1})
    known = {*(table.values or range(highest + 1)), *table.ignored}
    if not made_up and len(known) > LONGER * (highest + 1):
        return None  # of another set of classes, as CamVid's table of 32 beside masks of 11
    unknown = sum(not values <= known for values in masks)
    return table if unknown <= MOST_UNKNOWN * len(masks) else None


def _with_background(table: Description, count: int) -> Description:
    """A table of names with one for the value 0, if it has one fewer than there are values."""
    assert table.labels
    if len(table.labels) >= count or BINARY[0] in table.labels.names:
        return table
    names = (BINARY[0], *table.labels.names)
    return replace(table, labels=LabelMap(names, distinct_colors(len(names))), values={}, ignored=(IGNORE,))


def grey_values(labels: LabelMap) -> dict[int, int]:
    """Class by grey value, or none where a colour is not grey or there twice."""
    greys = {color[0]: index for index, color in enumerate(labels.colors) if len({*color}) == 1}
    return greys if len(greys) == len(labels) else {}


def are_greys(held: set[int], greys: Mapping[int, int]) -> bool:
    """Whether values are these greys, rather than the classes' indices."""
    return held <= greys.keys() and max(held, default=0) >= len(greys)


def with_values(description: Description, values: Mapping[int, int]) -> Description:
    """The description with these pixel values, none of which is ignored any more."""
    return replace(description, values=values, ignored=tuple(set(description.ignored) - values.keys()))


def with_names(found: Classes, table: Description | None) -> Classes:
    """The classes with the names of a table that has as many, in the order of their values."""
    if not (table and table.labels and len(table.labels) == len(found.labels)):
        return found
    greys = grey_values(table.labels)
    order = [greys[value] for value in sorted(greys)] or range(len(table.labels))
    names, colors = table.labels.names, table.labels.colors
    labels = LabelMap(tuple(names[index] for index in order), tuple(colors[index] for index in order))
    source = table.source.name if table.source else "a table"
    return found._replace(labels=labels, evidence=f"{found.evidence}, classes from {source}")
