"""Faces in photos, by OpenCV."""

from __future__ import annotations

import os
import threading
from functools import lru_cache
from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval

from .._extras import import_extra
from .._paths import as_path
from .._typing import StrPath
from .._validation import validate_params
from ._read_photo import check_photo

# Of the three frontal cascades, the one with no false face in 22 photos without any, and the
# fastest; "default" takes faces on coins, cells and gravel for such.
_CASCADE = "haarcascade_frontalface_alt2.xml"
_SCALE_FACTOR = 1.1  # between the sizes that the cascade looks for
_CASCADE_SIDE, _YUNET_SIDE = 1280, 640


class FaceDetector:
    """Find upright frontal faces in photos, by OpenCV.

    Needs OpenCV 4, ``pip install "ferkit[photo]"``. Without `model`, it is a cascade of Haar
    features [1]_ that comes with OpenCV: no download, quick, and blind to faces that are turned
    away or tilted. With the file of a YuNet [2]_, it finds these too.

    Parameters
    ----------
    model : str, os.PathLike or None, default=None
        The ONNX file of a YuNet, such as ``face_detection_yunet_2023mar.onnx`` of OpenCV's model
        zoo. None takes OpenCV's frontal-face cascade.
    min_size : int, default=32
        Smallest face, in pixels of the photo.
    max_side : int or None, default=None
        Faces are looked for in a copy of the photo whose longer side is at most this, in pixels.
        None takes 1280 for the cascade, which finds no face smaller than 20 pixels in the copy, and
        640 for YuNet, which is made for faces of 10 to 300 pixels.
    min_neighbors : int, default=5
        Only for the cascade: how many overlapping finds make a face. Higher values find fewer faces
        and fewer things that are none.
    score_threshold : float, default=0.9
        Only for YuNet: the least score of a face, from 0 to 1.

    Raises
    ------
    FileNotFoundError
        If `model` is not there.

    See Also
    --------
    predict_photo : Emotions of the faces in a photo.
    crop_faces : Cut faces out of a photo.

    Notes
    -----
    Faces that are cut out already, as those of FER2013 are, are no photos: the cascade misses
    half of them. Give them to the estimator as they are.

    References
    ----------
    .. [1] P. Viola and M. Jones (2001). "Rapid object detection using a boosted cascade of simple
       features." CVPR.
    .. [2] W. Wu, H. Peng and S. Yu (2023). "YuNet: A tiny millisecond-level face detector." Machine
       Intelligence Research 20, 656-665.

    Examples
    --------
    >>> from skimage.data import astronaut
    >>> from ferkit.deploy import FaceDetector
    >>> FaceDetector().detect(astronaut()).shape
    (1, 4)
    """

    @validate_params(
        {
            "model": [str, os.PathLike, None],
            "min_size": [Interval(Integral, 1, None, closed="left")],
            "max_side": [Interval(Integral, 1, None, closed="left"), None],
            "min_neighbors": [Interval(Integral, 1, None, closed="left")],
            "score_threshold": [Interval(Real, 0, 1, closed="both")],
        }
    )
    def __init__(
        self,
        *,
        model: StrPath | None = None,
        min_size: int = 32,
        max_side: int | None = None,
        min_neighbors: int = 5,
        score_threshold: float = 0.9,
    ) -> None:
        if model is not None and not as_path(model).is_file():
            raise FileNotFoundError(
                f"{model}: got no such file, expected the ONNX file of a YuNet; check the path, or "
                "leave model=None for the cascade that comes with OpenCV"
            )
        self.model = model
        self.min_size = min_size
        self.max_side = max_side
        self.min_neighbors = min_neighbors
        self.score_threshold = score_threshold

    def detect(self, photo: ArrayLike) -> NDArray[np.int64]:
        """Find the faces.

        Parameters
        ----------
        photo : array-like of shape (height, width), (height, width, 3) or (height, width, 4)
            An upright photo, as `read_photo` gives it: uint8 levels, gray, RGB or RGBA.

        Returns
        -------
        ndarray of shape (n, 4), dtype int64
            Boxes: x and y of the upper left corner, width, height, in pixels of the photo. The
            largest comes first; of the same size, the upper, then the left one. Those of YuNet may
            reach beyond the photo.

        Raises
        ------
        ImportError
            If OpenCV or its cascades are not there.
        ValueError
            If `photo` has another shape or dtype, or `model` is no YuNet.
        """
        photo = np.ascontiguousarray(check_photo(photo))
        cv2 = _import_cv2()
        height, width = photo.shape[:2]
        max_side = self.max_side or (_CASCADE_SIDE if self.model is None else _YUNET_SIDE)
        shrink = min(1, max_side / max(height, width))
        size = max(1, round(width * shrink)), max(1, round(height * shrink))
        small = photo
        if size != (width, height):
            small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
        find = self._find_by_cascade if self.model is None else self._find_by_yunet
        boxes = find(cv2, small, self.min_size * shrink)
        # corners are scaled, so that a box at the copy's edge ends at the photo's
        corners = boxes.reshape(-1, 2, 2).cumsum(axis=1) * [width / size[0], height / size[1]]
        boxes = np.diff(np.rint(corners).astype(np.int64), axis=1, prepend=0).reshape(-1, 4)
        x, y, *sides = boxes.T
        return boxes[np.lexsort((x, y, -np.prod(sides, axis=0)))]

    def _find_by_cascade(self, cv2, photo, min_size):
        if photo.ndim == 3:
            photo = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
        boxes = _load_cascade(threading.get_ident()).detectMultiScale(
            photo,
            scaleFactor=_SCALE_FACTOR,
            minNeighbors=self.min_neighbors,
            minSize=(round(min_size), round(min_size)),
        )
        return np.array(boxes, dtype=np.float64).reshape(-1, 4)  # () if there are none

    def _find_by_yunet(self, cv2, photo, min_size):
        code = cv2.COLOR_RGB2BGR if photo.ndim == 3 else cv2.COLOR_GRAY2BGR
        try:
            yunet = _load_yunet(str(as_path(self.model)), threading.get_ident())
            yunet.setScoreThreshold(self.score_threshold)
            yunet.setInputSize(photo.shape[1::-1])
            _, faces = yunet.detect(cv2.cvtColor(photo, code))
        except cv2.error as error:
            raise ValueError(
                f"{self.model}: got a file that OpenCV cannot detect faces with ({error.err}), "
                "expected the ONNX file of a YuNet; get it from OpenCV's model zoo"
            ) from error
        if faces is None:
            return np.empty((0, 4))
        boxes = np.float64(faces[:, :4])  # landmarks and the score follow
        return boxes[boxes[:, 2:].max(axis=1) >= min_size]


def _import_cv2():
    return import_extra("cv2", "finding faces", 'install it with pip install "ferkit[photo]"')


# One for each thread, because OpenCV's detectors cannot be shared. They are not attributes of a
# FaceDetector, because they cannot be pickled either.
@lru_cache(maxsize=16)
def _load_cascade(thread):
    cv2 = _import_cv2()
    path = os.path.join(getattr(getattr(cv2, "data", None), "haarcascades", ""), _CASCADE)
    if not hasattr(cv2, "CascadeClassifier") or not os.path.isfile(path):
        raise ImportError(
            f"got OpenCV {cv2.__version__} without its Haar cascades, expected OpenCV 4 from PyPI; "
            'install it with pip install "opencv-python-headless<5", or give FaceDetector a YuNet'
            " as model"
        )
    return cv2.CascadeClassifier(path)


@lru_cache(maxsize=16)
def _load_yunet(path, thread):
    # no configuration for ONNX; the size is set for each photo
    return _import_cv2().FaceDetectorYN.create(path, "", (320, 320))
