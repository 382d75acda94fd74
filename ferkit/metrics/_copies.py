"""Which scored images were trained on."""

import numpy as np

from .._images import as_unit
from ..datasets._duplicates import THRESHOLD, check_rows, group_copies


def find_copies(X, X_train):
    """Tell which images have a copy among those trained on, as `find_duplicates` does by default.

    `ValueError` if they are not images, or rows, of one size.
    """
    rows, train = check_rows(X), check_rows(X_train)
    if rows.shape[1] != train.shape[1]:
        raise ValueError(
            f"got X of {rows.shape[1]} values per image and X_train of {train.shape[1]}, expected "
            "as many; pass the training images as the estimator was given them"
        )
    if rows.dtype != train.dtype:  # one has floats in [0, 1], the other levels
        rows, train = as_unit(rows), as_unit(train)
    groups = group_copies(np.concatenate([train, rows]), THRESHOLD)
    return np.isin(groups[len(train) :], groups[: len(train)])
