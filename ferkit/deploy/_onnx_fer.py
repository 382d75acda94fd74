"""OnnxFER."""

from __future__ import annotations

import os
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._extras import import_extra
from .._paths import as_path
from .._typing import StrPath
from ..persistence import explain
from ._estimator_protocol import FittedEstimatorProtocol, import_scikit_learn
from ._metadata import unpack
from ._runtime import open_session, run


class OnnxFER(FittedEstimatorProtocol):
    """An ONNX file by `export_onnx` as a fitted scikit-learn classifier, without torch.

    Needs ``pip install onnxruntime``. It computes what the exported estimator did, with its `tta`,
    `temperature` and `logit_adjustment`. It is fitted from the beginning, and stays as it is.
    scikit-learn takes it for a classifier and transformer by its methods and tags; it is no
    `BaseEstimator`, so that uint8 images are answered for before scikit-learn is imported. Metadata
    routing is not part of it: `score` takes weights when they are passed to it.

    Parameters
    ----------
    path : str or os.PathLike
        The file. It is read when something is asked for the first time.
    n_threads : int, default=1
        Threads of ONNX Runtime; 0 takes one for each core. For networks of this size and few
        images, one is fastest, and leaves the other cores to other processes.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.
    image_shape_ : tuple
        Shape of an image: (h, w) or (h, w, 3).
    n_features_in_ : int
        Values of an image.
    feature_names_in_ : ndarray of shape (n_values,)
        Names of the columns, where the estimator was fitted on a DataFrame.
    metadata_ : dict
        What the file says of itself: "estimator", its class, "n_parameters", "tta", "quantize" and
        more.

    See Also
    --------
    export_onnx : Writes such files.

    Notes
    -----
    A network is a program: it can neither write nor send anything, but one that means harm can take
    any time and memory. Open files of people that you trust.

    Examples
    --------
    >>> from ferkit.deploy import OnnxFER
    >>> clf = OnnxFER("faces.onnx")  # doctest: +SKIP
    >>> clf.predict(X)  # doctest: +SKIP
    """

    def __init__(self, path: StrPath, *, n_threads: int = 1) -> None:
        self.path = path
        self.n_threads = n_threads

    def __getstate__(self):
        state = self.__dict__.copy()
        state.pop("_opened", None)  # a session is made anew, from the file
        return state

    def _open(self):
        """Read the file, once for these parameters: the session, and its metadata."""
        key = os.fspath(self.path), self.n_threads
        opened = getattr(self, "_opened", None)
        if opened is None or opened[0] != key:
            opened = self._opened = (key, *_read(*key))
        return opened[1:]

    @property
    def metadata_(self) -> dict[str, Any]:
        """What the file says of itself."""
        return self._open()[1]

    @property
    def classes_(self) -> np.ndarray:
        """The labels, sorted."""
        return self.metadata_["classes"].copy()

    @property
    def image_shape_(self) -> tuple[int, ...]:
        """Shape of an image."""
        return self.metadata_["image_shape"]

    @property
    def n_features_in_(self) -> int:
        """Values of an image."""
        return int(np.prod(self.image_shape_))

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Names of the columns, where the estimator was fitted on a DataFrame."""
        names = self.metadata_["feature_names_in"]
        if not names:
            raise AttributeError(
                f"got {self.path}, of a fit on arrays, expected one on a DataFrame"
            )
        return np.array(names, dtype=object)

    @property
    def _dtype(self):
        return self.metadata_["dtype"]

    def _embedding_output(self):
        for output in self._open()[0].get_outputs():
            if output.name == "embedding":
                return output
        raise AttributeError(
            f"got {self.path}, whose network has no embedding, expected one; define embed and "
            "embedding_size in its module and export it again"
        )

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Name the columns of `transform`.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Ignored.

        Returns
        -------
        ndarray of shape (embedding_size,)
            "onnxfer0" and so on.

        Raises
        ------
        AttributeError
            If the network has no embedding.
        """
        prefix = type(self).__name__.lower()
        n_features = self._embedding_output().shape[1]
        return np.array([f"{prefix}{index}" for index in range(n_features)], dtype=object)

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float32]:
        """Compute the classes' probabilities.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
            Images or rows like those of the fit.

        Returns
        -------
        ndarray of shape (n, n_classes)
            float32, in the order of `classes_`.

        Raises
        ------
        FileNotFoundError
            If there is no file.
        ValueError
            If it is not one by `export_onnx`, or damaged; or X is not what it takes.
        """
        return self._run("probabilities", X)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Predict the most probable class.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
            Images or rows like those of the fit.

        Returns
        -------
        ndarray of shape (n,)
            Labels from `classes_`.

        Raises
        ------
        FileNotFoundError, ValueError
            As `predict_proba`.
        """
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """Compute the embedding: what the network's last layer reads.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
            Images or rows like those of the fit.

        Returns
        -------
        ndarray of shape (n, embedding_size)
            float32.

        Raises
        ------
        AttributeError
            If the network has no embedding.
        FileNotFoundError, ValueError
            As `predict_proba`.
        """
        self._embedding_output()
        return self._contain(self._run("embedding", X), X)

    def _run(self, output, X):
        images = X if self._is_exact(X) else self._check_X(X)
        if images.dtype != self._dtype:  # _check_X has warned of it
            if images.dtype != np.uint8:
                raise ValueError(
                    f"got floats, expected the uint8 levels that {self.path} takes; "
                    "give X.round().astype(np.uint8) if they are levels, and "
                    "(X * 255).round().astype(np.uint8) if they are in [0, 1]"
                )
            images = images / self._dtype.type(255)
        session = self._open()[0]
        try:
            return run(session, output, images.reshape(len(images), *self.image_shape_))
        except Exception as error:  # a file of other content may raise anything
            raise ValueError(
                f"got {self.path}, which ONNX Runtime cannot run, expected a file by "
                f"ferkit.deploy.export_onnx: {explain(error)}"
            ) from error

    def _is_exact(self, X):
        """Tell what the network takes as it is; scikit-learn's checks would find nothing there."""
        return (
            type(X) is np.ndarray
            and X.dtype == self._dtype == np.uint8
            and X.shape[1:] == self.image_shape_
            and len(X) > 0
        )

    def _check_X(self, X):
        kind, shape = (getattr(X, name, "unknown") for name in ("dtype", "shape"))
        cure = "install scikit-learn"
        if self._dtype == np.uint8:
            cure += f", or give uint8 images (n, {', '.join(map(str, self.image_shape_))})"
        import_scikit_learn("sklearn.utils", f"checking X of dtype {kind} and shape {shape}", cure)
        from .._input import check_like_fit

        return check_like_fit(self, X)


