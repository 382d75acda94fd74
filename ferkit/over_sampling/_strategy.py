"""How many images each class should have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import column_or_1d


@dataclass(frozen=True)
class _AtLeast:
    n: int

    def __repr__(self):
        return f"at_least({self.n})"

    def __call__(self, y):
        classes, counts = np.unique(column_or_1d(y), return_counts=True)
        return {
            label: max(int(count), self.n) for label, count in zip(classes, counts, strict=True)
        }


def at_least(n: int) -> Callable[[ArrayLike], dict[Any, int]]:
    """Ask for a number of images of each class that has fewer.

    Parameters
    ----------
    n : int
        The number, 1 or larger. Classes that have more keep what they have.

    Returns
    -------
    callable
        A `sampling_strategy` for any over-sampler of imbalanced-learn; equal to others of equal n.

    Raises
    ------
    ValueError
        If `n` is not a whole number from 1 on.

    Examples
    --------
    >>> import numpy as np
    >>> from imblearn.over_sampling import RandomOverSampler
    >>> from ferkit.over_sampling import at_least
    >>> X, y = np.zeros((8, 4)), np.array([0, 0, 0, 0, 0, 1, 1, 2])
    >>> _, y = RandomOverSampler(sampling_strategy=at_least(3)).fit_resample(X, y)
    >>> np.bincount(y).tolist()
    [5, 3, 3]
    """
    if np.ndim(n):  # a sampler has called it with y
        raise ValueError("got at_least, expected at_least(n); call it, as in at_least(4000)")
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
        raise ValueError(f"got at_least({n!r}), expected a whole number from 1 on; change it")
    return _AtLeast(int(n))
