"""What can be looked into, tuned and exported: ferkit's own estimators."""

from sklearn.utils.validation import check_is_fitted

from ._base import BaseFER

_PIPELINE_ADVICE = (
    "pass pipe[-1], and for X what the transformers before it make, pipe[:-1].transform(X); a "
    "sampler among them, which has no transform, is left out"
)


def check_fitted_fer(estimator, pipeline_advice=_PIPELINE_ADVICE):
    """Refuse what is no fitted ferkit estimator, and say where one may be in it.

    `ValueError` if it is something else, `NotFittedError` if it is not fitted; `pipeline_advice`
    says what to do about a Pipeline.
    """
    if not isinstance(estimator, BaseFER):
        advice = "give an instance of MobileNetFER, ResNetFER or another one"
        if hasattr(estimator, "steps"):
            advice = pipeline_advice
        elif hasattr(estimator, "best_estimator_"):
            advice = "pass search.best_estimator_"
        kind = estimator.__name__ if isinstance(estimator, type) else type(estimator).__name__
        raise ValueError(f"got a {kind}, expected a fitted ferkit estimator; {advice}")
    check_is_fitted(estimator)
