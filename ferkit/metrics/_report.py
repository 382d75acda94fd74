"""Scores of a classifier, with what they are uncertain by."""

from __future__ import annotations

import json
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_consistent_length, check_random_state, column_or_1d
from sklearn.utils._param_validation import Interval

from .._labels import check_kind, check_labels, encode
from .._names import order_classes
from .._split import check_groups
from .._typing import RandomStateLike
from .._validation import validate_params
from ._calibration import bin_confidences, check_probabilities
from ._copies import find_copies
from ._counts import ScoreCounts, find_intervals, resample_groups

_METHODS = ("predict", "predict_proba", "predict_log_proba")
_CONTAINERS = {"sklearn", "imblearn", "ferkit"}  # their Pipelines and searches only hand on
_CONSTRAINTS = {
    "target_names": ["array-like", None],
    "confidence_level": [Interval(Real, 0, 1, closed="neither")],
    "n_resamples": [Interval(Integral, 1, None, closed="left")],
    "random_state": ["random_state"],
}


class FERReport:
    """Scores of predictions, per class and all together, with bootstrap intervals.

    Use `fer_report` or `from_predictions` to make one. It prints as text, shows as tables in a
    notebook, and `to_json` writes it down.

    Parameters
    ----------
    scores : DataFrame
        A row for each set of images and score.
    classes : DataFrame
        A row per class, in the order of `EMOTIONS` where they are emotions.
    confusion : DataFrame
        A row per true class.
    confidence_level : float
        Of the intervals.

    Attributes
    ----------
    scores : DataFrame
        accuracy, f1_macro and, with probabilities, calibration_error: their value and the ends of
        their interval, low and high. The rows' first level is the set of images: "all" and, where
        copies of training images are known, "without copies". `n_images` counts them.
    classes : DataFrame
        precision, recall, f1 and its interval f1_low, f1_high, and support, per class, for all
        images.
    confusion : DataFrame
        How many images of each true class (rows) were predicted as each class (columns).
    confidence_level : float
        Of the intervals.
    """

    def __init__(
        self,
        scores: pd.DataFrame,
        classes: pd.DataFrame,
        confusion: pd.DataFrame,
        confidence_level: float,
    ) -> None:
        self.scores = scores
        self.classes = classes
        self.confusion = confusion
        self.confidence_level = confidence_level

    @classmethod
    @validate_params(
        {
            "y_true": ["array-like"],
            "y_pred": ["array-like", None],
            "y_prob": ["array-like", None],
            "labels": ["array-like", None],
            "groups": ["array-like", None],
            "is_copy": ["array-like", None],
            **_CONSTRAINTS,
        }
    )
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_pred: ArrayLike | None = None,
        *,
        y_prob: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        target_names: Sequence[str] | None = None,
        groups: ArrayLike | None = None,
        is_copy: ArrayLike | None = None,
        confidence_level: float = 0.95,
        n_resamples: int = 999,
        random_state: RandomStateLike = 0,
    ) -> Self:
        """Make a report of predictions.

        Parameters
        ----------
        y_true : array-like of shape (n,)
            Labels.
        y_pred : array-like of shape (n,), default=None
            Predicted labels. None takes the most probable ones of `y_prob`. Where both are given
            and disagree, as with a threshold of one's own, all scores but the calibration error
            are those of `y_pred`.
        y_prob : array-like of shape (n, n_classes), default=None
            Probabilities, for the calibration error, which is that of the most probable labels.
        labels : array-like of shape (n_classes,), default=None
            The classes, each once, which are the columns of `y_prob`. None takes the sorted labels
            of `y_true`, and without `y_prob` those of `y_pred` too.
        target_names : array-like of str, default=None
            Names that integer labels are positions in. None takes the emotions for all of 0 to 6,
            and the labels themselves elsewhere.
        groups : array-like of shape (n,), default=None
            What belongs together, such as the frames of a film: resamples take all of a group or
            nothing.
        is_copy : array-like of bool of shape (n,), default=None
            Whether an image has a copy among the training images. Scores are given without those
            too.
        confidence_level : float, default=0.95
            Of the percentile intervals [1]_; see the Notes for that of the calibration error.
        n_resamples : int, default=999
            Resamples of the images, or of the groups. The spread between trainings is not in the
            intervals.
        random_state : int, RandomState instance or None, default=0
            Governs the resamples.

        Returns
        -------
        FERReport
            The report.

        Raises
        ------
        ValueError
            If lengths differ, a group is missing, both predictions and probabilities are, or labels
            lack one that occurs, are of another kind, or are there twice.

        Notes
        -----
        The calibration error is a sum of absolute values, which chance only adds to, and resamples
        add to it once more: percentiles would lie above a calibrated model's value. The upper end
        is the largest of the upper percentile, the value, and twice the value minus the lower
        percentile, so that a value which is small by chance does not make it small. The lower end
        is the value minus what chance alone adds to the sum in so many images, by the upper
        percentile of the summed changes of the bins, and not below 0: a calibrated model's interval
        reaches 0, where basic intervals miss it half of the time. In simulations, intervals of 95%
        cover 95 to 100%.

        References
        ----------
        .. [1] Efron and Tibshirani, "An Introduction to the Bootstrap", 1993.

        Examples
        --------
        >>> from ferkit.metrics import FERReport
        >>> report = FERReport.from_predictions(["fear", "sad", "sad"], ["fear", "sad", "fear"])
        >>> report.classes.loc["sad", ["precision", "recall"]].tolist()
        [1.0, 0.5]
        """
        y_true, y_pred, y_prob, labels = _check_predictions(y_true, y_pred, y_prob, labels)
        # while labels are in the order of the columns: of equal ones, the first is predicted
        bins, excess = (None, None) if y_prob is None else bin_confidences(y_true, y_prob, labels)
        order, names = order_classes(labels, target_names)
        labels = labels[order]
        if is_copy is not None:
            is_copy = _check_copies(is_copy, y_true)
        groups = np.arange(len(y_true)) if groups is None else check_groups(groups, len(y_true))
        random_state = check_random_state(random_state)
        ends = [(1 - confidence_level) / 2, (1 + confidence_level) / 2]
        predictions = y_true, y_pred, bins, excess, groups
        values, resampled = _score_set(predictions, labels, n_resamples, random_state)
        rows = _make_rows("all", values, resampled, ends)
        if is_copy is not None and is_copy.all():
            rows |= {("without copies", score): [np.nan] * 3 + [0] for _, score in rows}
        elif is_copy is not None:
            others = [None if part is None else part[~is_copy] for part in predictions]
            rest, of_rest = _score_set(others, labels, n_resamples, random_state)
            rows |= _make_rows("without copies", rest, of_rest, ends)
        return cls(
            _tabulate_scores(rows),
            _tabulate_classes(values, resampled["f1"], ends, names),
            _tabulate_confusion(values, names),
            confidence_level,
        )

    def __str__(self):
        level = f"{100 * self.confidence_level:g}% interval"
        parts = [
            f"scores, with the {level} of the choice of images:\n{_rounded(self.scores)}",
            f"per class:\n{_rounded(self.classes)}",
            "how many of each true class (rows) were predicted as each:\n"
            + _rounded(self.confusion),
        ]
        return "\n\n".join(parts)

    __repr__ = __str__

    def _repr_html_(self):
        """Show tables in a notebook."""
        tables = {
            f"Scores, with {100 * self.confidence_level:g}% intervals": self.scores.round(3),
            "Per class": self.classes.round(3),
            "Confusion: true classes as rows": self.confusion,
        }
        return "\n".join(f"<h4>{title}</h4>\n{table.to_html()}" for title, table in tables.items())

    def to_json(self) -> str:
        """Write the report as JSON.

        Returns
        -------
        str
            An object with scores, classes, confusion and confidence_level; NaN is null.
        """
        scores = {
            images: json.loads(
                table.droplevel("images").to_json(orient="index", double_precision=6)
            )
            for images, table in self.scores.groupby(level="images", sort=False)
        }
        return json.dumps(
            {
                "confidence_level": self.confidence_level,
                "scores": scores,
                "classes": json.loads(self.classes.to_json(orient="index", double_precision=6)),
                "confusion": json.loads(self.confusion.to_json(orient="index")),
            },
            indent=1,
        )


