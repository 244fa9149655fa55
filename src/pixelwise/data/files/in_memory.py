"""A file that is in memory: the cell of a table, what somebody sent."""

import io
import stat
from pathlib import Path
from types import SimpleNamespace


class InMemory(io.BytesIO):
    """The bytes of a file, with as much of a path as reading a picture takes.

    joins images.py: the readers there ask a path only for `stat`, `open`, `suffix` and `parent`, so that files and
    bytes are read by the same code. name: of the whole, for messages. parent: the file that it lies in, if any.
    """

    def __init__(self, content: bytes, name: str, parent: Path = Path()) -> None:
        super().__init__(content)
        self.parent = parent
        self.suffix = ".jpg" if content[:3] == b"\xff\xd8\xff" else ".png"
        self._name = name

    def __str__(self) -> str:
        return self._name

    def stat(self) -> SimpleNamespace:
        return SimpleNamespace(st_mode=stat.S_IFREG, st_size=len(self.getbuffer()))

    def open(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self.getvalue())
