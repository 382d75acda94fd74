"""An estimator's sampler, at work on its training images."""

import numpy as np
from imblearn.utils._tags import get_tags
from sklearn.base import clone

from ._random import stream_seed


def resample(sampler, images, y, seed):
    """Balance training images with a sampler.

    Samplers that take no images, such as imbalanced-learn's own, get rows of float levels, for
    some would calculate in uint8, which wraps around; what they make is rounded.

    Parameters
    ----------
    sampler : object with `fit_resample`
        A sampler, or a Pipeline of some; it is cloned.
    images : ndarray of shape (n, height, width, channels)
        uint8 levels or floats.
    y : ndarray of shape (n,)
        Labels.
    seed : int
        The fit's; it seeds what in the sampler has ``random_state=None``.

    Returns
    -------
    images : ndarray of shape (n_new, height, width, channels)
        Of the same dtype.
    y : ndarray of shape (n_new,)
        Their labels.
    """
    sampler = clone(sampler)
    unseeded = [
        name
        for name, value in sorted(sampler.get_params().items())
        if name.split("__")[-1] == "random_state" and value is None
    ]
    seeds = {name: stream_seed(seed, 0, i) % 2**32 for i, name in enumerate(unseeded, start=1)}
    sampler.set_params(**seeds)
    if _takes_images(sampler):
        X = images if images.shape[-1] == 3 else images[..., 0]
    else:
        X = images.reshape(len(images), -1).astype(np.float32)
    X, y = sampler.fit_resample(X, y)
    X = np.asarray(X).reshape(-1, *images.shape[1:])
    if images.dtype == np.uint8 != X.dtype:
        X = np.rint(X).clip(0, 255)
    return X.astype(images.dtype, copy=False), y


def _takes_images(sampler):
    first = sampler.steps[0][1] if hasattr(sampler, "steps") else sampler
    return getattr(get_tags(first).input_tags, "three_d_array", False)
