"""Films for the tests, and what is in one."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]


def write_film(
    path: Path,
    pictures: Sequence[Picture],
    *,
    rate: int = 10,
    codec: str = "libx264",
    ticks: Sequence[int] | None = None,
    turned: float | None = None,
    sound: str | None = None,
) -> Path:
    """A film of (h, w, 3) RGB pictures of even sides.

    ticks: when each is shown, in 1/600 second. turned: degrees counterclockwise that players are told to turn it.
    sound: a codec, for a second of silence.
    """
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=rate, options={"g": "5"})
        video.height, video.width = height, width
        video.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        if turned is not None:
            video.set_display_rotation(turned)
        if ticks:
            video.codec_context.time_base = Fraction(1, 600)
        voice = container.add_stream(sound, rate=48000) if sound else None
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            if ticks:
                frame.pts, frame.time_base = ticks[number], Fraction(1, 600)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if voice:
            _add_silence(container, voice)
    return path


def _add_silence(container: av.container.OutputContainer, voice: av.AudioStream) -> None:
    for start in range(0, 48000, 960):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 960), np.int16), "s16", "mono")
        frame.sample_rate, frame.pts = 48000, start
        container.mux(voice.encode(frame))
    container.mux(voice.encode())


class Film(NamedTuple):
    """What is in a film: RGB pictures, seconds of each, frames a second, packets of sound."""

    pictures: list[Picture]
    times: list[float]
    rate: Fraction
    sounds: int


def read_film(path: Path | str) -> Film:
    """All of a sound film, with PyAV alone."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        frames = list(container.decode(video))
        pictures = [frame.to_ndarray(format="rgb24") for frame in frames]
        times = [float(frame.time) for frame in frames]
        rate = video.average_rate
    with av.open(str(path)) as container:
        sounds = sum(packet.size > 0 for packet in container.demux(audio=0)) if container.streams.audio else 0
    return Film(pictures, times, rate, sounds)


def spoil(path: Path, start: float, count: int) -> Path:
    """Writes nonsense over so many bytes, from a share of the file on."""
    content = bytearray(path.read_bytes())
    first = int(len(content) * start)
    content[first : first + count] = np.random.default_rng(0).integers(0, 256, count, np.uint8).tobytes()
    path.write_bytes(content)
    return path
