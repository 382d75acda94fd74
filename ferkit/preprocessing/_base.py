"""What the transformers share: images in any guise come in, and go out in the same one."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_array
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.validation import validate_data

from .._images import as_images, as_rows, check_shape_of_fit, resolve_image_shape
from .._undo import attributes_kept_on_failure
from .._validation import fit_context

_CHUNK_VALUES = 2**22  # values in a chunk of images: 16 MB as float32

_SMALLEST_IMAGE = 16  # pixels of a side; smaller arrays are hardly a single image


class ImageTransformer(TransformerMixin, BaseEstimator):
    """Base of the transformers: what they take; a subclass defines `transform`."""

    _parameter_constraints = {"image_shape": [tuple, list, None]}

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Record the images' shape and dtype.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
            Images or rows: uint8 levels, or floats in [0, 1].
        y : None, default=None
            Ignored.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        ValueError
            If the input is not what is expected.

        Warns
        -----
        UserWarning
            If floats look like levels.
        """
        rows, own = as_rows(X)
        if y is None:
            self._refuse_single_image(rows, own)
        with attributes_kept_on_failure(self):
            # `as_images` refuses values that are not finite, and says where they are
            rows = validate_data(self, rows, ensure_all_finite=False)
            self.image_shape_ = resolve_image_shape(rows.shape[1], own, self.image_shape)
            self._dtype = as_images(rows, self.image_shape_).dtype
            self._check_fitted_shape()
        return self

    def _check_fitted_shape(self):
        """Warn of an `image_shape_` that a subclass cannot do well by."""

    def _refuse_single_image(self, rows, own):
        """Refuse a single image; a classifier notices it by the number of labels."""
        shape = rows.shape if own is None else (len(rows), *own)
        if self.image_shape is not None or min(shape[:2]) < _SMALLEST_IMAGE:
            return
        if (len(shape) == 2 and shape[0] == shape[1]) or (len(shape) == 3 and shape[2] == 3):
            raise ValueError(
                f"got X of shape {shape}, which could be a single image, expected several; use "
                "X[None], or set image_shape if it is none"
            )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


class StatelessTransformer(ImageTransformer):
    """Base of the transformers that change every image by itself, whatever `fit` has seen.

    A subclass defines `_transform_images`, which takes (n, h, w, 1) or (n, h, w, 3), uint8 or
    float32, and gives the like.
    """

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Transform images; no `fit` is needed.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, 3) or (n, n_pixels)
            Images or rows: uint8 levels, or floats in [0, 1]. After a fit, rows have as many
            values as there, while images may have any shape.

        Returns
        -------
        ndarray
            Images if `X` came as images, rows if as rows; uint8 if `X` holds integers, else
            float32. Gray images are of shape (n, h, w).

        Raises
        ------
        ValueError
            If the input is not what is expected.

        Warns
        -----
        UserWarning
            If floats look like levels.
        """
        self._validate_params()
        rows, own = as_rows(X)
        images = self._check_rows(rows) if own is None else self._check_images(rows, own)
        transformed = self._transform_images(images)
        if own is None:
            return transformed.reshape(len(images), -1)
        return transformed[..., 0] if transformed.shape[3] == 1 else transformed

    def _check_rows(self, rows):
        image_shape = getattr(self, "image_shape_", None)
        if image_shape is None:
            self._refuse_single_image(rows, None)
        else:
            check_shape_of_fit(rows, None, image_shape)
        rows = validate_data(self, rows, reset=False, ensure_all_finite=False)
        if image_shape is None:
            image_shape = resolve_image_shape(rows.shape[1], None, self.image_shape)
        return as_images(rows, image_shape)

    def _check_images(self, rows, own):
        self._refuse_single_image(rows, own)
        container = _get_output_config("transform", self)["dense"]
        if container != "default":
            raise ValueError(
                f"got images for an output of {container}, expected rows, which a table can hold; "
                "pass rows, or call set_output(transform='default')"
            )
        rows = check_array(rows, ensure_all_finite=False)
        return as_images(rows, resolve_image_shape(rows.shape[1], own, None))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags


def chunks(images):
    """Yield slices that cut images into parts of a few megabytes, of one or more images."""
    length = max(1, _CHUNK_VALUES // images[0].size)
    for start in range(0, len(images), length):
        yield slice(start, start + length)


def to_levels(floats):
    """Round floats to uint8 levels; 1.0 is white, and what lies beyond [0, 1] is clipped."""
    return np.rint(np.clip(floats, 0, 1) * 255).astype(np.uint8)
