"""What goes wrong with images and labels, and what a user is told.

`test_properties.py` makes each of these calls. ``python -m tests.bad_inputs`` prints them all.
"""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from scipy import sparse
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.utils._param_validation import InvalidParameterError

from tests.helpers import LinearFER

LEVELS = np.arange(12 * 4 * 5, dtype=np.uint8).reshape(12, 4, 5)
FLOATS = (LEVELS / 255).astype(np.float32)
COLOUR = np.stack([LEVELS] * 3, axis=-1)
ROWS = LEVELS.reshape(12, 20)
Y = np.arange(12) % 3
NAMES = np.array(["angry", "happy", "sad"], dtype=object)[Y]
PLACE = (3, 1, 2)


class BadInput(NamedTuple):
    """A call, a part of what it says, and the class of that: an error, or a warning."""

    call: Callable
    says: str
    kind: type = ValueError


def fit(X=LEVELS, y=Y, X_val=None, y_val=None, **params):
    clf = LinearFER(max_epochs=1, random_state=0, **params)
    return clf.fit(X, y, X_val=X_val, y_val=y_val)


def partial_fit(X=LEVELS, y=Y, classes=(0, 1, 2), **params):
    return LinearFER(random_state=0, **params).partial_fit(X, y, classes=classes)


def changed(array, place, value):
    array = array.copy()
    array[place] = value
    return array


def zeros(*shape):
    return np.zeros(shape, np.uint8)


VALUES = {
    "NaN": BadInput(
        lambda: fit(changed(FLOATS, PLACE, np.nan)),
        "got NaN in sample 3 (image position (1, 2)), expected finite float32 values; mend",
    ),
    "NaN in a colour image": BadInput(
        lambda: fit(changed(COLOUR / 255, (3, 1, 2, 0), np.nan)),
        "got NaN in sample 3 (image position (1, 2, 0))",
    ),
    "infinity": BadInput(
        lambda: fit(changed(FLOATS, PLACE, -np.inf)),
        "got -inf in sample 3 (image position (1, 2))",
    ),
    "a float beyond float32": BadInput(
        lambda: fit(changed(LEVELS / 255, PLACE, 1e300)),
        "got 1e+300 in sample 3 (image position (1, 2))",
    ),
    "None in an array of objects": BadInput(
        lambda: fit(changed(LEVELS.astype(object), PLACE, None)),
        "got NaN in sample 3 (image position (1, 2))",
    ),
    "NA in a DataFrame": BadInput(
        lambda: fit(pd.DataFrame(ROWS, dtype="Int64").mask(ROWS == 67), image_shape=(4, 5)),
        "got NaN in sample 3 (image position (1, 2))",
    ),
    "a level above 255": BadInput(
        lambda: fit(changed(LEVELS.astype(int), PLACE, 256)),
        "got level 256 in sample 3 (image position (1, 2)), expected integers in 0..255; scale",
    ),
    "a level below 0": BadInput(
        lambda: fit(changed(COLOUR.astype(int), (3, 1, 2, 0), -1)),
        "got level -1 in sample 3 (image position (1, 2, 0))",
    ),
    "masked values": BadInput(
        lambda: fit(np.ma.masked_greater(LEVELS, 229)),
        "got 10 masked values in X, expected none; X.filled(0)",
    ),
    "a list of masked images": BadInput(
        lambda: fit([np.ma.masked_greater(image, 229) for image in LEVELS]),
        "got 10 masked values in sample 11, expected none; filled(0)",
    ),
    "floats that look like levels": BadInput(
        lambda: fit(LEVELS.astype(float)),
        "got floats up to 239, expected floats in [0, 1], which are used as given; if they are",
        UserWarning,
    ),
    "floats scaled to [-1, 1]": BadInput(
        lambda: fit(LEVELS / 127.5 - 1),
        "got floats from -1 to 0.87451, expected floats in [0, 1], which are used as given; if",
        UserWarning,
    ),
    "floats after a fit on levels": BadInput(
        lambda: fit().predict(FLOATS),
        "got float32 images, expected uint8 as in the fit; uint8 holds levels",
        UserWarning,
    ),
    "levels after a fit on floats": BadInput(
        lambda: fit(FLOATS).predict(LEVELS),
        "got uint8 images, expected float32 as in the fit; uint8 holds levels",
        UserWarning,
    ),
}

