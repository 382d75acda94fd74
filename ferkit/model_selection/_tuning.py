"""What is chosen on validation data after a fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.metrics import f1_score
from sklearn.utils import check_consistent_length

from .._base import BaseFER
from .._estimators import check_fitted_fer
from .._imbalance import logit_offset
from .._labels import check_labels, encode

_TAUS = np.linspace(0, 1.5, 31)


def tune_prediction(estimator: BaseFER, X: ArrayLike, y: ArrayLike) -> dict[str, float]:
    """Choose a fitted estimator's `logit_adjustment` and `temperature` on validation data.

    The strength of logit adjustment, 0 to 1.5 in steps of 0.05, is that of the best macro-F1, and
    the weakest of equally good ones; the temperature, 0.05 to 20, then minimises the logarithmic
    loss [1]_. The network runs once.

    Parameters
    ----------
    estimator : MobileNetFER, ResNetFER or another BaseFER
        Fitted. It is not changed; its `tta` counts.
    X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
        Images that it was not trained on.
    y : array-like of shape (n,)
        Their labels.

    Returns
    -------
    dict
        logit_adjustment and temperature, for `set_params`.

    Raises
    ------
    ValueError
        If `y` has labels that the estimator does not know or another length than `X`, or the
        estimator is of another kind.

    References
    ----------
    .. [1] Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.

    Examples
    --------
    >>> from ferkit import ResNetFER
    >>> from ferkit.datasets import make_faces
    >>> from ferkit.model_selection import tune_prediction
    >>> X, y = make_faces(210, random_state=0, return_X_y=True)
    >>> clf = ResNetFER(max_epochs=2, random_state=0).fit(X[:140], y[:140])
    >>> clf = clf.set_params(**tune_prediction(clf, X[140:], y[140:]))
    """
    check_fitted_fer(estimator)
    targets = encode(check_labels(y), estimator.classes_)
    check_consistent_length(X, targets)
    logits = estimator._outputs(X)

    def adjusted(tau):
        return logits + logit_offset(tau, estimator.class_count_)

    scores = [f1_score(targets, adjusted(tau).argmax(axis=1), average="macro") for tau in _TAUS]
    tau = float(_TAUS[np.argmax(scores)])

    def log_loss(log_temperature):
        log_proba = log_softmax(adjusted(tau) / np.exp(log_temperature), axis=1)
        return -log_proba[np.arange(len(targets)), targets].mean()

    best = minimize_scalar(log_loss, bounds=(np.log(0.05), np.log(20)), method="bounded")
    return {"logit_adjustment": round(tau, 2), "temperature": round(float(np.exp(best.x)), 4)}
