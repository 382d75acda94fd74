"""Estimators to and from the one file format."""

from __future__ import annotations

import warnings
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils.validation import check_is_fitted

from . import persistence
from ._typing import StrPath

if TYPE_CHECKING:
    from ._base import BaseFER

# the only classes a file can name
_CLASSES = ("LargeFER", "MobileNetFER", "ResNetFER", "VGG16FER")

# callbacks and samplers are code, teachers other models, the others places on the machine
_OUTSIDE_FILES = {"callbacks", "checkpoint_dir", "sampler", "teacher", "weights"}


def save(estimator, path, *, dtype="float32", with_history=True):
    """Write a fitted estimator to a file; see `BaseFER.save`.

    Parameters
    ----------
    estimator : LargeFER, MobileNetFER, ResNetFER or VGG16FER
        Fitted.
    path : str or os.PathLike
        Where to.
    dtype : {"float32", "float16"}, default="float32"
        Of the weights.
    with_history : bool, default=True
        False leaves the history out, for files that must be small.

    Raises
    ------
    ValueError
        If the file could not hold the estimator, or `load` not read it.
    """
    import ferkit

    check_is_fitted(estimator)
    estimator._validate_params()
    name = type(estimator).__name__
    if type(estimator) is not getattr(ferkit, name, None) or name not in _CLASSES:
        raise ValueError(
            f"got an estimator of class {name}, expected one of {', '.join(_CLASSES)}; keep "
            "estimators of your own with joblib.dump"
        )
    class_weight = estimator.net_.criterion_.weight
    header = {
        "class": name,
        "params": {
            name: to_json(name, value)
            for name, value in estimator.get_params(deep=False).items()
            if name not in _OUTSIDE_FILES
        },
        "classes": [estimator.classes_.dtype.str, estimator.classes_.tolist()],
        "class_count": estimator.class_count_.tolist(),
        "n_features_in": estimator.n_features_in_,
        "feature_names_in": getattr(estimator, "feature_names_in_", np.array([])).tolist(),
        "image_shape": estimator.image_shape_,
        "dtype": estimator._dtype.name,
        "seed": estimator.net_.seed,
        "in_channels": estimator.net_.iterator_train__in_channels,
        "class_weight": None if class_weight is None else class_weight.tolist(),
        "best_epoch": estimator.best_epoch_,
        "history": estimator.net_.history_rows() if with_history else [],
    }
    persistence.write(path, _rounded(estimator.module_.state_dict(), dtype), header)


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

    Examples
    --------
    >>> import ferkit
    >>> clf = ferkit.load("faces.safetensors")  # doctest: +SKIP
    """
    import ferkit

    tensors, header = _read_model(path)
    try:
        name = header["class"]
        if name not in _CLASSES:
            raise ValueError(f"its class is {name!r}, expected one of {', '.join(_CLASSES)}")
        params = {key: _from_json(value) for key, value in header["params"].items()}
        estimator = getattr(ferkit, name)(**params)
        estimator._validate_params()
        estimator.device = _device_here(estimator.device)
        _restore(estimator, tensors, header)
    except (KeyError, TypeError, AttributeError, IndexError, RuntimeError, ValueError) as error:
        raise ValueError(
            f"got {path}, expected a ferkit model file; it is damaged, or of another release "
            f"({type(error).__name__}: {error})"
        ) from error
    return estimator


def _device_here(device):
    """Take another device where the one that a model was trained on is missing."""
    from .training import resolve_device

    try:
        resolve_device(device)
    except ValueError:
        warnings.warn(
            f"got a model of device={device!r}, which is not here; it is loaded with device='auto'",
            UserWarning,
            stacklevel=3,
        )
        return "auto"
    return device


def load_weights(path):
    """Read the weights of a saved estimator.

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Returns
    -------
    tensors : dict of str to torch.Tensor
        The weights.
    classes : ndarray
        Its classes.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a model file.
    """
    tensors, header = _read_model(path)
    return tensors, _read_classes(header)


def _read_model(path):
    tensors, header = persistence.read(path)
    if "identity" in header:
        raise ValueError(
            f"got {path}, a checkpoint of training, expected a model file, made by an estimator's "
            "save; fit again with the same checkpoint_dir, which loads it, and save"
        )
    return tensors, header


def _read_classes(header):
    dtype, classes = header["classes"]
    return np.array(classes, dtype=dtype)


def _complete(header, estimator):
    """Add what the first files of the format did not have; they were trained without it."""
    n_channels = 3 if estimator.channels == 3 or len(header["image_shape"]) == 3 else 1
    added = {
        "class_count": [1] * len(header["classes"][1]),  # unknown; equal ones adjust no logits
        "in_channels": n_channels,
        "class_weight": None,
        "best_epoch": len(header["history"]),
    }
    return added | header


def _restore(estimator, tensors, header):
    header = _complete(header, estimator)
    estimator.classes_ = _read_classes(header)
    estimator.class_count_ = np.array(header["class_count"])
    estimator.n_features_in_ = header["n_features_in"]
    if header["feature_names_in"]:
        estimator.feature_names_in_ = np.array(header["feature_names_in"], dtype=object)
    estimator.image_shape_ = tuple(header["image_shape"])
    estimator._dtype = np.dtype(header["dtype"])
    net = estimator._build_net(header["in_channels"], header["class_weight"], header["seed"])
    net.load_weights(tensors)
    net.best_epoch_ = header["best_epoch"]
    net.append_rows(header["history"])
    estimator.net_ = net


def to_json(name, value):
    """Make a parameter fit for JSON, which has no tuples, numpy scalars or dicts with int keys.

    Parameters
    ----------
    name : str
        Of the parameter, for the message.
    value : object
        The parameter.

    Returns
    -------
    object
        What JSON can hold.

    Raises
    ------
    ValueError
        If the value is of another kind than parameters are.
    """
    from .augment import Policy

    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Policy):
        return {"policy": asdict(value)}
    if isinstance(value, dict):
        return {"dict": [[to_json(name, k), to_json(name, v)] for k, v in value.items()]}
    if isinstance(value, (tuple, list)):
        return [to_json(name, item) for item in value]
    if not isinstance(value, (str, int, float, bool, type(None))):
        raise ValueError(
            f"got {name}={value!r}, expected a number, string, tuple, dict, Policy or None in a "
            f"file; change it with set_params({name}=...), or use joblib.dump"
        )
    return value


def _from_json(value):
    from .augment import Policy

    if isinstance(value, dict) and "policy" in value:
        return Policy(**value["policy"])
    if isinstance(value, dict):
        return {_from_json(k): _from_json(v) for k, v in value["dict"]}
    return tuple(map(_from_json, value)) if isinstance(value, list) else value
