"""What an ONNX file of ferkit says of itself, as JSON in its metadata."""

import json
import math

import numpy as np

from .._saving import read_classes
from ..persistence import explain

FORMAT = 1

# what reading metadata of unexpected content raises
_FAULTS = (KeyError, TypeError, AttributeError, ValueError, OverflowError, RecursionError)


def pack(estimator, *, labels, card, **facts):
    """Write down what an estimator is, for `unpack` and for people.

    Parameters
    ----------
    estimator : BaseFER
        Fitted.
    labels : list of str
        Names of the classes, in the order of `classes_`.
    card : str or None
        The model card.
    **facts
        More that is to be known, which JSON can hold.

    Returns
    -------
    dict of str to str
        Metadata of an ONNX file.
    """
    described = {
        "format": FORMAT,
        "estimator": type(estimator).__name__,
        "n_parameters": estimator.n_parameters_,
        "feature_names_in": getattr(estimator, "feature_names_in_", np.array([])).tolist(),
        "classes": [estimator.classes_.dtype.str, estimator.classes_.tolist()],
        "image_shape": list(estimator.image_shape_),
        "dtype": estimator._dtype.name,
        "tta": estimator.tta,
        "temperature": float(estimator.temperature),
        "logit_adjustment": float(estimator.logit_adjustment),
        **facts,
    }
    texts = {"ferkit": json.dumps(described), "labels": json.dumps(labels)}
    return texts if card is None else {**texts, "model_card": card}


def unpack(texts):
    """Read what `pack` wrote.

    Parameters
    ----------
    texts : dict of str to str
        Metadata of an ONNX file.

    Returns
    -------
    dict
        What was described; "classes" as an ndarray, "image_shape" as a tuple, "dtype" as a numpy
        dtype, and "labels".

    Raises
    ------
    ValueError
        If they are not those of a file that `export_onnx` wrote, or of a newer format.
    """
    try:
        described = json.loads(texts["ferkit"])
        version = described.pop("format")
        if version == FORMAT:
            described["classes"] = read_classes(described)
            described["image_shape"] = _check_shape(described["image_shape"])
            described["dtype"] = _check_dtype(described["dtype"])
            _check_names(described["feature_names_in"], described["image_shape"])
            described["labels"] = json.loads(texts["labels"])
    except _FAULTS as error:
        raise ValueError(f"it lacks ferkit's metadata ({explain(error)})") from error
    if version != FORMAT:
        raise ValueError(
            f"its format is {version!r:.80}, not {FORMAT}; use the ferkit that wrote it"
        )
    return described


def _check_shape(shape):
    is_good = all(type(side) is int and side > 0 for side in shape)
    if not is_good or (len(shape) != 2 and shape[2:] != [3]):
        raise ValueError(f"its image_shape is {shape!r:.80}")
    return tuple(shape)


def _check_names(names, shape):
    if names and (len(names) != math.prod(shape) or not all(isinstance(n, str) for n in names)):
        raise ValueError(f"its feature_names_in are {names!r:.80}")


def _check_dtype(name):
    if name not in ("uint8", "float32"):
        raise ValueError(f"its dtype is {name!r:.80}")
    return np.dtype(name)
