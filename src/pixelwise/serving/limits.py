"""What the server takes, and how it says no."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What one request, and all that are there at once, may take.

    bytes: of one body. pixels: of one image, and two times as many of all that are worked on at once: about 25 bytes of
    memory each. ratio: of an image's longer side to its shorter one. bands: bytes of a pixel's numbers that are taken
    at the most pixels; images of more bytes have to be smaller. scans: of one JPEG. corners: pixels at the borders of
    classes, of which outlines are made. queue: photos waiting or worked on at once. uploads: bodies read at once.
    connections: at once. batch: photos run together, on a processor and on a GPU. idle, body: seconds between two
    parts of a body, and for all of it. work: seconds from its end to the answer. stop: seconds that requests have to
    end when the server stops.
    """

    bytes: int = 32 * 2**20
    pixels: int = 40_000_000
    ratio: int = 20
    bands: int = 8
    scans: int = 64
    corners: int = 2_000_000
    queue: int = 32
    uploads: int = 128
    connections: int = 500
    batch: tuple[int, int] = (2, 8)
    idle: float = 10.0
    body: float = 60.0
    work: float = 60.0
    stop: float = 30.0


class Refusal(Exception):
    """An answer that is an error: the HTTP status, one word why for the metrics, and one line: what, and the mend.

    retry: seconds after which it may be tried again.

    >>> raise Refusal(413, "bytes", "the body is too large; send a smaller one")
    Traceback (most recent call last):
    pixelwise.serving.limits.Refusal: the body is too large; send a smaller one
    """

    def __init__(self, status: int, reason: str, detail: str, retry: int | None = None) -> None:
        super().__init__(detail)
        self.status, self.reason, self.detail, self.retry = status, reason, detail, retry
