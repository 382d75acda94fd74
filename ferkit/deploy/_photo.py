"""Emotions of the faces in a photo."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils._param_validation import Interval

from .._images import check_size
from .._names import name_classes
from .._typing import Classifier, Detector, StrPath
from .._validation import validate_params
from ._faces import FaceDetector
from ._read_photo import check_photo, read_photo

if TYPE_CHECKING:
    from PIL import Image

_BOX = ["x", "y", "width", "height"]
_FER2013_SHAPE = (48, 48)
_MAX_SIDE = 2**12  # of a square, in pixels, before it is made smaller

MARGINS = Interval(Real, -0.5, None, closed="neither")


@validate_params(
    {
        "size": [Integral, tuple, list],
        "margin": [MARGINS],
        "gray": ["boolean"],
    }
)
def crop_faces(
    photo: ArrayLike,
    boxes: ArrayLike,
    size: int | tuple[int, int] = 48,
    *,
    margin: float = 0.0,
    gray: bool = True,
) -> NDArray[np.uint8]:
    """Cut faces out of a photo, as squares of one size.

    A square has its box's middle and its longer side. Where it leaves the photo, the photo's edge
    is repeated. Squares are resized by antialiased bicubic interpolation, those of more than 4,096
    pixels a side after averaging.

    Parameters
    ----------
    photo : array-like of shape (height, width), (height, width, 3) or (height, width, 4)
        uint8 levels, as `read_photo` gives them.
    boxes : array-like of shape (n, 4)
        x and y of the upper left corner, width and height, in pixels, as `FaceDetector` gives them.
    size : int or tuple of int, default=48
        Height and width of a crop; an int is both.
    margin : float, default=0.0
        What is added to each side of a square, as a part of its side; negative to cut off, more
        than -0.5, which would leave nothing. 0 suits networks trained on FER2013: there, OpenCV's
        cascade finds boxes whose sides are 0.96 of the image's, in the median.
    gray : bool, default=True
        Whether to make the crops gray, or RGB.

    Returns
    -------
    ndarray of shape (n, height, width) or (n, height, width, 3), dtype uint8
        The crops, in the order of the boxes.

    Raises
    ------
    ValueError
        If the photo is none, a box has no area or lies beside the photo, or `size` or `margin` is
        out of range.

    See Also
    --------
    FaceDetector : Finds the boxes.
    ferkit.preprocessing.Resize : For faces that are cut out already.

    Examples
    --------
    >>> import numpy as np
    >>> from ferkit.deploy import crop_faces
    >>> photo = np.zeros((480, 640, 3), dtype=np.uint8)
    >>> crop_faces(photo, [[100, 80, 120, 120], [600, 400, 90, 90]]).shape
    (2, 48, 48)
    """
    photo = check_photo(photo)
    boxes = _check_boxes(boxes, photo.shape)
    height, width = check_size(size)
    channels = () if gray else (3,)
    crops = np.empty((len(boxes), height, width, *channels), dtype=np.uint8)
    for box, crop in zip(boxes, crops, strict=True):
        crop[:] = _crop(photo, box, (width, height), margin, "L" if gray else "RGB")
    return crops


def _crop(photo, box, size, margin, mode):
    from PIL import Image

    factor = math.ceil(box[2:].max() * (1 + 2 * margin) / _MAX_SIDE)
    if factor > 1:  # the square of a strip of 60,000 x 1 pixels would take gigabytes
        photo, box = np.asarray(Image.fromarray(photo).reduce(factor)), box / factor
    side = max(1, round(box[2:].max() * (1 + 2 * margin)))
    left, top = np.rint(box[:2] + box[2:] / 2 - side / 2).astype(np.int64)
    rows, columns = (
        np.clip(np.arange(start, start + side), 0, end - 1)  # repeats the edges
        for start, end in ((top, photo.shape[0]), (left, photo.shape[1]))
    )
    square = Image.fromarray(photo[np.ix_(rows, columns)]).convert(mode)
    return square.resize(size, Image.Resampling.BICUBIC)


def _check_boxes(boxes, shape):
    boxes = np.asarray(boxes)
    if boxes.size == 0:
        return np.empty((0, 4), dtype=np.int64)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or boxes.dtype.kind not in "iuf":
        raise ValueError(
            f"got boxes of shape {boxes.shape} and dtype {boxes.dtype}, expected numbers of shape "
            "(n, 4): x, y, width, height; give a single box as [box]"
        )
    # in float64, where small integers do not wrap around
    (x, y, width, height), (photo_height, photo_width) = boxes.T.astype(np.float64), shape[:2]
    overlaps = (x < photo_width) & (y < photo_height) & (x + width > 0) & (y + height > 0)
    is_good = overlaps & (width > 0) & (height > 0) & np.isfinite(boxes).all(axis=1)
    if not is_good.all():
        index = is_good.argmin()
        raise ValueError(
            f"got box {boxes[index].tolist()} at {index}, expected x, y, width, height of a part "
            f"of the photo of {photo_width} x {photo_height} pixels; mend or drop it"
        )
    return boxes


@validate_params({"margin": [MARGINS]})
def predict_photo(
    clf: Classifier,
    photo: StrPath | Image.Image | np.ndarray,
    *,
    detector: Detector | None = None,
    margin: float = 0.0,
) -> pd.DataFrame:
    """Find the faces in a photo and predict their emotions.

    Needs OpenCV, ``pip install "ferkit[photo]"``, unless `detector` does without.

    Parameters
    ----------
    clf : estimator
        Fitted, with `predict_proba` and `classes_`. Crops have the shape of the images that it
        was fitted on, as `image_shape_` or `n_features_in_` says; 48 x 48 gray pixels if it has
        neither. scikit-learn's own estimators are given crops as rows. Crops are levels, 0 to 255;
        ferkit's estimators that were fitted on floats are given floats in [0, 1].
    photo : str, os.PathLike, PIL.Image.Image or ndarray
        What `read_photo` reads, or an upright photo as an array of uint8 levels: gray, RGB or RGBA.
    detector : object or None, default=None
        What finds the faces: its `detect` takes an array (height, width) or (height, width, 3) and
        returns boxes (n, 4). None takes ``FaceDetector()``.
    margin : float, default=0.0
        What is added to the boxes, as in `crop_faces`.

    Returns
    -------
    pandas.DataFrame
        A row for each face, in the order of the detector (the largest first). Columns: `x`, `y`,
        `width` and `height` of its box, in pixels of the upright photo; `label`, the most probable
        class, and its `probability`; and the probability of each class, under its name. Integer
        labels are named where they are all of 0 to 6. No rows if there is no face.

    Raises
    ------
    TypeError
        If `clf` has no `predict_proba`, or `photo` is something else.
    ValueError, FileNotFoundError
        If the photo or the boxes are not what they should be; see `read_photo`.
    ImportError
        If OpenCV is needed and not there.

    See Also
    --------
    crop_faces : The crops that `clf` sees.

    Notes
    -----
    A face that is cut out already needs no detector, which would miss many of those: give it to
    ``clf.predict_proba``. With boxes that you have, use `crop_faces`. All faces of a photo are
    predicted in one call.

    Examples
    --------
    >>> from skimage.data import astronaut
    >>> from ferkit import MobileNetFER
    >>> from ferkit.deploy import predict_photo
    >>> clf = MobileNetFER.from_pretrained("fer2013")
    >>> predict_photo(clf, astronaut())["label"].tolist()
    ['happy']
    """
    names = class_names(clf)
    if isinstance(detector, type):
        raise TypeError(
            f"got the class {detector.__name__} as detector, expected an instance; give "
            f"{detector.__name__}()"
        )
    if detector is not None and not hasattr(detector, "detect"):
        raise TypeError(
            f"got {detector!r} as detector, expected an object with a method detect; give "
            "FaceDetector(), with model= for a file"
        )
    photo = check_photo(photo) if hasattr(photo, "shape") else read_photo(photo)
    boxes = (FaceDetector() if detector is None else detector).detect(photo)
    boxes = _check_boxes(boxes, photo.shape)
    proba = np.empty((0, len(names)))
    if len(boxes):
        height, width, *channels = image_shape_of(clf)
        crops = crop_faces(photo, boxes, (height, width), margin=margin, gray=not channels)
        proba = predict_crops(clf, crops)
    return tabulate(boxes, proba, names)


def class_names(clf):
    """Find the names of a fitted classifier's classes, or other labels, in its order.

    TypeError if it has no `predict_proba`, NotFittedError if it is not fitted, ValueError if a
    class has the name of another column of the table.
    """
    if isinstance(clf, type) or not hasattr(clf, "predict_proba"):
        what = f"the class {clf.__name__}" if isinstance(clf, type) else type(clf).__name__
        raise TypeError(
            f"got {what}, expected a fitted classifier with predict_proba; give one, "
            'such as MobileNetFER.from_pretrained("fer2013")'
        )
    if not hasattr(clf, "classes_"):
        raise NotFittedError(
            f"got a {type(clf).__name__} that is not fitted, expected a fitted one; fit it first"
        )
    positions, names = name_classes(np.asarray(clf.classes_))
    names = [names[position] for position in positions]
    taken = set(names) & {*_BOX, "label", "probability"}
    if taken:
        raise ValueError(
            f"got a class called {min(taken)!r}, expected no name of another column of the table; "
            "rename the class, or give crops (crop_faces) to predict_proba"
        )
    return names


def predict_crops(clf, crops):
    """Predict the probabilities of uint8 crops.

    What was fitted on floats is given floats in [0, 1], where the fit's dtype is known, and what is
    scikit-learn's is given rows.
    """
    first = _find_first(clf)
    if getattr(first, "_dtype", np.uint8) != np.uint8:
        crops = crops / np.float32(255)
    parts = [first, *_parts_of(first)]
    if all(_wants_rows(part) for part in parts):
        crops = crops.reshape(len(crops), -1)
    return np.asarray(clf.predict_proba(crops))


def _find_first(clf):
    """Find what in a Pipeline or search sees the images first."""
    if hasattr(clf, "best_estimator_"):
        return _find_first(clf.best_estimator_)
    for _, step in getattr(clf, "steps", []):
        if step not in (None, "passthrough") and not hasattr(step, "fit_resample"):
            return _find_first(step)
    return clf


def _wants_rows(estimator):
    package = type(estimator).__module__.partition(".")[0]
    return package == "sklearn" and not isinstance(estimator, FunctionTransformer)


def tabulate(boxes, proba, names):
    """Make the table of a photo's faces, as `predict_photo` returns it.

    A row of `boxes` is x, y, width, height; `names` are those of the classes.
    """
    # in one go: a table that grows by columns takes longer than the network does for a face
    columns = {name: boxes[:, i] for i, name in enumerate(_BOX)}
    columns["label"] = pd.Index(names).take(proba.argmax(axis=1))  # keeps its dtype without faces
    columns["probability"] = proba.max(axis=1)
    return pd.DataFrame(columns | {name: proba[:, i] for i, name in enumerate(names)})


def image_shape_of(clf):
    """Find the shape of the images that a fitted classifier takes: (h, w) or (h, w, 3).

    Pipelines and searches only count the values of an image, so their parts are asked, and then
    images are taken to be square. ValueError if it cannot be told.
    """
    n_values = getattr(clf, "n_features_in_", math.prod(_FER2013_SHAPE))
    parts = [clf, *_parts_of(clf)]
    for part in parts:
        shape = getattr(part, "image_shape_", None)
        if shape is not None and math.prod(shape) == n_values:
            return shape
    # a FunctionTransformer counts the lines of images, not their values
    is_count = not any(isinstance(part, FunctionTransformer) for part in parts)
    for channels in ((), (3,)):
        side = math.isqrt(n_values // math.prod(channels))
        if is_count and math.prod((side, side, *channels)) == n_values:
            return (side, side, *channels)
    raise ValueError(
        f"got a {type(clf).__name__} fitted on {n_values} values for an image, expected images "
        "whose shape can be told; crop the faces with crop_faces, and give it those"
    )


def _parts_of(clf):
    """List the estimators in a Pipeline, search or wrapper that may know the images' shape."""
    parts = [step for _, step in getattr(clf, "steps", [])]
    names = ("best_estimator_", "estimator_", "estimator")
    parts += [getattr(clf, name) for name in names if hasattr(clf, name)]
    return parts + [inner for part in parts for inner in _parts_of(part)]
