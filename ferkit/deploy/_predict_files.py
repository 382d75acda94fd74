"""Predictions for image files, as they come."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from .._paths import as_path
from .._typing import Classifier, Detector, StrPath
from .._validation import validate_params
from ._faces import FaceDetector
from ._photo import (
    MARGINS,
    class_names,
    image_shape_of,
    predict_crops,
    predict_photo,
    tabulate,
)
from ._read_photo import SUFFIXES, read_crop, read_photo

_BATCH_SIZE = 64  # crops at once: enough to be fast, few enough for a progress bar


class FilePrediction(NamedTuple):
    """What was found in an image file.

    Examples
    --------
    >>> from ferkit.deploy import FilePrediction
    >>> path, faces, error = FilePrediction("a.jpg", None, "a.jpg: got no such file")
    >>> error
    'a.jpg: got no such file'
    """

    path: str
    """The file."""
    faces: pd.DataFrame | None
    """As `predict_photo` returns it; None if the file could not be read."""
    error: str | None
    """Why it could not be read; None if it could."""


@validate_params({"crops": ["boolean"], "margin": [MARGINS]})
def predict_files(
    clf: Classifier,
    paths: StrPath | Iterable[StrPath],
    *,
    crops: bool = False,
    detector: Detector | None = None,
    margin: float = 0.0,
) -> Iterator[FilePrediction]:
    """Predict the emotions in image files, one file after the other.

    Memory does not grow with the number of files, but for the names in a folder.

    Parameters
    ----------
    clf : estimator
        Fitted, as for `predict_photo`.
    paths : str, os.PathLike or iterable of them
        Image files, and folders, whose files with the suffix of an image (such as .jpg and .png)
        are taken in alphabetical order, and after a folder's own those of the folders within it;
        hidden ones and linked folders are left out.
    crops : bool, default=False
        Whether each image is a face that was cut out already: no face is looked for, and the image
        is resized as `ferkit.datasets.load_image_folder` does it.
    detector : object or None, default=None
        What finds the faces, as for `predict_photo`.
    margin : float, default=0.0
        What is added to the boxes, as for `crop_faces`; with `crops`, where there is nothing to
        add, 0, or negative to cut off.

    Returns
    -------
    iterator of FilePrediction
        For each file its path, its faces and, if it could not be read, the error. A file or folder
        that cannot be read stops nothing.

    Raises
    ------
    TypeError, ValueError
        If `clf` or another argument is not what it should be.

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
    if isinstance(paths, (str, bytes, os.PathLike)) or not isinstance(paths, Iterable):
        paths = [paths]
    # refuse an unfit classifier now, not at the first file
    class_names(clf)
    image_shape_of(clf)
    if crops:
        if margin > 0:
            raise ValueError(
                f"got margin={margin} for crops, expected 0 or less, for there is nothing around "
                "them; set margin=0, or crops=False to look for faces"
            )
        return _predict_crops(clf, paths, margin)
    return _predict_photos(clf, paths, FaceDetector() if detector is None else detector, margin)


def _predict_photos(clf, paths, detector, margin):
    for path, photo, error in _read_files(paths, read_photo):
        faces = None
        if error is None:
            faces = predict_photo(clf, photo, detector=detector, margin=margin)
        yield FilePrediction(path, faces, error)


def _predict_crops(clf, paths, margin):
    names = class_names(clf)
    height, width, *channels = image_shape_of(clf)
    read = partial(read_crop, size=(height, width), margin=margin, gray=not channels)
    files = _read_files(paths, read)
    while batch := list(islice(files, _BATCH_SIZE)):
        crops = [found[0] for _, found, _ in batch if found is not None]
        proba = iter(predict_crops(clf, np.stack(crops)) if crops else [])
        for path, found, error in batch:
            faces = None
            if found is not None:
                box = np.array([[0, 0, *found[1]]])
                faces = tabulate(box, next(proba)[None], names)
            yield FilePrediction(path, faces, error)


def _read_files(paths, read):
    """Read the image files, one by one: path, what was read and, in its place, what is wrong."""
    for path, error in _list_files(paths):
        found = None
        if error is None:
            try:
                found = read(path)
            except (ValueError, OSError) as fault:
                error = str(fault)
        yield path, found, error


def _list_files(paths):
    """List files, with what is wrong with a folder."""
    for path in map(os.fsdecode, paths):
        try:
            place = as_path(path)
        except ValueError as fault:
            yield path, str(fault)
            continue
        if not place.is_dir():
            yield path, None  # if it is none either, reading it says so
            continue
        faults = []
        for folder, folders, names in os.walk(place, onerror=faults.append):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                    yield os.path.join(folder, name), None
        for fault in faults:
            yield fault.filename, f"{fault.filename}: {fault.strerror}"
