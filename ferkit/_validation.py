"""scikit-learn's decorators that validate parameters; these keep a function's type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sklearn.base import _fit_context
from sklearn.utils import _param_validation

_Function = TypeVar("_Function", bound=Callable[..., Any])


def fit_context(*, prefer_skip_nested_validation: bool) -> Callable[[_Function], _Function]:
    """Validate an estimator's parameters before a method such as `fit`.

    `prefer_skip_nested_validation` is as in scikit-learn: False for what fits other estimators by
    parameters of a user's.
    """
    return _fit_context(prefer_skip_nested_validation=prefer_skip_nested_validation)


def validate_params(constraints: dict[str, Any]) -> Callable[[_Function], _Function]:
    """Validate a function's parameters, with scikit-learn's `validate_params`."""
    return _param_validation.validate_params(constraints, prefer_skip_nested_validation=True)
