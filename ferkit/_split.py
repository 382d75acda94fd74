"""Which images a fit keeps for validation."""

from fractions import Fraction

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold, StratifiedShuffleSplit
from sklearn.utils import column_or_1d

from ._locks import warning_filter
from ._messages import warn_user


def split_off(targets, groups, fraction, seed):
    """Choose images for validation, of all classes alike.

    Parameters
    ----------
    targets : ndarray of shape (n,)
        Indices of classes.
    groups : ndarray of shape (n,) or None
        What belongs together and is chosen all or not at all.
    fraction : float
        How many to choose; with groups, about so many.
    seed : int
        Decides.

    Returns
    -------
    train, valid : ndarray
        Positions of the others, and of those for validation.

    Raises
    ------
    ValueError
        If a class would be missing on one side.
    """
    try:
        if groups is None:
            split = StratifiedShuffleSplit(1, test_size=fraction, random_state=seed)
            train, valid = next(split.split(targets, targets))
        else:
            train, valid = _split_groups(targets, groups, fraction, seed)
    except ValueError as error:  # scikit-learn's, in terms of its splitters
        raise ValueError(_explain(targets, fraction)) from error
    n_classes = len(np.unique(targets))
    if min(len(np.unique(targets[train])), len(np.unique(targets[valid]))) < n_classes:
        raise ValueError(_explain(targets, fraction))
    return train, valid


def _split_groups(targets, groups, fraction, seed):
    # a fraction of few folds: 3 of 10, 3 of 5
    largest = max(10, round(1 / min(fraction, 1 - fraction)))
    folds = Fraction(float(fraction)).limit_denominator(largest)
    split = StratifiedGroupKFold(folds.denominator, shuffle=True, random_state=seed)
    # rare classes are looked at afterwards
    with warning_filter("ignore", "The least populated class", UserWarning):
        parts = [valid for _, valid in split.split(targets, targets, groups)]
    valid = np.sort(np.concatenate(parts[: folds.numerator]))
    return np.setdiff1d(np.arange(len(targets)), valid), valid


def _explain(targets, fraction):
    return (
        f"got {len(targets)} images whose rarest class has {np.bincount(targets).min()}, expected "
        f"enough to have every class in both parts with validation_fraction={fraction} and whole "
        "groups; change it, or give X_val and y_val"
    )


def warn_of_copies(images, validation):
    """Warn if images for validation are also there to train on, to the pixel.

    Parameters
    ----------
    images : ndarray of shape (n, height, width, channels)
        Those to train on.
    validation : ndarray of shape (n_validation, height, width, channels)
        Those for validation.

    Warns
    -----
    UserWarning
        If there are any.
    """
    seen = {hash(image.tobytes()) for image in images}
    n_copies = sum(hash(image.tobytes()) in seen for image in validation)
    if n_copies:
        warn_user(
            f"got {n_copies} of {len(validation)} validation images that are exact copies of "
            "training images, expected none, for they make validation look better than it is; keep "
            "copies together with groups=ferkit.datasets.find_duplicates(X); if a sampler of a "
            "Pipeline made them, give it to the estimator as sampler= instead; if they are in an "
            "ImagePool, take them out of it"
        )


def check_groups(groups, n_images):
    """Look at `groups` of a fit.

    Parameters
    ----------
    groups : array-like of shape (n_images,) or None
        What belongs together.
    n_images : int
        Images of the fit.

    Returns
    -------
    ndarray of shape (n_images,) or None
        int64, numbered as they first occur.

    Raises
    ------
    ValueError
        If there is not one for each image.
    """
    if groups is None:
        return None
    groups = column_or_1d(groups)
    if len(groups) != n_images:
        raise ValueError(
            f"got {len(groups)} groups for {n_images} images, expected one each; if a sampler "
            "before this step in a Pipeline makes images, give it to the estimator as sampler="
        )
    codes, _ = pd.factorize(groups)  # groups may be of any kind
    if codes.min() < 0:
        sample = codes.argmin()
        raise ValueError(
            f"got a missing group, {groups[sample]!r}, in sample {sample}, expected one for each "
            "image; give what belongs to nothing a group of its own"
        )
    return codes
