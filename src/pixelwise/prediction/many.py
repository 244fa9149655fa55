"""Many photos, one after the other, into a folder; what is done there already is left as it is.

Some photos are labelled at once, each in its share of the processor's threads, so that reading, labelling and writing
run beside each other. Not in batches, for those save nothing: 2 to 12 photos of 480 x 360 took 96 to 127 % of the time.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import count as counting
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image as Pillow

from pixelwise.bundle import Bundle
from pixelwise.data.dataset import Entry, Image
from pixelwise.data.files.images import as_rgb
from pixelwise.data.files.windows import rows_of
from pixelwise.data.store.reading import in_threads
from pixelwise.errors import DataError, UserError
from pixelwise.files import replacing
from pixelwise.labels import Label, LabelMap
from pixelwise.machine import reuse_memory
from pixelwise.prediction.files import Photo
from pixelwise.prediction.label_files import label_file
from pixelwise.prediction.label_volumes import label_name, label_volume
from pixelwise.prediction.labelling import WHOLE, View
from pixelwise.prediction.predict import paint, predict
from pixelwise.prediction.record import Done, Record, stamps
from pixelwise.prediction.stacks import is_volume
from pixelwise.prediction.tiles import Tiles
from pixelwise.prediction.writing import COCO, Wanted, write_files, write_png
from pixelwise.progress import say, track
from pixelwise.shapes import to_coco

COCO_FILE = "coco.json"
AT_ONCE = 4  # photos, at most: each needs the memory of a whole run of the network
PAINTED, PANELS = "_photo.png", "_side_by_side.png"  # of what a painter makes


class Seen(NamedTuple):
    """A photo that is labelled, but of which nothing is written yet."""

    done: Done
    write: Callable[[], None]


@dataclass(frozen=True)
class Many:
    """Labels photos with a model and writes what is wanted into a folder. model: what `fingerprint` gives for its file.

    view: how the network looks at each photo. tiles: how it sees them tile by tile; of such, and of stacks of slices,
    the label alone is written.
    """

    bundle: Bundle
    wanted: Wanted
    folder: Path
    model: str
    view: View = WHOLE
    tiles: Tiles | None = None

    @property
    def key(self) -> str:
        """Another where the model, the program or what is wanted is another."""
        asked = [asdict(self.wanted), str(self.view), *([repr(self.tiles)] if self.tiles else [])]
        text = json.dumps([version("pixelwise"), self.model, *asked])
        return hashlib.sha256(text.encode()).hexdigest()

    def start(self, photos: Mapping[str, Photo], *, again: bool = False) -> dict[str, dict[str, float]]:
        """The photos that need not be labelled again, with the shares of their classes.

        Each was made into these files by this model, has not changed since, and the files are still there. Where that
        was another model, or other settings, it says so. again: whether all are to be labelled anew.
        Raises UserError where what is known of the folder cannot be read or written.
        """
        record = Record(self.folder)
        done: dict[str, dict[str, float]] = {}
        others: dict[str, bool] = {}  # name -> whether the photo is the same
        for line in record.lines():
            if line.name in photos and not again and self._made(line, photos[line.name]):
                done[line.name] = line.shares
            elif line.name in photos:
                others[line.name] = line.key != self.key and line.files == stamps(photos[line.name])
        if not again and any(others.values()):
            count = sum(others.values())
            say(f"{count} photos were labelled by another model or with other settings, and are labelled anew")
        if others or record.is_torn():
            record.forget(others.keys())
        return done

    def _made(self, line: Done, photo: Photo) -> bool:
        """Whether the same would be made again."""
        if not line.files or line.key != self.key or line.files != stamps(photo):
            return False
        return all((self.folder / file).exists() for file in self.files(line.name, photo))

    def files(self, name: str, photo: Photo) -> list[str]:
        """What is written of a photo, below the folder."""
        if self.gives_label_alone(photo):
            return [label_name(name, photo)]
        if not self.bundle.paints_photos:
            return self.wanted.files(name)
        return [name + PAINTED, *([] if isinstance(photo, Path) else [name + PANELS])]

    def gives_label_alone(self, photo: Photo) -> bool:
        """Whether nothing but its label is written: where it is seen tile by tile, or is a stack of slices."""
        return self.tiles is not None or (isinstance(photo, Path) and is_volume(photo))

    def see(self, name: str, photo: Photo) -> Seen:
        """Labels a photo, of a dataset with its truth. Of a model that paints photos: paints one from a coloured label.

        Raises UserError where a file of it cannot be read.
        """
        files = stamps(photo)  # before they are read
        image, truth = (photo, None) if isinstance(photo, Path) else photo.read()[:2]
        if self.bundle.paints_photos:
            draw = _painted(self.bundle, image, truth)
            return Seen(Done(name, self.key, files, {}), lambda: _write_pictures(draw, self.folder, name))
        found = predict(self.bundle, image, name, view=self.view, probabilities=self.wanted.probabilities)
        coco = found.to_coco(self.wanted.simplify) if COCO in self.wanted.kinds else None
        done = Done(name, self.key, files, found.shares(), coco)
        return Seen(done, lambda: write_files(found, self.wanted, self.folder, truth))

    def label(self, name: str, photo: Photo) -> Done | str:
        """Labels a photo and writes its files: what was done, or what is wrong with the photo.

        Raises UserError where the folder cannot be written.
        """
        if self.gives_label_alone(photo):
            return self._label_alone(name, photo)
        try:
            seen = self.see(name, photo)
        except UserError as error:
            return str(error)
        except MemoryError:
            return f"{name}: needs more memory than there is; cut it into parts"
        seen.write()
        return seen.done

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

    def label_all(self, photos: Mapping[str, Photo]) -> Iterator[tuple[str, Done | str]]:
        """Labels photos and writes their files, in their order: what was done of each, or what is wrong with it.

        Raises UserError where the folder cannot be written.
        """
        reuse_memory()  # of one photo for the next
        threads = torch.get_num_threads()
        large = any(self.gives_label_alone(photo) for photo in photos.values())
        workers = 1 if large else max(1, min(AT_ONCE, threads, len(photos)))
        labelled = in_threads(
            lambda name: self.label(name, photos[name]),
            list(photos),
            workers,
            lambda: torch.set_num_threads(threads // workers),
        )
        names = photos if large else track(photos, "labelling")  # each large one has a bar of its own
        try:
            for name, found in zip(names, labelled, strict=True):
                if not isinstance(found, str):
                    Record(self.folder).add(found)
                yield name, found
        finally:
            torch.set_num_threads(threads)  # or threads to come would have as few

    def finish(self, photos: Mapping[str, Photo]) -> None:
        """Writes what is of all photos together, of those that are done: COCO's file, where that is wanted.

        Photos are called in it by their paths below the innermost folder that holds them all.
        """
        if COCO in self.wanted.kinds and not self.bundle.paints_photos:
            done = (line for line in Record(self.folder).lines() if line.name in photos and line.key == self.key)
            merge_coco(done, _paths_of(photos), self.bundle.labels, self.folder / COCO_FILE)


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


def _paths_of(photos: Mapping[str, Photo]) -> dict[str, str]:
    """Name -> path below the innermost folder that holds all photos."""
    named = {name: photo if isinstance(photo, Path) else _first(photo) for name, photo in photos.items()}
    paths = {name: Path(os.path.abspath(path)) for name, path in named.items()}  # noqa: PTH100 - not where links lead
    folder = os.path.commonpath([path.parent for path in paths.values()])
    return {name: path.relative_to(folder).as_posix() for name, path in paths.items()}


def _first(entry: Entry) -> Path:
    """The photo's file; of rendered scenes, which have none, what it would be called."""
    return entry.files[0] if entry.files else Path(f"{entry.name}.png")


def merge_coco(done: Iterable[Done], files: Mapping[str, str], labels: LabelMap, path: Path) -> None:
    """One file of COCO's JSON from the parts of many photos, which are never all in memory.

    files: of each photo what it is called in the file. Raises UserError where it cannot be written.
    """
    images: list[dict[str, Any]] = []
    numbers = counting(1)
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write('{"annotations": [')
        for line in done:
            if line.coco:
                images.append(line.coco["images"][0] | {"id": len(images) + 1, "file_name": files[line.name]})
                for annotation in line.coco["annotations"]:
                    number = next(numbers)
                    changed = annotation | {"id": number, "image_id": len(images)}
                    file.write(f"{',' if number > 1 else ''}\n{json.dumps(changed)}")
        categories = to_coco([], labels, shape=(1, 1), file_name="")["categories"]
        file.write(f'],\n"images": {json.dumps(images)},\n"categories": {json.dumps(categories)}}}\n')


def fingerprint(path: Path) -> str:
    """Another for every other content of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
