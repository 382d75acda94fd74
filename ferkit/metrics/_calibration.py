"""How far confidence is from how often it is right."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils._param_validation import Interval

from .._images import from_torch, refuse_masked
from .._labels import check_kind, check_labels
from .._validation import validate_params

N_BINS = 15
_TOLERANCE = 2e-3  # of a sum of float16


@validate_params(
    {
        "y_true": ["array-like"],
        "y_prob": ["array-like"],
        "labels": ["array-like", None],
        "n_bins": [Interval(Integral, 1, None, closed="left")],
    }
)
def expected_calibration_error(
    y_true: ArrayLike, y_prob: ArrayLike, *, labels: ArrayLike | None = None, n_bins: int = N_BINS
) -> float:
    """Compute how far the confidence in predictions is from how often they are right.

    See [1]_.

    Predictions are sorted into bins of equal width, to which their upper ends belong, by the
    probability of the predicted class. In each bin, the mean probability is compared with the share
    of right predictions; the error is the mean difference over all predictions.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        Labels.
    y_prob : array-like of shape (n, n_classes)
        Probabilities, as `predict_proba` gives them.
    labels : array-like of shape (n_classes,), default=None
        The labels of the columns, such as an estimator's `classes_`. None takes the sorted labels
        of `y_true`.
    n_bins : int, default=15
        Number of bins.

    Returns
    -------
    float
        0 (calibrated) to 1.

    Raises
    ------
    ValueError
        If `labels` are not as many as columns, there twice, of another kind than `y_true` or lack
        some of it, or `y_prob` are not probabilities.

    References
    ----------
    .. [1] Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.

    Examples
    --------
    Of two predictions made with 0.9, one is right:

    >>> from ferkit.metrics import expected_calibration_error
    >>> expected_calibration_error([0, 1], [[0.9, 0.1], [0.9, 0.1]])
    0.4
    """
    y_true, y_prob, labels = check_probabilities(y_true, y_prob, labels)
    bins, excess = bin_confidences(y_true, y_prob, labels, n_bins)
    return float(np.abs(np.bincount(bins, weights=excess)).sum() / len(y_true))


def check_probabilities(y_true, y_prob, labels=None):
    """Validate labels and the probabilities of their classes, and give all as arrays.

    `labels` are those of the columns; None takes the sorted labels of `y_true`. `ValueError` if
    they are not as many as columns, there twice, of another kind than `y_true` or lack some of it,
    or `y_prob` are not probabilities.
    """
    y_true = check_labels(y_true)
    if np.ndim(y_prob) == 1:
        raise ValueError(
            f"got y_prob of shape {np.shape(y_prob)}, expected (n, n_classes); give what "
            "predict_proba returns"
        )
    refuse_masked(y_prob, "y_prob", "give what predict_proba returns")
    y_prob = check_array(from_torch(y_prob), dtype=np.float64, input_name="y_prob")
    check_consistent_length(y_true, y_prob)
    labels = np.unique(y_true) if labels is None else column_or_1d(labels)
    check_kind(y_true, labels)
    n_labels = len(np.unique(labels))
    if not n_labels == len(labels) == y_prob.shape[1] or not np.isin(y_true, labels).all():
        raise ValueError(
            f"got labels {labels.tolist()} for probabilities of {y_prob.shape[1]} classes and "
            f"y_true of {np.unique(y_true).tolist()}, expected one for each column, in order; "
            "give labels=clf.classes_"
        )
    sums = y_prob.sum(axis=1)
    if y_prob.min() < 0 or not np.allclose(sums, 1, atol=_TOLERANCE):
        raise ValueError(
            f"got values from {y_prob.min():.3g} to {y_prob.max():.3g} with a row that sums to "
            f"{sums[np.abs(sums - 1).argmax()]:.6g}, expected probabilities; give what "
            "predict_proba returns"
        )
    return y_true, y_prob, labels


def bin_confidences(y_true, y_prob, labels, n_bins=N_BINS):
    """Sort predictions by confidence into `n_bins` bins of equal width.

    Gives the bin of each prediction, and how much its confidence exceeds 1 if it is right, or 0.
    `labels` are those of the columns of `y_prob`.
    """
    confidence = y_prob.max(axis=1)
    is_right = labels[y_prob.argmax(axis=1)] == y_true
    upper_ends = np.arange(1, n_bins) / n_bins  # of all but the last
    return np.searchsorted(upper_ends, confidence), confidence - is_right
