"""The runs of record: every command is one that pixelwise takes, and none is asked for twice."""

import importlib.util
import runpy
import shlex
import sys
from pathlib import Path
from types import ModuleType

import pytest
import typer

from pixelwise.cli import app
from pixelwise.cli.options import request_of

FILE = Path(__file__).parents[1] / "benchmarks" / "record.py"


@pytest.fixture(scope="module")
def record() -> ModuleType:
    """benchmarks/record.py."""
    spec = importlib.util.spec_from_file_location("record", FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass asks for it
    spec.loader.exec_module(module)
    return module


def test_every_command_of_record_is_one_that_pixelwise_takes(record: ModuleType) -> None:
    commands = typer.main.get_command(app).commands
    for one in record.RECORDS:
        if one.script:
            assert (FILE.parents[1] / shlex.split(one.arguments)[0]).exists()
            continue
        command, *words = shlex.split(one.arguments)
        context = commands[command].make_context(command, words)
        if command == "train":
            request_of(0.0, context.params)  # refuses what cannot be trained


def test_runs_of_record_have_names_and_commands_of_their_own(record: ModuleType) -> None:
    for what in ("name", "arguments"):
        every = [getattr(one, what) for one in record.RECORDS]
        assert len(set(every)) == len(every)


def test_what_is_owed_is_what_has_no_result_and_is_listed(
    record: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    owed = {one.name for one in record.RECORDS if not (record.RESULTS / f"{one.name}.json").exists()}
    monkeypatch.setattr(sys, "argv", ["record.py", "--list"])
    record.main()
    lines = capsys.readouterr().out.splitlines()
    assert {line.split(": ")[1].removesuffix(" (needs a GPU)") for line in lines} == owed


def test_a_name_that_no_run_has_is_refused(
    record: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["record.py", "no_such_run"])
    with pytest.raises(SystemExit, match="2"):
        record.main()
    assert "there is no no_such_run; --list shows what is owed" in capsys.readouterr().err


def test_a_run_that_goes_on_from_others_names_them_in_their_order() -> None:
    chain = runpy.run_path(str(FILE.with_name("recorded.py")))["chain"]
    assert chain("shipped_street") == ["shipped_street"]
    assert chain("shipped_street_longer") == ["shipped_street", "shipped_street_longer"]
    assert chain("shipped_street_large") == ["shipped_street", "shipped_street_longer", "shipped_street_large"]
    both = ["shipped_street_large_cities", "shipped_street_large_both"]
    assert chain("shipped_street_large_both") == [*chain("shipped_street_large"), *both]
    # Of an average every training that it is made of, once.
    average = [*chain("shipped_street_large_both"), "shipped_street_large_longer"]
    assert chain("shipped_street_large_average") == average
    alike = [f"shipped_street_large_{name}" for name in ("mostly", "alike")]
    assert chain("shipped_street_large_averages") == [*average, *alike]
