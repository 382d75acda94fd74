"""Predictions for image files, as they come."""

import os
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from ._faces import FaceDetector
from ._photo import class_names, crop_faces, image_shape_of, predict_photo, tabulate
from ._read_photo import SUFFIXES, read_photo

_BATCH_SIZE = 64  # crops at once: enough to be fast, few enough for a progress bar


class FilePrediction(NamedTuple):
    """What was found in an image file."""

    path: str
    """The file."""
    faces: pd.DataFrame | None
    """As `predict_photo` returns it; None if the file could not be read."""
    error: str | None
    """Why it could not be read; None if it could."""


def predict_files(clf, paths, *, crops=False, detector=None, margin=0.0):
    """Predict the emotions in image files, one file after the other, in constant memory.

    Parameters
    ----------
    clf : estimator
        Fitted, as for `predict_photo`.
    paths : str, os.PathLike or iterable of them
        Image files, and folders, whose image files are taken by their names, with those of folders
        within them, in alphabetical order.
    crops : bool, default=False
        Whether each image is a face that was cut out already: no face is looked for, and the image
        is brought to the size that `clf` takes; where it is no square, its edges are repeated.
    detector : object or None, default=None
        What finds the faces, as for `predict_photo`.
    margin : float, default=0.0
        What is added to the boxes, as for `crop_faces`.

    Yields
    ------
    FilePrediction
        For each file its path, its faces and, if it could not be read, the error. A file that
        cannot be read stops nothing.

    See Also
    --------
    predict_photo : Of one photo.

    Examples
    --------
    >>> from ferkit import MobileNetFER
    >>> from ferkit.deploy import predict_files
    >>> clf = MobileNetFER.from_pretrained("fer2013")
    >>> for path, faces, error in predict_files(clf, "holidays"):  # doctest: +SKIP
    ...     print(path, error or faces["label"].tolist())
    """
    if isinstance(paths, (str, os.PathLike)) or not isinstance(paths, Iterable):
        paths = [paths]
    files = _list_files(paths)
    if crops:
        yield from _predict_crops(clf, files, margin)
        return
    detector = FaceDetector() if detector is None else detector
    for path in files:
        try:
            faces = predict_photo(clf, read_photo(path), detector=detector, margin=margin)
        except (ValueError, OSError) as error:
            yield FilePrediction(path, None, str(error))
        else:
            yield FilePrediction(path, faces, None)


def _list_files(paths):
    for path in map(os.fspath, paths):
        if not os.path.isdir(path):
            yield path  # if it is none either, reading it says so
            continue
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                    yield os.path.join(folder, name)


def _predict_crops(clf, files, margin):
    names = class_names(clf)
    height, width, *channels = image_shape_of(clf)
    while batch := list(islice(files, _BATCH_SIZE)):
        boxes, crops, errors = [], [], {}
        for path in batch:
            try:
                photo = read_photo(path)
            except (ValueError, OSError) as error:
                errors[path] = str(error)
                continue
            box = [[0, 0, photo.shape[1], photo.shape[0]]]
            boxes.append(np.array(box))
            crops.append(crop_faces(photo, box, (height, width), margin=margin, gray=not channels))
        proba = iter(clf.predict_proba(np.concatenate(crops)) if crops else ())
        boxes = iter(boxes)
        for path in batch:
            if path in errors:
                yield FilePrediction(path, None, errors[path])
            else:
                faces = tabulate(next(boxes), np.asarray(next(proba))[None], names)
                yield FilePrediction(path, faces, None)
