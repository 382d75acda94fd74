"""What an estimator takes: images and labels, checked once."""

import numpy as np
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils.validation import validate_data

from ._images import (
    as_images,
    as_rows,
    check_shape_of_fit,
    from_torch,
    refuse_masked,
    resolve_image_shape,
)
from ._labels import as_labels, check_labels, encode
from ._messages import warn_user


def check_loose_images(X, image_shape=None):
    """Validate images or rows that belong to no estimator.

    Gives uint8 or float32 images (n, h, w, 1) or (n, h, w, 3). `image_shape` is that of rows; None
    takes square ones. `ValueError` if they are no images, or none at all.
    """
    rows, own_shape = as_rows(X)
    rows = check_array(rows, ensure_all_finite=False)  # `as_images` says where
    return as_images(rows, resolve_image_shape(rows.shape[1], own_shape, image_shape))


def check_like_fit(estimator, X):
    """Validate images or rows like those that an estimator was fitted on.

    Gives uint8 or float32 images (n, h, w, 1) or (n, h, w, 3). The estimator has `image_shape_` and
    `_dtype`. `ValueError` if they have another shape, or are no images; warns if they are of
    another dtype.
    """
    rows, image_shape = as_rows(X)
    check_shape_of_fit(rows, image_shape, estimator.image_shape_)
    if image_shape is None:
        rows = validate_data(estimator, rows, reset=False, ensure_all_finite=False)
    else:  # images have no column names to compare with the fit's
        rows = check_array(rows, ensure_all_finite=False)
    images = as_images(rows, estimator.image_shape_)
    if images.dtype != estimator._dtype:
        warn_user(
            f"got {rows.dtype} images, expected {estimator._dtype} as in the fit; uint8 holds "
            "levels 0 to 255, floats are used as given and expected in [0, 1]; give images as "
            "they were in the fit"
        )
    return images


class InputMixin:
    """Checks of X and y; an estimator has `image_shape`, and after them `image_shape_`."""

    def _check_first_X_y(self, X, y):
        """Validate what a fit begins with; sets `n_features_in_`, `image_shape_` and the dtype."""
        rows, image_shape = as_rows(X)
        y = None if y is None else check_labels(y)  # scikit-learn says that None is missing
        if image_shape is None and np.shape(y) == (1,) and rows.shape[:1] > (1,):
            raise ValueError(
                f"got X of shape {rows.shape} for one label, expected as many rows; a single image "
                "is X[None]"
            )
        # `as_images` looks for what is not finite, and says where it is
        rows, y = validate_data(self, rows, y, ensure_all_finite=False)
        self.image_shape_ = resolve_image_shape(rows.shape[1], image_shape, self.image_shape)
        images = as_images(rows, self.image_shape_)
        self._dtype = images.dtype
        return images, y

    def _check_X(self, X):
        """Validate images like those of the fit: (n, h, w, 1) or (n, h, w, 3), uint8 or float32."""
        return check_like_fit(self, X)

    def _check_X_y(self, X, y):
        """Validate more images and labels like those of the fit; returns indices of classes."""
        images = self._check_X(X)
        y = column_or_1d(as_labels(y), warn=True)  # what else is wrong is not among the classes
        check_consistent_length(images, y)
        return images, encode(y, self.classes_)

    def _check_validation(self, X_val, y_val):
        if X_val is None and y_val is None:
            return None
        if X_val is None or y_val is None:
            given, missing = ("y_val", "X_val") if X_val is None else ("X_val", "y_val")
            raise ValueError(
                f"got {given} without {missing}, expected both or neither; add {missing}"
            )
        try:
            return self._check_X_y(X_val, y_val)
        except ValueError as error:
            raise ValueError(f"X_val and y_val: {error}") from error

    def _check_soft_targets(self, soft_targets, targets):
        """Validate probabilities of the classes, one row for each image."""
        if soft_targets is None:
            return None
        if self.sampler is not None:
            raise ValueError(
                "got soft_targets and a sampler, expected one of them, for the images that a "
                "sampler makes have none; use class_weight or logit_adjustment instead"
            )
        if hasattr(soft_targets, "columns") and set(soft_targets.columns) == set(self.classes_):
            soft_targets = soft_targets[list(self.classes_)]
        refuse_masked(soft_targets, "soft_targets", "give each image all probabilities")
        soft_targets = check_array(
            from_torch(soft_targets),
            dtype=np.float32,
            input_name="soft_targets",
            ensure_all_finite=False,
            ensure_2d=False,
            allow_nd=True,
        )
        expected = (len(targets), len(self.classes_))
        if soft_targets.shape != expected:
            advice = (
                "if a sampler before this step in a Pipeline makes images, balance with "
                "class_weight or logit_adjustment"
            )
            if soft_targets.ndim == 2 and len(soft_targets) == len(targets):
                advice = "take the columns of the labels in y, and divide each row by its sum"
            raise ValueError(
                f"got soft_targets of shape {soft_targets.shape}, expected {expected}, a row for "
                f"each image and a column for each of the sorted classes; {advice}"
            )
        is_bad = ~(
            (soft_targets >= 0).all(axis=1) & np.isclose(soft_targets.sum(axis=1), 1, atol=1e-3)
        )
        if is_bad.any():
            sample = is_bad.argmax()
            raise ValueError(
                f"got soft_targets {soft_targets[sample].tolist()} in sample {sample}, expected "
                "probabilities, which are not negative and sum to 1; divide each row by its sum"
            )
        self._warn_of_other_classes(soft_targets, targets)
        return soft_targets

    def _warn_of_other_classes(self, soft_targets, targets):
        """Warn of a class whose images nearly all have another one as their most probable."""
        own = soft_targets[np.arange(len(targets)), targets]
        agrees = own == soft_targets.max(axis=1)
        for label in np.unique(targets):
            share = agrees[targets == label].mean()
            if share < 0.1:
                warn_user(
                    f"got soft_targets that favour other classes for {1 - share:.0%} of the images "
                    f"of class {self.classes_[label]!s}, expected columns in the order of the "
                    f"sorted labels, {self.classes_[:10].tolist()}; reorder them (the votes of "
                    "load_ferplus go with its integers)"
                )
                return

    def _check_classes(self):
        if len(self.classes_) < 2:
            raise ValueError(
                f"got {len(self.classes_)} class, {self.classes_.tolist()}, expected two or more; "
                "add another class, or choose images at random where they are sorted by class"
            )
