"""The tutorial's notebook runs from its first cell to its last, as whoever opens it runs it."""

import os
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest

pytestmark = pytest.mark.pipeline

NOTEBOOK = Path(__file__).parents[2] / "docs" / "tutorial.ipynb"


@pytest.fixture
def notebook():
    return nbformat.read(NOTEBOOK, as_version=4)


def outputs_of(cell):
    return "".join(part.get("text", "") for part in cell.get("outputs", ()))


@pytest.mark.filterwarnings("ignore")  # of Jupyter's own libraries
def test_the_notebook_runs_and_shows_what_it_says(notebook, tmp_path, monkeypatch):
    places = [str(Path(sys.executable).parent), os.environ["PATH"]]  # where the commands are
    monkeypatch.setenv("PATH", os.pathsep.join(places))
    monkeypatch.setenv("LASSI_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    where = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3", resources=where).execute()
    printed = "\n".join(outputs_of(cell) for cell in notebook.cells)
    for words in (
        "Spec(",
        "Bundle(",
        "Certificate(",
        "Verification(",
        "Explanation(",
        "inversion error",
    ):
        assert words in printed, f"no cell prints {words}"
    assert {"page.png", "why.png", "certificate"} <= {path.name for path in tmp_path.iterdir()}


def test_the_notebook_is_kept_as_it_is_written_without_outputs(notebook):
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
