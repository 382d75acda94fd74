"""What an image and a label are: see the Conventions page of the documentation."""

import math
import warnings

import numpy as np

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""FER2013's classes; the position in this tuple is the integer label."""

_EXPECTED = "gray images (n, h, w), colour images (n, h, w, 3) or rows (n, n_pixels)"


def as_rows(X):
    """Flatten images to rows; leave rows, and what is neither, to scikit-learn's checks.

    Parameters
    ----------
    X : array-like
        Gray images (n, h, w) or (n, h, w, 1), colour images (n, h, w, 3), or rows.

    Returns
    -------
    rows : array-like of shape (n, n_values)
        A view of the images where numpy can make one; `X` itself if it came as rows.
    image_shape : tuple or None
        (h, w) or (h, w, 3); None if `X` came as rows.

    Raises
    ------
    ValueError
        If `X` has three or more dimensions but not an images' shape, or holds images of
        different shapes.
    """
    if type(X).__module__.partition(".")[0] == "torch":
        X = X.detach().cpu().numpy()
    if not hasattr(X, "shape"):
        X = _array_of(X)
    if len(X.shape) < 3:
        return X, None
    X = np.asarray(X)
    if X.ndim == 4 and X.shape[-1] == 1:
        X = X[..., 0]
    if 0 in X.shape[1:] or X.ndim > 4 or (X.ndim == 4 and X.shape[-1] != 3):
        raise ValueError(_explain_shape(X.shape))
    image_shape = X.shape[1:]
    return X.reshape(len(X), math.prod(image_shape)), image_shape


def _array_of(X):
    try:
        return np.asarray(X)
    except ValueError as error:
        shapes = sorted({np.shape(image) for image in X})
        raise ValueError(
            f"got images of different shapes, such as {shapes[0]} and {shapes[-1]}, expected "
            "one; resize them first"
        ) from error


def _explain_shape(shape):
    if len(shape) == 4 and shape[1] in (1, 3) and 0 not in shape:
        return (
            f"got images with channels first, {shape}, expected channels last, "
            f"{(shape[0], *shape[2:], shape[1])}; use X.transpose(0, 2, 3, 1)"
        )
    if len(shape) == 4 and shape[-1] in (2, 4):
        return (
            f"got images with {shape[-1]} channels, {shape}, expected 1 (gray) or 3 (RGB); drop "
            f"the alpha channel with X[..., :{shape[-1] - 1}]"
        )
    return f"got X of shape {shape}, expected {_EXPECTED}"


def resolve_image_shape(n_values, own, asked):
    """Find the shape of the images that rows of `n_values` hold.

    Parameters
    ----------
    n_values : int
        Values in a row.
    own : tuple or None
        The shape the images came with; None if they came as rows.
    asked : sequence of int or None
        The user's `image_shape`. None takes a square gray image if `n_values` is a square
        number, else an image one pixel high.

    Returns
    -------
    tuple
        (h, w) or (h, w, 3).

    Raises
    ------
    ValueError
        If `asked` does not fit, or is needed because the rows look like colour images.
    """
    if asked is not None:
        asked = check_image_shape(asked)
        if own not in (None, asked):
            raise ValueError(
                f"got images of shape {own}, expected image_shape={asked}; resize them, or leave "
                "image_shape=None for images that have a shape of their own"
            )
        if math.prod(asked) != n_values:
            raise ValueError(
                f"got rows of {n_values} values, expected {math.prod(asked)} for "
                f"image_shape={asked}; set image_shape to the images' own shape"
            )
        return asked
    if own is not None:
        return own
    side = math.isqrt(n_values)
    if side * side == n_values:
        return (side, side)
    side = math.isqrt(n_values // 3)
    if side >= 16 and 3 * side * side == n_values:
        raise ValueError(
            f"got rows of {n_values} values, which could be {side} x {side} colour images, "
            f"expected image_shape to say so; set image_shape=({side}, {side}, 3), or "
            f"image_shape=(1, {n_values}) if they are not"
        )
    return (1, n_values)


def check_image_shape(image_shape):
    """Validate an estimator's `image_shape`.

    Parameters
    ----------
    image_shape : sequence of int
        (h, w), (h, w, 1) or (h, w, 3).

    Returns
    -------
    tuple of int
        (h, w) or (h, w, 3).

    Raises
    ------
    ValueError
        If it is none of these.
    """
    shape = tuple(image_shape)
    is_ints = all(isinstance(side, (int, np.integer)) and side >= 1 for side in shape)
    if not is_ints or len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] not in (1, 3)):
        raise ValueError(f"got image_shape={image_shape!r}, expected (h, w) or (h, w, 3)")
    shape = tuple(map(int, shape))
    return shape[:2] if shape[2:] == (1,) else shape


def as_images(rows, image_shape):
    """Give checked rows their images' shape and one of the two dtypes, uint8 or float32.

    Parameters
    ----------
    rows : ndarray of shape (n, n_values)
        Numbers, all finite.
    image_shape : tuple
        (h, w) or (h, w, 3).

    Returns
    -------
    ndarray of shape (n, h, w, 1) or (n, h, w, 3)
        uint8 levels 0 to 255 if the rows hold integers, else float32 as given; a view of the
        rows where their dtype is one of these.

    Raises
    ------
    ValueError
        If an integer is not a level, or a float is beyond float32.

    Warns
    -----
    UserWarning
        If floats look like levels.
    """
    images = _as_levels(rows, image_shape) if rows.dtype.kind in "iu" else _as_floats(rows)
    n_channels = image_shape[2] if len(image_shape) == 3 else 1
    return images.reshape(len(rows), *image_shape[:2], n_channels)


def _as_levels(rows, image_shape):
    if rows.dtype == np.uint8:
        return rows
    if rows.size and (rows.min() < 0 or rows.max() > 255):
        sample, value = np.argwhere((rows < 0) | (rows > 255))[0]
        position = (int(sample), *map(int, np.unravel_index(value, image_shape)))
        raise ValueError(
            f"got level {rows[sample, value]} in sample {sample} (image position "
            f"{position[1:]}), expected integers in 0..255; scale X to levels, or to floats "
            "in [0, 1]"
        )
    return rows.astype(np.uint8)


def _as_floats(rows):
    with np.errstate(over="ignore"):
        floats = rows.astype(np.float32, copy=False)
    low, high = floats.min(), floats.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError("got floats beyond the range of float32, expected values in [0, 1]")
    if low >= 0 and high > 2:
        warnings.warn(
            f"got floats up to {high:g}, expected floats in [0, 1], which are used as given; if "
            "they are levels, pass X.astype(np.uint8) or X / 255",
            UserWarning,
            stacklevel=2,
        )
    return floats
