"""What over-samplers of images have in common."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from imblearn.utils import check_target_type
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data

from .._images import as_array, as_images, as_rows, resolve_image_shape
from .._labels import as_labels
from .._typing import ImageShape, RandomStateLike, SamplingStrategy


class ImageOverSampler(BaseOverSampler):
    """Over-sampler of images or rows; a subclass defines `_make`.

    imbalanced-learn's own samplers refuse images, and calculate in uint8, which wraps around.
    """

    _parameter_constraints = {
        **BaseOverSampler._parameter_constraints,
        "image_shape": [tuple, list, None],
    }

    def __init__(
        self,
        *,
        sampling_strategy: SamplingStrategy = "auto",
        image_shape: ImageShape | None = None,
        random_state: RandomStateLike = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.image_shape = image_shape
        self.random_state = random_state

    @abstractmethod
    def _make(self, images, y, wanted, random_state):
        """Make the new images that `wanted`, a dict of label to count, asks for.

        Images are of shape (n, height, width, channels), uint8 or float32, and `y` holds their
        labels. Returns a list with an array of the same dtype for each label of `wanted`, in its
        order.
        """

    def fit_resample(self, X: ArrayLike, y: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Add images to the classes that `sampling_strategy` asks for.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
            Images or rows: uint8 levels, or floats in [0, 1].
        y : array-like of shape (n,)
            Labels.

        Returns
        -------
        X_resampled : array-like of shape (n_new, h, w), (n_new, h, w, 3) or (n_new, n_pixels)
            `X`, and the new images after it; of the same dtype where that can hold them.
        y_resampled : array-like of shape (n_new,)
            Their labels.

        Raises
        ------
        ValueError
            If the input is not what is expected.
        """
        # imbalanced-learn would turn the result back into a Series
        if getattr(X, "ndim", None) == 1:
            X = as_array(X)
        return super().fit_resample(X, as_labels(y))

    def _check_X_y(self, X, y):
        y, is_one_vs_all = check_target_type(y, indicate_one_vs_all=True)
        rows, own_shape = as_rows(X)
        rows, y = validate_data(self, rows, y, ensure_all_finite=False)  # as_images says where
        self.image_shape_ = resolve_image_shape(rows.shape[1], own_shape, self.image_shape)
        self._shape_of_one = np.shape(X)[1:] or own_shape or rows.shape[1:]
        return (rows, as_images(rows, self.image_shape_)), y, is_one_vs_all

    def _fit_resample(self, X, y):
        rows, images = X
        random_state = check_random_state(self.random_state)
        wanted = {label: n for label, n in self.sampling_strategy_.items() if n}
        made = self._make(images, y, wanted, random_state)
        # numpy's dtype for both, such as int16 for a user's int8 and new levels above 127
        X = np.concatenate([rows, *(new.reshape(len(new), -1) for new in made)])
        y_made = [
            np.full(len(new), label, y.dtype) for label, new in zip(wanted, made, strict=True)
        ]
        return X.reshape(len(X), *self._shape_of_one), np.concatenate([y, *y_made])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.sparse = False
        return tags
