"""The server: a socket, the application, and an end that finishes what was taken."""

import errno
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType

import uvicorn

from pixelwise.bundle import Bundle
from pixelwise.errors import UserError
from pixelwise.model import Model, load
from pixelwise.serving.app import create_app
from pixelwise.serving.desk import Desk
from pixelwise.serving.limits import Limits
from pixelwise.training.run import BEST

LAST = 5  # seconds that answers have to be sent, when all are there


class Server(uvicorn.Server):
    """Stops in two steps: new requests are turned away until the others are answered, then it ends."""

    def __init__(self, desk: Desk, token: str = "") -> None:
        config = uvicorn.Config(
            create_app(desk, token),
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=desk.limits.connections,
            timeout_graceful_shutdown=LAST,
        )
        super().__init__(config)
        self._desk, self._end = desk, 0.0

    def stop(self) -> None:
        """Begins the end; called again, it ends at once."""
        self.should_exit = self.force_exit = self._desk.stopping
        self._desk.stopping, self._end = True, time.monotonic() + self._desk.limits.stop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal: the process ends with 0."""
        self.stop()

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether it ends now."""
        if self._desk.stopping and (not self._desk.requests or time.monotonic() > self._end):
            self.should_exit = True
        return await super().on_tick(counter)


def bind(host: str, port: int) -> socket.socket:
    """The socket to listen at. port: 0 for a free one. Raises UserError where it cannot be had."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        place = socket.socket(family, socket.SOCK_STREAM)
        try:
            place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            place.bind(address)
            place.listen()  # whoever comes early waits
        except OSError:
            place.close()
            raise
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise UserError(
                f"port {port} of {host} is in use; choose another with --port, or 0 for a free one"
            ) from error
        raise UserError(f"cannot listen at {host}, port {port} ({error.strerror}); choose others") from error
    return place


def url_of(place: socket.socket) -> str:
    """Where it is found."""
    host, port = place.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(place: socket.socket) -> bool:
    """Whether only this machine reaches it."""
    return ipaddress.ip_address(place.getsockname()[0].partition("%")[0]).is_loopback


def load_models(models: list[str], device: str = "auto") -> dict[str, Bundle]:
    """Name -> model, of files, run folders and models that ship. Raises UserError for two of a name, and for painters.

    A run's best model is called as its folder, all others as their files.

    >>> list(load_models(["street"], "cpu"))
    ['street']
    """
    found: dict[str, Bundle] = {}
    for path in models:
        model = load(path, device)
        name = _name(path, model)
        if name in found:
            raise UserError(f"two models are called {name}; rename the file or the folder of one")
        if model.bundle.paints_photos:
            raise UserError(f"{path}: paints photos from coloured labels, and a server labels photos; leave it out")
        found[name] = model.bundle
    return found


def _name(path: str, model: Model) -> str:
    place = Path(path)
    if model.run and (place.is_dir() or place.name == BEST):
        return model.run.resolve().name
    return place.stem if place.suffix == ".safetensors" else place.name


def run(models: Mapping[str, Bundle], place: socket.socket, token: str = "", limits: Limits | None = None) -> None:
    """Serves until SIGTERM or SIGINT comes, and all that was taken is answered."""
    with closing(Desk(models, limits or Limits())) as desk:
        Server(desk, token).run(sockets=[place])


@contextmanager
def served(models: Mapping[str, Bundle], *, token: str = "", limits: Limits | None = None) -> Iterator[str]:
    """Serves in a thread, on a free port of this machine, until the block ends; gives the URL."""
    with closing(Desk(models, limits or Limits())) as desk, closing(bind("127.0.0.1", 0)) as place:
        server = Server(desk, token)
        url = url_of(place)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [place]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield url
        finally:
            server.stop()
            thread.join()
