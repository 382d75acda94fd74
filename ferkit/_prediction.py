"""What a fitted estimator does and holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_softmax
from sklearn.base import ClassifierMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils._param_validation import validate_parameter_constraints
from sklearn.utils.validation import check_is_fitted

from ._imbalance import logit_offset
from ._labels import check_labels
from ._names import f1_column

if TYPE_CHECKING:
    from torch import nn


class PredictionMixin(ClassNamePrefixFeaturesOutMixin, ClassifierMixin, TransformerMixin):
    """A classifier and transformer on a fitted `net_`; a subclass checks X with `_check_X`."""

    def _outputs(self, X, method="forward"):
        check_is_fitted(self)
        if method == "embed":
            self._check_embeds()
        self._check_set_after_fit()
        return self.net_.outputs(self._check_X(X), method, self.tta)

    def _check_embeds(self):
        if not (hasattr(self.module_, "embed") and hasattr(self.module_, "embedding_size")):
            raise ValueError(
                f"got a {type(self.module_).__name__} without embed or embedding_size, expected a "
                "method that maps a batch to an embedding, and the embedding's width; define them"
            )

    def _check_set_after_fit(self):
        """Check parameters that act at prediction; `fit` has seen them as they were then."""
        names = ("logit_adjustment", "temperature", "tta")
        validate_parameter_constraints(
            {name: self._parameter_constraints[name] for name in names},
            {name: getattr(self, name) for name in names},
            caller_name=type(self).__name__,
        )

    def _logits(self, X):
        return self._outputs(X) + logit_offset(self.logit_adjustment, self.class_count_)

    def decision_function(self, X: ArrayLike) -> NDArray[np.float32]:
        """Compute the network's logits, with `logit_adjustment` and `temperature`.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
            Images or rows like those of the fit.

        Returns
        -------
        ndarray of shape (n, n_classes), or (n,) for two classes
            float32 logits; for two classes the second's minus the first's.

        Raises
        ------
        NotFittedError
            If there was no fit.
        ValueError
            If `X` does not have images like those of the fit.
        """
        logits = self._logits(X) / np.float32(self.temperature)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    def predict_log_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Compute the logarithms of the classes' probabilities.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
            Images or rows like those of the fit.

        Returns
        -------
        ndarray of shape (n, n_classes)
            float64, in the order of `classes_`.

        Raises
        ------
        NotFittedError
            If there was no fit.
        ValueError
            If `X` does not have images like those of the fit.
        """
        # float64, so that the order of probabilities is the order of logits
        return log_softmax(self._logits(X).astype(np.float64) / self.temperature, axis=1)

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Compute the classes' probabilities.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
            Images or rows like those of the fit.

        Returns
        -------
        ndarray of shape (n, n_classes)
            float64, in the order of `classes_`; rows sum to 1.

        Raises
        ------
        NotFittedError
            If there was no fit.
        ValueError
            If `X` does not have images like those of the fit.
        """
        return np.exp(self.predict_log_proba(X))

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
        NotFittedError
            If there was no fit.
        ValueError
            If `X` does not have images like those of the fit.
        """
        indices = self._logits(X).argmax(axis=1)
        return self.classes_[indices]

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Compute the accuracy, as scikit-learn's classifiers do.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
            Images or rows like those of the fit.
        y : array-like of shape (n,)
            Their labels.
        sample_weight : array-like of shape (n,), default=None
            What each image counts; None counts all alike.

        Returns
        -------
        float
            Share of the images whose most probable class is their label.

        Raises
        ------
        NotFittedError
            If there was no fit.
        ValueError
            If `X` does not have images like those of the fit, or `y` has strings where `classes_`
            has numbers, or numbers where it has strings.
        """
        check_is_fitted(self)
        return super().score(X, check_labels(y, self.classes_), sample_weight)

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
        NotFittedError
            If there was no fit.
        ValueError
            If `X` does not have images like those of the fit, or the network has no `embed`, or one
            that gives another shape.
        """
        embedding = self._outputs(X, "embed")
        if embedding.shape[1:] != (self.module_.embedding_size,):
            raise ValueError(
                f"got an embedding of shape {embedding.shape} from {type(self.module_).__name__}, "
                f"expected (n, {self.module_.embedding_size}), as its embedding_size says; correct "
                "one of them"
            )
        return embedding

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]:
        """Name the columns of `transform`.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Ignored.

        Returns
        -------
        ndarray of shape (embedding_size,)
            Such as "mobilenetfer0".

        Raises
        ------
        ValueError
            If the network has no embedding.
        """
        check_is_fitted(self)
        self._check_embeds()
        return super().get_feature_names_out(input_features)

    @property
    def module_(self) -> nn.Module:
        """The trained torch module."""
        return self.net_.predictor_

    @property
    def history_(self) -> pd.DataFrame:
        """One row per epoch, as a DataFrame."""
        from .training import rows_of

        rows = []
        for row in rows_of(self.net_):
            f1 = row.pop("valid_f1", [])
            scores = zip(self.classes_, f1, strict=False)
            rows.append(row | {f1_column("valid_f1_", label): score for label, score in scores})
        return pd.DataFrame(rows)

    @property
    def n_iter_(self) -> int:
        """Number of epochs trained."""
        return len(self.net_.history)

    @property
    def best_epoch_(self) -> int:
        """The epoch, from 1, whose weights are kept."""
        return self.net_.best_epoch_

    @property
    def n_parameters_(self) -> int:
        """Number of parameters of the network."""
        from .nn import count_parameters

        return count_parameters(self.module_)

    @property
    def n_multiply_adds_(self) -> int:
        """Multiplications, each with its addition, for one image in one view."""
        from .nn import count_multiply_adds

        n_channels = self.net_.in_channels
        return count_multiply_adds(self.module_, (n_channels, *self.image_shape_[:2]))

    @property
    def _n_features_out(self):
        return self.module_.embedding_size
