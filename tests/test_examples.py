"""The notebooks in examples/ run from the first cell to the last in a real kernel, and are stored without outputs."""

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[1] / "examples").glob("*.ipynb"))
QUICK = {"IMAGES": "8", "EPOCHS": "1", "SIZE": "(32, 48)", "WIDTH": "4"}  # the same cells, in little time


def read(path: Path) -> Any:  # noqa: ANN401 - nbformat has no types
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


def made_quick(source: str) -> str:
    """The settings of a cell replaced by small ones, where it has any."""
    for name, value in QUICK.items():
        source = re.sub(rf"^{name} = [^#\n]*", f"{name} = {value}  ", source, flags=re.MULTILINE)
    return source


def shown(cell: Any) -> set[str]:  # noqa: ANN401
    """The kinds of what a cell shows, "text/html" for one, and "stdout" where it prints."""
    kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
    return kinds | {output.name for output in cell.outputs if output.output_type == "stream"}


def test_there_are_notebooks() -> None:
    assert [path.name for path in NOTEBOOKS] == ["unet_and_segnet.ipynb"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_stored_without_outputs_and_with_every_setting_that_the_tests_make_small(path: Path) -> None:
    code = [cell for cell in read(path).cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    text = "\n".join(cell.source for cell in code)
    assert [name for name in QUICK if not re.search(rf"^{name} = ", text, flags=re.MULTILINE)] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_every_cell_of_a_notebook_runs_and_shows_what_it_is_about(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))  # not the settings of whoever runs the tests
    notebook = read(path)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in code:
        cell.source = made_quick(cell.source)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    kinds = {cell.id: shown(cell) for cell in code}
    for name in ("data", "unet", "segnet", "score", "classes", "worst", "save"):
        assert "text/html" in kinds[name], (name, kinds[name])
    for name in ("score-plot", "see-unet", "see-segnet"):
        assert "image/png" in kinds[name], (name, kinds[name])
    assert kinds["compare"] >= {"stdout"}
    said = "".join(output.text for cell in code for output in cell.outputs if output.output_type == "stream")
    assert "Warning" not in said