SHAPES = {
    "channels first": BadInput(
        lambda: fit(zeros(12, 3, 4, 5)),
        "got images with channels first, (12, 3, 4, 5), expected channels last, (12, 4, 5, 3); use",
    ),
    "gray channel first": BadInput(
        lambda: fit(zeros(12, 1, 4, 5)),
        "got images with channels first, (12, 1, 4, 5), expected channels last, (12, 4, 5, 1); use",
    ),
    "RGB with alpha": BadInput(
        lambda: fit(zeros(12, 4, 5, 4)),
        "got images with 4 channels, (12, 4, 5, 4), expected 1 (gray) or 3 (RGB); drop the alpha "
        "channel with X[..., :3]",
    ),
    "gray with alpha": BadInput(
        lambda: fit(zeros(12, 4, 5, 2)), "drop the alpha channel with X[..., :1]"
    ),
    "five channels": BadInput(
        lambda: fit(zeros(12, 4, 5, 5)), "got X of shape (12, 4, 5, 5), expected gray images"
    ),
    "five dimensions": BadInput(
        lambda: fit(zeros(12, 2, 4, 5, 3)), "got X of shape (12, 2, 4, 5, 3), expected gray images"
    ),
    "images without pixels": BadInput(
        lambda: fit(zeros(12, 0, 5)), "got X of shape (12, 0, 5), expected gray images"
    ),
    "images of different shapes": BadInput(
        lambda: fit([*LEVELS[:-1], zeros(4, 6)]),
        "got images of different shapes, (4, 5) in sample 0 and (4, 6) in sample 11, expected one",
    ),
    "tensors of different shapes": BadInput(
        lambda: fit([torch.zeros(2, 2), torch.zeros(2, 2, 3)], [0, 1]),
        "got images of different shapes, (2, 2) in sample 0 and (2, 2, 3) in sample 1, expected",
    ),
    "an image of ragged lists": BadInput(
        lambda: fit([[[1, 2], [3, 4]], [[1, 2], [3]]], [0, 1]),
        "got parts of different lengths in sample 1, expected an image or a row; fill lines up",
    ),
    "images of objects": BadInput(
        lambda: fit([np.array([1, [2, 3]], dtype=object)] * 2, [0, 1]),
        "got images whose values are no array, expected gray images",
    ),
    "no images": BadInput(lambda: fit(LEVELS[:0], Y[:0]), "got no labels, expected one or more"),
    "a row": BadInput(lambda: fit(ROWS[0]), "Expected 2D array, got 1D array"),
    "a single image to fit": BadInput(
        lambda: fit(LEVELS[0]), "inconsistent numbers of samples: [4, 12]"
    ),
    "a single image": BadInput(
        lambda: fit().predict(LEVELS[0]),
        "got a single image of shape (4, 5), expected several; use X[None]",
    ),
    "a single image with a gray channel": BadInput(
        lambda: fit().predict(LEVELS[0, ..., None]),
        "got a single image of shape (4, 5, 1), expected several; use X[None]",
    ),
    "a single colour image": BadInput(
        lambda: fit(COLOUR).predict_proba(COLOUR[0]),
        "got a single image of shape (4, 5, 3), expected several; use X[None]",
    ),
    "images of another size than the fit's": BadInput(
        lambda: fit().predict(LEVELS[:, :3]),
        "got images of shape (3, 5), expected (4, 5) as in the fit; resize them",
    ),
    "rows of another size than the fit's": BadInput(
        lambda: fit().predict(ROWS[:, :15]), "X has 15 features, but LinearFER is expecting 20"
    ),
    "colour images after a fit on gray ones": BadInput(
        lambda: fit().predict(COLOUR),
        "got images of shape (4, 5, 3), expected (4, 5) as in the fit; make them gray with",
    ),
    "gray images after a fit on colour ones": BadInput(
        lambda: fit(COLOUR).predict(LEVELS),
        "got images of shape (4, 5), expected (4, 5, 3) as in the fit; repeat their levels with "
        "np.repeat(X.reshape(-1, 4, 5, 1), 3, axis=3)",
    ),
    "colour images for channels=1": BadInput(
        lambda: fit(COLOUR, channels=1),
        "got colour images of shape (4, 5, 3), expected gray ones for channels=1; convert",
    ),
    "rows that may be colour images": BadInput(
        lambda: fit(zeros(12, 768)),
        "got rows of 768 values, which could be 16 x 16 colour images, expected image_shape to say "
        "so; set image_shape=(16, 16, 3), or image_shape=(1, 768)",
    ),
    "rows that do not fit image_shape": BadInput(
        lambda: fit(ROWS, image_shape=(5, 5)),
        "got rows of 20 values, expected 25 for image_shape=(5, 5); set",
    ),
    "images that do not fit image_shape": BadInput(
        lambda: fit(image_shape=(5, 4)),
        "got images of shape (4, 5), expected image_shape=(5, 4); resize",
    ),
    "image_shape of floats": BadInput(
        lambda: fit(ROWS, image_shape=(4.0, 5.0)),
        "got image_shape=(4.0, 5.0), expected (h, w) or (h, w, 3), integers from 1 on; for images",
    ),
    "image_shape of negative sides": BadInput(
        lambda: fit(ROWS, image_shape=(-4, -5)), "got image_shape=(-4, -5), expected (h, w)"
    ),
    "image_shape without pixels": BadInput(
        lambda: fit(ROWS, image_shape=(0, 20)), "got image_shape=(0, 20), expected (h, w)"
    ),
    "image_shape of one number": BadInput(
        lambda: fit(ROWS, image_shape=(20,)), "got image_shape=(20,), expected (h, w)"
    ),
    "image_shape with channels first": BadInput(
        lambda: fit(zeros(12, 60), image_shape=(3, 4, 5)),
        "got image_shape=(3, 4, 5), expected (h, w) or (h, w, 3)",
    ),
    "image_shape that is no tuple": BadInput(
        lambda: fit(ROWS, image_shape="4x5"),
        "'image_shape' parameter of LinearFER must be an instance of 'tuple'",
        InvalidParameterError,
    ),
}

