"""What an ONNX file of ferkit says of itself, as JSON in its metadata."""

import json

import numpy as np

from .._header import check_images_of_fit, read_classes
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
            check_images_of_fit(described)
            described["image_shape"] = tuple(described["image_shape"])
            described["dtype"] = np.dtype(described["dtype"])
            described["labels"] = json.loads(texts["labels"])
    except _FAULTS as error:
        raise ValueError(f"it lacks ferkit's metadata ({explain(error)})") from error
    if version != FORMAT:
        raise ValueError(
            f"its format is {version!r:.80}, not {FORMAT}; use the ferkit that wrote it"
        )
    return described
