import subprocess
import sys

import ferkit


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_import_is_light():
    heavy = {"torch", "sklearn", "skorch", "pandas", "matplotlib", "PIL", "optuna", "imblearn"}
    loaded = run("import sys, ferkit; print(' '.join(sys.modules))").split()
    assert not heavy & set(loaded)


def test_data_sets_need_no_torch():
    loaded = run(
        "import sys, ferkit; ferkit.datasets.make_faces(7); print(' '.join(sys.modules))"
    ).split()
    assert "torch" not in loaded


def test_every_public_name_resolves():
    for name in ferkit.__all__:
        assert getattr(ferkit, name) is not None
        assert name in dir(ferkit)
    names = run("from ferkit import *; print(MobileNetFER.__module__)")
    assert names == "ferkit._mobilenet"


def test_unknown_names():
    assert not hasattr(ferkit, "no_such_name")
