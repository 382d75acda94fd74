import ast
import subprocess
import sys
from pathlib import Path

import pytest

import ferkit

ESTIMATORS = {"_base", "_estimators", "_large", "_mobilenet", "_resnet", "_vgg16"}
ARROWS = {  # what a package may use of the others
    "augment": set(),
    "datasets": set(),
    "deploy": {"datasets", "preprocessing", "training", *ESTIMATORS},
    "inspection": {"augment", "metrics", *ESTIMATORS},
    "metrics": {"datasets"},
    "model_selection": {"augment", "datasets", "over_sampling", *ESTIMATORS},
    "nn": set(),
    "over_sampling": {"augment"},
    "preprocessing": set(),
    "training": set(),
    "weights": set(),
}


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


def test_what_only_predicts_needs_no_compiler(tmp_path):
    X, y = ferkit.datasets.make_faces(70, image_size=16, random_state=0, return_X_y=True)
    ferkit.ResNetFER(max_epochs=1, random_state=0).fit(X, y).save(tmp_path / "m")
    loaded = run(
        f"import sys, ferkit, numpy as np; clf = ferkit.load({str(tmp_path / 'm')!r})\n"
        "X = np.zeros((3, 16, 16), np.uint8); clf.predict(X); clf.transform(X)\n"
        "print(' '.join(sys.modules))"
    ).split()
    assert "torch" in loaded
    assert "torch._dynamo" not in loaded  # which takes torch a second


def test_displays_need_no_torch():
    loaded = run("import sys, ferkit.inspection; print(' '.join(sys.modules))").split()
    assert "torch" not in loaded


def test_every_public_name_resolves():
    for name in ferkit.__all__:
        assert getattr(ferkit, name) is not None
        assert name in dir(ferkit)
    names = run("from ferkit import *; print(MobileNetFER.__module__)")
    assert names == "ferkit._mobilenet"


def test_a_missing_dependency():
    hidden = "import sys; sys.modules['pandas'] = None; import ferkit\n"
    said = run(hidden + "try: ferkit.MobileNetFER()\nexcept ImportError as error: print(error)")
    assert said.startswith("got no module pandas, expected it for ferkit.MobileNetFER; install")


def test_unknown_names():
    assert not hasattr(ferkit, "no_such_name")


def imported(path):
    """Find what of ferkit a file in one of its packages imports: the first parts of names."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == 2:
            names = [node.module] if node.module else [alias.name for alias in node.names]
            yield from (name.split(".")[0] for name in names)


@pytest.mark.parametrize("package", ARROWS)
def test_arrows_point_one_way(package):
    files = Path(ferkit.__file__).parent.joinpath(package).glob("*.py")
    used = {name for path in files for name in imported(path)}
    assert used & (ARROWS.keys() | ESTIMATORS) <= ARROWS[package]
