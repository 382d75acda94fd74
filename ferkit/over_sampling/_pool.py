"""PoolOverSampler, and the pools it draws from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_consistent_length

from .._input import check_loose_images
from .._labels import check_labels
from .._messages import warn_user
from .._typing import ImageShape, RandomStateLike, SamplingStrategy
from ._base import ImageOverSampler


class ImagePool:
    """Images of an external set, to be drawn from without being copied.

    scikit-learn's `clone` deep-copies parameters; a pool it hands on as it is, so that a search
    over a pipeline does not multiply an external data set. A pickle of a fitted estimator holds
    its pool; `BaseFER.save` leaves it out.

    Parameters
    ----------
    X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
        Images or rows: uint8 levels, or floats in [0, 1]. They may be mapped from a file.
    y : array-like of shape (n,)
        Labels, as the data set has them that the images will be added to.
    image_shape : tuple (h, w) or (h, w, 3), default=None
        Shape of the images when `X` comes as rows.

    Raises
    ------
    ValueError
        If the images or labels are not what is expected.

    Examples
    --------
    >>> from ferkit.datasets import make_faces
    >>> from ferkit.over_sampling import ImagePool
    >>> ImagePool(*make_faces(70, random_state=1, return_X_y=True))
    ImagePool of 70 uint8 images of (48, 48), 7 classes
    """

    def __init__(
        self, X: ArrayLike, y: ArrayLike, *, image_shape: ImageShape | None = None
    ) -> None:
        self.images = check_loose_images(X, image_shape)
        shape = self.images.shape[1:]
        self.image_shape = shape[:2] if shape[-1] == 1 else shape
        self.y = check_labels(y)
        check_consistent_length(self.images, self.y)

    def check_labels(self, y: np.ndarray) -> None:
        """Refuse labels of which the pool knows none.

        Parameters
        ----------
        y : ndarray of shape (n_images,)
            Labels of the images that the pool's will be added to.

        Raises
        ------
        ValueError
            If the pool has none of them.
        """
        labels, own = np.unique(y).tolist(), np.unique(self.y).tolist()
        if not set(labels) & set(own):
            raise ValueError(
                f"got a pool with the labels {own[:10]} for the labels {labels[:10]} in y, "
                "expected some in common; give the pool the labels that y has"
            )

    def draw(
        self, label: Any, n: int, *, like: np.ndarray, random_state: np.random.RandomState
    ) -> np.ndarray:
        """Draw images of a class without replacement.

        Parameters
        ----------
        label : int or str
            The class.
        n : int
            How many; fewer come if there are no more.
        like : ndarray of shape (n_images, height, width, channels)
            The images that they will be added to.
        random_state : RandomState
            To draw from.

        Returns
        -------
        ndarray of shape (n_drawn, height, width, channels)
            The images.

        Raises
        ------
        ValueError
            If they are of another size or dtype than `like`.
        """
        if self.images.shape[1:] != like.shape[1:] or self.images.dtype != like.dtype:
            raise ValueError(
                f"got a pool of {self.images.dtype} images of {self.images.shape[1:]}, expected "
                f"{like.dtype} ones of {like.shape[1:]} (height, width, channels) as in X; make "
                "the pool so: ferkit.preprocessing.Resize and ToGray for size and colour, uint8 "
                "in both or in neither"
            )
        chosen = random_state.permutation(np.flatnonzero(self.y == label))[:n]
        return self.images[np.sort(chosen)]  # a memory map is faster to read in order

    def __sklearn_clone__(self):
        return self

    def __repr__(self):
        return (
            f"ImagePool of {len(self.y)} {self.images.dtype} images of {self.image_shape}, "
            f"{len(np.unique(self.y))} classes"
        )


class PoolOverSampler(ImageOverSampler):
    """Over-sample short classes with real images of an external set.

    Images are drawn from the pool without replacement. What the pool cannot fill stays short, with
    a warning; an `AugmentedOverSampler` after it can fill the rest, which together is the reference
    study's recipe [1]_: AffectNet for angry, disgust and surprise, then changed copies up to 4,000
    a class.

    Parameters
    ----------
    pool : ImagePool or tuple of (X, y)
        The external images, of the size and dtype of those they are added to, and their labels. A
        tuple is copied whenever the sampler is cloned.
    sampling_strategy : float, str, dict or callable, default="auto"
        How many images each class will have, as in imbalanced-learn: "auto" as many as the largest
        class, a dict from label to number, or a function such as
        ``ferkit.over_sampling.at_least(4000)``.
    image_shape : tuple (h, w) or (h, w, 3), default=None
        Shape of the images when `X` comes as rows. None takes rows of a square number of pixels
        as square gray images, and others as images one pixel high.
    random_state : int, RandomState instance or None, default=None
        Governs which images are drawn.

    Attributes
    ----------
    sampling_strategy_ : dict
        How many images of which label were asked for.
    n_missing_ : dict
        How many of them the pool did not have.
    image_shape_ : tuple
        (h, w) or (h, w, 3).
    n_features_in_ : int
        Number of values per image.
    feature_names_in_ : ndarray of shape (n_values,)
        Names of the columns, if `X` was a DataFrame.

    Warns
    -----
    UserWarning
        If the pool has fewer images of a class than are asked for.

    See Also
    --------
    AugmentedOverSampler : Makes changed copies.

    References
    ----------
    .. [1] Pazos and Wang, "Facial Emotion Recognition", Universitat Pompeu Fabra, 2025.

    Examples
    --------
    >>> import numpy as np
    >>> from ferkit.datasets import make_faces
    >>> from ferkit.over_sampling import ImagePool, PoolOverSampler
    >>> X, y = make_faces(70, random_state=0, return_X_y=True)
    >>> pool = ImagePool(*make_faces(700, random_state=1, return_X_y=True))
    >>> sampler = PoolOverSampler(pool, sampling_strategy={1: 60}, random_state=0)
    >>> np.bincount(sampler.fit_resample(X, y)[1]).tolist()
    [10, 60, 10, 10, 10, 10, 10]
    """

    _parameter_constraints = {
        **ImageOverSampler._parameter_constraints,
        "pool": "no_validation",  # the message would print all of its pixels
    }

    def __init__(
        self,
        pool: ImagePool | tuple[ArrayLike, ArrayLike],
        *,
        sampling_strategy: SamplingStrategy = "auto",
        image_shape: ImageShape | None = None,
        random_state: RandomStateLike = None,
    ) -> None:
        super().__init__(
            sampling_strategy=sampling_strategy, image_shape=image_shape, random_state=random_state
        )
        self.pool = pool

    def _make(self, images, y, wanted, random_state):
        pool = self.pool if isinstance(self.pool, ImagePool) else self._make_pool()
        pool.check_labels(y)
        made = [
            pool.draw(label, n, like=images, random_state=random_state)
            for label, n in wanted.items()
        ]
        counts = zip(wanted.items(), made, strict=True)
        self.n_missing_ = {label: n - len(drawn) for (label, n), drawn in counts if n > len(drawn)}
        if self.n_missing_:
            missing = ", ".join(f"{n} of class {label}" for label, n in self.n_missing_.items())
            warn_user(
                f"the pool lacks {missing}; these classes stay short of what sampling_strategy "
                "asks for: lower it, or fill them up with AugmentedOverSampler"
            )
        return made

    def _make_pool(self):
        if not isinstance(self.pool, tuple) or len(self.pool) != 2:
            raise ValueError(
                f"got a pool of type {type(self.pool).__name__}, expected an ImagePool or a tuple "
                "of two, X and y; pass ImagePool(X, y)"
            )
        return ImagePool(*self.pool, image_shape=self.image_shape)
