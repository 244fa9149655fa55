"""What several processes counted, each in its share of the images, brought together in all of them."""

import json
from dataclasses import asdict
from typing import Any

import numpy as np

from pixelwise.evaluation.image_result import ImageResult
from pixelwise.evaluation.suspicious import Region
from pixelwise.metrics import InstanceOverlap, Overlap, Reliability
from pixelwise.processes import texts_of_all

PARTS = {"reliability": Reliability, "overlap": Overlap, "instances": InstanceOverlap}


def gathered(images: list[ImageResult], regions: list[Region]) -> tuple[list[ImageResult], list[Region]]:
    """Of all processes, in the order of their shares; alone, what was given."""
    written = {"images": [_written(image) for image in images], "regions": [asdict(region) for region in regions]}
    told = [json.loads(text) for text in texts_of_all(json.dumps(written))]
    return (
        [_read(image) for share in told for image in share["images"]],
        [Region(**region | {"box": tuple(region["box"])}) for share in told for region in share["regions"]],
    )


def _written(image: ImageResult) -> dict[str, Any]:
    parts = {name: getattr(image, name) for name in PARTS}
    lists = {
        name: part and {field: of.tolist() for field, of in part._asdict().items()} for name, part in parts.items()
    }
    return vars(image) | {"counts": image.counts.tolist()} | lists


def _read(written: dict[str, Any]) -> ImageResult:
    parts = {
        name: kind(**{field: np.array(of) for field, of in written[name].items()}) if written[name] else None
        for name, kind in PARTS.items()
    }
    return ImageResult(**written | {"counts": np.array(written["counts"])} | parts)
