"""Where bars are drawn."""

import sys
from types import SimpleNamespace

import pytest

from ferkit import ResNetFER
from ferkit._progress import can_draw
from ferkit.datasets import make_faces
from ferkit.training import progress


@pytest.mark.parametrize(
    ("shell", "expected"), [(None, False), (SimpleNamespace(kernel=1), True), (object(), False)]
)
def test_notebooks_have_bars(capsys, monkeypatch, shell, expected):
    ipython = SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert can_draw() is expected
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace())  # half imported
    assert not can_draw()


def test_importing_a_notebooks_packages_makes_no_notebook(capsys):
    pytest.importorskip("ipykernel")
    X, y = make_faces(70, image_size=16, random_state=0, return_X_y=True)
    ResNetFER(max_epochs=1, random_state=0, verbose=1).fit(X, y)
    err = capsys.readouterr().err
    assert "\r" not in err
    assert "epoch 1/1" in err


def test_lines_have_a_bar_for_the_epoch_under_way(capsys, monkeypatch):
    monkeypatch.setattr(progress, "can_draw", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    X, y = make_faces(70, image_size=16, random_state=0, return_X_y=True)
    ResNetFER(max_epochs=2, batch_size=10, random_state=0, verbose=2).fit(X, y)
    out, err = capsys.readouterr()
    assert [line[:9] for line in out.splitlines()[1:]] == ["epoch 1/2", "epoch 2/2"]
    drawn = [line for line in err.split("\r") if line.strip()]
    assert any(line.startswith("epoch 1/2 ") and "|" in line for line in drawn)
    assert any(line.startswith("epoch 2/2 ") for line in drawn)
    assert not err.split("\r")[-1].strip()  # it is gone
