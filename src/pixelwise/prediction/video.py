"""Films and cameras, labelled frame by frame; memory holds a few frames, however long they are.

Times of frames, and so the length, stay as they are: where a frame is broken, what was shown before it stays.
"""

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pixelwise.bundle import Bundle
from pixelwise.data.dataset import Image
from pixelwise.data.files.file_content import UNREADABLE
from pixelwise.data.files.images import as_image
from pixelwise.errors import DataError, UserError, unknown
from pixelwise.prediction.films import Camera, Film
from pixelwise.prediction.footage import Footage
from pixelwise.prediction.labelling import answers_to, labelled
from pixelwise.prediction.segmentation import Segmentation, shares_of
from pixelwise.prediction.smoothing import Smoothing
from pixelwise.prediction.video_opening import open_film
from pixelwise.prediction.video_output import KINDS, Output
from pixelwise.prediction.view import WHOLE, View
from pixelwise.progress import track_frames
from pixelwise.stopping import stop_asked

LEAST = 1e-37  # probability that float32 still has a logarithm of


@dataclass(frozen=True)
class Filming:
    """How films are labelled. kinds: what is written, of KINDS. view: how the network looks at a frame.

    smooth: weight of the frames before, from 0, none, to below 1; see `Smoothing`. every: with 2, every second frame is
    labelled and shown. seconds: of the film or camera; None = all. Raises UserError for other values.
    """

    kinds: tuple[str, ...] = ("overlay",)
    view: View = WHOLE
    smooth: float = 0.0
    every: int = 1
    seconds: float | None = None

    def __post_init__(self) -> None:
        for kind in self.kinds:
            if kind not in KINDS:
                raise unknown("kind of film", kind, KINDS)
        if not 0 <= self.smooth < 1:
            raise UserError(f"smooth is the share of the frames before, from 0 to below 1, not {self.smooth:g}")
        if self.every < 1 or (self.seconds is not None and not self.seconds > 0):
            raise UserError("every is 1 frame or more, and seconds are above 0")


@dataclass(frozen=True)
class LabelledFilm:
    """What became of a film.

    files: that were written. frames: of the film, as far as it was read. labelled: how many of them. broken: how many
    could not be read; broken_at: number, from 1, and second of the first hundred of those. seconds: of the film. speed:
    frames labelled a second. shares: class -> share of the pixels, the largest first. silent: whether there was sound
    that could not be copied. fault: why it was not read to its end, "" where it was. stopped: the signal that asked to
    stop, or 0.
    """

    files: tuple[Path, ...]
    frames: int
    labelled: int
    broken: int
    broken_at: tuple[tuple[int, float], ...]
    seconds: float
    speed: float
    shares: dict[str, float]
    silent: bool = False
    fault: str = ""
    stopped: int = 0

    def remarks(self) -> list[str]:
        """What a person should know of it, a line each."""
        said = []
        if self.broken:
            first = ", ".join(f"{number} at {at:g} s" for number, at in self.broken_at[:3])
            more = ", ..." if self.broken > 3 else ""
            said.append(f"{self.broken} of {self.frames} frames are broken ({first}{more}); what was before them stays")
        if self.fault:
            said.append(f"ends after {self.seconds:.1f} seconds, before its time ({self.fault})")
        if self.silent:
            said.append("its sound cannot be copied into mp4 and is left out")
        return said


def label_film(
    bundle: Bundle, film: str | Film, folder: str | Path, filming: Filming | None = None, *, name: str | None = None
) -> LabelledFilm:
    """Labels a film, or what a camera sees, and writes NAME_overlay.mp4, or what else is asked for, into a folder.

    film: a file, or a camera that `camera_of` gives. name: of what is written; else that of the file. Broken frames are
    counted. Ctrl-C ends it at the frame it is at: the files are whole then, and `stopped` says so.
    Raises UserError where nothing of it can be read, or a file cannot be written.
    """
    if bundle.paints_photos:
        raise UserError(f"this {bundle.model} paints photos from coloured labels, and labels none")
    filming = filming or Filming()
    source = Path(film) if isinstance(film, str) else film
    name = name or (source.stem if isinstance(source, Path) else "camera")
    with open_film(source) as footage:
        with ExitStack() as stack:
            output = Output(stack, Path(folder), name, filming.kinds, footage, filming.every)
            labelling = Labelling(bundle, filming, name)
            stopped = labelling.run(footage, output)
            if not labelling.done:
                raise _nothing_read(source, footage)
        return LabelledFilm(
            tuple(output.files),
            footage.seen,
            labelling.done,
            footage.broken,
            tuple(footage.broken_at),
            float(footage.ended),
            labelling.speed,
            shares_of(labelling.counts, bundle.labels),
            output.silent,
            footage.fault,
            stopped,
        )


@dataclass
class Labelling:
    """Labels footage. name: of the film. done: frames labelled. speed: of them a second. counts: pixels per class."""

    bundle: Bundle
    filming: Filming
    name: str
    done: int = field(default=0, init=False)
    speed: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.counts = np.zeros(len(self.bundle.labels), np.int64)
        self._smoothing = Smoothing(self.filming.smooth)

    def run(self, footage: Footage, output: Output) -> int:
        """To the end of the footage; or to a signal that asks to stop, which it gives, else 0."""
        began, filming = time.monotonic(), self.filming
        frames = footage.frames(filming.every, filming.seconds, keep_sound=output.add_sound)
        with stop_asked() as asked:
            for frame in track_frames(frames, f"labelling {self.name}", _expected(footage, filming)):
                if frame.image is None:
                    output.repeat(frame)
                else:
                    output.write(self._label(frame.image), frame)
                    self.done += 1
                    self.speed = self.done / max(1e-9, time.monotonic() - began)
                if asked():
                    break
            return asked()

    def _label(self, image: Image) -> Segmentation:
        bundle = self.bundle
        [answer] = answers_to(bundle.network, [as_image(image, bundle.format)], bundle.size, view=self.filming.view)
        with torch.inference_mode():
            label, confidence = labelled(bundle.network, self._smoothed(answer, image), image.shape)
        self.counts += np.bincount(label.ravel(), minlength=len(self.counts))
        return Segmentation(image, label, confidence, bundle.labels, self.name)

    def _smoothed(self, answer: Tensor, image: Image) -> Tensor:
        """The mean over the frames: of probabilities, as logits again, or of pictures that are painted."""
        if not self.filming.smooth:
            return answer
        if self.bundle.painter:
            return self._smoothing.add(answer, image)
        return self._smoothing.add(answer.softmax(1), image).clamp_min(LEAST).log()


def _expected(footage: Footage, filming: Filming) -> int | None:
    """Frames that are going to be labelled, as far as the file tells."""
    known = [float(seconds) for seconds in (footage.duration, filming.seconds) if seconds is not None]
    return max(1, round(min(known) * float(footage.rate) / filming.every)) if known else None


def _nothing_read(film: Film, footage: Footage) -> UserError:
    """The error for a film without a frame."""
    what = f"none of its {footage.broken} frames can be read" if footage.broken else "holds no frame that can be read"
    if isinstance(film, Camera):
        return UserError(f"{film.name}: gives no picture; does another program use it?")
    return DataError(film, what, "copy it again or leave it out", UNREADABLE)
