"""How many images each class has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from .._labels import check_labels
from .._names import name_classes


def class_balance(y: ArrayLike, *, target_names: Sequence[str] | None = None) -> pd.DataFrame:
    """Count the images of each class.

    Parameters
    ----------
    y : array-like of shape (n,)
        Labels.
    target_names : sequence of str, default=None
        Names of the classes, where labels are positions in it. None takes ``ferkit.EMOTIONS``
        if the labels are all of 0 to 6, or names of emotions; other labels stand for
        themselves, sorted.

    Returns
    -------
    pandas.DataFrame
        One class a row, also those of the names that `y` lacks. The index is the class's name,
        and the columns are:

        n
            Images of the class.
        share
            Their share of all images.
        imbalance
            Images of the largest class for each one of this class; infinite if it has none.
        balanced_weight
            What ``class_weight="balanced"`` makes of it: the number of images, divided by n and
            by the number of classes in `y`; infinite if the class has none.

    Raises
    ------
    ValueError
        If there are no labels, or they are not positions in `target_names`.

    Examples
    --------
    >>> from ferkit.datasets import class_balance
    >>> class_balance([3, 3, 3, 3, 3, 3, 0, 0, 1], target_names=["angry", "fear", "sad", "happy"])
           n     share  imbalance  balanced_weight
    angry  2  0.222222        3.0              1.5
    fear   1  0.111111        6.0              3.0
    sad    0  0.000000        inf              inf
    happy  6  0.666667        1.0              0.5
    """
    y = check_labels(y)
    labels, counts = np.unique(y, return_counts=True)
    positions, names = name_classes(labels, target_names)
    n = np.zeros(len(names), dtype=int)
    n[positions] = counts
    n = pd.Series(n, index=names)
    return pd.DataFrame(
        {
            "n": n,
            "share": n / len(y),
            "imbalance": n.max() / n,
            "balanced_weight": len(y) / ((n > 0).sum() * n),
        }
    )
