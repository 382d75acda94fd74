"""From a trained estimator to where it is used: faces in photos."""

from ._faces import FaceDetector
from ._photo import crop_faces, predict_photo
from ._read_photo import read_photo

__all__ = ["FaceDetector", "crop_faces", "predict_photo", "read_photo"]
