"""What an image is: see the Conventions page of the documentation."""

import math
from numbers import Integral

import numpy as np

from ._messages import warn_user

_EXPECTED = "gray images (n, h, w), colour images (n, h, w, 3) or rows (n, n_pixels)"


def as_rows(X):
    """Flatten images to rows; leave rows, and what is neither, to scikit-learn's checks.

    Gives rows (n, n_values) and the image shape: (h, w), also for images (n, h, w, 1), or
    (h, w, 3); None if `X` came as rows. The rows are a view of the images where numpy can make one.
    `ValueError` if `X` has three or more dimensions but not an images' shape, or holds images of
    different shapes, masked values, or something else than numbers.
    """
    X = as_array(X)
    if len(X.shape) < 3:
        return X, None
    X = np.asarray(X)
    if 0 in X.shape[1:] or X.ndim > 4 or (X.ndim == 4 and X.shape[3] not in (1, 3)):
        raise ValueError(_explain_shape(X.shape))
    image_shape = X.shape[1:3] if X.shape[3:] == (1,) else X.shape[1:]
    return X.reshape(len(X), math.prod(image_shape)), image_shape


def as_array(X):
    """Make an array of tensors, lists and objects; arrays and DataFrames stay as they are.

    `ValueError` if `X` holds images of different shapes, masked values, or something else than
    numbers.
    """
    X = from_torch(X)
    is_flat = len(getattr(X, "shape", ())) == 1
    if hasattr(X, "tolist") and (is_flat or _kind(X) == "O"):
        X = X.tolist()  # numpy sees what the objects are: images, or numbers
    if not hasattr(X, "shape"):
        X = _stack(X)
    refuse_masked(X, "X", "X.filled(0) makes them black")
    if _kind(X) in {"S", "U", "V", "M", "m"}:
        raise ValueError(
            f"got X of dtype {X.dtype}, expected uint8 levels or floats in [0, 1]; read files and "
            "strings of pixels into arrays, as ferkit.datasets does, or give paths to "
            "ferkit.deploy.predict_files"
        )
    return _levels_of_frame(X) if hasattr(X, "dtypes") else X


def refuse_masked(values, name, advice):
    """Raise a `ValueError` for a numpy masked array in which something is masked.

    `name` is the argument's and `advice` says what to do, for the message.
    """
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):  # pandas' have masks, too
        raise ValueError(
            f"got {np.ma.count_masked(values)} masked values in {name}, expected none; {advice}"
        )


def _kind(X):
    return getattr(getattr(X, "dtype", None), "kind", None)


def from_torch(X):
    """Bring a tensor to numpy, from any device; leave what is none.

    Floats smaller than float32 become float32.
    """
    if not hasattr(X, "is_floating_point"):
        return X
    if X.is_floating_point() and X.element_size() < 4:
        X = X.float()  # numpy has no bfloat16
    return X.numpy(force=True)


def _stack(images):
    if isinstance(images, (list, tuple)):
        images = [from_torch(image) for image in images]
        for sample, image in enumerate(images):  # numpy would stack what is behind a mask
            refuse_masked(image, f"sample {sample}", "filled(0) makes them black")
    try:
        X = np.asarray(images)
        if X.dtype == object:
            X = np.asarray(X.tolist())
    except ValueError as error:
        raise ValueError(_explain_ragged(images)) from error
    if X.ndim == 0:
        raise ValueError(
            f"got X of type {type(images).__name__}, expected {_EXPECTED}; pass an array or a "
            "list of images"
        )
    return X


def _explain_ragged(images):
    for sample, image in enumerate(images):
        try:
            shape = np.shape(image)
        except ValueError:
            return (
                f"got parts of different lengths in sample {sample}, expected an image or a row; "
                "fill lines up, and give labels apart, as y"
            )
        if shape != np.shape(images[0]):
            return (
                f"got images of different shapes, {np.shape(images[0])} in sample 0 and {shape} "
                f"in sample {sample}, expected one shape; resize them with Pillow, or read files "
                "with ferkit.datasets.load_image_folder(image_size=48)"
            )
    return (
        f"got images whose values are no array, expected {_EXPECTED}; give each image as an array "
        "of numbers"
    )


def _levels_of_frame(X):
    """Make numpy's integers of pandas' nullable ones; scikit-learn would make floats of them."""
    if X.shape[1] == 1 and len(X) and np.ndim(X.iloc[0, 0]) > 0:
        name = X.columns[0]
        raise ValueError(
            f"got a DataFrame whose column {name!r} holds arrays, expected numbers; give the "
            f"column itself, as df[{name!r}]"
        )
    if any(getattr(dtype, "kind", None) == "O" for dtype in X.dtypes):
        X = X.infer_objects()
    are_integers = all(getattr(dtype, "kind", None) in {"i", "u"} for dtype in X.dtypes)
    are_of_numpy = all(isinstance(dtype, np.dtype) for dtype in X.dtypes)
    if not are_integers or are_of_numpy or X.isna().any(axis=None):
        return X
    return X.astype(np.int64)


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
    return f"got X of shape {shape}, expected {_EXPECTED}; reshape it"


