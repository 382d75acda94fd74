"""Print a table of what ferkit depends on: why, and under which licence.

``python docs/dependencies.py`` reads pyproject.toml and the metadata of what is installed; it fails
for a dependency that nobody has given a reason for, and for a reason without a dependency.
"""

import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

REASONS = {
    "torch": "the networks, and their training",
    "skorch": "torch modules as scikit-learn estimators: the loop, callbacks, pickling",
    "scikit-learn": "the contract of estimators, splits, scores",
    "imbalanced-learn": "the contract of samplers, and Pipelines that balance training images only",
    "optuna": "suggestions, pruning and shared studies of `FERSearchCV`",
    "numpy": "images, labels, scores",
    "scipy": "``log_softmax``, and the groups of copies",
    "pandas": "`history_`, tables of results, DataFrames of images",
    "matplotlib": "displays",
    "pillow": "JPEG, PNG and other image files",
    "safetensors": "model files and checkpoints, which run no code",
    "tqdm": "progress bars",
    "joblib": "searches and comparisons in several processes",
    "sqlalchemy": "errors of the databases that keep `FERSearchCV`'s studies",
    "filelock": "one process at a time in a checkpoint's folder",
    "accelerate": "training in several processes",
    "distributed": "searches on a Dask cluster",
    "kagglehub": "`fetch_fer2013`",
    "scikit-image": "CLAHE, in `EqualizeHistogram`",
    "onnx": "writing ONNX files",
    "onnxscript": "torch's exporter asks for it",
    "onnxruntime": "running ONNX files, and their 8 bits",
    "opencv-python-headless": "detectors of faces",
}
# beside what the estimators need
TOOLS = {"test", "docs"}
_KINDS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "MIT License": "MIT",
    "Python Software Foundation License": "PSF",
}


def requirements():
    """Yield the name of each requirement, and the extra that brings it."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    rooms = {"": project["dependencies"], **project["optional-dependencies"]}
    for extra, texts in rooms.items():
        for text in texts if extra not in TOOLS else []:
            yield re.match(r"[\w.-]+", text)[0], extra


def licence(name):
    """Read a licence from the metadata of what is installed; None if it is not."""
    try:
        found = metadata(name)
    except PackageNotFoundError:
        return None
    if found["License-Expression"]:
        return found["License-Expression"]
    kinds = [value.split(" :: ")[-1] for value in found.get_all("Classifier") or []]
    named = [_KINDS.get(kind, kind) for kind in kinds if "License" in kind]
    return ", ".join(named) or (found["License"] or "not said").splitlines()[0]


def main():
    """Print the table."""
    named = dict(requirements())
    if named.keys() != REASONS.keys():
        sys.exit(f"got no line, or one too many, for {sorted(named.keys() ^ REASONS.keys())}")
    rows = [
        (name, f"``{extra}``" if extra else "", licence(name) or "not installed", REASONS[name])
        for name, extra in named.items()
    ]
    rows.insert(0, ("package", "extra", "licence", "for"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = "  ".join("=" * width for width in widths)
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    print("\n".join([rule, lines[0], rule, *lines[1:], rule]))


if __name__ == "__main__":
    main()