@validate_params(_CONSTRAINTS)
def fer_report(
    estimator: BaseEstimator,
    X: ArrayLike,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    X_train: ArrayLike | None = None,
    target_names: Sequence[str] | None = None,
    confidence_level: float = 0.95,
    n_resamples: int = 999,
    random_state: RandomStateLike = 0,
) -> FERReport:
    """Report how good a fitted estimator is on images it has not seen.

    Parameters
    ----------
    estimator : estimator
        A fitted classifier of ferkit, or another; with `predict_proba`, the calibration error is
        reported too.
    X : array-like
        Images, as the estimator takes them.
    y : array-like of shape (n,)
        Their labels.
    groups : array-like of shape (n,), default=None
        What belongs together, such as the frames of a film: resamples take all of a group or
        nothing.
    X_train : array-like, default=None
        The images that it was trained on. With them, copies of them in `X` are found by
        `ferkit.datasets.find_duplicates`, and scores are given without those too.
    target_names : array-like of str, default=None
        Names that integer labels are positions in. None takes the emotions for all of 0 to 6, and
        the labels themselves elsewhere.
    confidence_level : float, default=0.95
        Of the bootstrap intervals.
    n_resamples : int, default=999
        Resamples of the images, or of the groups.
    random_state : int, RandomState instance or None, default=0
        Governs the resamples.

    Returns
    -------
    FERReport
        The report.

    Raises
    ------
    ValueError
        If there is a label that the estimator does not know, not a label or a group for each image,
        or what the estimator refuses.

    Examples
    --------
    >>> from ferkit import ResNetFER
    >>> from ferkit.datasets import make_faces
    >>> from ferkit.metrics import fer_report
    >>> X, y = make_faces(140, random_state=0, return_X_y=True)
    >>> clf = ResNetFER(max_epochs=1, random_state=0).fit(X[:70], y[:70])
    >>> report = fer_report(clf, X[70:], y[70:], X_train=X[:70])
    >>> report.classes.index.tolist()
    ['angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral']
    >>> report.scores.loc[("all", "accuracy"), "n_images"].item()
    70
    """
    # refuse what is wrong now, not after minutes of prediction
    labels, y = getattr(estimator, "classes_", None), check_labels(y)
    if labels is not None:
        encode(y, labels)
        order_classes(labels, target_names)
    check_consistent_length(X, y)
    check_groups(groups, len(y))
    is_copy = None if X_train is None else find_copies(X, X_train)
    predictions = {}
    if hasattr(estimator, "predict_proba"):
        predictions["y_prob"] = estimator.predict_proba(X)
    if not predictions or not _predicts_most_probable(estimator):
        predictions["y_pred"] = estimator.predict(X)
    return FERReport.from_predictions(
        y,
        **predictions,
        labels=labels,
        target_names=target_names,
        groups=groups,
        is_copy=is_copy,
        confidence_level=confidence_level,
        n_resamples=n_resamples,
        random_state=random_state,
    )


