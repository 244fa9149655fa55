"""pixelwise predict scan.nii: stacks of slices, each into one label volume."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pixelwise.cli.predict_tiles import label_each, predict_tiles
from pixelwise.errors import UserError
from pixelwise.prediction.label_volumes import label_path, label_volume
from pixelwise.prediction.stacks import is_volume

if TYPE_CHECKING:
    from pixelwise.bundle import Bundle
    from pixelwise.prediction.files import Photo
    from pixelwise.prediction.labelling import View
    from pixelwise.prediction.tiles import Tiles


def predict_labels_alone(
    bundle: "Bundle",
    photos: "Mapping[str, Photo]",
    output: Path,
    *,
    tiles: "Tiles | None",
    view: "View",
    alone: bool,
    as_json: bool,
    json_lines: bool,
) -> bool:
    """Labels stacks of slices, and photos tile by tile, of which only the label is written; False for other photos.

    alone: whether nothing else is asked for. Raises UserError where it is, for stacks and photos together, and in the
    end where some could not be labelled.
    """
    volumes = _volumes_among(photos)
    if not volumes and not tiles:
        return False
    if not alone:
        what = "stacks of slices give" if volumes else "--tile and --scale write"
        raise UserError(f"{what} the label alone; leave --write, --simplify and --again out")
    if tiles and not volumes:
        predict_tiles(bundle, photos, output, tiles, view=view, as_json=as_json, json_lines=json_lines)
        return True

    def label(name: str) -> tuple[Path, dict[str, float]]:
        path = label_path(output, name, volumes[name])
        return path, label_volume(bundle, volumes[name], path, view=view, tiles=tiles, what=f"labelling {name}")

    label_each(volumes, label, output, noun="volumes", as_json=as_json, json_lines=json_lines)
    return True


def _volumes_among(photos: "Mapping[str, Photo]") -> dict[str, Path]:
    """The inputs that are stacks of slices: all of them or none."""
    volumes = {name: photo for name, photo in photos.items() if isinstance(photo, Path) and is_volume(photo)}
    if volumes and len(volumes) < len(photos):
        other = next(name for name in photos if name not in volumes)
        first = next(iter(volumes.values()))
        raise UserError(f"{first}: is a stack of slices, but {other} is none; label stacks by themselves")
    return volumes
