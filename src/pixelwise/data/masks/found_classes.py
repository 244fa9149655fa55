"""What is found out about the classes of masks."""

from typing import NamedTuple

from pixelwise.data.masks.decoders import Decoder
from pixelwise.errors import DataError, UserError
from pixelwise.labels import LabelMap

BINARY = ("background", "foreground")  # what masks of two values hold


class Classes(NamedTuple):
    """What masks mean: the label map, the decoder, one phrase saying where that is from, and what should be mended."""

    labels: LabelMap
    decode: Decoder
    evidence: str
    problems: tuple[DataError, ...] = ()


class NotMasks(UserError):
    """The pictures have so many values or colours that they cannot be masks."""
