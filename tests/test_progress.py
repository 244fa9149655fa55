"""Progress: bars in a terminal, plain lines elsewhere."""

import io
import re

import pytest
from rich.console import Console

from pixelwise import progress
from pixelwise.progress import TrainingProgress, clock, track


class Time:
    """A clock that a test winds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    wound = Time()
    monkeypatch.setattr(progress, "time", wound)
    return wound


def training(terminal: bool = False, steps: int = 100) -> tuple[TrainingProgress, io.StringIO]:
    """Progress of a run with 10 steps per epoch and 4 images per step, and what it prints."""
    text = io.StringIO()
    return TrainingProgress(steps, 10, 4, Console(file=text, force_terminal=terminal, width=120)), text


def test_seconds_are_said_as_people_read_them() -> None:
    assert [clock(seconds) for seconds in (-3, 0.4, 59.6, 90_000)] == [
        "0:00:00",
        "0:00:00",
        "0:01:00",
        "1 day, 1:00:00",
    ]


def test_items_come_one_by_one_and_a_short_list_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(track("abc", "reading")) == ["a", "b", "c"]
    assert capsys.readouterr() == ("", "")


def test_a_long_list_prints_a_line_now_and_then(time: Time, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in track(range(10), "reading photos"):
        time.now += 6
    assert capsys.readouterr().err.splitlines() == [
        "reading photos: 3 of 10, 0:00:42 left",
        "reading photos: 6 of 10, 0:00:24 left",
        "reading photos: 9 of 10, 0:00:06 left",
    ]


def test_in_a_terminal_there_is_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(progress, "console", lambda: Console(stderr=True, force_terminal=True, width=80))
    assert list(track([1, 2], "reading photos")) == [1, 2]
    shown = capsys.readouterr()
    assert "reading photos" in shown.err
    assert shown.out == ""


def test_training_without_a_terminal_prints_a_line_now_and_then_and_after_each_validation(time: Time) -> None:
    shown, text = training()
    with shown:
        for step in range(1, 21):
            time.now += 2
            shown.update(step, 1.5 if step % 10 == 0 else None)
        shown.validated(20, 0.25)
    assert text.getvalue().splitlines() == [
        "epoch 0.8/10.0  loss nan  2.0 images/s  0:03:04 left",
        "epoch 1.6/10.0  loss 1.500  2.0 images/s  0:02:48 left",
        "epoch 2.0/10.0  loss 1.500  validation mIoU 0.250  2.0 images/s  0:02:40 left",
    ]


def test_training_in_a_terminal_shows_one_bar_with_everything(time: Time) -> None:
    shown, text = training(terminal=True)
    with shown:
        shown.update(1, 2.0)
        shown.validated(1, 0.5)
        time.now += 4
        shown.update(2)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.getvalue())
    assert "epoch 0.2/10.0  loss 2.000  validation mIoU 0.500  2.0 images/s" in plain
    assert "left" in plain


def test_a_run_that_goes_on_counts_only_what_it_did_itself(time: Time) -> None:
    shown, text = training()
    with shown:
        time.now += 10
        shown.update(81)
        shown.validated(81, 0.5)
    assert shown.images_per_second(81) == pytest.approx(0.4)
    assert text.getvalue().endswith("0.4 images/s  0:03:10 left\n")


def test_a_validation_before_the_first_step_does_not_overflow() -> None:
    shown, text = training(steps=10**9)
    with shown:
        shown.validated(0, 0.1)
    assert "epoch 0.0" in text.getvalue()


def test_of_several_processes_only_the_first_speaks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    for rank, said in (("0", "something\n"), ("1", "")):
        monkeypatch.setenv("RANK", rank)
        progress.say("something")
        assert capsys.readouterr().err == said
        assert progress.speaks() is bool(said)
