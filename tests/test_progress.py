"""Where bars are drawn."""

import sys
from types import SimpleNamespace

import pytest

from ferkit import ResNetFER
from ferkit._progress import can_draw
from ferkit.datasets import make_faces


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
