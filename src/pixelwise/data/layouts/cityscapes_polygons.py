"""Cityscapes' polygons as masks, drawn as cityscapesScripts' preparation/json2labelImg.py draws them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from PIL import ImageDraw
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pixelwise.data.dataset import RGB, Format, Sample
from pixelwise.data.files.documents import read_json
from pixelwise.data.files.images import read_image
from pixelwise.data.masks.decoders import Decoder
from pixelwise.errors import DataError
from pixelwise.labels import CITYSCAPES_LABELS

IDS = {label.name: label.id for label in CITYSCAPES_LABELS}
NEVER_DRAWN = "license plate"
MOST_BYTES = 2**26

Coordinate = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]


class _Object(BaseModel):
    model_config = ConfigDict(strict=True)

    label: str
    polygon: list[Annotated[list[Coordinate], Field(min_length=2, max_length=2)]]
    deleted: bool | int = False


class Polygons(BaseModel):
    """One *_polygons.json: the photo's size and the objects on it, the later in front of the earlier."""

    model_config = ConfigDict(strict=True)

    height: int = Field(alias="imgHeight", ge=1)
    width: int = Field(alias="imgWidth", ge=1)
    objects: list[_Object]


@dataclass(frozen=True)
class ImageAndPolygons:
    """A photo and the file of its polygons."""

    name: str
    image: Path
    polygons: Path
    decode: Decoder
    format: Format = RGB

    @property
    def files(self) -> tuple[Path, ...]:
        """The photo and the polygons."""
        return (self.image, self.polygons)

    def read(self) -> Sample:
        """Raises UserError where a file is damaged, a name is no label of Cityscapes, or the sizes differ."""
        content = read_polygons(self.polygons)
        image = read_image(self.image, self.format)
        if image.shape[:2] != (content.height, content.width):
            what = f"is of {content.width} x {content.height} pixels but its photo {self.image.name} of others"
            raise DataError(self.polygons, what, "make them equal", "size mismatch")
        return Sample(image, self.decode(draw_polygons(content, self.polygons), self.polygons), self.name)


def read_polygons(path: Path) -> Polygons:
    """What the file says. Raises DataError where it is no JSON of that form."""
    try:
        return Polygons.model_validate(read_json(path, MOST_BYTES))
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"] if isinstance(part, str)) or "the file"
        what = f"is not as Cityscapes writes polygons ({where}: {error.errors()[0]['msg'].lower()})"
        raise DataError(path, what, "restore it or remove it", "unreadable") from None


def draw_polygons(content: Polygons, path: Path) -> npt.NDArray[np.uint8]:
    """(h, w) label ids, 0 where nothing is drawn.

    path: the file, for messages. Raises DataError where an object is called what Cityscapes has no label for.
    """
    mask = Pillow.new("L", (content.width, content.height), IDS["unlabeled"])
    draw = ImageDraw.Draw(mask)
    for one in content.objects:
        name = one.label.removesuffix("group") if one.label not in IDS else one.label
        if one.deleted or name == NEVER_DRAWN or len(one.polygon) < 2:  # a lone point has no area
            continue
        if name not in IDS:
            what = f"names an object '{one.label[:40]}', which is no label of Cityscapes"
            raise DataError(path, what, "correct the name", "unknown value")
        draw.polygon([(x, y) for x, y in one.polygon], fill=IDS[name])
    return np.asarray(mask)
