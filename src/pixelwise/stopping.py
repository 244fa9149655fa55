"""Being stopped by the user or the system, so that what was done until then is kept."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pixelwise.errors import UserError

STOPPING = (signal.SIGINT, signal.SIGTERM)


class Interrupted(UserError):
    """The user or the system stopped what was done; what there is is saved, and the message says what to do next."""

    def __init__(self, message: str, *, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number  # as a shell reports a program that a signal ended


@contextmanager
def stop_asked() -> Iterator[Callable[[], int]]:
    """The signal, if any, that has asked to stop since: Ctrl-C, or SIGTERM as a scheduler sends it; 0 before.

    A second one stops at once. In other threads always 0.
    """
    asked = [0]
    if threading.current_thread() is not threading.main_thread():
        yield lambda: 0
        return

    def ask(number: int, _: object) -> None:
        signal.signal(number, before[signal.Signals(number)])
        asked[0] = number

    before = {number: signal.signal(number, ask) for number in STOPPING}
    try:
        yield lambda: asked[0]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
