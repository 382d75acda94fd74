"""An estimator's sampler, at work on its training images."""

import numpy as np
from sklearn.utils import get_tags

from ._random import seeded


def resample(sampler, images, y, seed):
    """Balance training images and their labels with a sampler, or a Pipeline of some.

    Samplers that take no images, such as imbalanced-learn's own, get rows of float levels, for some
    would calculate in uint8, which wraps around; what they make is rounded. The images,
    (n, height, width, channels), keep their dtype. The sampler is cloned; `seed` is the fit's, for
    what has ``random_state=None`` in it. `ValueError` if a step of the Pipeline is no sampler,
    makes values that are not finite, or leaves no image of a class.
    """
    classes = np.unique(y)
    for step in _samplers_of(seeded(sampler, seed)):
        takes_images = get_tags(step).input_tags.three_d_array
        resample_once = _resample_images if takes_images else _resample_rows
        images, y = resample_once(step, images, y)
    lost = np.setdiff1d(classes, y)
    if len(lost):
        raise ValueError(
            f"got no images of class {lost[0]!s} from the sampler, expected some of each class; "
            "change its sampling_strategy"
        )
    return images, y


def _samplers_of(sampler):
    """List the samplers that a Pipeline consists of; a sampler is its own only one."""
    if not hasattr(sampler, "steps"):
        return [sampler]
    samplers = []
    for name, step in sampler.steps:
        if step is None or step == "passthrough":
            continue
        if not hasattr(step, "fit_resample"):
            raise ValueError(
                f"got a sampler with the step {name!r}, {step!r}, expected samplers only; a "
                "transformer's place is in a Pipeline before the estimator"
            )
        samplers += _samplers_of(step)
    return samplers


def _resample_images(sampler, images, y):
    X = images if images.shape[-1] == 3 else images[..., 0]
    X, y = sampler.fit_resample(X, y)
    return np.reshape(X, (-1, *images.shape[1:])), np.asarray(y)


def _resample_rows(sampler, images, y):
    rows = images.reshape(len(images), -1).astype(np.float32)
    rows, y = map(np.asarray, sampler.fit_resample(rows, y))
    if not np.isfinite(rows).all():
        raise ValueError(
            f"got values that are not finite from {sampler!r}, expected levels of images; look at "
            "what its fit_resample makes"
        )
    if images.dtype == np.uint8:
        rows = np.rint(rows).clip(0, 255)
    return rows.reshape(-1, *images.shape[1:]).astype(images.dtype, copy=False), y
