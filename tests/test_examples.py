import os
import runpy
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "examples"
EXAMPLES = sorted(FOLDER.glob("plot_*.py"))
ON_FER2013 = [path for path in EXAMPLES if "FERKIT_DATA" in path.read_text()]
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs_on_drawn_faces(path, monkeypatch):
    monkeypatch.delenv("FERKIT_DATA", raising=False)
    run(path, monkeypatch)


@pytest.mark.skipif("FERKIT_DATA" not in os.environ, reason="FERKIT_DATA names no folder")
@pytest.mark.parametrize("path", ON_FER2013, ids=lambda path: path.stem)
def test_example_runs_on_fer2013(path, monkeypatch):
    run(path, monkeypatch)


def run(path, monkeypatch):
    matplotlib.use("Agg")
    monkeypatch.setattr(plt, "show", lambda: None)
    runpy.run_path(str(path))
    assert plt.get_fignums()
    plt.close("all")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path):
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=600).execute()  # raises what a cell raises
