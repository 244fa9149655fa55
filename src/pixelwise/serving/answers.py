"""What the server answers: typed, and made of a Segmentation."""

import base64
import csv
import io
import json
from typing import Annotated, Literal

import numpy as np
import pydantic
from PIL import Image as Pillow

from pixelwise.labels import Color
from pixelwise.prediction.segmentation import Segmentation
from pixelwise.prediction.writing import PICTURES, PNG_EFFORT
from pixelwise.serving.limits import Limits, Refusal

Kind = Literal["json", "label", "color", "overlay", "confidence", "geojson", "csv"]


class Asked(pydantic.BaseModel, extra="forbid"):
    """What a request asks of its photo."""

    model: Annotated[
        str | None, pydantic.Field(description="Its name, as /models has it; the first where left out.")
    ] = None
    answer: Annotated[Kind, pydantic.Field(description="What is sent back.")] = "json"
    simplify: Annotated[
        float, pydantic.Field(ge=0, le=1000, allow_inf_nan=False, description="Pixels that outlines may be off.")
    ] = 0


class ClassOfModel(pydantic.BaseModel):
    """A class and the colour it is drawn in."""

    name: str
    color: Color


class ModelFacts(pydantic.BaseModel):
    """A model. size: height and width that photos are brought to, or rather to their area."""

    name: str
    architecture: str
    classes: list[ClassOfModel]
    size: tuple[int, int]
    description: str


class Health(pydantic.BaseModel):
    """How the server is. queue: photos waiting or worked on."""

    status: Literal["ok", "stopping"]
    models: list[str]
    queue: int
    version: str


class ClassOfPhoto(pydantic.BaseModel):
    """A class in a photo. share: of its pixels, in [0, 1]."""

    index: int
    name: str
    color: Color
    pixels: int
    share: float


class Answer(pydantic.BaseModel):
    """A labelled photo. label: a PNG of class indices in base64. confidence: another, of the probability of the class
    of each pixel, 255 for 1. milliseconds: from the end of the upload to the label."""

    model: str
    width: int
    height: int
    classes: list[ClassOfPhoto]
    label: str
    confidence: str
    milliseconds: float


class Problem(pydantic.BaseModel):
    """Why there is no answer: one line, with the mend."""

    detail: str


def answer_of(found: Segmentation, asked: Asked, name: str, milliseconds: float, limits: Limits) -> tuple[bytes, str]:
    """The bytes that are asked for, and their media type. name: of the model. Raises Refusal for too many outlines."""
    if asked.answer == "json":
        return _json(found, name, milliseconds).model_dump_json().encode(), "application/json"
    if asked.answer == "geojson":
        check_outlines(found, limits)
        return json.dumps(found.to_geojson(asked.simplify)).encode(), "application/geo+json"
    if asked.answer == "csv":
        return _csv(found).encode(), "text/csv; charset=utf-8"
    return _png(PICTURES[asked.answer](found)), "image/png"


def check_outlines(found: Segmentation, limits: Limits) -> None:
    """Raises Refusal where outlines would take more memory than their share."""
    corners = int(found.boundaries().sum())
    if corners > limits.corners:
        raise Refusal(413, "outlines", f"outlines of {corners:,} pixels are too many; ask for the label instead")


def classes_of(found: Segmentation) -> list[ClassOfPhoto]:
    """All classes of the model, in their order."""
    counts = np.bincount(found.label.ravel(), minlength=len(found.labels)).tolist()
    return [
        ClassOfPhoto(index=index, name=name, color=color, pixels=pixels, share=pixels / found.label.size)
        for index, (name, color, pixels) in enumerate(
            zip(found.labels.names, found.labels.colors, counts[: len(found.labels)], strict=True)
        )
    ]


def _json(found: Segmentation, name: str, milliseconds: float) -> Answer:
    height, width = found.label.shape
    return Answer(
        model=name,
        width=width,
        height=height,
        classes=classes_of(found),
        label=base64.b64encode(_png(Pillow.fromarray(found.label))).decode(),
        confidence=base64.b64encode(_png(PICTURES["confidence"](found))).decode(),
        milliseconds=round(milliseconds, 1),
    )


def _csv(found: Segmentation) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["class", "pixels", "share"])
    table.writerows([one.name, one.pixels, one.share] for one in classes_of(found))
    return text.getvalue()


def _png(picture: Pillow.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=PNG_EFFORT)
    return file.getvalue()
