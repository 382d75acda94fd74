"""Estimators to and from the one file format."""

import hashlib
import pickle
import warnings
from dataclasses import asdict

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from . import persistence

# the only classes a file can name
_CLASSES = ("LargeFER", "MobileNetFER", "ResNetFER")

# callbacks and samplers are code, teachers other models, the others places on the machine
_OUTSIDE_FILES = {"callbacks", "checkpoint_dir", "sampler", "teacher", "weights"}


def save(estimator, path, *, dtype="float32", with_history=True):
    """Write a fitted estimator to a file; see `BaseFER.save`.

    Parameters
    ----------
    estimator : MobileNetFER or ResNetFER
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
            name: _to_json(name, value)
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


def load(path):
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
    MobileNetFER or ResNetFER
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


def _restore(estimator, tensors, header):
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


# what does not change a fit's result; `random_state` is told apart
_OUTSIDE_IDENTITY = {
    *("callbacks", "checkpoint_dir", "random_state", "temperature", "tta", "verbose"),
    *("sampler", "teacher", "warm_start", "weights"),  # but what they stand for is told apart, too
}


def identify_fit(estimator, *, random_state, initial, teachers, **data):
    """Tell a fit from others by what its result depends on.

    Parameters
    ----------
    estimator : BaseFER
        Its class, parameters and `classes_` count.
    random_state : int or None
        The seed, if it was asked for.
    initial : tuple or None
        Tensors that training begins with, and their classes.
    teachers : list of BaseFER
        What it learns from.
    **data : array-like or None
        What it is fitted on.

    Returns
    -------
    dict
        As JSON can hold it; data by its digest.
    """
    import ferkit

    kind = type(estimator)
    params = estimator.get_params(deep=False)
    if estimator.loss != "focal":
        del params["focal_gamma"]
    if not teachers:
        del params["teacher_weight"], params["teacher_temperature"]
    if data["X_val"] is None and not estimator.early_stopping:
        del params["logit_adjustment"]  # without validation, it acts after the fit only
    return {
        "class": f"{kind.__module__}.{kind.__qualname__}",
        **{name: _to_json(name, params[name]) for name in params.keys() - _OUTSIDE_IDENTITY},
        "classes": [estimator.classes_.dtype.str, estimator.classes_.tolist()],
        "random_state": random_state,
        "release": ferkit.__version__,
        "sampler": estimator.sampler and _digest_sampler(estimator.sampler),
        "teacher": [_digest_weights(t.module_.state_dict(), t.classes_) for t in teachers],
        "weights": initial and _digest_weights(*initial),
        **{name: None if values is None else _digest(values) for name, values in data.items()},
    }


def _digest_sampler(sampler):
    try:
        return joblib.hash(clone(sampler))  # without what a fit has added
    except pickle.PicklingError as error:
        raise ValueError(
            f"got {sampler!r}, which cannot be pickled, expected a sampler that can be told from "
            "others, for checkpoint_dir; use a named function instead of a lambda, or "
            "ferkit.over_sampling.at_least"
        ) from error


def _digest_weights(tensors, classes):
    names = " ".join(f"{name} {tuple(tensor.shape)}" for name, tensor in tensors.items())
    values = np.concatenate([np.ravel(tensor.cpu()) for tensor in tensors.values()])
    return [_digest(names), _digest(values), _digest(classes)]


def _digest(values):
    values = np.asarray(values)
    if values.dtype == object:
        values = values.astype(str)
    digest = hashlib.sha256(f"{values.dtype.str} {values.shape} ".encode())
    digest.update(np.ascontiguousarray(values))
    return digest.hexdigest()[:16]


def _to_json(name, value):
    """Make a parameter fit for JSON, which has no tuples, numpy scalars or dicts with int keys."""
    from .augment import Policy

    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Policy):
        return {"policy": asdict(value)}
    if isinstance(value, dict):
        return {"dict": [[_to_json(name, k), _to_json(name, v)] for k, v in value.items()]}
    if isinstance(value, (tuple, list)):
        return [_to_json(name, item) for item in value]
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
