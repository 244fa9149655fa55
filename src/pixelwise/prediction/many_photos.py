"""Many photos, one after the other, into a folder; what is done there already is left as it is. Needs no torch.

Some photos are labelled at once, each in its share of the processor's threads, so that reading, labelling and writing
run beside each other. Not in batches, for those save nothing: 2 to 12 photos of 480 x 360 took 96 to 127 % of the time.
"""

import hashlib
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from itertools import count as counting
from pathlib import Path
from typing import Any, NamedTuple

from pixelwise.data.dataset import Entry, Image
from pixelwise.data.store.reading import in_threads
from pixelwise.errors import UserError
from pixelwise.files import replacing
from pixelwise.labels import LabelMap
from pixelwise.prediction.files import Photo
from pixelwise.prediction.record import Done, Record, stamps
from pixelwise.prediction.segmentation import Segmentation
from pixelwise.prediction.writing import COCO, Wanted, write_files
from pixelwise.progress import say, track
from pixelwise.shapes import to_coco

COCO_FILE = "coco.json"
AT_ONCE = 4  # photos, at most: each needs the memory of a whole run of the network


class Seen(NamedTuple):
    """A photo that is labelled, but of which nothing is written yet."""

    done: Done
    write: Callable[[], None]


class ManyPhotos(ABC):
    """Labels photos and writes what is wanted into a folder; how one is labelled, `see_photo` says.

    labels: what the classes are. wanted, folder: what is written, and where. model: what `fingerprint` gives for its
    file. threads: of the processor, that photos share. done_to_photos: a word for messages.
    """

    wanted: Wanted
    folder: Path
    model: str

    @property
    @abstractmethod
    def labels(self) -> LabelMap: ...
    @property
    def done_to_photos(self) -> str:
        return "labelled"

    @property
    @abstractmethod
    def threads(self) -> int: ...
    @abstractmethod
    def see_photo(self, name: str, image: Path | Image) -> Segmentation:
        """Raises UserError where the file cannot be read."""

    @contextmanager
    def sharing(self, workers: int) -> Iterator[Callable[[], None]]:
        """Within, so many threads label at once. Gives what each of them must call first."""
        yield lambda: None

    @property
    def asked(self) -> list[Any]:
        """The settings, of which each makes another label or file."""
        return [asdict(self.wanted)]

    @property
    def key(self) -> str:
        """Another where the model, the program or what is wanted is another."""
        text = json.dumps([version("pixelwise"), self.model, *self.asked])
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
        return self.wanted.files(name)

    def gives_label_alone(self, photo: Photo) -> bool:
        """Whether nothing but its label is written, from file to file, for it is large."""
        return False

    def see(self, name: str, photo: Photo) -> Seen:
        """Labels a photo, of a dataset with its truth. Raises UserError where a file of it cannot be read."""
        files = stamps(photo)  # before they are read
        image, truth = (photo, None) if isinstance(photo, Path) else photo.read()[:2]
        found = self.see_photo(name, image)
        coco = found.to_coco(self.wanted.simplify) if COCO in self.wanted.kinds else None
        done = Done(name, self.key, files, found.shares(), coco)
        return Seen(done, lambda: write_files(found, self.wanted, self.folder, truth))

    def label(self, name: str, photo: Photo) -> Done | str:
        """Labels a photo and writes its files: what was done, or what is wrong with the photo.

        Raises UserError where the folder cannot be written.
        """
        try:
            seen = self.see(name, photo)
        except UserError as error:
            return str(error)
        except MemoryError:
            return f"{name}: needs more memory than there is; cut it into parts"
        seen.write()
        return seen.done

    def label_all(self, photos: Mapping[str, Photo]) -> Iterator[tuple[str, Done | str]]:
        """Labels photos and writes their files, in their order: what was done of each, or what is wrong with it.

        Raises UserError where the folder cannot be written.
        """
        large = any(self.gives_label_alone(photo) for photo in photos.values())
        workers = 1 if large else max(1, min(AT_ONCE, self.threads, len(photos)))
        names = photos if large else track(photos, "labelling")  # each large one has a bar of its own
        with self.sharing(workers) as begin:
            labelled = in_threads(lambda name: self.label(name, photos[name]), list(photos), workers, begin)
            for name, found in zip(names, labelled, strict=True):
                if not isinstance(found, str):
                    Record(self.folder).add(found)
                yield name, found

    def finish(self, photos: Mapping[str, Photo]) -> None:
        """Writes what is of all photos together, of those that are done: COCO's file, where that is wanted.

        Photos are called in it by their paths below the innermost folder that holds them all.
        """
        if COCO in self.wanted.kinds:
            done = (line for line in Record(self.folder).lines() if line.name in photos and line.key == self.key)
            merge_coco(done, _paths_of(photos), self.labels, self.folder / COCO_FILE)


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
