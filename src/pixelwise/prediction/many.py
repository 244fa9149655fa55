"""Many photos and a trained model: whole, tile by tile, or slice by slice; or painted."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image as Pillow

from pixelwise.bundle import Bundle
from pixelwise.data.dataset import Image
from pixelwise.data.files.images import as_rgb
from pixelwise.data.files.windows import rows_of
from pixelwise.errors import DataError
from pixelwise.labels import Label, LabelMap
from pixelwise.machine import reuse_memory
from pixelwise.prediction.files import Photo, is_volume
from pixelwise.prediction.label_files import label_file
from pixelwise.prediction.label_volumes import label_name, label_volume
from pixelwise.prediction.many_photos import ManyPhotos, Seen
from pixelwise.prediction.predict import paint, predict
from pixelwise.prediction.record import Done, stamps
from pixelwise.prediction.segmentation import Segmentation
from pixelwise.prediction.tiles import Tiles
from pixelwise.prediction.view import WHOLE, View
from pixelwise.prediction.writing import Wanted, write_png

PAINTED, PANELS = "_photo.png", "_side_by_side.png"  # of what a painter makes


@dataclass(frozen=True)
class Many(ManyPhotos):
    """Labels photos with a model and writes what is wanted into a folder. model: what `fingerprint` gives for its file.

    view: how the network looks at each photo. tiles: how it sees them tile by tile; of such, and of stacks of slices,
    the label alone is written. A model that paints photos paints one from each coloured label.
    """

    bundle: Bundle
    wanted: Wanted
    folder: Path
    model: str
    view: View = WHOLE
    tiles: Tiles | None = None

    @property
    def labels(self) -> LabelMap:
        return self.bundle.labels

    @property
    def done_to_photos(self) -> str:
        return "painted" if self.bundle.paints_photos else "labelled"

    @property
    def threads(self) -> int:
        return torch.get_num_threads()

    @property
    def asked(self) -> list[Any]:
        return [*super().asked, str(self.view), *([repr(self.tiles)] if self.tiles else [])]

    @contextmanager
    def sharing(self, workers: int) -> Iterator[Callable[[], None]]:
        reuse_memory()  # of one photo for the next
        threads = self.threads
        try:
            yield lambda: torch.set_num_threads(threads // workers)
        finally:
            torch.set_num_threads(threads)  # or threads to come would have as few

    def files(self, name: str, photo: Photo) -> list[str]:
        if self.gives_label_alone(photo):
            return [label_name(name, photo)]
        if not self.bundle.paints_photos:
            return super().files(name, photo)
        return [name + PAINTED, *([] if isinstance(photo, Path) else [name + PANELS])]

    def gives_label_alone(self, photo: Photo) -> bool:
        """Whether nothing but its label is written: where it is seen tile by tile, or is a stack of slices."""
        return self.tiles is not None or (isinstance(photo, Path) and is_volume(photo))

    def see_photo(self, name: str, image: Path | Image) -> Segmentation:
        return predict(self.bundle, image, name, view=self.view, probabilities=self.wanted.probabilities)

    def see(self, name: str, photo: Photo) -> Seen:
        if not self.bundle.paints_photos:
            return super().see(name, photo)
        files = stamps(photo)
        image, truth = (photo, None) if isinstance(photo, Path) else photo.read()[:2]
        draw = _painted(self.bundle, image, truth)
        return Seen(Done(name, self.key, files, {}), lambda: _write_pictures(draw, self.folder, name))

    def label(self, name: str, photo: Photo) -> Done | str:
        return self._label_alone(name, photo) if self.gives_label_alone(photo) else super().label(name, photo)

    def _label_alone(self, name: str, photo: Photo) -> Done | str:
        """As `label`, of a large image or a stack, from file to file."""
        files, path, what = stamps(photo), self.folder / label_name(name, photo), f"labelling {name}"
        try:
            if isinstance(photo, Path) and is_volume(photo):
                shares = label_volume(self.bundle, photo, path, view=self.view, tiles=self.tiles, what=what)
            else:
                rows = photo if isinstance(photo, Path) else rows_of(photo.read().image)
                shares = label_file(self.bundle, rows, path, self.tiles or Tiles(), view=self.view, what=what)
        except DataError as error:
            return str(error)
        return Done(name, self.key, files, shares)

    def finish(self, photos: Mapping[str, Photo]) -> None:
        if not self.bundle.paints_photos:
            super().finish(photos)


def _painted(bundle: Bundle, image: Path | Image, truth: Label | None) -> dict[str, Pillow.Image]:
    """Ending of a file's name -> picture: what is painted from a label; of a dataset's also label, photo and that."""
    if truth is None or isinstance(image, Path):
        return {PAINTED: paint(bundle, image)}
    colored = bundle.labels.colorize(truth)
    painted = paint(bundle, colored)
    return {PAINTED: painted, PANELS: Pillow.fromarray(np.hstack([colored, as_rgb(image), np.asarray(painted)]))}


def _write_pictures(pictures: Mapping[str, Pillow.Image], folder: Path, name: str) -> None:
    for ending, picture in pictures.items():
        write_png(picture, folder / f"{name}{ending}")
