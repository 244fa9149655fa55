"""Writing a film: H.264 in an mp4 file, the times of its frames kept. Needs PyAV."""

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from pixelwise.data.dataset import Image
from pixelwise.errors import UserError
from pixelwise.files import replacing
from pixelwise.prediction.footage import Footage, SoundPacket
from pixelwise.prediction.pyav import av

ENCODERS = ("libx264", "libopenh264", "mpeg4")  # the first that is there
QUALITY = {"crf": "20", "preset": "fast"}  # of x264: a little better than usual, for labels have sharp edges
BITS = 0.2  # a pixel, of the other encoders
FINEST = Fraction(1, 60_000)  # second: the finest clock that mpeg4 takes, near enough
BT709, LIMITED = 1, 1  # what players take colours for, as H.264 numbers it


@dataclass
class FilmWriter:
    """An mp4 file that is being written. size: height and width of its first picture."""

    container: av.container.OutputContainer
    video: av.VideoStream
    sound: av.AudioStream | None
    _last: int = field(default=-1, init=False)

    def write(self, picture: Image, time: Fraction, duration: Fraction) -> None:
        """Adds an (h, w, 3) RGB picture. time: seconds since the film began. duration: of the frame, in seconds."""
        clock = self.video.codec_context.time_base or FINEST
        height, width = picture.shape[:2]
        even = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        frame = av.VideoFrame.from_ndarray(even, "rgb24").reformat(
            format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"
        )
        self._last = max(self._last + 1, round(time / clock))  # no two frames at one time
        frame.pts, frame.time_base, frame.duration = self._last, clock, max(1, round(duration / clock))
        self.container.mux(self.video.encode(frame))

    def add_sound(self, packet: SoundPacket) -> None:
        """Adds a packet of sound as it is; one that does not fit is left out."""
        if self.sound and packet.dts is not None:
            packet.stream = self.sound
            with suppress(ValueError):  # its time is before that of the last
                self.container.mux(packet)

    def finish(self) -> None:
        """Writes what the encoder has kept back."""
        self.container.mux(self.video.encode())
        self.container.close()


@contextmanager
def film_writer(path: Path, picture: Image, footage: Footage, every: int = 1) -> Iterator[FilmWriter]:
    """A film of pictures as large as the first, with the clock, the shape of pixels and the sound of another.

    A side of an odd number of pixels grows by one, for H.264's colours take two. every: which of the frames are shown.
    The file is whole or not there at all. Raises UserError where it cannot be written.
    """
    with replacing(path) as temporary:
        container = av.open(str(temporary), "w", format="mp4", options={"movflags": "+faststart"})
        try:
            sound = footage.sound if footage.sound and fits_mp4(footage.sound) else None
            writer = FilmWriter(
                container,
                _add_video(container, picture, footage, every),
                container.add_stream_from_template(sound) if sound else None,
            )
            yield writer
            writer.finish()
        except av.FFmpegError as error:
            if isinstance(error, OSError):
                raise
            raise UserError(f"{path}: cannot be encoded ({error.strerror}); try --write label") from error
        finally:
            with suppress(av.FFmpegError):
                container.close()


def _add_video(container: av.container.OutputContainer, picture: Image, footage: Footage, every: int) -> av.VideoStream:
    name = encoder()
    rate = footage.rate / every
    stream = container.add_stream(name, rate=rate, options=QUALITY if name == "libx264" else {})
    if not isinstance(stream, av.VideoStream):
        raise TypeError(f"{name} encodes no video")
    height, width = (side + side % 2 for side in picture.shape[:2])
    stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
    context = stream.codec_context
    context.time_base = footage.time_base if name != "mpeg4" else max(footage.time_base, FINEST)
    context.colorspace = context.color_primaries = context.color_trc = BT709
    context.color_range = LIMITED
    if footage.pixel_aspect:
        context.sample_aspect_ratio = footage.pixel_aspect
    if name != "libx264":
        context.bit_rate = round(BITS * height * width * rate)
    return stream


def encoder() -> str:
    """The best encoder that this FFmpeg has."""
    for name in ENCODERS:
        with suppress(av.codec.codec.UnknownCodecError):
            return av.Codec(name, "w").name
    raise UserError("this build of PyAV encodes no film; use --write label, or install PyAV with pip")


def fits_mp4(sound: av.AudioStream) -> bool:
    """Whether a stream of sound can be copied into an mp4 file as it is."""
    with suppress(av.FFmpegError, ValueError), av.open(io.BytesIO(), "w", format="mp4") as trial:
        trial.add_stream_from_template(sound)
        trial.start_encoding()
        return True
    return False
