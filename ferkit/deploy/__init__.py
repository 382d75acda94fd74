"""From a trained estimator to where it is used: ONNX files, and faces in photos."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._export import export_onnx
    from ._faces import FaceDetector
    from ._onnx_fer import OnnxFER
    from ._photo import crop_faces, predict_photo
    from ._predict_files import FilePrediction, predict_files
    from ._read_photo import read_photo

# Resolved on first use: a file is run without torch, and without what finds faces.
_HOMES = {
    "FaceDetector": "_faces",
    "FilePrediction": "_predict_files",
    "OnnxFER": "_onnx_fer",
    "crop_faces": "_photo",
    "export_onnx": "_export",
    "predict_files": "_predict_files",
    "predict_photo": "_photo",
    "read_photo": "_read_photo",
}

__all__ = [
    "FaceDetector",
    "FilePrediction",
    "OnnxFER",
    "crop_faces",
    "export_onnx",
    "predict_files",
    "predict_photo",
    "read_photo",
]


if not TYPE_CHECKING:  # type checkers would take any name

    def __getattr__(name):
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f".{_HOMES[name]}", __name__), name)
        return value


def __dir__():
    return sorted({*globals(), *__all__})
