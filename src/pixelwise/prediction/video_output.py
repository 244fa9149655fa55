"""The files that become of a film: films of pictures, and a folder of labels."""

from collections import deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pixelwise.data.dataset import Image
from pixelwise.errors import UserError
from pixelwise.prediction.footage import Footage, Frame, SoundPacket
from pixelwise.prediction.segmentation import Segmentation
from pixelwise.prediction.video_writing import FilmWriter, film_writer, fits_mp4
from pixelwise.prediction.writing import write_png

FILMS: Mapping[str, Callable[[Segmentation], Image]] = {
    "overlay": lambda found: np.asarray(found.overlay()),
    "side_by_side": lambda found: np.asarray(found.side_by_side()),
    "color": lambda found: np.asarray(found.color()),
}
LABEL = "label"  # kind: a folder with a PNG file of class indices for each frame; films would lose some of them
KINDS = (*FILMS, LABEL)
WAITING = 1000  # packets of sound, at most, that wait for the first picture


@dataclass
class Output:
    """What is written of a film. stack: of contexts, at whose end the files take their places.

    name: of the film. kinds: of KINDS. every: which frames of the footage are shown. files: that were begun.
    Raises UserError where there are labels already.
    """

    stack: ExitStack
    folder: Path
    name: str
    kinds: tuple[str, ...]
    footage: Footage
    every: int = 1
    files: list[Path] = field(default_factory=list, init=False)
    _writers: dict[str, FilmWriter] = field(default_factory=dict, init=False)
    _shown: dict[str, Image] = field(default_factory=dict, init=False)
    _waiting: deque[SoundPacket] = field(default_factory=lambda: deque(maxlen=WAITING), init=False)

    def __post_init__(self) -> None:
        if LABEL in self.kinds and self.labels.exists() and (not self.labels.is_dir() or any(self.labels.iterdir())):
            raise UserError(f"{self.labels}: is there already; remove it or choose another --output")

    @property
    def labels(self) -> Path:
        """The folder of labels."""
        return self.folder / f"{self.name}_{LABEL}"

    @property
    def silent(self) -> bool:
        """Whether the footage has sound that cannot be kept."""
        return any(kind in FILMS for kind in self.kinds) and bool(self.footage.sound) and not self._takes_sound

    @property
    def _takes_sound(self) -> bool:
        return self.footage.sound is not None and fits_mp4(self.footage.sound)

    def write(self, found: Segmentation, frame: Frame) -> None:
        """A frame that was labelled."""
        self._shown = {kind: FILMS[kind](found) for kind in self.kinds if kind in FILMS}
        if not self.files:
            self._open()
        self._write_shown(frame)
        if LABEL in self.kinds:
            write_png(found.index(), self.labels / f"{frame.number:06d}.png")

    def repeat(self, frame: Frame) -> None:
        """A frame that is broken: what was shown before is shown again; it has no label."""
        self._write_shown(frame)

    def add_sound(self, packet: SoundPacket) -> None:
        """A packet of sound, which goes into every film."""
        self._waiting.append(packet)
        if self.files:
            for waiting in self._waiting:
                for writer in self._writers.values():
                    writer.add_sound(waiting)
            self._waiting.clear()

    def _open(self) -> None:
        for kind, picture in self._shown.items():
            path = self.folder / f"{self.name}_{kind}.mp4"
            self._writers[kind] = self.stack.enter_context(film_writer(path, picture, self.footage, self.every))
            self.files.append(path)
        if LABEL in self.kinds:
            self.files.append(self.labels)

    def _write_shown(self, frame: Frame) -> None:
        for kind, picture in self._shown.items():
            self._writers[kind].write(picture, frame.time, frame.duration)
