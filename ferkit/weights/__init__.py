"""The weights that come with ferkit: model files, each with its model card."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from .._paths import as_path

_FOLDER = Path(__file__).parent


def available_weights() -> dict[str, list[str]]:
    """List the weights that come with ferkit, for `from_pretrained` and the parameter `weights`.

    Returns
    -------
    dict of str to list of str
        Names of weights by the estimator's class.

    Examples
    --------
    >>> import ferkit
    >>> ferkit.available_weights()
    {'MobileNetFER': ['fer2013'], 'ResNetFER': ['fer2013']}
    """
    return {kind: sorted(files) for kind, files in sorted(_index().items())}


def find_weights(kind, name):
    """Find a model file that comes with ferkit, by the estimator's class, and check it.

    `ValueError` if there are no such weights, or the file is not the one that was released.
    """
    files = _index().get(kind, {})
    if name not in files:
        there_are = f"expected one of {sorted(files)}" if files else "for which there are none"
        raise ValueError(
            f"got {name!r} as weights of {kind}, {there_are}; "
            "ferkit.available_weights() lists those of all classes, ferkit.load reads files"
        )
    path = _FOLDER / files[name]["file"]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != files[name]["sha256"]:
        raise ValueError(
            f"got {path} of SHA-256 {digest}, expected {files[name]['sha256']}; it is damaged or "
            "changed: install ferkit again"
        )
    return path


def resolve_weights(weights, kinds):
    """Find the file that an estimator's parameter `weights` means: a name, or a path.

    `kinds` are the names of the estimator's class and of those that it derives from.
    `FileNotFoundError` if it is neither, `ValueError` if a file of ferkit's is damaged.
    """
    named = {name: kind for kind, files in _index().items() if kind in kinds for name in files}
    if weights in named:
        return find_weights(named[weights], weights)
    path = as_path(weights)
    if not path.is_file():
        or_name = f" or one of {sorted(named)}" if named else ""
        raise FileNotFoundError(
            f"got weights={str(weights)!r}, expected a model file{or_name}; there is no such file"
        )
    return path


def _index():
    return json.loads((_FOLDER / "index.json").read_text())
