"""Estimators to and from the one file format."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils.validation import check_is_fitted

from . import persistence
from ._header import check_header, from_json, read_classes, to_json
from ._messages import warn_user
from ._typing import StrPath

if TYPE_CHECKING:
    from ._base import BaseFER

# the only classes a file can name
_CLASSES = ("LargeFER", "MobileNetFER", "ResNetFER", "VGG16FER")

# what reading a file of unexpected content raises
_FAULTS = (KeyError, TypeError, AttributeError, IndexError, RuntimeError, ValueError, OverflowError)

# callbacks and samplers are code, teachers other models, the others places on the machine
_OUTSIDE_FILES = {"callbacks", "checkpoint_dir", "sampler", "teacher", "weights"}


def save(estimator, path, *, dtype="float32", with_history=True):
    """Write a fitted estimator to a file; see `BaseFER.save`.

    ``with_history=False`` leaves the history out, for files that must be small. `ValueError` if the
    file could not hold the estimator, or `load` not read it.
    """
    import ferkit

    from .training import rows_of

    check_is_fitted(estimator)
    estimator._validate_params()
    name = type(estimator).__name__
    if type(estimator) is not getattr(ferkit, name, None) or name not in _CLASSES:
        raise ValueError(
            f"got an estimator of class {type(estimator).__module__}.{name}, expected one of "
            f"ferkit's {', '.join(_CLASSES)}; keep estimators of your own with joblib.dump"
        )
    class_weight = estimator.net_.criterion_.weight
    header = {
        "class": name,
        "params": {
            key: to_json(key, value)
            for key, value in estimator.get_params(deep=False).items()
            if key not in _OUTSIDE_FILES
        },
        "classes": [estimator.classes_.dtype.str, estimator.classes_.tolist()],
        "class_count": estimator.class_count_.tolist(),
        "n_features_in": estimator.n_features_in_,
        "feature_names_in": getattr(estimator, "feature_names_in_", np.array([])).tolist(),
        "image_shape": estimator.image_shape_,
        "dtype": estimator._dtype.name,
        "seed": estimator.net_.seed,
        "split_seed": getattr(estimator, "_split_seed", None),
        "in_channels": int(estimator.net_.in_channels),
        "class_weight": None if class_weight is None else class_weight.tolist(),
        "best_epoch": estimator.best_epoch_,
        "began_with": estimator._began_with,
        "history": persistence.to_history(rows_of(estimator.net_)) if with_history else [],
    }
    tensors = _rounded(estimator.module_.state_dict(), dtype)
    _check_loadable(tensors, header)
    persistence.write(path, tensors, header)


def _check_loadable(tensors, header):
    """Refuse what `load` would."""
    try:
        header = json.loads(json.dumps(header))
        header["params"]["device"] = "cpu"
        _make(tensors, header)
    except _FAULTS as error:
        raise ValueError(
            f"got an estimator that could not be loaded ({persistence.explain(error)}), expected "
            "it as it was fitted; if parameters were set since, set them back"
        ) from error


def _rounded(tensors, dtype):
    if dtype not in ("float32", "float16"):
        raise ValueError(f"got dtype={dtype!r}, expected 'float32' or 'float16'")
    if dtype == "float32":
        return tensors
    rounded = {name: t.half() if t.is_floating_point() else t for name, t in tensors.items()}
    for name, tensor in rounded.items():
        if not tensor.isfinite().all():
            raise ValueError(
                f"got {name} with values up to {tensors[name].abs().max():.4g}, expected at most "
                "65,504 for float16; save with dtype='float32'"
            )
    return rounded


def load(path: StrPath) -> BaseFER:
    """Load an estimator that was saved with its `save`.

    No code in the file is run. The estimator predicts at once, on the device that its `device`
    parameter names. What the file leaves out (`callbacks`, `checkpoint_dir`, `sampler`,
    `teacher` and `weights`) has to be set anew before another `fit`.

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Returns
    -------
    LargeFER, MobileNetFER, ResNetFER or VGG16FER
        The fitted estimator.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a model file, is damaged, or is of a class that ferkit does not have.

    Warns
    -----
    UserWarning
        If the device that it was trained on is not here.

    Examples
    --------
    >>> import ferkit
    >>> clf = ferkit.load("faces.safetensors")  # doctest: +SKIP
    """
    tensors, header = _read_model(path)
    try:
        return _make(tensors, header, path)
    except _FAULTS as error:
        raise _damaged(path, error) from error


def _make(tensors, header, path=None):
    """Make the estimator of a header; with a `path`, on a device that is here."""
    import ferkit

    name = header["class"]
    if name not in _CLASSES:
        raise ValueError(f"its class is {name!r:.80}, expected one of {', '.join(_CLASSES)}")
    if not _OUTSIDE_FILES.isdisjoint(header["params"]):
        raise ValueError(f"it has one of {', '.join(sorted(_OUTSIDE_FILES))}")
    params = {key: from_json(value) for key, value in header["params"].items()}
    estimator = getattr(ferkit, name)(**params)
    estimator._validate_params()
    if path is not None:
        estimator.device = _device_here(estimator.device, path)
    _restore(estimator, tensors, header)
    return estimator


def _damaged(path, error):
    return ValueError(
        f"got {path}, expected a ferkit model file; it is damaged, or of another release "
        f"({persistence.explain(error)})"
    )


def _device_here(device, path):
    """Take another device where the one that a model was trained on is missing."""
    from .training import resolve_device

    try:
        resolve_device(device)
    except ValueError:
        warn_user(
            f"got {path} of device={device!r:.80}, expected one that is here; it is loaded with "
            "device='auto'"
        )
        return "auto"
    return device


def load_weights(path, estimator=None):
    """Read the weights of a saved estimator: tensors by name, and its classes.

    `estimator` is to begin with them: `ValueError` if it is of another network. None is not
    checked, nor are classes of a user's own. `FileNotFoundError` if there is no such file,
    `ValueError` if it is no model file.
    """
    tensors, header = _read_model(path)
    try:
        _check_tensors(tensors)
        classes = read_classes(header)
        saved = _name_network(header["class"], header["params"])
    except _FAULTS as error:
        raise _damaged(path, error) from error
    own = type(estimator).__name__
    if own in _CLASSES:  # others are the user's, who may know better
        own = _name_network(own, estimator.get_params(deep=False))
        if saved != own:
            raise ValueError(
                f"got weights of another network, {saved}, expected those of {own}; take "
                f"{saved}, or weights=None"
            )
    return tensors, classes


def _name_network(name, params):
    """Write down a class of ferkit with the parameters that decide its network."""
    import ferkit

    keys = getattr(ferkit, name)._network_params
    text = ", ".join(f"{key}={to_json(key, params.get(key))!r:.40}" for key in keys)
    return f"{name}({text})" if keys else name


def _read_model(path):
    tensors, header = persistence.read(path)
    if "identity" in header:
        raise ValueError(
            f"got {path}, a checkpoint of training, expected a model file, made by an estimator's "
            "save; fit again with the same checkpoint_dir, which loads it, and save"
        )
    return tensors, header


def _check_tensors(tensors):
    import torch

    for name, tensor in tensors.items():
        if tensor.dtype not in (torch.float32, torch.float16, torch.int64):
            raise ValueError(f"its {name:.80} is of {tensor.dtype}")
        if not tensor.isfinite().all():
            raise ValueError(f"its {name:.80} is not finite")


def _restore(estimator, tensors, header):
    from .training import append_rows

    estimator.classes_ = read_classes(header)
    check_header(header, len(estimator.classes_))
    counts = np.array(header["class_count"])
    estimator.class_count_ = counts.astype(np.float32) if counts.dtype.kind == "f" else counts
    estimator.n_features_in_ = header["n_features_in"]
    if header["feature_names_in"]:
        estimator.feature_names_in_ = np.array(header["feature_names_in"], dtype=object)
    estimator.image_shape_ = tuple(header["image_shape"])
    estimator._dtype = np.dtype(header["dtype"])
    estimator._began_with = header["began_with"]
    if header["split_seed"] is not None:
        estimator._split_seed = header["split_seed"]
    _check_tensors(tensors)
    if getattr(estimator, "width", 1) > 1:  # other networks are of a few sizes
        _check_size(estimator, tensors, header["in_channels"])
    net = estimator._build_net(header["in_channels"], header["class_weight"], header["seed"])
    net.load_weights(tensors)
    net.best_epoch_ = header["best_epoch"]
    append_rows(net, header["history"])
    estimator.net_ = net


def _check_size(estimator, tensors, in_channels):
    """Refuse a network of another size before it takes memory: a file may ask for any."""
    size = sum(tensor.numel() for tensor in tensors.values())
    expected = sum(shape.numel() for shape in estimator._network_shapes(in_channels).values())
    if size != expected:
        raise ValueError(f"it has {size:,} values for a network of {expected:,}")