TYPES = {
    "nothing": BadInput(lambda: fit(None), "got X of type NoneType, expected gray images"),
    "a path": BadInput(lambda: fit("fer2013.csv"), "got X of type str, expected gray images"),
    "a dict": BadInput(lambda: fit({"X": LEVELS}), "got X of type dict, expected gray images"),
    "a generator": BadInput(
        lambda: fit(image for image in LEVELS),
        "got X of type generator, expected gray images (n, h, w), colour images (n, h, w, 3) or "
        "rows (n, n_pixels); pass an array",
    ),
    "names of files": BadInput(
        lambda: fit([f"{i}.png" for i in range(12)]),
        "got X of dtype <U6, expected uint8 levels or floats in [0, 1]; read files",
    ),
    "a column of pixels as text": BadInput(
        lambda: fit(pd.Series([" ".join(map(str, row)) for row in ROWS])),
        "got X of dtype <U79, expected uint8 levels or floats",
    ),
    "a DataFrame of pixels as text": BadInput(
        lambda: fit(pd.DataFrame({"pixels": ["1 2 3"] * 12})), "could not convert string to float"
    ),
    "bytes": BadInput(lambda: fit(LEVELS.astype("S3")), "got X of dtype |S3, expected uint8"),
    "times": BadInput(
        lambda: fit(LEVELS.astype("datetime64[s]")), "got X of dtype datetime64[s], expected uint8"
    ),
    "complex numbers": BadInput(lambda: fit(LEVELS[:, 0] * 1j, Y), "Complex data not supported"),
    "a sparse matrix": BadInput(
        lambda: fit(sparse.csr_array(ROWS)), "Sparse data was passed for X", TypeError
    ),
}

LABELS = {
    "no labels": BadInput(lambda: fit(y=None), "requires y to be passed"),
    "labels of other images": BadInput(
        lambda: fit(y=Y[1:]), "inconsistent numbers of samples: [12, 11]"
    ),
    "one class": BadInput(
        lambda: fit(y=Y * 0), "got 1 class, [0], expected two or more; add another class"
    ),
    "label NaN": BadInput(
        lambda: fit(y=np.where(Y, Y, np.nan)), "got label nan in sample 0, expected a class"
    ),
    "masked labels": BadInput(
        lambda: fit(y=np.ma.masked_equal(Y, 1)),
        "got 4 masked values in y, expected none; drop them and their images",
    ),
    "label None": BadInput(
        lambda: fit(y=changed(NAMES, 3, None)),
        "got label None in sample 3, expected only strings or only integers; mend or drop",
    ),
    "label NA": BadInput(
        lambda: fit(y=pd.Series(changed(NAMES, 3, pd.NA), dtype="string")),
        "got label <NA> in sample 3, expected",
    ),
    "strings among integers": BadInput(
        lambda: fit(y=changed(Y.astype(object), 3, "sad")), "got label 'sad' in sample 3, expected"
    ),
    "integers among strings": BadInput(
        lambda: fit(y=changed(NAMES, 3, 6)), "got label 6 in sample 3, expected"
    ),
    "NaN in a list of strings": BadInput(
        lambda: fit(y=["happy", "sad", np.nan] * 4), "got label nan in sample 2, expected"
    ),
    "a list among labels": BadInput(
        lambda: fit(y=changed(NAMES, 3, ["sad"])), "got label ['sad'] in sample 3, expected"
    ),
    "fractions": BadInput(lambda: fit(y=Y / 2), "Unknown label type: continuous"),
    "labels as bytes": BadInput(
        lambda: fit(y=NAMES.astype("S")), "labels represented as bytes is not supported", TypeError
    ),
    "one-hot labels": BadInput(
        lambda: fit(y=np.eye(3)[Y]),
        "expected a label for each image; X, the images, comes before y; take y.argmax(axis=1) of",
    ),
    "a label for labels": BadInput(
        lambda: fit(LEVELS[0], 1), "got y=1, expected a label for each image; a single one is [y]"
    ),
    "images for labels": BadInput(
        lambda: fit(Y, LEVELS), f"got y of shape {LEVELS.shape}, expected a label for each image; X"
    ),
    "labels in a column": BadInput(
        lambda: fit(y=Y[:, None]), "A column-vector y was passed", DataConversionWarning
    ),
    "X_val without y_val": BadInput(
        lambda: fit(X_val=LEVELS), "got X_val without y_val, expected both or neither; add y_val"
    ),
    "y_val without X_val": BadInput(
        lambda: fit(y_val=Y), "got y_val without X_val, expected both or neither; add X_val"
    ),
    "other labels in y_val": BadInput(
        lambda: fit(X_val=LEVELS, y_val=Y + 1),
        "got labels [3], expected labels among classes_, [0, 1, 2]; fit with all classes, or drop",
    ),
    "y_val of other images than X_val": BadInput(
        lambda: fit(X_val=LEVELS, y_val=Y[1:]), "inconsistent numbers of samples: [12, 11]"
    ),
    "X_val of another size": BadInput(
        lambda: fit(X_val=LEVELS[:, :3], y_val=Y), "got images of shape (3, 5), expected (4, 5)"
    ),
    "a prediction before the fit": BadInput(
        lambda: LinearFER().predict(LEVELS), "is not fitted yet", NotFittedError
    ),
}

