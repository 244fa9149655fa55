"""README.md and docs/ are true: every command line and every Python block runs, every link and option is there.

Each document runs from top to bottom in a fresh folder with small real inputs (`desk` in conftest.py). What a
document shows with its real, long duration runs short: see `quick` in command_line.py, and `SHORT` for Python.
"""

import re
import runpy
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from command_line import COMMANDS, pixelwise, quick, typed

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BUDGET = re.compile(r"budget=(\"[^\"]*\"|[\d.]+)")
SHORT = "epochs=1, size=(32, 64)"


class Block(NamedTuple):
    """A fenced or indented block. language: after the fence, "" for none."""

    language: str
    text: str


def blocks_of(document: Path) -> list[Block]:
    """The code blocks of a document in their order.

    An indented block is one with an empty line above it, as Markdown has it.
    """
    text = document.read_text(encoding="utf-8")
    pattern = r"^```(\w*)[^\n]*\n(.*?)^```$|(?<=\n\n)((?:^    [^\n]*\n)+)"
    found = re.finditer(pattern, text, flags=re.MULTILINE | re.DOTALL)
    return [Block(match[1] or "", match[2] if match[2] is not None else match[3]) for match in found]


def commands_in(block: Block) -> list[str]:
    """The lines that begin with `pixelwise` or `make`; a backslash goes on in the next line."""
    lines = block.text.replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if re.match(r"\s*(pixelwise|make) ", line)]


@pytest.mark.usefixtures("tiny_demo", "desk", "own_hub")
@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # of huggingface_hub's upload
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_and_every_python_block_of_a_document_runs(document: Path) -> None:
    names: dict[str, object] = {"__name__": "__main__"}
    for block in blocks_of(document):
        if block.language == "python":
            exec(compile(BUDGET.sub(SHORT, block.text), document.name, "exec"), names)
            continue
        for line in commands_in(block):
            run(line)


def run(line: str) -> None:
    if line.startswith("make "):
        targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert line.split()[1] in targets, line
        return
    answer = typed(quick(line))
    assert answer.code == 0, (line, answer)


@pytest.mark.parametrize("document", [*DOCUMENTS, ROOT / "CONTRIBUTING.md"], ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", document.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("command", COMMANDS)
def test_the_options_of_a_command_are_those_of_its_table_and_so_are_their_defaults(command: str) -> None:
    helped = pixelwise(command, "--help").out
    options = set(re.findall(r"^  (?:-\w, )?(--[\w-]+)", helped, flags=re.MULTILINE)) - {"--help"}
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    section = text.split(f"\n## {command}\n")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `(--[\w-]+)` \|([^|]*)\|", section, flags=re.MULTILINE))
    assert set(rows) == options
    described = {part.split()[0]: " ".join(part.split()) for part in re.split(r"\n  (?=--)", helped)[1:]}
    for option, default in rows.items():
        if re.fullmatch(r"[\w.]+", default.strip()):
            assert f"[default: {default.strip()}" in described[option]


def test_the_harness_finds_what_is_to_be_run() -> None:
    found = {document.name: blocks_of(document) for document in DOCUMENTS}
    assert any(block.language == "python" for block in found["README.md"])
    assert any("--resume" in line for block in found["training.md"] for line in commands_in(block))
    assert sum(len(commands_in(block)) for block in found["commands.md"]) > 10


def test_what_is_long_in_a_document_is_short_in_its_test() -> None:
    assert quick("pixelwise train my_photos --budget 2h --run x  # long") == (
        "pixelwise train my_photos --run x --epochs 1 --size 32x64 --batch 2 --option width=4"
    )
    assert quick("pixelwise demo") == "pixelwise demo --budget 6s"
    assert quick("pixelwise demo --write x --count 20") == "pixelwise demo --write x --count 8"
    for line in ("pixelwise train --resume x", "pixelwise demo --write x", "pixelwise predict a b"):
        assert quick(line) == line


def test_the_tables_of_measured_figures_are_those_of_the_results(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["tables.py", "--check"])
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "benchmarks" / "tables.py"), run_name="__main__")
    assert not ended.value.code, "run benchmarks/tables.py"
