"""What can be looked into, tuned and exported: ferkit's own estimators."""

from sklearn.utils.validation import check_is_fitted

from ._base import BaseFER

_OF_PIPELINES = "pass pipe[-1], and pipe[:-1].transform(X) for X, of a pipe without its samplers"


def check_estimator(estimator, of_pipelines=_OF_PIPELINES):
    """Refuse what is no fitted ferkit estimator, and say where one may be in it.

    Parameters
    ----------
    estimator : object
        What was passed.
    of_pipelines : str
        What to do about a Pipeline.

    Raises
    ------
    ValueError
        If it is something else.
    NotFittedError
        If it is not fitted.
    """
    if not isinstance(estimator, BaseFER):
        advice = "give an instance of MobileNetFER, ResNetFER or another one"
        if hasattr(estimator, "steps"):
            advice = of_pipelines
        elif hasattr(estimator, "best_estimator_"):
            advice = "pass search.best_estimator_"
        kind = estimator.__name__ if isinstance(estimator, type) else type(estimator).__name__
        raise ValueError(f"got a {kind}, expected a fitted ferkit estimator; {advice}")
    check_is_fitted(estimator)