def _read(path, n_threads):
    if not as_path(path).is_file():
        raise FileNotFoundError(f"got {path}, expected an ONNX file; there is none, check the path")
    if not isinstance(n_threads, Integral) or n_threads < 0:
        raise ValueError(
            f"got n_threads={n_threads!r}, expected an integer, 0 or more; 0 is one for each core"
        )
    import_extra("onnxruntime")
    # its content: by a path, a file could have weights read from others beside it
    content = as_path(path).read_bytes()
    try:
        session = open_session(content, n_threads)
        metadata = unpack(session.get_modelmeta().custom_metadata_map)
        _check_graph(session, metadata)
    except Exception as error:  # ONNX Runtime has a class for each fault
        raise ValueError(
            f"got {path}, expected a file by ferkit.deploy.export_onnx: {explain(error)}"
        ) from error
    return session, metadata


def _check_graph(session, metadata):
    """See that the network takes and gives what the metadata say."""
    inputs = [(node.name, node.type, node.shape[1:]) for node in session.get_inputs()]
    kind = "tensor(uint8)" if metadata["dtype"] == np.uint8 else "tensor(float)"
    if inputs != [("images", kind, list(metadata["image_shape"]))]:
        raise ValueError(f"its inputs are {inputs!r:.200}")
    outputs = {node.name: (node.type, node.shape[1:]) for node in session.get_outputs()}
    is_good = outputs.get("probabilities") == ("tensor(float)", [len(metadata["classes"])])
    if not is_good or not outputs.keys() <= {"probabilities", "embedding"}:
        raise ValueError(f"its outputs are {outputs!r:.200}")
