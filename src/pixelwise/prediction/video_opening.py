"""Opening films and cameras. Needs PyAV."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pixelwise.data.files.file_content import UNREADABLE, check_size
from pixelwise.errors import DataError, UserError
from pixelwise.prediction.films import Film
from pixelwise.prediction.footage import Footage
from pixelwise.prediction.pyav import av

# Formats that are one file each. Others, playlists for one, are small texts that make FFmpeg open further places.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,h264,hevc,flv,asf,ogg,"
    "yuv4mpegpipe,mjpeg,ivf,dv,mxf,nut,vc1"
)
FILE_ONLY = {"protocol_whitelist": "file", "format_whitelist": FORMATS}


@contextmanager
def open_film(film: Film) -> Iterator[Footage]:
    """A film or a camera, to be read.

    Raises DataError where a file holds no film, UserError where no camera answers.
    """
    name = str(film) if isinstance(film, Path) else film.name
    try:
        if isinstance(film, Path):  # no name of a file is taken for an address
            container = av.open(str(film.resolve()), container_options=FILE_ONLY)
        else:
            container = av.open(film.device, format=film.format)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise _unreadable(film, name, getattr(error, "strerror", None) or str(error)) from error
    with container:
        video = container.streams.best("video")
        if not isinstance(video, av.VideoStream) or video.codec_context is None:
            raise _unreadable(film, name, "it holds no video that can be decoded")
        check_size(Path(name), video.codec_context.width, video.codec_context.height)
        sound = container.streams.best("audio") if isinstance(film, Path) else None
        yield Footage(name, container, video, sound if isinstance(sound, av.AudioStream) else None)


def _unreadable(film: Film, name: str, why: str) -> UserError:
    if isinstance(film, Path):
        return DataError(name, f"cannot be read as a film ({why})", "copy it again or leave it out", UNREADABLE)
    return UserError(
        f"{name}: no picture comes from this camera ({why}); is it there, and does no other program use it?"
    )
