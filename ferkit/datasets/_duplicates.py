"""Copies among images, exact and near, found by the correlation of their pixels."""

from __future__ import annotations

from hashlib import blake2b
from numbers import Real

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.utils import check_array

from .._images import as_images, as_rows
from .._progress import can_draw

THRESHOLD = 0.95  # correlation of copies: see find_duplicates
_N_COMPONENTS = 64  # enough to tell nearly all pairs of faces apart; more cost more
_N_SAMPLED = 512  # images that the components are made of, fewer if they are large
_SAMPLE_VALUES = 2**24  # values of those, to bound the memory
_ROUNDING = 1e-5  # products of float32 projections are off by less
_BLOCK_VALUES = 2**22  # values in a block of images, to bound the memory
_BLOCK_SIDE = 2048  # images in a block, as its pairs take memory too


def find_duplicates(X: ArrayLike, *, threshold: float = THRESHOLD) -> NDArray[np.int64]:
    """Group images that are copies of each other.

    Two images are copies if the Pearson correlation of their values is at least `threshold`:
    they may differ in brightness, contrast, compression and a little noise or shift. Mirrored
    copies, and other crops of a photo, are not found. Copies of copies are in one group too.

    Parameters
    ----------
    X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
        Gray images, colour images or rows; uint8 levels or floats.
    threshold : float, default=0.95
        Smallest correlation of copies, above 0; at 1, copies are images of equal values. In
        FER2013 nearly all pairs above 0.92 are one photo, shifted, scaled or marked by a hair
        where 0.99 does not find them. Images that share a background need more.

    Returns
    -------
    ndarray of shape (n,), dtype int64
        The group of each image, numbered as they first occur, for the `groups` of scikit-learn's
        group splitters and of an estimator's `fit`. An image without copies has its own.

    Raises
    ------
    ValueError
        If `X` does not hold images, or `threshold` is not above 0 and at most 1.

    Notes
    -----
    Blank images, whose values are all equal, have no correlation with others. They count as
    copies of each other whatever their levels, unless `threshold` is 1.

    All pairs are compared, but few of them in full. Let a and b be two images, standardised to
    mean 0 and length 1, and projected on some principal components, and let r and s be the
    lengths of what the projections leave out. By the Cauchy-Schwarz inequality the correlation
    is at most ``a @ b + r * s``, a product of short vectors; only where this reaches `threshold`
    are the images themselves multiplied.

    Time and memory grow with the pixels: 60 images of 1024 x 1024 take some 700 MB. Make large
    images smaller first, as with `ferkit.preprocessing.Resize`.

    Examples
    --------
    Which images of a test set have a copy in the training set:

    >>> import numpy as np
    >>> from ferkit.datasets import find_duplicates, make_faces
    >>> X_train, _ = make_faces(6, random_state=0, return_X_y=True)
    >>> X_test = np.stack([X_train[4] // 2 + 60, X_train[5][:, ::-1]])
    >>> groups = find_duplicates(np.concatenate([X_train, X_test]))
    >>> groups.tolist()
    [0, 1, 2, 3, 4, 5, 4, 6]
    >>> np.isin(groups[6:], groups[:6]).tolist()
    [True, False]
    """
    return group_copies(check_rows(X), threshold)


def check_rows(X):
    """Validate gray images, colour images or rows; make rows of uint8 levels or float32."""
    rows, image_shape = as_rows(X)
    rows = check_array(rows, ensure_all_finite=False)  # `as_images` says where one is not finite
    return as_images(rows, image_shape or (1, rows.shape[1])).reshape(rows.shape)


def group_copies(rows, threshold):
    """Do what `find_duplicates` does, with rows of `check_rows`."""
    if not (isinstance(threshold, Real) and 0 < threshold <= 1):
        raise ValueError(
            f"got threshold={threshold!r}, expected a correlation above 0 and at most 1; copies "
            "of faces have 0.95 and more"
        )
    groups = digest_rows(rows) if threshold == 1 else _group_correlated(rows, threshold)
    return pd.factorize(groups)[0].astype(np.int64)


