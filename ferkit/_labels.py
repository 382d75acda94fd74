"""What a label is: see the Conventions page of the documentation."""

from numbers import Real

import numpy as np

from ._images import from_torch, refuse_masked

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""FER2013's classes; the position in this tuple is the integer label."""

_N_SHOWN = 10  # labels in an error


def as_labels(y):
    """Look at labels that come as objects; leave the others to scikit-learn's checks.

    Tensors, pandas' nullable integers and objects that are numbers become ndarrays of numbers.
    `ValueError` if the objects are neither strings throughout nor numbers throughout, or some
    labels are masked.
    """
    y = from_torch(y)
    refuse_masked(y, "y", "drop them and their images")
    labels = np.asarray(y)
    is_nullable = hasattr(y, "dtype") and not isinstance(y.dtype, np.dtype)
    if is_nullable and labels.dtype.kind in "iub" and labels.ndim == 1:
        return labels  # scikit-learn would make floats of these
    if isinstance(y, (list, tuple)) and labels.dtype.kind == "U":
        labels = np.asarray(y, dtype=object)  # numpy made strings of the numbers among them
    if labels.dtype != object or labels.ndim != 1:
        return y
    kind = str if isinstance(next(iter(labels), None), str) else (Real, np.bool_)
    for sample, label in enumerate(labels):
        if not isinstance(label, kind):
            raise ValueError(
                f"got label {label!r} in sample {sample}, expected only strings or only integers; "
                "mend or drop such labels and their images"
            )
    return y if kind is str else np.array(labels.tolist())


def check_labels(y, classes=None):
    """Validate labels; give them as an ndarray.

    `ValueError` if there are none, one is NaN or infinite, they are not of classes, or they are
    strings where `classes` are numbers, or numbers where those are strings.
    """
    # here, for `import ferkit` needs this module and not scikit-learn
    from sklearn.utils import column_or_1d
    from sklearn.utils.multiclass import check_classification_targets

    y = as_labels(y)
    shape = np.asarray(y).shape
    if shape == ():
        raise ValueError(
            f"got y={y!r}, expected a label for each image; a single one is [y], its image X[None]"
        )
    if len(shape) > 1 and shape[1:] != (1,):
        advice = "X, the images, comes before y"
        if len(shape) == 2:
            advice += "; take y.argmax(axis=1) of one-hot rows or probabilities"
        raise ValueError(f"got y of shape {shape}, expected a label for each image; {advice}")
    y = column_or_1d(y, warn=True)
    if len(y) == 0:
        raise ValueError("got no labels, expected one or more; pass the y of some images")
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        sample = np.isfinite(y).argmin()
        raise ValueError(
            f"got label {y[sample]} in sample {sample}, expected a class; mend or drop such labels "
            "and their images"
        )
    check_classification_targets(y)
    if classes is not None:
        check_kind(y, classes)
    return y


def encode(y, classes):
    """Turn labels into int64 indices of sorted `classes`; `ValueError` if one is none of them."""
    check_kind(y, classes)
    unseen = np.setdiff1d(y, classes)
    if len(unseen):
        raise ValueError(
            f"got labels {enumerate_labels(unseen)}, expected labels among classes_, "
            f"{enumerate_labels(classes)}; fit with all classes, or drop these images"
        )
    return np.searchsorted(classes, y)


def check_kind(y, classes):
    """Refuse strings for numbers and numbers for strings: numpy compares both as strings."""
    if (y.dtype.kind in "OU") != (classes.dtype.kind in "OU"):
        raise ValueError(
            f"got labels {enumerate_labels(np.unique(y))}, expected labels among classes_, "
            f"{enumerate_labels(classes)}; pass strings where classes_ has strings, and numbers "
            "where it has numbers (FER2013's are [EMOTIONS.index(name) for name in y])"
        )


def enumerate_labels(values):
    """Show labels in a message: the first ten, and how many more there are."""
    more = f" and {len(values) - _N_SHOWN} more" if len(values) > _N_SHOWN else ""
    return f"{values[:_N_SHOWN].tolist()}{more}"
