"""What an ONNX file of ferkit says of itself, as JSON in its metadata."""

import json

import numpy as np

from .._header import check_images_of_fit, read_classes
from ..persistence import explain

FORMAT = 1

# what reading metadata of unexpected content raises
_FAULTS = (KeyError, TypeError, AttributeError, ValueError, OverflowError, RecursionError)


def pack(estimator, *, labels, card, **facts):
    """Write down what a fitted estimator is, for `unpack` and for people.

    `labels` are names of the classes in the order of `classes_`, `card` is the model card or None,
    and `facts` are more that is to be known, which JSON can hold. Returns the metadata of an ONNX
    file, a dict of str to str.
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
    """Read what `pack` wrote: a dict of what was described, and "labels".

    "classes" is an ndarray, "image_shape" a tuple, and "dtype" a numpy dtype. ValueError if the
    metadata are not those of a file that `export_onnx` wrote, or of another format than this
    ferkit's.
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
