"""The classifier contract: validation, labels, training, prediction, files."""

import warnings
from functools import partial
from inspect import Parameter, signature
from numbers import Integral, Real

import numpy as np
import pandas as pd
from scipy.special import log_softmax
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.utils import check_consistent_length, column_or_1d, compute_class_weight
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.multiclass import _check_partial_fit_first_call, check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from ._images import as_images, as_labels, as_rows, check_shape_of_fit, encode, resolve_image_shape
from ._random import draw_seed, preserved_generators, seed_generators
from ._saving import save


class BaseFER(ClassNamePrefixFeaturesOutMixin, ClassifierMixin, TransformerMixin, BaseEstimator):
    """Base of the classifiers: everything but the network.

    A subclass defines `_make_module`. If it has parameters of its own, it also defines an
    `__init__` that names all parameters, its own and those of this class, for scikit-learn clones
    and searches only what is named there. For `transform`, its module has a method `embed` and an
    attribute `embedding_size`. `MobileNetFER` documents the parameters and attributes.

    Examples
    --------
    >>> from math import prod
    >>> from torch import nn
    >>> from ferkit import BaseFER
    >>> from ferkit.datasets import make_faces
    >>> class LinearFER(BaseFER):
    ...     def _make_module(self, in_channels, n_classes):
    ...         n_pixels = prod(self.image_shape_[:2])
    ...         return nn.Sequential(nn.Flatten(), nn.Linear(in_channels * n_pixels, n_classes))
    >>> X, y = make_faces(140, random_state=0, return_X_y=True)
    >>> LinearFER(max_epochs=1, random_state=0).fit(X, y).predict(X).shape
    (140,)
    """

    _parameter_constraints = {
        "optimizer": [StrOptions({"adam", "adamw", "sgd"})],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "augment": [StrOptions({"reference"}), None],
        "channels": [StrOptions({"auto"}), Options(Integral, {1, 3})],
        "image_shape": [tuple, list, None],
        "precision": [StrOptions({"auto", "float32", "bfloat16"})],
        "device": [str],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    # X_val reaches fit through a Pipeline's transform_input without a request by the user
    __metadata_request__fit = {"X_val": True, "y_val": True}

    def __init__(
        self,
        *,
        optimizer="adam",
        lr=1e-3,
        momentum=0.9,
        weight_decay=0.0,
        dropout=0.0,
        batch_size=64,
        max_epochs=15,
        label_smoothing=0.0,
        class_weight=None,
        augment=None,
        channels="auto",
        image_shape=None,
        precision="auto",
        device="auto",
        random_state=None,
        verbose=0,
    ):
        self.optimizer = optimizer
        self.lr = lr
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.label_smoothing = label_smoothing
        self.class_weight = class_weight
        self.augment = augment
        self.channels = channels
        self.image_shape = image_shape
        self.precision = precision
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        kinds = {parameter.kind for parameter in signature(cls.__init__).parameters.values()}
        if Parameter.VAR_KEYWORD in kinds:
            raise TypeError(
                f"got {cls.__name__}.__init__ with ** parameters, expected one that names every "
                "parameter: clones and searches would lose the others; write them out"
            )

    def _make_module(self, in_channels, n_classes):
        """Make the network; `image_shape_` and `classes_` are known by then.

        Parameters
        ----------
        in_channels : int
            Channels of its input, which is of shape (n, in_channels, height, width).
        n_classes : int
            Width of its output: logits of shape (n, n_classes).

        Returns
        -------
        torch.nn.Module
            For `transform`, it has a method `embed`, mapping the input to an embedding, and the
            attribute `embedding_size`.
        """
        raise NotImplementedError(f"{type(self).__name__} must define _make_module")

    # -- training ------------------------------------------------------------------------------

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, *, X_val=None, y_val=None):
        """Train a new network.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
            Images or rows: uint8 levels, or floats in [0, 1].
        y : array-like of shape (n,)
            Labels: ints or strings.
        X_val : array-like, default=None
            Images to score after each epoch, in `history_`; never trained on.
        y_val : array-like, default=None
            Their labels, all of which occur in `y`.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If the input is not what is expected, or the training diverges.
        """
        # a fit that fails must not leave an older network with newer labels behind
        vars(self).pop("net_", None)
        images, y = self._check_first_X_y(X, y)
        self.classes_ = np.unique(y)
        self._check_classes()
        validation = self._check_validation(X_val, y_val)
        net = self._new_net(images.shape[-1], y, draw_seed(self.random_state))
        self._train(net, images, encode(y, self.classes_), self.max_epochs, validation)
        self.net_ = net
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None):
        """Train the network for one more epoch; make it at the first call.

        k calls with the same data equal a `fit` of k epochs, bit for bit.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
            Images or rows, as in `fit`.
        y : array-like of shape (n,)
            Labels, of `classes` only.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever occur; needed at the first call.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If the input is not what is expected, `class_weight` is "balanced", or the training
            diverges.
        """
        if isinstance(self.class_weight, str):
            raise ValueError(
                f"got class_weight={self.class_weight!r}, expected None or a dict in partial_fit, "
                "which does not see all labels at once; compute the weights from all of y with "
                "sklearn.utils.class_weight.compute_class_weight"
            )
        is_first = not hasattr(self, "net_")
        if is_first:  # a failed fit may have left its labels
            vars(self).pop("classes_", None)
        _check_partial_fit_first_call(self, classes)
        if is_first:
            self._check_classes()
            images, y = self._check_first_X_y(X, y)
            targets = encode(y, self.classes_)
            net = self._new_net(images.shape[-1], self.classes_, draw_seed(self.random_state))
        else:
            images, targets = self._check_X_y(X, y)
            net = self.net_
        # an epoch that fails leaves no broken network behind
        vars(self).pop("net_", None)
        self._train(net, images, targets, 1)
        self.net_ = net
        return self

    def _check_classes(self):
        if len(self.classes_) < 2:
            raise ValueError(
                f"got {len(self.classes_)} class, {self.classes_.tolist()}, expected two or more; "
                "add another class"
            )

    def _new_net(self, n_channels, y, seed):
        """Make a net for images of `n_channels`; `y` gives the class weights."""
        class_weight = self.class_weight
        if class_weight is not None:
            class_weight = compute_class_weight(class_weight, classes=self.classes_, y=y)
            if not (
                np.isfinite(class_weight).all() and class_weight.min() >= 0 < class_weight.max()
            ):
                raise ValueError(
                    f"got class_weight={self.class_weight!r}, expected weights that are finite and "
                    "not negative, with one above zero; class_weight=None takes equal ones"
                )
        return self._build_net(self._resolve_channels(n_channels), class_weight, seed)

    def _build_net(self, in_channels, class_weight, seed):
        """Make a net from what is resolved: the network's channels and a weight per class."""
        from .augment import POLICIES
        from .training import build_net, resolve_device

        device = resolve_device(self.device)
        with preserved_generators(device):
            seed_generators(device, seed, 0)
            return build_net(
                partial(self._make_module, in_channels, len(self.classes_)),
                in_channels=in_channels,
                device=device,
                seed=seed,
                precision=self.precision,
                optimizer=self.optimizer,
                lr=self.lr,
                momentum=self.momentum,
                weight_decay=self.weight_decay,
                batch_size=self.batch_size,
                class_weight=class_weight,
                label_smoothing=self.label_smoothing,
                augment=None if self.augment is None else POLICIES[self.augment],
            )

    def _train(self, net, images, targets, epochs, validation=None):
        with preserved_generators(net.torch_device):
            net.train(images, targets, epochs=epochs, validation=validation, verbose=self.verbose)

    # -- input ---------------------------------------------------------------------------------

    def _check_first_X_y(self, X, y):
        """Validate what a fit begins with; sets `n_features_in_`, `image_shape_` and the dtype."""
        rows, image_shape = as_rows(X)
        # `as_images` looks for what is not finite, and says where it is
        rows, y = validate_data(self, rows, as_labels(y), ensure_all_finite=False)
        check_classification_targets(y)
        self.image_shape_ = resolve_image_shape(rows.shape[1], image_shape, self.image_shape)
        images = as_images(rows, self.image_shape_)
        self._dtype = images.dtype
        return images, y

    def _check_X(self, X):
        """Validate images like those of the fit: (n, h, w, 1) or (n, h, w, 3), uint8 or float32."""
        rows, image_shape = as_rows(X)
        check_shape_of_fit(rows, image_shape, self.image_shape_)
        rows = validate_data(self, rows, reset=False, ensure_all_finite=False)
        images = as_images(rows, self.image_shape_)
        if images.dtype != self._dtype:
            warnings.warn(
                f"got {images.dtype} images, expected {self._dtype} as in the fit; uint8 holds "
                "levels 0 to 255, floats are used as given and expected in [0, 1]",
                UserWarning,
                stacklevel=3,
            )
        return images

    def _check_X_y(self, X, y):
        """Validate more images and labels like those of the fit; returns indices of classes."""
        images = self._check_X(X)
        y = column_or_1d(as_labels(y), warn=True)
        check_consistent_length(images, y)
        return images, encode(y, self.classes_)

    def _check_validation(self, X_val, y_val):
        if X_val is None and y_val is None:
            return None
        if X_val is None or y_val is None:
            given, missing = ("y_val", "X_val") if X_val is None else ("X_val", "y_val")
            raise ValueError(
                f"got {given} without {missing}, expected both or neither; add {missing}"
            )
        return self._check_X_y(X_val, y_val)

    def _resolve_channels(self, n_channels):
        """Find the network's channels for images of `n_channels`."""
        if self.channels == "auto":
            return n_channels
        if n_channels > self.channels:
            raise ValueError(
                f"got colour images of shape {self.image_shape_}, expected gray ones for "
                "channels=1; convert them to gray, or set channels='auto'"
            )
        return self.channels

    # -- prediction ----------------------------------------------------------------------------

    def _outputs(self, X, method="forward"):
        check_is_fitted(self)
        if not hasattr(self.module_, method):
            raise AttributeError(
                f"got a {type(self.module_).__name__} without {method}, expected that method, "
                "which maps a batch to an embedding; define it, and embedding_size"
            )
        return self.net_.outputs(self._check_X(X), method)

    def decision_function(self, X):
        """Compute the network's logits.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
            Images or rows like those of the fit.

        Returns
        -------
        ndarray of shape (n, n_classes), or (n,) for two classes
            float32 logits; for two classes the second's minus the first's.
        """
        logits = self._outputs(X)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    def predict_log_proba(self, X):
        """Compute the logarithms of the classes' probabilities.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
            Images or rows like those of the fit.

        Returns
        -------
        ndarray of shape (n, n_classes)
            float64, in the order of `classes_`.
        """
        # float64, so that the order of probabilities is the order of logits
        return log_softmax(self._outputs(X).astype(np.float64), axis=1)

    def predict_proba(self, X):
        """Compute the classes' probabilities.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
            Images or rows like those of the fit.

        Returns
        -------
        ndarray of shape (n, n_classes)
            float64, in the order of `classes_`; rows sum to 1.
        """
        return np.exp(self.predict_log_proba(X))

    def predict(self, X):
        """Predict the most probable class.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
            Images or rows like those of the fit.

        Returns
        -------
        ndarray of shape (n,)
            Labels from `classes_`.
        """
        indices = self._outputs(X).argmax(axis=1)
        return self.classes_[indices]

    def transform(self, X):
        """Compute the embedding: what the network's last layer reads.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
            Images or rows like those of the fit.

        Returns
        -------
        ndarray of shape (n, embedding_size)
            float32.
        """
        return self._outputs(X, "embed")

    # -- files ---------------------------------------------------------------------------------

    def save(self, path):
        """Write the fitted estimator to one file, which `ferkit.load` reads.

        The file holds the parameters, the weights, the labels and the history, and no code. The
        optimizer's state is not in it: a `partial_fit` after loading starts the optimizer anew.

        Parameters
        ----------
        path : str or os.PathLike
            Where to; by convention ``*.safetensors``. An existing file is replaced.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If a parameter is something that a file cannot hold, or the class is not one that
            `ferkit.load` knows.
        """
        save(self, path)

    # -- what a fit leaves ---------------------------------------------------------------------

    @property
    def module_(self):
        """The trained torch module."""
        return self.net_.module_

    @property
    def history_(self):
        """One row per epoch, as a DataFrame."""
        return pd.DataFrame(self.net_.history_rows())

    @property
    def n_iter_(self):
        """Number of epochs trained."""
        return len(self.net_.history)

    @property
    def n_parameters_(self):
        """Number of parameters of the network."""
        from .nn import count_parameters

        return count_parameters(self.module_)

    @property
    def _n_features_out(self):
        return self.module_.embedding_size

    def __sklearn_is_fitted__(self):
        return hasattr(self, "net_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = []
        return tags
