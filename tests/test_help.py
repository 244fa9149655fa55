"""What --help says is true: its examples run, and nothing slow is imported for it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import COMMANDS, pixelwise, quick, typed

SLOW = ("torch", "cv2", "numpy", "jinja2", "PIL")


def help_of(*words: str) -> str:
    answer = pixelwise(*words, "--help")
    assert answer.code == 0
    return answer.out


def test_every_command_is_listed_and_each_has_one_example() -> None:
    listed = re.findall(r"^  ([\w-]+) ", help_of().split("Commands:")[1].split("Begin")[0], flags=re.MULTILINE)
    assert tuple(listed) == COMMANDS
    for command in COMMANDS:
        assert help_of(command).count("Example:") == 1


@pytest.mark.usefixtures("tiny_demo")
@pytest.mark.parametrize("command", COMMANDS)
def test_the_example_in_the_help_of_a_command_runs(desk: Path, command: str) -> None:
    example = help_of(command).split("Example:")[1].strip()
    assert "\n" not in example, "a wrapped line cannot be copied"
    answer = typed(quick(example))
    assert answer.code == 0, answer


def test_no_arguments_at_all_show_the_help() -> None:
    answer = pixelwise()
    assert "Usage: pixelwise" in answer.out + answer.err


def test_the_version_is_that_of_the_package() -> None:
    from importlib.metadata import version

    answer = pixelwise("--version")
    assert (answer.code, answer.out) == (0, f"pixelwise {version('pixelwise')}\n")


@pytest.mark.parametrize(
    "program",
    [
        "import pixelwise",
        "import pixelwise.cli as cli; sys.argv[1:] = ['--help']\ntry: cli.main()\nexcept SystemExit: pass",
        "import pixelwise.cli as cli; sys.argv[1:] = ['train', '--help']\ntry: cli.main()\nexcept SystemExit: pass",
    ],
    ids=["import", "help", "help of train"],
)
def test_nothing_slow_is_imported_before_it_is_used(program: str) -> None:
    check = f"\nprint([name for name in {SLOW} if name in sys.modules], file=sys.stderr)"
    ran = subprocess.run(
        [sys.executable, "-c", f"import sys\n{program}{check}"], capture_output=True, text=True, check=True
    )
    assert ran.stderr.strip() == "[]"


def test_the_module_is_the_command_line_too() -> None:
    ran = subprocess.run([sys.executable, "-m", "pixelwise", "--version"], capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("pixelwise ")


def test_usage_errors_end_with_one_clear_line_and_exit_code_2() -> None:
    for words, said in (
        (("predict",), "Missing argument '[MODEL] INPUT...'"),
        (("evaluate", "model.safetensors"), "name one model and one dataset"),
        (("train", "--modle", "unet"), "No such option: --modle"),
        (("trian",), "No such command 'trian'"),
        (("demo", "--count", "none"), "Invalid value for '--count'"),
        (("train", "streets", "--batch", "0"), "Invalid value for '--batch'"),
    ):
        answer = pixelwise(*words)
        assert (answer.code, answer.out) == (2, "")
        assert said in answer.err.splitlines()[-1]
