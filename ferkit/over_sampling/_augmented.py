"""AugmentedOverSampler."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._typing import ImageShape, RandomStateLike, SamplingStrategy
from ._base import ImageOverSampler

if TYPE_CHECKING:
    from ..augment import Policy

_BATCH = 512  # images: bounds the memory of a large oversampling


class AugmentedOverSampler(ImageOverSampler):
    """Over-sample short classes with changed copies of their images.

    Where `imblearn.over_sampling.RandomOverSampler` repeats images to the pixel, this one flips,
    turns, shifts and zooms each copy. As `sampler` of an estimator it sees training images only;
    in a Pipeline it stands before the estimator, where its images also enter the validation part
    of `early_stopping`.

    Parameters
    ----------
    policy : str or ferkit.augment.Policy, default="offline"
        How copies are changed. "offline" is the reference study's [1]_: flip, rotation up to 15
        degrees, shift up to 10 %, zoom up to 10 %. A policy that mixes images is refused.
    sampling_strategy : float, str, dict or callable, default="auto"
        How many images each class will have, as in imbalanced-learn: "auto" as many as the largest
        class, a dict from label to number, or a function such as
        ``ferkit.over_sampling.at_least(4000)``.
    image_shape : tuple (h, w) or (h, w, 3), default=None
        Shape of the images when `X` comes as rows. None takes rows of a square number of pixels
        as square gray images, and others as images one pixel high.
    random_state : int, RandomState instance or None, default=None
        Governs which images are copied and how they are changed.

    Attributes
    ----------
    sampling_strategy_ : dict
        How many images of which label were made.
    sample_indices_ : ndarray of shape (n_new,)
        The image of `X` that each of the result is, or is a copy of.
    image_shape_ : tuple
        (h, w) or (h, w, 3).
    n_features_in_ : int
        Number of values per image.
    feature_names_in_ : ndarray of shape (n_values,)
        Names of the columns, if `X` was a DataFrame.

    See Also
    --------
    PoolOverSampler : Brings real images from elsewhere.

    References
    ----------
    .. [1] Pazos and Wang, "Facial Emotion Recognition", Universitat Pompeu Fabra, 2025.

    Examples
    --------
    >>> import numpy as np
    >>> from ferkit.datasets import make_faces
    >>> from ferkit.over_sampling import AugmentedOverSampler, at_least
    >>> X, y = make_faces(70, random_state=0, return_X_y=True)
    >>> sampler = AugmentedOverSampler(sampling_strategy=at_least(15), random_state=0)
    >>> X_resampled, y_resampled = sampler.fit_resample(X, y)
    >>> X_resampled.shape, X_resampled.dtype
    ((105, 48, 48), dtype('uint8'))
    """

    _parameter_constraints = {
        **ImageOverSampler._parameter_constraints,
        "policy": "no_validation",  # resolve_policy names the choices
    }

    def __init__(
        self,
        *,
        policy: str | Policy = "offline",
        sampling_strategy: SamplingStrategy = "auto",
        image_shape: ImageShape | None = None,
        random_state: RandomStateLike = None,
    ) -> None:
        super().__init__(
            sampling_strategy=sampling_strategy, image_shape=image_shape, random_state=random_state
        )
        self.policy = policy

    def _make(self, images, y, wanted, random_state):
        policy = self._resolve_policy()
        parents = [
            random_state.choice(np.flatnonzero(y == label), size=n) for label, n in wanted.items()
        ]
        self.sample_indices_ = np.concatenate([np.arange(len(y)), *parents])
        seed = random_state.randint(2**31)
        return [
            _change(images, chosen, policy, [seed, stream]) for stream, chosen in enumerate(parents)
        ]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.sampler_tags.sample_indices = True
        return tags

    def _resolve_policy(self):
        from ..augment import Policy, resolve_policy

        policy = resolve_policy(self.policy)
        if policy is None or policy.mixes or policy == Policy():
            raise ValueError(
                f"got policy={self.policy!r}, expected one that changes images one by one; for "
                "plain copies take imblearn.over_sampling.RandomOverSampler, and mix with the "
                "augment parameter of an estimator"
            )
        return policy


def _change(images, chosen, policy, seed):
    """Make changed copies of the chosen images."""
    import torch

    from .._locks import draw_lock
    from .._random import preserved_generators, seed_generators, stream_seed

    device = torch.device("cpu")
    made = np.empty((len(chosen), *images.shape[1:]), images.dtype)
    with preserved_generators(device):
        for start in range(0, len(chosen), _BATCH):
            seed_generators(device, stream_seed(*seed, start))
            batch = torch.from_numpy(images[chosen[start : start + _BATCH]]).permute(0, 3, 1, 2)
            with draw_lock:
                changed = policy(batch.float().div_(255) if images.dtype == np.uint8 else batch)
            if images.dtype == np.uint8:
                changed = changed.mul(255).round_().clamp_(0, 255)
            made[start : start + _BATCH] = changed.permute(0, 2, 3, 1)
    return made
