"""The real command line in this process, and small real inputs for it."""

import contextlib
import io
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pixelwise.cli import main
from pixelwise.data import Dataset, Split
from pixelwise.data.layouts.streets_default import streets
from pixelwise.labels import CAMVID11

COMMANDS = (
    *("demo", "check", "models", "plan", "train", "evaluate", "compare"),
    *("average", "predict", "regions", "surfaces", "serve", "export", "import-keras"),
)
TINY = ("--size", "32x64", "--batch", "2")
RUN_FOLDER = [
    "best.safetensors",
    "environment.json",
    "evaluation.json",
    "history.csv",
    "last.safetensors",
    "recipe.yaml",
    "report.html",
    "samples",
    "state.safetensors",
]


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line on standard error."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        return lines[0]


def pixelwise(*words: object) -> Answer:
    """Runs `pixelwise WORDS` in this process."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setattr(sys, "argv", ["pixelwise", *(str(word) for word in words)])
        try:
            main()
        except SystemExit as stopped:
            code = stopped.code if isinstance(stopped.code, int) else int(stopped.code is not None)
    return Answer(code, out.getvalue(), err.getvalue())


def typed(line: str) -> Answer:
    """Runs a whole command line that begins with `pixelwise`."""
    program, *words = shlex.split(line)
    assert program == "pixelwise", line
    return pixelwise(*words)


def refused(*words: object) -> str:
    """The one line with which `pixelwise WORDS` ends, exit code 2."""
    answer = pixelwise(*words)
    assert answer.code == 2, answer
    assert answer.line.startswith("pixelwise: "), answer
    return answer.line


def small_streets(train: int = 6, val: int = 2, test: int = 2) -> Dataset:
    """Rendered streets at a quarter of their height and width, so that tests are quick."""
    source = streets(train, val, test)
    splits = {name: _shrunk(source.split(name)) for name in ("train", "val", "test")}
    return Dataset("small", "held", "made by a test", CAMVID11, **splits)


def _shrunk(split: Split) -> Split:
    from small_data import Held

    from pixelwise.data import Sample

    samples = (Sample(one.image[::4, ::4].copy(), one.label[::4, ::4].copy(), one.name) for one in split)
    return Split(tuple(Held(sample) for sample in samples))


def content(folder: Path) -> list[str]:
    """What lies in a folder, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


def files_below(folder: Path) -> Iterator[str]:
    """Every file in and below a folder, hidden ones too."""
    return (str(path.relative_to(folder)) for path in sorted(folder.rglob("*")) if path.is_file())


def quick(line: str) -> str:
    """A command line of the documents with what makes it long made short; all else is as a person types it.

    `pixelwise plan` and `pixelwise train` get one epoch of tiny crops in the place of budget, epochs, size, batch,
    and a narrow network where they begin without weights.
    `pixelwise demo` gets six seconds, enough on a busy machine, for `tiny_demo` has made its scenes few and small;
    `--count` writes eight, which are of full size.
    `pixelwise models` measures no times, for which it takes a second for each model.
    `pixelwise serve` looks whether it could listen, at a free port, and stops.
    """
    words = shlex.split(line, comments=True)
    if words[1] in ("plan", "train") and not {"--resume", "--recipe", "--help"} & set(words):
        narrow = [] if "--weights" in words else ["--option", "width=4"]
        words = _without(words, "--budget", "--epochs", "--size", "--batch")
        return shlex.join([*words, "--epochs", "1", *TINY, *narrow])
    if words[1] == "models" and "--no-speed" not in words:
        return shlex.join([*words, "--no-speed"])
    if words[1] == "serve" and "--help" not in words:
        return shlex.join([*_without(words, "--port"), "--port", "0", "--check"])
    if words[1] == "demo" and "--count" in words:
        return shlex.join([*_without(words, "--count"), "--count", "8"])
    if words[1] == "demo" and "--write" not in words and "--help" not in words:
        return shlex.join([*_without(words, "--budget"), "--budget", "6s"])
    return shlex.join(words)


def _without(words: list[str], *options: str) -> list[str]:
    """The words without these options and their values."""
    dropped = {place + shift for place, word in enumerate(words) if word in options for shift in (0, 1)}
    return [word for place, word in enumerate(words) if place not in dropped]