def _predicts_most_probable(estimator):
    """Tell ferkit's classifiers, alone or in a Pipeline or search: they need not run twice."""
    while (inner := _hands_on_to(estimator)) is not None:
        # a FrozenEstimator has no methods of its own
        if not isinstance(estimator, FrozenEstimator) and not _predicts_as(estimator, _CONTAINERS):
            return False
        estimator = inner
    return _predicts_as(estimator, {"ferkit"})


def _hands_on_to(estimator):
    """Find what a FrozenEstimator, a search or a Pipeline predicts with; None for others."""
    if isinstance(estimator, FrozenEstimator):
        return estimator.estimator
    # only its own attributes: a wrapper may delegate these, but predict otherwise
    own = getattr(estimator, "__dict__", {})
    return own["steps"][-1][1] if "steps" in own else own.get("best_estimator_")


def _predicts_as(estimator, packages):
    """Tell whether the methods are of these packages; a user's subclass may predict otherwise."""
    kind = type(estimator)
    if not hasattr(kind, "predict") or "predict" in getattr(estimator, "__dict__", {}):
        return False
    methods = [getattr(kind, name) for name in _METHODS if hasattr(kind, name)]
    homes = {getattr(method, "__module__", "").split(".")[0] for method in methods}
    return homes <= packages


