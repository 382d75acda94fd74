"""A part of the training images to choose models on: fixed, stratified, without twins outside."""

from __future__ import annotations

from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_consistent_length

from .._labels import check_labels
from .._random import draw_seed
from .._split import check_groups, choose_groups
from .._typing import RandomStateLike
from .._validation import validate_params
from ._duplicates import THRESHOLD, check_rows, digest_rows, group_copies


@validate_params({"random_state": ["random_state"]})
def validation_split(
    X: ArrayLike,
    y: ArrayLike,
    *,
    validation_fraction: float = 0.1,
    groups: ArrayLike | None = None,
    threshold: float = THRESHOLD,
    random_state: RandomStateLike = 0,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split off a validation set of which no image has a copy in the training set.

    The split depends on the images' values, on their labels and on the seed, and on nothing else:
    whatever the order of the images, the machine, or the versions of libraries, the same images
    are chosen. Images of other values are chosen differently, such as those of another edition of
    the same photos (FER2013 as csv and as JPEG files), or floats instead of levels.

    Parameters
    ----------
    X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
        Gray images, colour images or rows; uint8 levels or floats.
    y : array-like of shape (n,)
        Labels.
    validation_fraction : float, default=0.1
        Share of each class to choose, between 0 and 1. Every class gets it to the nearest image,
        as far as whole groups allow (nearly, where groups have images of several classes), and has
        at least one image on both sides.
    groups : array-like of shape (n,), default=None
        What belongs together and is chosen all or not at all, such as persons. None takes
        :func:`find_duplicates`.
    threshold : float, default=0.95
        Correlation of copies, as in :func:`find_duplicates`; not used with `groups`.
    random_state : int, RandomState instance or None, default=0
        Decides which images are chosen.

    Returns
    -------
    train, valid : ndarray, dtype int64
        Positions of the images of each side, increasing.

    Raises
    ------
    ValueError
        If the input does not fit together, or a class cannot be on both sides.

    See Also
    --------
    sklearn.model_selection.StratifiedGroupKFold : For cross-validation; takes the groups that
        :func:`find_duplicates` gives.

    Notes
    -----
    Groups come in the order of a hash of the values of one of their images, keyed by the seed,
    and a group is chosen whenever that brings the counts of classes closer to what was asked for
    (in the sum of squared differences); then single groups change sides while that brings them
    closer still. Copies under several labels stay together as well.

    Examples
    --------
    >>> import numpy as np
    >>> from ferkit.datasets import make_faces, validation_split
    >>> X, y = make_faces(70, random_state=0, return_X_y=True)
    >>> train, valid = validation_split(X, y)
    >>> np.bincount(y[train]).tolist(), np.bincount(y[valid]).tolist()
    ([9, 9, 9, 9, 9, 9, 9], [1, 1, 1, 1, 1, 1, 1])
    """
    if not (isinstance(validation_fraction, Real) and 0 < validation_fraction < 1):
        raise ValueError(
            f"got validation_fraction={validation_fraction!r}, expected a share between 0 and 1; "
            "0.1 is a tenth"
        )
    rows = check_rows(X)
    y = check_labels(y)
    check_consistent_length(rows, y)
    groups = group_copies(rows, threshold) if groups is None else groups
    groups = check_groups(groups, len(rows))
    classes, targets = np.unique(y, return_inverse=True)
    order = _shuffle(groups, rows, draw_seed(random_state))
    is_valid = choose_groups(targets, groups, order, validation_fraction)
    train, valid = np.flatnonzero(~is_valid), np.flatnonzero(is_valid)
    _check_sides(classes, targets, train, valid, validation_fraction)
    return train, valid


def _shuffle(groups, rows, seed):
    """Order the groups by a hash of one image each."""
    # A second hash orders the groups: by the smallest hash itself, large ones would come first.
    by_hash = np.argsort(digest_rows(rows), kind="stable")
    chosen = by_hash[np.unique(groups[by_hash], return_index=True)[1]]
    return np.argsort(digest_rows(rows[chosen], key=str(seed).encode()), kind="stable")


def _check_sides(classes, targets, train, valid, fraction):
    for side, chosen in (("training", train), ("validation", valid)):
        absent = np.setdiff1d(np.arange(len(classes)), targets[chosen])
        if len(absent):
            n = np.sum(targets == absent[0])
            images = "1 image" if n == 1 else f"{n} images, but copies and groups stay together"
            raise ValueError(
                f"got class {classes[absent[0]]!s} with {images}, so the {side} set gets none, "
                f"expected some on both sides with validation_fraction={fraction}; change it, or "
                "add images of the class"
            )
