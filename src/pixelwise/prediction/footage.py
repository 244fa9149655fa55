"""Frames of a film or a camera, in their order, upright, each with its time; broken ones are told. Needs PyAV."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from heapq import heappop, heappush
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from pixelwise.data.dataset import Image
from pixelwise.data.files.file_content import check_size
from pixelwise.prediction.pyav import av

USUAL_RATE = Fraction(25)  # frames a second where a file does not tell
MOST_LOST = 64  # broken frames that are put into order; more than any decoder holds back
NAMED = 100  # broken frames that are remembered; all are counted
SLACK = 1  # second that a film may be shorter than its file says

SoundPacket: TypeAlias = "av.Packet[Any]"  # whose class takes no brackets when it runs


class Frame(NamedTuple):
    """A frame. number: in the film, from 1. time: seconds since the film began. duration: seconds.

    image: (h, w, 3) uint8 RGB, upright; None where the frame is broken.
    """

    number: int
    time: Fraction
    duration: Fraction
    image: Image | None


@dataclass
class Footage:
    """An open film or camera, to be read once.

    name: for messages. sound: the stream of it, where there is one. seen: how many frames came so far. broken: how many
    of them could not be read. broken_at: number and second of the first hundred of those. ended: seconds of the last
    frame's end. fault: why it ended before its time, "" where it did not.
    """

    name: str
    container: av.container.InputContainer
    video: av.VideoStream
    sound: av.AudioStream | None
    seen: int = field(default=0, init=False)
    broken: int = field(default=0, init=False)
    broken_at: list[tuple[int, float]] = field(default_factory=list, init=False)
    ended: Fraction = field(default=Fraction(0), init=False)
    fault: str = field(default="", init=False)
    _began: Fraction | None = field(default=None, init=False)
    _size: tuple[int, int] | None = field(default=None, init=False)
    _turned: bool = field(default=False, init=False)

    @property
    def time_base(self) -> Fraction:
        """Seconds of a tick of the file's clock."""
        return self.video.time_base or 1 / self.rate

    @property
    def rate(self) -> Fraction:
        """Frames a second, of films with a variable rate the mean."""
        return self.video.average_rate or self.video.guessed_rate or USUAL_RATE

    @property
    def duration(self) -> Fraction | None:
        """Seconds, where the file tells."""
        if self.video.duration:
            return self.video.duration * self.time_base
        return Fraction(self.container.duration, av.time_base) if self.container.duration and not self.sound else None

    @property
    def pixel_aspect(self) -> Fraction | None:
        """Width of a pixel by its height, once a frame was read; None where the file does not tell."""
        aspect = self.video.sample_aspect_ratio
        return 1 / aspect if aspect and self._turned else aspect

    def frames(
        self, every: int = 1, seconds: float | None = None, *, keep_sound: Callable[[SoundPacket], None] | None = None
    ) -> Iterator[Frame]:
        """Every n-th frame from the first, up to a time. keep_sound: is given the packets of sound between them.

        A frame is broken where it cannot be decoded, or where the decoder says that it is.
        """
        until = None if seconds is None else Fraction(seconds).limit_denominator(1_000_000)
        duration = 1 / self.rate
        time = -duration
        for number, frame in enumerate(self._decoded(keep_sound), start=1):
            if isinstance(frame, av.VideoFrame) and frame.duration:
                duration = frame.duration * self.time_base
            time = self._time(frame if isinstance(frame, int) else frame.pts, time + duration)
            if until is not None and time >= until:
                return
            self.seen, self.ended = number, time + duration
            wanted = (number - 1) % every == 0
            image = self._image(frame) if isinstance(frame, av.VideoFrame) and wanted else None
            if isinstance(frame, int) or (wanted and image is None):
                self._note_broken(number, time)
            if wanted:
                yield Frame(number, time, duration, image)
        self._note_early_end()

    def _decoded(self, keep_sound: Callable[[SoundPacket], None] | None) -> Iterator[av.VideoFrame | int]:
        """Frames in the order of their times; for those that could not be decoded their times, in ticks."""
        lost: list[int] = []
        for packet in self._packets():
            if packet.stream is not self.video:
                if keep_sound:
                    self._shift(packet)
                    keep_sound(packet)
                continue
            try:
                decoded = packet.decode()
            except av.FFmpegError:
                decoded = []
                if packet.size:
                    heappush(lost, packet.pts if packet.pts is not None else -1)
            for frame in decoded:
                while lost and (frame.pts is None or lost[0] < frame.pts):
                    yield heappop(lost)
                yield frame
            while len(lost) > MOST_LOST:
                yield heappop(lost)
        while lost:
            yield heappop(lost)

    def _packets(self) -> Iterator[SoundPacket]:
        """Of video and sound, as they lie in the file; the last of each is empty, for what the decoder holds back."""
        streams = [self.video, *([self.sound] if self.sound else [])]
        try:
            yield from self.container.demux(*streams)
        except av.FFmpegError as error:
            self.fault = error.strerror or str(error)
            last: SoundPacket = av.Packet()
            last.stream = self.video
            yield last

    def _time(self, ticks: int | None, otherwise: Fraction) -> Fraction:
        """Seconds since the film began. otherwise: where the file does not tell."""
        if ticks is None or ticks < 0:
            return max(Fraction(0), otherwise)
        time = ticks * self.time_base
        if self._began is None:
            start: int | None = self.container.start_time
            self._began = time if start is None else Fraction(start, av.time_base)
        return max(Fraction(0), time - self._began)

    def _shift(self, packet: SoundPacket) -> None:
        """Sound counts from when the film began, as frames do."""
        shift = round(Fraction(self.container.start_time or 0, av.time_base) / packet.time_base)
        packet.pts = None if packet.pts is None else packet.pts - shift
        packet.dts = None if packet.dts is None else packet.dts - shift

    def _image(self, frame: av.VideoFrame) -> Image | None:
        """Upright RGB at the size of the first frame; None where there is no sound picture."""
        if frame.is_corrupt:
            return None
        if self._size is None:
            check_size(Path(self.name), frame.width, frame.height)
            self._size = frame.width, frame.height
        try:
            picture = frame.to_ndarray(format="rgb24", width=self._size[0], height=self._size[1])
        except (av.FFmpegError, ValueError):
            return None
        image = upright(np.asarray(picture, np.uint8), _display_matrix(frame))
        self._turned = image.shape != picture.shape
        return image

    def _note_broken(self, number: int, time: Fraction) -> None:
        self.broken += 1
        if len(self.broken_at) < NAMED:
            self.broken_at.append((number, round(float(time), 3)))

    def _note_early_end(self) -> None:
        if not self.fault and self.duration and self.ended + SLACK < self.duration:
            self.fault = "no more can be read"


def _display_matrix(frame: av.VideoFrame) -> list[int] | None:
    sides: Mapping[Any, Any] = frame.side_data
    found = sides.get("DISPLAYMATRIX")
    return np.frombuffer(bytes(found), np.int32).tolist() if found else None


def upright(picture: Image, matrix: list[int] | None) -> Image:
    """A picture turned and mirrored as a display matrix says, to the nearest quarter.

    matrix: nine numbers a b u c d v x y w, by which the pixel in column p and row q goes to column a p + c q + x and
    row b p + d q + y (ISO 14496-12); None where there is none.

    >>> upright(np.array([[[1], [2]]], np.uint8), [0, -65536, 0, 65536, 0, 0, 0, 0, 1 << 30])[..., 0].tolist()
    [[2], [1]]
    """
    if matrix is None:
        return picture
    a, b, _, c, d = matrix[:5]
    if abs(b) + abs(c) > abs(a) + abs(d):
        picture, a, d = picture.swapaxes(0, 1), c, b
    return np.ascontiguousarray(picture[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])
