"""Which images a fit keeps for validation."""

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.utils import column_or_1d

from ._images import refuse_masked
from ._messages import warn_user


def split_off(targets, groups, fraction, seed):
    """Choose images for validation, of all classes alike.

    Gives positions to train on, then those to validate on. `targets` are indices of classes.
    `groups` say what belongs together and is chosen all or not at all; with them, `fraction` is met
    roughly. `ValueError` if a class would be missing on one side.
    """
    if groups is None:
        split = StratifiedShuffleSplit(1, test_size=fraction, random_state=seed)
        try:
            train, valid = next(split.split(targets, targets))
        except ValueError as error:  # in terms of scikit-learn's splitters
            raise ValueError(_explain(targets, fraction)) from error
    else:
        order = np.random.default_rng(seed).permutation(groups.max() + 1)
        is_valid = choose_groups(targets, groups, order, fraction)
        train, valid = np.flatnonzero(~is_valid), np.flatnonzero(is_valid)
    n_classes = len(np.unique(targets))
    if min(len(np.unique(targets[train])), len(np.unique(targets[valid]))) < n_classes:
        raise ValueError(_explain(targets, fraction, groups))
    return train, valid


def choose_groups(targets, groups, order, fraction):
    """Choose whole groups, as they come in an order, until each class has its share.

    Groups of several classes can lead past a share; then single ones change sides while that brings
    the classes nearer to theirs. Of a class whose groups are all larger than twice its share, the
    smallest is chosen, if others are left. `targets` and `groups` are indices, one for each image;
    `order` has each group once; `fraction` is that of each class. Gives a bool for each image.
    """
    counts = np.zeros((groups.max() + 1, targets.max() + 1), np.int64)
    np.add.at(counts, (groups, targets), 1)
    totals = counts.sum(axis=0)
    missing = np.rint(fraction * totals).astype(np.int64).clip(1, totals - 1)
    is_chosen = np.zeros(len(counts), bool)
    for margin in (1, 0):  # ties come last: smaller groups may fit better
        for group in order[~is_chosen[order]]:
            count = counts[group]
            # |missing - count|² is smaller than |missing|², or no larger
            if 2 * (count @ missing) >= count @ count + margin:
                is_chosen[group] = True
                missing -= count
    sizes = (counts**2).sum(axis=1)
    while True:
        changes = np.where(is_chosen[:, None], -counts, counts)
        gains = (2 * changes @ missing - sizes)[order]  # of |missing|²
        if gains.max() <= 0:
            break
        group = order[gains.argmax()]
        is_chosen[group] = not is_chosen[group]
        missing -= changes[group]
    for target in np.flatnonzero(~counts[is_chosen].any(axis=0)):  # a class of few large groups
        holders = order[counts[order, target] > 0]
        smallest = holders[counts[holders, target].argmin()]
        if (counts[~is_chosen].sum(axis=0) > counts[smallest]).all():
            is_chosen[smallest] = True
    return is_chosen[groups]


def _explain(targets, fraction, groups=None):
    if groups is not None:
        n_groups = min(len(np.unique(groups[targets == target])) for target in np.unique(targets))
        if n_groups == 1:
            return (
                "got a class whose images are all of one group, expected two groups or more, for "
                "training and for validation; give smaller groups, or X_val and y_val"
            )
    condition = "" if groups is None else " and whole groups"
    return (
        f"got {len(targets)} images whose rarest class has {np.bincount(targets).min()}, expected "
        f"enough to have every class in both parts with validation_fraction={fraction}{condition}; "
        "change validation_fraction, or give X_val and y_val"
    )


def warn_of_copies(images, validation):
    """Warn if images for validation are also there to train on, to the pixel."""
    seen = {hash(image.tobytes()) for image in images}
    n_copies = sum(hash(image.tobytes()) in seen for image in validation)
    if n_copies:
        warn_user(
            f"got {n_copies} of {len(validation)} validation images that are exact copies of "
            "training images, expected none, for they make validation look better than it is. Keep "
            "copies together with groups=ferkit.datasets.find_duplicates(X) in fit (cross_validate "
            "hands them on in params={'groups': groups}, and wants groups=groups for its folds; "
            "searches hand them on only where metadata routing is enabled). If a sampler of a "
            "Pipeline made them, give it to the estimator as sampler= instead. If they are in an "
            "ImagePool, take them out of it"
        )


def check_groups(groups, n_images, advice="give each image's"):
    """Look at `groups`, which may be anything; give int64 numbers, as groups first occur.

    None stays None. `ValueError` if there is not one for each image, or some are missing or masked;
    `advice` says in the message what to do about another number of them.
    """
    if groups is None:
        return None
    refuse_masked(groups, "groups", "give what belongs to nothing a group of its own")
    groups = column_or_1d(groups)
    if len(groups) != n_images:
        raise ValueError(
            f"got {len(groups)} groups for {n_images} images, expected one each; {advice}"
        )
    codes, _ = pd.factorize(groups)  # groups may be of any kind
    if codes.min() < 0:
        sample = codes.argmin()
        raise ValueError(
            f"got a missing group, {groups[sample]!r}, in sample {sample}, expected one for each "
            "image; give what belongs to nothing a group of its own"
        )
    return codes
