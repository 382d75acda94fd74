"""Estimators to ONNX files."""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from itertools import product
from numbers import Real
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import f1_score
from sklearn.utils._param_validation import Interval, StrOptions

from .._base import BaseFER
from .._estimators import check_fitted_fer
from .._extras import import_extra
from .._locks import warning_filter
from .._names import name_classes
from .._paths import as_path, check_place, write_whole
from .._typing import StrPath
from .._validation import validate_params
from ._metadata import pack
from ._quantize import quantize_int8
from ._runtime import open_session, run

_OLDEST_TORCH = (2, 10)
# between float32 probabilities of ONNX Runtime on the CPU, and of torch there, or on GPUs, which
# round more coarsely, as NVIDIA's do to TF32
_TOLERANCE, _TOLERANCE_ON_GPUS = 1e-5, 1e-2


@validate_params(
    {
        "path": [str, os.PathLike],
        "quantize": [StrOptions({"int8"}), None],
        "calibration": "no_validation",
        "X_val": "no_validation",
        "y_val": "no_validation",
        "max_f1_drop": [Interval(Real, 0, None, closed="left"), None],
        "card": [str, None],
    }
)
def export_onnx(
    estimator: BaseFER,
    path: StrPath,
    *,
    quantize: Literal["int8"] | None = None,
    calibration: ArrayLike | None = None,
    X_val: ArrayLike | None = None,
    y_val: ArrayLike | None = None,
    max_f1_drop: float | None = 0.005,
    card: str | None = None,
) -> None:
    """Write a fitted estimator as an ONNX file, which needs neither torch nor ferkit to run.

    Needs ``pip install "ferkit[onnx]"``. All of `predict_proba` and `transform` is in the graph:
    scaling, the views of `tta`, logit adjustment and temperature. Its input "images" has as many
    images as you like, of the shape and dtype of the fit: (n, h, w) or (n, h, w, 3). Its outputs
    are "probabilities" (n, n_classes) and "embedding" (n, embedding_size). The metadata have
    "labels", the classes' names as JSON, "ferkit", what `OnnxFER` reads, and, if there is a
    `card`, "model_card".

    The file is run and compared with the estimator before it is written.

    Parameters
    ----------
    estimator : BaseFER
        Fitted, and no Pipeline: of one, give the last step, ``pipe[-1]``. The file then takes the
        images that the other steps make.
    path : str or os.PathLike
        Where to; an existing file is replaced at the end.
    quantize : {"int8"} or None, default=None
        "int8" rounds weights and activations to 8 bits [1]_: less than half of the size, and faster
        on CPUs that multiply such numbers.
    calibration : array-like, default=None
        Images like those of the fit, for "int8": some hundreds, which give the ranges of
        activations. All activations are kept at once, some megabytes for each image.
    X_val, y_val : array-like, default=None
        Other images and their labels, for "int8": on them, macro-F1 is compared with the
        estimator's.
    max_f1_drop : float or None, default=0.005
        By how much macro-F1 may fall; None lets it fall by anything.
    card : str, default=None
        Text about the model, for the metadata.

    Raises
    ------
    ImportError
        If a package is missing, or torch too old.
    FileNotFoundError
        If the folder does not exist.
    ValueError
        If `estimator` is not one of ferkit's; if images for "int8" are missing, or given without
        it; if an image is in both sets; if macro-F1 falls too far.
    RuntimeError
        If ONNX cannot say what the network does, or the file does not compute it.

    See Also
    --------
    OnnxFER : Such a file as a scikit-learn classifier.

    References
    ----------
    .. [1] Jacob et al., "Quantization and Training of Neural Networks for Efficient
       Integer-Arithmetic-Only Inference", CVPR 2018.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from ferkit import MobileNetFER
    >>> from ferkit.datasets import make_faces
    >>> from ferkit.deploy import OnnxFER, export_onnx
    >>> clf = MobileNetFER.from_pretrained("fer2013")
    >>> X, y = make_faces(5, random_state=0, return_X_y=True)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export_onnx(clf, Path(folder) / "faces.onnx")
    ...     OnnxFER(Path(folder) / "faces.onnx").predict_proba(X).shape
    (5, 7)
    """
    check_fitted_fer(
        estimator,
        pipeline_advice="pass pipe[-1]; the file lacks the other steps: it takes the images that "
        "these make, so apply them before it",
    )
    estimator._check_set_after_fit()
    path = as_path(path)
    check_place(path)
    calibration, validation = _check_images(estimator, quantize, calibration, X_val, y_val)
    _check_torch()
    for package in ("onnxscript", "onnxruntime"):
        import_extra(package)
    onnx = import_extra("onnx")
    model = _trace(estimator)
    _compare(estimator, model)
    facts = {"quantize": quantize}
    if quantize is not None:
        model = quantize_int8(model, calibration)
        images, targets = validation
        facts |= _score(estimator, model, images, targets, max_f1_drop)
    positions, names = name_classes(estimator.classes_)
    labels = [str(names[position]) for position in positions]
    model = onnx.load_from_string(model)
    for node in model.graph.node:  # the exporter's stack traces, with paths of this machine
        node.ClearField("metadata_props")
    onnx.helper.set_model_props(model, pack(estimator, labels=labels, card=card, **facts))
    write_whole(path, model.SerializeToString())