def digest_rows(rows, key=b""):
    """Tell images apart by short bytes: equal for equal values, otherwise as good as random.

    The digests are bytes, in an array of dtype object. Another key gives other digests.
    """
    zero = rows.dtype.type(0)  # added, it makes the bytes of 0.0 and -0.0 the same
    digests = [blake2b(row + zero, digest_size=16, key=key).digest() for row in rows]
    return np.array(digests, dtype=object)


def _group_correlated(rows, threshold):
    """Find the connected components of pairs that are correlated enough."""
    from tqdm import tqdm

    groups = np.arange(len(rows))
    blank = np.flatnonzero(rows.min(axis=1) == rows.max(axis=1))
    groups[blank] = blank[:1]
    projections = _project(rows)
    blocks = _blocks(rows)
    pairs = [(left, right) for i, left in enumerate(blocks) for right in blocks[i:]]
    bar = tqdm(pairs, desc="find_duplicates", unit="blocks", delay=2, disable=not can_draw())
    for left, right in bar:
        bounds = projections[left] @ projections[right].T
        i, j = np.nonzero(bounds >= threshold - _ROUNDING)
        i, j = i + left.start, j + right.start
        is_open = groups[i] != groups[j]
        if is_open.any():
            i, j = _correlated(rows, i[is_open], j[is_open], threshold)
            groups = _connect(groups, i, j)
    return groups


def _blocks(rows):
    size = min(_BLOCK_SIDE, max(1, _BLOCK_VALUES // rows.shape[1]))
    return [slice(start, start + size) for start in range(0, len(rows), size)]


def _project(rows):
    """Project images so that products are upper bounds of correlations: see the Notes."""
    components = _find_components(rows)
    projections = np.empty((len(rows), components.shape[1] + 1), np.float32)
    for block in _blocks(rows):
        standardised = _standardise(rows[block])
        projected = standardised @ components
        rest = (standardised**2).sum(axis=1) - (projected**2).sum(axis=1)
        projections[block, :-1] = projected
        projections[block, -1] = np.sqrt(rest.clip(0))
    return projections


def _find_components(rows):
    """Find directions in which images differ most, by some of them: orthonormal columns."""
    n_sampled = max(1, min(_N_SAMPLED, _SAMPLE_VALUES // rows.shape[1]))
    sample = _standardise(rows[:: -(-len(rows) // n_sampled)])
    # by the images' products, which are far fewer than the pixels' that a full SVD takes
    variances, mixtures = np.linalg.eigh(sample @ sample.T)
    largest = np.flatnonzero(variances > 1e-9 * variances[-1])[-_N_COMPONENTS:]
    return np.linalg.qr(sample.T @ mixtures[:, largest])[0]


def _standardise(rows):
    """Make float64 rows of mean 0 and, unless blank, length 1."""
    values = rows - rows.mean(axis=1, keepdims=True, dtype=np.float64)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return np.divide(values, lengths, out=values, where=lengths > 0)


def _correlated(rows, i, j, threshold):
    """Choose the pairs that are correlated enough."""
    left, i_left = np.unique(i, return_inverse=True)
    right, j_right = np.unique(j, return_inverse=True)
    correlations = _standardise(rows[left]) @ _standardise(rows[right]).T
    is_copy = correlations[i_left, j_right] >= threshold
    return i[is_copy], j[is_copy]


def _connect(groups, i, j):
    """Unite the groups of the images of each pair."""
    n = len(groups)
    # With int64 indices, scipy before 1.12 finds no components and raises no error.
    edges = groups[i].astype(np.int32), groups[j].astype(np.int32)
    graph = coo_array((np.ones(len(i), bool), edges), shape=(n, n))
    return connected_components(graph, directed=False)[1][groups]