def resolve_image_shape(n_values, own, asked):
    """Find the shape, (h, w) or (h, w, 3), of the images that rows of `n_values` hold.

    `own` is the shape that the images came with, or None if they came as rows; `asked` is the
    user's `image_shape`. Without either, rows are square gray images if `n_values` is a square
    number, else images one pixel high. `ValueError` if `asked` does not fit, or is needed because
    the rows look like colour images.
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
    """Validate an estimator's `image_shape`, and give it as (h, w) or (h, w, 3).

    (h, w, 1) becomes (h, w); `ValueError` if it is none of these.
    """
    shape = tuple(image_shape)
    is_ints = all(isinstance(side, (int, np.integer)) and side >= 1 for side in shape)
    if not is_ints or len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] not in (1, 3)):
        raise ValueError(
            f"got image_shape={image_shape!r}, expected (h, w) or (h, w, 3), integers from 1 on; "
            "for images X it is X.shape[1:]"
        )
    shape = tuple(map(int, shape))
    return shape[:2] if shape[2:] == (1,) else shape


def check_shape_of_fit(rows, own, fitted):
    """Refuse images of another shape than the fit's; rows are left to scikit-learn's checks.

    `rows` and `own` are what `as_rows` gave. `ValueError` if `own` is not `fitted`, or if all of
    `rows` is a single image.
    """
    if own == fitted or (own is None and rows.shape[1:] == (math.prod(fitted),)):
        return
    shape = rows.shape if own is None else (len(rows), *own)
    if shape in (fitted, (*fitted, 1), (*fitted, 3)):
        raise ValueError(f"got a single image of shape {shape}, expected several; use X[None]")
    if own is not None:
        advice = []
        if own[:2] != fitted[:2]:
            advice.append("resize them with ferkit.preprocessing.Resize")
        if len(own) > len(fitted):
            advice.append("make them gray with ferkit.preprocessing.ToGray")
        if len(own) < len(fitted):
            gray = f"X.reshape(-1, {own[0]}, {own[1]}, 1)"
            advice.append(f"repeat their levels with np.repeat({gray}, 3, axis=3)")
        raise ValueError(
            f"got images of shape {own}, expected {fitted} as in the fit; {' and '.join(advice)}"
        )


def check_size(size, name="size"):
    """Validate a size of images, a side of squares or (height, width); give height and width.

    `ValueError` if it is not one or two integers from 1 on; `name` is for the message.
    """
    sides = (size, size) if isinstance(size, Integral) else size
    is_pair = isinstance(sides, (tuple, list)) and len(sides) == 2
    if not is_pair or not all(map(_is_length, sides)):
        raise ValueError(
            f"got {name}={size!r}, expected a number of pixels or (height, width); pass 48 for "
            "FER2013's"
        )
    return tuple(map(int, sides))


def _is_length(side):
    return isinstance(side, Integral) and not isinstance(side, bool) and side > 0


def as_images(rows, image_shape):
    """Give checked rows their images' shape and one of the two dtypes, uint8 or float32.

    The images are (n, h, w, 1) or (n, h, w, 3): uint8 levels 0 to 255 if the rows hold integers,
    else float32 as given; a view of the rows where their dtype is one of these. `ValueError` if an
    integer is not a level, or a number is not finite in float32. Warns if floats look like levels,
    or as if scaled to [-1, 1].
    """
    make = _as_levels if rows.dtype.kind in "iu" else _as_floats
    n_channels = image_shape[2] if len(image_shape) == 3 else 1
    return make(rows, image_shape).reshape(len(rows), *image_shape[:2], n_channels)


def _as_levels(rows, image_shape):
    if rows.dtype == np.uint8:
        return rows
    if rows.min() < 0 or rows.max() > 255:
        index, place = _find_first((rows < 0) | (rows > 255), image_shape)
        raise ValueError(
            f"got level {rows[index]} {place}, expected integers in 0..255; scale X to levels, or "
            "to floats in [0, 1]"
        )
    return rows.astype(np.uint8)


def _as_floats(rows, image_shape):
    with np.errstate(over="ignore", invalid="ignore"):
        floats = rows.astype(np.float32, copy=False)
        low, high = floats.min(), floats.max()  # NaN if one value is
    if not (np.isfinite(low) and np.isfinite(high)):
        index, place = _find_first(~np.isfinite(floats), image_shape)
        value = "NaN" if np.isnan(floats[index]) else f"{rows[index]:g}"
        raise ValueError(
            f"got {value} {place}, expected finite float32 values; mend or drop such images"
        )
    if low >= 0 and high > 2:
        warn_user(
            f"got floats up to {high:g}, expected floats in [0, 1], which are used as given; if "
            "they are levels, pass X.astype(np.uint8), or X / 255 in fits and predictions alike"
        )
    if -1 <= low < -0.5 and high <= 1:
        warn_user(
            f"got floats from {low:g} to {high:g}, expected floats in [0, 1], which are used as "
            "given; if they were scaled to [-1, 1], pass (X + 1) / 2"
        )
    return floats


def _find_first(is_bad, image_shape):
    """Find the first bad value of the rows: its index, and its place in words."""
    sample, value = np.unravel_index(is_bad.argmax(), is_bad.shape)
    position = tuple(map(int, np.unravel_index(value, image_shape)))
    return (sample, value), f"in sample {sample} (image position {position})"


def as_unit(images):
    """Scale uint8 levels to float32 in [0, 1]; leave floats as they are."""
    return images / np.float32(255) if images.dtype == np.uint8 else images
