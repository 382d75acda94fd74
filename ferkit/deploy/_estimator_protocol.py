"""scikit-learn's protocol of estimators, followed without importing scikit-learn."""

from __future__ import annotations

import sys
from collections.abc import Callable
from inspect import signature
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from .._extras import import_extra
from .._labels import check_labels


def import_scikit_learn(name, purpose, cure="install scikit-learn"):
    """Import a module of scikit-learn, as `import_extra` does.

    The package goes first: it waits for threads that are half through it, its modules do not.
    """
    import_extra("sklearn", purpose, cure)
    return import_extra(name, purpose, cure)


class FittedEstimatorProtocol:
    """What scikit-learn asks of a classifier and transformer that needs no fit.

    It stands in for `BaseEstimator`, `ClassifierMixin` and `TransformerMixin`: importing these
    takes several times as long as ONNX Runtime's import and first answer. scikit-learn goes by
    methods and tags, not by classes; it is imported by the methods that only its users call.
    """

    predict: Callable[[ArrayLike], np.ndarray]
    transform: Callable[[ArrayLike], Any]
    get_feature_names_out: Callable[..., np.ndarray]
    _sklearn_auto_wrap_output_keys = frozenset({"transform"})

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters.

        Parameters
        ----------
        deep : bool, default=True
            Ignored: no parameter has parameters.

        Returns
        -------
        dict
            Values by name.
        """
        return {name: getattr(self, name) for name in signature(type(self)).parameters}

    def set_params(self, **params: Any) -> Self:
        """Set parameters.

        Parameters
        ----------
        **params
            Values by name.

        Returns
        -------
        self
            The estimator.

        Raises
        ------
        ValueError
            If there is no such parameter.
        """
        known = self.get_params()
        for name in params:
            if name not in known:
                raise ValueError(
                    f"got parameter {name!r} of {type(self).__name__}, expected one of "
                    f"{', '.join(known)}"
                )
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        params = ", ".join(f"{name}={value!r}" for name, value in self.get_params().items())
        return f"{type(self).__name__}({params})"

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        utils = import_scikit_learn("sklearn.utils", "tags")
        return utils.Tags(
            estimator_type="classifier",
            target_tags=utils.TargetTags(required=True),
            transformer_tags=utils.TransformerTags(),
            classifier_tags=utils.ClassifierTags(),
            input_tags=utils.InputTags(three_d_array=True),
            requires_fit=False,
        )

    def get_metadata_routing(self) -> Any:
        """Tell scikit-learn that `score` takes `sample_weight`, without a request by the user.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRequest
            The request.
        """
        routing = import_scikit_learn("sklearn.utils.metadata_routing", "metadata routing")
        request = routing.MetadataRequest(owner=self)
        request.score.add_request(param="sample_weight", alias=True)
        return request

    def fit(self, X: Any, y: Any = None) -> Self:
        """Do nothing: it is fitted.

        Parameters
        ----------
        X : array-like
            Ignored.
        y : array-like, default=None
            Ignored.

        Returns
        -------
        self
            The estimator.
        """
        return self

    def fit_transform(self, X: ArrayLike, y: Any = None) -> Any:
        """Transform: there is nothing to fit.

        Parameters
        ----------
        X : array-like
            What `transform` takes.
        y : array-like, default=None
            Ignored.

        Returns
        -------
        array
            What `transform` gives.
        """
        return self.transform(X)

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Compute the accuracy.

        Parameters
        ----------
        X : array-like
            What `predict` takes.
        y : array-like of shape (n,)
            True labels.
        sample_weight : array-like of shape (n,), default=None
            Weights of the samples.

        Returns
        -------
        float
            Share of the labels that are predicted.

        Raises
        ------
        ValueError
            If `y` has strings where `classes_` has numbers, or numbers where it has strings.
        """
        metrics = import_scikit_learn("sklearn.metrics", "the accuracy")
        y = check_labels(y, self.classes_)  # type: ignore[attr-defined]  # a subclass's property
        return metrics.accuracy_score(y, self.predict(X), sample_weight=sample_weight)

    def set_output(self, *, transform: str | None = None) -> Self:
        """Choose what `transform` gives.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            The container; None leaves it as it was.

        Returns
        -------
        self
            The estimator.
        """
        if transform is not None:
            self._sklearn_output_config = {"transform": transform}  # by this name, `clone` keeps it
        return self

    def _contain(self, output: np.ndarray, X: Any) -> Any:
        """Give the output of `transform` as `set_output` and scikit-learn's configuration ask."""
        if not hasattr(self, "_sklearn_output_config") and sys.modules.get("sklearn") is None:
            return output  # nobody asked
        set_output = import_scikit_learn("sklearn.utils._set_output", "set_output")
        return set_output._wrap_data_with_container("transform", output, X, self)
