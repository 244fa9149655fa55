"""What an exported file says of itself: classes, colours, and where it comes from. Needs no torch."""

from pathlib import Path
from typing import Annotated

import pydantic

from pixelwise.errors import UserError
from pixelwise.labels import Color, LabelMap

KEY = "pixelwise"  # of the metadata under which the card lies
Side = Annotated[int, pydantic.Field(ge=1, le=16384)]


class Card(pydantic.BaseModel):
    """names, colors, ignore: of the classes. size: height and width whose area the network sees, as resized inside.

    model: the network's name. channels, bits: of the images. data: what it was trained on, whose licence counts.
    pixelwise: the version that exported it. precision: of the weights, or int8. offsets: as of `Bundle.offsets`.
    """

    model: str
    names: tuple[str, ...]
    colors: tuple[Color, ...]
    ignore: int
    size: tuple[Side, Side]
    channels: int = pydantic.Field(ge=1, le=1024)
    bits: int = pydantic.Field(ge=8, le=16)
    data: str
    licence: str
    pixelwise: str
    precision: str
    offsets: dict[str, float] = {}

    @property
    def labels(self) -> LabelMap:
        """What the classes are."""
        return LabelMap(self.names, self.colors, self.ignore)


def read_card(path: Path, text: str | None) -> Card:
    """The card in a file's metadata. Raises UserError where there is none, or a damaged one."""
    if not text:
        raise UserError(f"{path}: was not exported by pixelwise; make it with `pixelwise export`")
    try:
        card = Card.model_validate_json(text)
        _ = card.labels
    except (pydantic.ValidationError, UserError) as error:
        raise UserError(f"{path}: its metadata is damaged; export it again") from error
    return card