def _check_torch():
    import torch

    # older exporters fail, or take one branch of what depends on the images' values for all
    if torch.__version__ < _OLDEST_TORCH:
        raise ImportError(
            f"got torch {torch.__version__}, expected {'.'.join(map(str, _OLDEST_TORCH))} or newer "
            "to write ONNX files; upgrade torch, or save the estimator and export it elsewhere"
        )


def _check_images(estimator, quantize, calibration, X_val, y_val):
    given = [images is not None for images in (calibration, X_val, y_val)]
    if quantize is None:
        if any(given):
            raise ValueError(
                "got calibration or validation images without quantize, expected none; they are "
                "for quantize='int8'"
            )
        return None, None
    if not all(given):
        raise ValueError(
            "got quantize='int8' without all of calibration, X_val and y_val, expected images that "
            "give the ranges of activations, and other ones with labels to score; validation "
            "images that were not trained on will do, split in two"
        )
    calibration = estimator._check_X(calibration)
    images, targets = estimator._check_X_y(X_val, y_val)
    for name, given in {"calibration": calibration, "X_val": images}.items():
        if given.dtype != estimator._dtype:
            raise ValueError(
                f"got {given.dtype} images as {name}, expected {estimator._dtype} as in the fit"
            )
    calibration, images = (a.reshape(-1, *estimator.image_shape_) for a in (calibration, images))
    if {image.tobytes() for image in calibration} & {image.tobytes() for image in images}:
        raise ValueError(
            "got an image in both calibration and X_val, expected different ones: the score would "
            "be too good; split them without copies on both sides (find_duplicates)"
        )
    return calibration, (images, targets)


def _trace(estimator):
    """Make an ONNX file of all that the estimator does to images."""
    import torch

    from ._inference import InferenceModule

    module = InferenceModule(estimator)
    dtype = torch.uint8 if estimator._dtype == np.uint8 else torch.float32
    images = torch.zeros(2, *estimator.image_shape_, dtype=dtype, device="cpu")
    has_embedding = hasattr(module.network, "embed")
    with _quiet(), torch.no_grad():
        try:
            program = torch.onnx.export(
                module,
                (images,),
                dynamo=True,
                verbose=False,
                input_names=["images"],
                output_names=["probabilities", "embedding"] if has_embedding else ["probabilities"],
                dynamic_shapes={"images": {0: torch.export.Dim("n", min=1)}},
            )
        except torch.onnx.OnnxExporterError as error:
            raise RuntimeError(
                f"got a {type(module.network).__name__} that torch.onnx.export cannot translate, "
                "expected one whose operations do not depend on the images' values; its own error "
                "is above"
            ) from error
    return program.model_proto.SerializeToString()


@contextmanager
def _quiet():
    """Silence the exporter's remarks on torchvision and on its own deprecations."""
    logger = logging.getLogger("torch.onnx")
    with warning_filter("ignore"):  # lets one thread in at a time
        level = logger.level
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(level)


def _compare(estimator, model):
    """Run a file on some noise beside the estimator: even, and ever more of one brightness."""
    rng = np.random.default_rng(0)
    shape = (17, *estimator.image_shape_)
    images = rng.integers(0, 256, size=shape, dtype=np.uint8)
    for number, image in enumerate(images):
        image[:] = 128 + (image - 128.0) * (1 - number / len(images))
    if estimator._dtype != np.uint8:
        images = images.astype(estimator._dtype) / 255
    session = open_session(model, n_threads=1)
    expected = {"probabilities": estimator.predict_proba(images)}
    if hasattr(estimator.module_, "embed") and hasattr(estimator.module_, "embedding_size"):
        expected["embedding"] = np.asarray(estimator.transform(images))  # it may be a table
    is_on_cpu = estimator.net_.torch_device.type == "cpu"
    tolerance = _TOLERANCE if is_on_cpu else _TOLERANCE_ON_GPUS
    for (name, values), n in product(expected.items(), (1, len(images))):
        difference = np.abs(run(session, name, images[:n]) - values[:n]).max()
        difference /= max(1, np.abs(values).max())
        if not difference < tolerance:
            raise RuntimeError(
                f"got {name} from the file that differ by {difference:.2g} from the estimator's, "
                f"expected less than {tolerance:g}; nothing is written. A module of your own may "
                "do what ONNX cannot say"
            )


def _score(estimator, model, images, targets, max_f1_drop):
    """Compare the macro-F1 of an 8-bit file with the estimator's."""
    predicted = run(open_session(model, n_threads=1), "probabilities", images).argmax(axis=1)
    of_estimator = estimator.predict_proba(images).argmax(axis=1)
    found = np.unique(targets)  # a class without images would count for one side only
    f1, f1_before = (
        f1_score(targets, y, labels=found, average="macro", zero_division=0)
        for y in (predicted, of_estimator)
    )
    if max_f1_drop is not None and f1_before - f1 > max_f1_drop:
        raise ValueError(
            f"got a macro-F1 of {f1:.4f} in 8 bits and {f1_before:.4f} before, expected a fall of "
            f"at most {max_f1_drop}; nothing is written. Give more calibration images, or a larger "
            "max_f1_drop (on the command line, --max-f1-drop), or max_f1_drop=None to take any"
        )
    return {"f1_macro": f1, "f1_macro_before": f1_before, "n_scored": len(targets)}
