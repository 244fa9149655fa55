"""What the classes are: names, colours, the ignore index."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from pixelwise.errors import UserError

Color = tuple[int, int, int]
Label = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

IGNORE = 255


@dataclass(frozen=True)
class LabelMap:
    """The classes of a dataset or a model: class ``i`` is called ``names[i]``, drawn in ``colors[i]``.

    Pixels whose label is ``ignore`` are neither learnt from nor scored; they are drawn black.

    names: one per class, no two alike. colors: RGB in [0, 255], one per class.
    Raises UserError where names repeat, or names and colours differ in number.

    >>> streets = LabelMap(("road", "car"), ((128, 64, 128), (0, 0, 142)))
    >>> streets.index("car"), len(streets)
    (1, 2)
    >>> streets.colorize(np.array([[0, 255]], np.uint8)).tolist()
    [[[128, 64, 128], [0, 0, 0]]]
    """

    names: tuple[str, ...]
    colors: tuple[Color, ...]
    ignore: int = IGNORE

    def __post_init__(self) -> None:
        if not self.names:
            raise UserError("a label map needs at least one class")
        if len(self.names) != len(self.colors):
            raise UserError(f"{len(self.names)} class names but {len(self.colors)} colours; give one colour per class")
        for index, name in enumerate(self.names):
            if name in self.names[:index]:
                raise UserError(
                    f"classes {self.names.index(name)} and {index} are both called '{name}'; rename one, or merge them"
                )
        if any(not 0 <= value <= 255 for color in self.colors for value in color):
            raise UserError("colours are RGB values from 0 to 255")

    def __len__(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """The class index of a name, upper and lower case alike."""
        for index, known in enumerate(self.names):
            if known.lower() == name.lower():
                return index
        raise UserError(f"there is no class '{name}'; the classes are {', '.join(self.names)}")

    @cached_property
    def palette(self) -> npt.NDArray[np.uint8]:
        """(65536, 3) uint8: the colour of every possible label value, black where it is no class."""
        table = np.zeros((65536, 3), np.uint8)
        table[: len(self.colors)] = self.colors
        return table

    def colorize(self, label: Label) -> npt.NDArray[np.uint8]:
        """(h, w) class indices -> (h, w, 3) uint8 RGB; ignored pixels black."""
        return self.palette[label]

    def check_colors_differ(self) -> None:
        """Raises UserError where two classes share a colour, so that colour masks cannot be decoded."""
        for index, color in enumerate(self.colors):
            if color in self.colors[:index]:
                first = self.names[self.colors.index(color)]
                raise UserError(
                    f"'{first}' and '{self.names[index]}' share the colour {color}, so colour masks cannot tell "
                    "them apart; give one another colour, or merge the two classes"
                )
