"""What the JSON header of a model file says of an estimator: classes, images, parameters."""

import math
import os
import re
from dataclasses import asdict

import numpy as np

from . import persistence


def read_classes(header):
    """Read the classes in a header, which may say anything.

    `header["classes"]` should be a dtype and a list of labels. `ValueError`, or what Python raises
    for what is no header, if these are not two or more different labels, sorted.
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


def check_header(header, n_classes):
    """Refuse what `save` does not write, and what would fail only when it is used.

    The header may be of any content: `ValueError`, or what Python raises for what is no header.
    """
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
    """Refuse a header that describes images that no fit has, by a `ValueError`.

    It looks at "image_shape", "dtype" and "feature_names_in", which may be anything.
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

    `ValueError` if it is of another kind than parameters are; `name` is for the message.
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


def from_json(value, depth=4):
    """Make a parameter of what `to_json` made of it, with tuples in place of lists.

    `ValueError` if it is deeper than `depth` levels, itself included; no parameter is.
    """
    from .augment import Policy

    if depth == 0:
        raise ValueError("a parameter has parts within parts within parts")
    if isinstance(value, dict) and "policy" in value:
        return Policy(**value["policy"])
    if isinstance(value, dict):
        return {from_json(k, depth - 1): from_json(v, depth - 1) for k, v in value["dict"]}
    if isinstance(value, list):
        return tuple(from_json(item, depth - 1) for item in value)
    return value
