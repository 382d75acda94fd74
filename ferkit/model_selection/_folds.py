"""The folds of a search, which keep together what belongs together."""

from contextlib import nullcontext
from numbers import Integral

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, check_cv

from .._images import as_array
from .._locks import warning_filter
from .._split import check_groups
from ..datasets import find_duplicates


def as_samples(X, estimator, *, must_be_images):
    """Make an array of images; a Pipeline may be given what it makes images of, such as paths.

    Raises a ValueError if `X` is something else, or no images where it `must_be_images`.
    """
    try:
        return as_array(X)
    except ValueError as error:
        if not hasattr(estimator, "steps"):
            raise
        if must_be_images:
            raise ValueError(
                f"{error}; or, if the Pipeline makes images of it, set groups=None, for copies are "
                "only found among images"
            ) from error
    return X


def find_folds(cv, X, y, groups, *, find_copies):
    """Find the folds of a study, and the groups that they were made with, or None.

    `cv` is as in `FERSearchCV`. With `find_copies`, copies of images are the groups where `groups`
    is None. A fold is a pair of positions, to train on and to score on. Raises a ValueError if
    there is no fold, or one that leaves a class out of what is trained on.
    """
    cv = 5 if cv is None else cv
    quiet = nullcontext()
    if groups is None and find_copies:
        groups = find_duplicates(X)
        # nobody passed groups, so nobody needs to know that a splitter ignores them
        quiet = warning_filter("ignore", "The groups parameter is ignored", UserWarning)
    if isinstance(cv, Integral) and groups is not None:
        cv = StratifiedGroupKFold(cv)
    groups = check_groups(groups, len(y))
    with quiet:
        folds = list(check_cv(cv, y, classifier=True).split(X, y, groups))
    for train, _ in folds:
        missing = np.setdiff1d(y, y[train])
        if len(missing):
            raise ValueError(
                f"got a fold without class {missing[0]!s} in what is trained on, expected all "
                f"classes there; there are {np.sum(y == missing[0])} images of it, perhaps in "
                "one group: take fewer folds, or other ones"
            )
    if not folds:
        raise ValueError("got cv without a fold, expected one or more")
    return folds, groups
