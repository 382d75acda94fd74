"""Images and labels, as displays take them."""

import numpy as np
from sklearn.utils import check_consistent_length

from .._images import as_images, as_rows, check_labels, resolve_image_shape


def check_images(X, y=None):
    """Validate images and their labels.

    Parameters
    ----------
    X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
        Images or rows: uint8 levels, or floats in [0, 1].
    y : array-like of shape (n,), default=None
        Their labels.

    Returns
    -------
    images : ndarray of shape (n, h, w, channels)
        uint8 or float32.
    y : ndarray of shape (n,) or None
        The labels.

    Raises
    ------
    ValueError
        If there are none, or they are not images and labels.
    """
    rows, image_shape = as_rows(X)
    rows = np.asarray(rows)
    if len(rows) == 0:
        raise ValueError("got no images, expected one or more")
    images = as_images(rows, resolve_image_shape(rows.shape[1], image_shape, None))
    if y is not None:
        y = check_labels(y)
        check_consistent_length(images, y)
    return images, y


def as_floats(images):
    """Scale levels to floats in [0, 1]; leave floats as they are."""
    return images.astype(np.float32) / 255 if images.dtype == np.uint8 else images