def _check_predictions(y_true, y_pred, y_prob, labels):
    y_true = check_labels(y_true)
    if y_pred is None and y_prob is None:
        raise ValueError("got neither y_pred nor y_prob, expected one or both")
    if y_prob is not None:
        y_true, y_prob, labels = check_probabilities(y_true, y_prob, labels)
    y_pred = labels[y_prob.argmax(axis=1)] if y_pred is None else check_labels(y_pred)
    check_consistent_length(y_true, y_pred)
    check_kind(y_pred, y_true)
    found = np.union1d(y_true, y_pred)
    labels = found if labels is None else column_or_1d(labels)
    check_kind(found, labels)
    if len(np.unique(labels)) < len(labels):
        raise ValueError(f"got labels {labels.tolist()}, expected each once; drop the others")
    if not np.isin(found, labels).all():
        raise ValueError(
            f"got labels {labels.tolist()}, expected all that occur, {found.tolist()}; add the "
            "missing ones"
        )
    return y_true, y_pred, y_prob, labels


def _check_copies(is_copy, y_true):
    is_copy = column_or_1d(is_copy)
    check_consistent_length(y_true, is_copy)
    others = [flag for flag in is_copy.tolist() if flag not in {False, True}]
    if others:
        raise ValueError(
            f"got is_copy with {others[0]!r}, expected True or False for each image; for "
            "positions, pass np.isin(np.arange(n), positions)"
        )
    return is_copy.astype(bool)


def _score_set(predictions, labels, n_resamples, random_state):
    """Compute the scores of images, and of their resamples."""
    *images, groups = predictions
    counts = ScoreCounts(*images, labels)
    values = counts.scores(counts.per_image.sum(axis=0)[None])
    return values, counts.scores(resample_groups(counts, groups, n_resamples, random_state))


def _make_rows(name, values, resampled, ends):
    n_images = int(values["support"].sum())
    intervals = find_intervals(values, resampled, ends)
    return {
        (name, score): [values[score].item(), low, high, n_images]
        for score, (low, high) in intervals.items()
    }


def _tabulate_scores(rows):
    scores = pd.DataFrame.from_dict(rows, orient="index")
    scores = scores.set_axis(["value", "low", "high", "n_images"], axis=1)
    scores["n_images"] = scores["n_images"].astype(int)
    scores.index = pd.MultiIndex.from_tuples(scores.index, names=["images", "score"])
    return scores


def _tabulate_confusion(values, names):
    return pd.DataFrame(
        values["confusion"][0].astype(int),
        index=pd.Index(names, name="true"),
        columns=pd.Index(names, name="predicted"),
    )


def _tabulate_classes(values, resampled_f1, ends, names):
    has_interval = ~np.isnan(resampled_f1).all(axis=0)
    low, high = np.full((2, len(names)), np.nan)
    low[has_interval], high[has_interval] = np.nanquantile(
        resampled_f1[:, has_interval], ends, axis=0
    )
    return pd.DataFrame(
        {
            "precision": values["precision"][0],
            "recall": values["recall"][0],
            "f1": np.nan_to_num(values["f1"][0]),
            "f1_low": low,
            "f1_high": high,
            "support": values["support"][0].astype(int),
        },
        index=pd.Index(names, name="class"),
    )


def _rounded(table):
    return table.to_string(float_format=lambda value: f"{value:.3f}")
