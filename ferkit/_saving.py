"""Estimators to and from the one file format."""

from __future__ import annotations

import json
import math
import os
import re
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from . import persistence
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
    from sklearn.utils.validation import check_is_fitted  # OnnxFER does without scikit-learn

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
    _rehearse(tensors, header)
    persistence.write(path, tensors, header)


def _rehearse(tensors, header):
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
    params = {key: _from_json(value) for key, value in header["params"].items()}
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
    """Read the weights of a saved estimator.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    estimator : BaseFER, default=None
        Which is to begin with them.

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
        If it is not a model file, or of another network than the estimator's.
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


def read_classes(header):
    """Read the classes in a header, which may say anything.

    Parameters
    ----------
    header : dict
        Its "classes" should be a dtype and a list of labels.

    Returns
    -------
    ndarray of shape (n_classes,)
        Sorted.

    Raises
    ------
    ValueError, and what Python raises for what is no header
        If they are not two or more different labels, sorted.
    """
    dtype, classes = header["classes"]
    if not re.fullmatch(r"[<>|](b1|[iu][1248]|f[248]|U\d+|O)", dtype):
        raise ValueError(f"its classes are of dtype {dtype!r:.80}")
    # the width that a file says text to have could be any
    array = np.array(classes, dtype=object if "O" in dtype else None)
    if array.dtype.kind not in "UO":
        with np.errstate(all="ignore"):  # a number that does not fit changes, and is refused
            array = array.astype(dtype)
    is_good = array.ndim == 1 and array.size > 1 and all(map(np.isscalar, classes))
    if array.dtype.kind in "OU":
        is_good = is_good and all(isinstance(label, str) for label in classes)
    if not is_good or array.tolist() != classes or not np.array_equal(np.unique(array), array):
        raise ValueError(f"its classes are {classes!r:.80}")
    return array


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
    _check_header(header, len(estimator.classes_))
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


def _check_header(header, n_classes):
    """Refuse what `save` does not write, and what would fail only when it is used."""
    check_images_of_fit(header)
    weight, began_with = header["class_weight"], header["began_with"]
    is_good = {
        "n_features_in": _are_ints([header["n_features_in"]])
        and header["n_features_in"] == math.prod(header["image_shape"]),
        "in_channels": _are_ints([header["in_channels"]], 1) and header["in_channels"] in (1, 3),
        "seed": _are_ints([header["seed"]]),
        "split_seed": header["split_seed"] is None or _are_ints([header["split_seed"]]),
        "class_count": _are_numbers(header["class_count"], n_classes)
        and max(header["class_count"]) < 2**53,
        "class_weight": weight is None or _are_numbers(weight, n_classes),
        "best_epoch": _are_ints([header["best_epoch"]]),
        "began_with": began_with is None
        or (isinstance(began_with, str) and os.path.basename(began_with) == began_with),
        "history": persistence.is_history(header["history"]),
    }
    _refuse_bad(header, is_good)


def check_images_of_fit(header):
    """Refuse a header that describes images that no fit has.

    Parameters
    ----------
    header : dict
        With "image_shape", "dtype" and "feature_names_in", as a file of any content gives them.

    Raises
    ------
    ValueError
        If one of them is something else.
    """
    shape, names = header["image_shape"], header["feature_names_in"]
    is_good = {
        "image_shape": _are_ints(shape, 1) and (len(shape) == 2 or shape[2:] == [3]),
        "dtype": header["dtype"] in ("uint8", "float32"),
    }
    _refuse_bad(header, is_good)  # first: the product of anything else could take any memory
    are_names = isinstance(names, list) and all(isinstance(name, str) for name in names)
    _refuse_bad(header, {"feature_names_in": are_names and len(names) in (0, math.prod(shape))})


def _refuse_bad(header, is_good):
    for name, is_it in is_good.items():
        if not is_it:
            raise ValueError(f"its {name} is {header[name]!r:.80}")


def _are_ints(values, smallest=0):
    return isinstance(values, list) and all(type(v) is int and v >= smallest for v in values)


def _are_numbers(values, n):
    return (
        isinstance(values, list)
        and len(values) == n
        and all(type(value) in (int, float) and 0 <= value < math.inf for value in values)
    )


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
        return {"policy": {key: to_json(name, v) for key, v in asdict(value).items()}}
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


def _from_json(value, depth=4):
    """Make a parameter of what `to_json` made of it, which is never deep."""
    from .augment import Policy

    if depth == 0:
        raise ValueError("a parameter has parts within parts within parts")
    if isinstance(value, dict) and "policy" in value:
        return Policy(**value["policy"])
    if isinstance(value, dict):
        return {_from_json(k, depth - 1): _from_json(v, depth - 1) for k, v in value["dict"]}
    if isinstance(value, list):
        return tuple(_from_json(item, depth - 1) for item in value)
    return value
