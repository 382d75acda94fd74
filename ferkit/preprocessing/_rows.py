"""Images as rows of floats, and back."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import OneToOneFeatureMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from .._images import as_images, as_rows, as_unit, check_shape_of_fit, resolve_image_shape
from .._messages import warn_user
from .._typing import ImageShape
from ._base import ImageTransformer, to_levels


class PixelRows(OneToOneFeatureMixin, ImageTransformer):
    """Make images rows of floats in [0, 1], and back.

    For what takes rows only and computes with them, such as imbalanced-learn's samplers: SMOTE
    subtracts pixels, and uint8 levels wrap around below 0. ferkit's classifiers take the rows of
    square gray images as they are, and others with `image_shape`.

    Parameters
    ----------
    image_shape : tuple of int, default=None
        (h, w) or (h, w, 3), the shape of the images. Of rows, None takes square gray images if the
        number of values is a square one, else images one pixel high; of images, it warns where a
        classifier would take their rows for images of another shape.

    Attributes
    ----------
    image_shape_ : tuple of int
        (h, w) or (h, w, 3), the shape of the images.
    n_features_in_ : int
        Values in each of them.
    feature_names_in_ : ndarray of shape (n_values,)
        Names of the columns, if `X` was a DataFrame.

    Examples
    --------
    >>> from imblearn.over_sampling import SMOTE
    >>> from imblearn.pipeline import make_pipeline
    >>> from ferkit import ResNetFER
    >>> from ferkit.datasets import make_faces
    >>> from ferkit.preprocessing import PixelRows
    >>> X, y = make_faces(200, random_state=0, return_X_y=True)
    >>> clf = make_pipeline(PixelRows(), SMOTE(), ResNetFER(max_epochs=1)).fit(X, y)
    >>> clf.predict(X).shape
    (200,)
    """

    def __init__(self, *, image_shape: ImageShape | None = None) -> None:
        self.image_shape = image_shape

    def _check_fitted_shape(self):
        try:
            guess = resolve_image_shape(self.n_features_in_, None, None)
        except ValueError:  # classifiers refuse such rows, and say what to set
            return
        if self.image_shape is None and guess != self.image_shape_:
            warn_user(
                f"got images of shape {self.image_shape_}, expected square gray ones, for "
                f"classifiers take such rows for images of shape {guess}; set "
                f"image_shape={self.image_shape_} here and in the classifier"
            )

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """Make images rows.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
            Images of the fit's shape, or rows: uint8 levels, or floats in [0, 1].

        Returns
        -------
        ndarray of shape (n, n_pixels), dtype float32
            Levels divided by 255; floats as given.

        Raises
        ------
        ValueError
            If the input is not what is expected.

        Warns
        -----
        UserWarning
            If floats look like levels.
        """
        check_is_fitted(self)
        rows, own = as_rows(X)
        check_shape_of_fit(rows, own, self.image_shape_)
        rows = validate_data(self, rows, reset=False, ensure_all_finite=False)
        return as_unit(as_images(rows, self.image_shape_)).reshape(rows.shape)

    def inverse_transform(self, X: ArrayLike) -> np.ndarray:
        """Make rows images.

        Parameters
        ----------
        X : array-like of shape (n, n_pixels)
            Floats in [0, 1], such as `transform` and a sampler after it give.

        Returns
        -------
        ndarray of shape (n, h, w) or (n, h, w, 3)
            Images, also after a fit on rows: uint8 levels, rounded and clipped to 0..255, if the
            fit was on levels; else float32, as given.

        Raises
        ------
        ValueError
            If the input is not what is expected.

        Warns
        -----
        UserWarning
            If floats look like levels.
        """
        check_is_fitted(self)
        rows = check_array(X, ensure_all_finite=False)
        if rows.dtype.kind != "f":
            raise ValueError(
                f"got rows of dtype {rows.dtype}, expected floats in [0, 1]; pass what transform "
                "gave"
            )
        if rows.shape[1] != math.prod(self.image_shape_):
            raise ValueError(
                f"got rows of {rows.shape[1]} values, expected {math.prod(self.image_shape_)} for "
                f"images of shape {self.image_shape_} as in the fit; pass what transform gave"
            )
        images = as_images(rows, self.image_shape_).reshape(len(rows), *self.image_shape_)
        return to_levels(images) if self._dtype == np.uint8 else images