PARTIAL_FIT = {
    "no classes in the first partial_fit": BadInput(
        lambda: partial_fit(classes=None), "classes must be passed on the first call"
    ),
    "one of classes": BadInput(
        lambda: partial_fit(classes=[0]), "got 1 class, [0], expected two or more"
    ),
    "none of classes": BadInput(
        lambda: partial_fit(classes=[]), "got 0 class, [], expected two or more"
    ),
    "labels that are not in classes": BadInput(
        lambda: partial_fit(classes=[0, 1]),
        "got labels [2], expected labels among classes_, [0, 1]",
    ),
    "labels of strings for classes of integers": BadInput(
        lambda: partial_fit(y=Y.astype(str), classes=range(40)),
        "got labels ['0', '1', '2'], expected labels among classes_, [0, 1,",
    ),
    "very many labels that are not in classes": BadInput(
        lambda: fit(X_val=LEVELS, y_val=np.arange(12) / 100),
        "0.09, 0.1] and 1 more, expected labels among classes_, [0, 1, 2]; fit",
    ),
    "other labels in the second partial_fit": BadInput(
        lambda: partial_fit().partial_fit(LEVELS, Y + 1), "got labels [3], expected labels among"
    ),
    "label None in the second partial_fit": BadInput(
        lambda: partial_fit().partial_fit(LEVELS, changed(NAMES, 3, None)),
        "got label None in sample 3, expected",
    ),
    "other classes in the second partial_fit": BadInput(
        lambda: partial_fit().partial_fit(LEVELS, Y, classes=[0, 1, 2, 3]),
        "is not the same as on last call to partial_fit",
    ),
    "images of another size in the second partial_fit": BadInput(
        lambda: partial_fit().partial_fit(LEVELS[:, :3], Y),
        "got images of shape (3, 5), expected (4, 5) as in the fit; resize them",
    ),
    "balanced class_weight in partial_fit": BadInput(
        lambda: partial_fit(class_weight="balanced"),
        "got class_weight='balanced', expected None or a dict in partial_fit, which",
    ),
    "class weights below zero": BadInput(
        lambda: fit(class_weight={0: -5.0}), "got class_weight={0: -5.0}, expected weights"
    ),
    "infinite class weights": BadInput(
        lambda: fit(class_weight={0: np.inf}), "got class_weight={0: inf}, expected weights"
    ),
    "class weights of zero": BadInput(
        lambda: fit(class_weight={0: 0.0}), "got class_weight={0: 0.0}, expected weights"
    ),
    "class weights that are zero in training": BadInput(
        lambda: fit(class_weight={0: 1e-50}), "got class_weight={0: 1e-50}, expected weights"
    ),
}

BAD_INPUTS = {**VALUES, **SHAPES, **TYPES, **LABELS, **PARTIAL_FIT}


def main():
    """Print what a user is told about each of them."""
    warnings.simplefilter("error")
    for name, bad_input in BAD_INPUTS.items():
        try:
            bad_input.call()
        except bad_input.kind as error:
            print(f"{name}\n    {type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
