"""Which images a fit keeps for validation."""

from sklearn.model_selection import StratifiedGroupKFold, StratifiedShuffleSplit
from sklearn.utils import column_or_1d


def split_off(targets, groups, fraction, seed):
    """Choose images for validation, of all classes alike.

    Parameters
    ----------
    targets : ndarray of shape (n,)
        Indices of classes.
    groups : array-like of shape (n,) or None
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
        If there is not a group for each image, or too few images of a class.
    """
    if groups is None:
        split = StratifiedShuffleSplit(1, test_size=fraction, random_state=seed)
    else:
        groups = column_or_1d(groups)
        if len(groups) != len(targets):
            raise ValueError(
                f"got {len(groups)} groups for {len(targets)} images, expected one each; a sampler "
                "before this step in a Pipeline makes images that groups do not know of"
            )
        split = StratifiedGroupKFold(max(2, round(1 / fraction)), shuffle=True, random_state=seed)
    return next(split.split(targets, targets, groups))
