"""What an image is: the functions of `_images`, by example and by property."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ferkit._images import as_images, as_rows, check_image_shape, resolve_image_shape

sides = st.integers(1, 224)


@given(n=st.integers(0, 3), height=sides, width=sides, channels=st.sampled_from([None, 1, 3]))
def test_rows_and_back(n, height, width, channels):
    own = (height, width) if channels is None else (height, width, channels)
    images = np.arange(n * np.prod(own), dtype=np.uint8).reshape(n, *own)
    rows, image_shape = as_rows(images)
    assert image_shape == ((height, width, 3) if channels == 3 else (height, width))
    assert np.shares_memory(rows, images) or images.size == 0
    back = as_images(rows, image_shape)
    np.testing.assert_array_equal(back, images.reshape(n, height, width, channels or 1))


@given(side=sides)
def test_square_rows_are_square_images(side):
    assert resolve_image_shape(side * side, None, None) == (side, side)


@given(n_values=st.integers(1, 100_000))
def test_every_row_has_one_shape_or_a_question(n_values):
    side = int(np.sqrt(n_values // 3))
    if side >= 16 and 3 * side * side == n_values:
        with pytest.raises(ValueError, match=rf"image_shape=\({side}, {side}, 3\)"):
            resolve_image_shape(n_values, None, None)
    else:
        assert np.prod(resolve_image_shape(n_values, None, None)) == n_values


@pytest.mark.parametrize(
    ("n_values", "own", "asked", "expected"),
    [
        (10, None, None, (1, 10)),
        (768, None, (16, 16, 3), (16, 16, 3)),
        (768, None, (1, 768), (1, 768)),
        (12, None, [3, 4], (3, 4)),
        (12, None, (3, 4, 1), (3, 4)),
        (12, (3, 4), None, (3, 4)),
        (12, (3, 4), (3, 4), (3, 4)),
        (12, (2, 2, 3), None, (2, 2, 3)),
    ],
)
def test_resolve_image_shape(n_values, own, asked, expected):
    assert resolve_image_shape(n_values, own, asked) == expected


@pytest.mark.parametrize(
    ("n_values", "own", "asked", "message"),
    [
        (12, None, (5, 5), "got rows of 12 values, expected 25"),
        (12, (3, 4), (4, 3), r"got images of shape \(3, 4\), expected image_shape=\(4, 3\)"),
        (12, None, (3,), r"got image_shape=\(3,\), expected \(h, w\)"),
        (12, None, (3, 4.0), "expected"),
        (12, None, (0, 4), "expected"),
        (12, None, (2, 2, 4), "expected"),
    ],
)
def test_resolve_image_shape_refuses(n_values, own, asked, message):
    with pytest.raises(ValueError, match=message):
        resolve_image_shape(n_values, own, asked)


def test_check_image_shape_gives_ints():
    assert check_image_shape((np.int64(3), np.int32(4))) == (3, 4)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 3, 8, 9), r"channels first.*expected channels last, \(2, 8, 9, 3\).*transpose"),
        ((2, 1, 8, 9), r"channels first.*\(2, 8, 9, 1\)"),
        ((2, 8, 9, 4), r"4 channels.*alpha.*X\[\.\.\., :3\]"),
        ((2, 8, 9, 2), r"2 channels.*alpha.*X\[\.\.\., :1\]"),
        ((2, 8, 9, 5), r"got X of shape \(2, 8, 9, 5\), expected gray images"),
        ((2, 8, 9, 3, 1), r"got X of shape"),
        ((2, 0, 9), r"got X of shape \(2, 0, 9\)"),
    ],
)
def test_as_rows_refuses(shape, message):
    with pytest.raises(ValueError, match=message):
        as_rows(np.zeros(shape, np.uint8))


def test_lists_of_images():
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    for X in (list(images), images.tolist(), torch.from_numpy(images)):
        rows, image_shape = as_rows(X)
        np.testing.assert_array_equal(rows, images.reshape(2, 12))
        assert image_shape == (3, 4)
    with pytest.raises(ValueError, match=r"different shapes, such as \(2, 2\) and \(3, 4\)"):
        as_rows([images[0], np.zeros((2, 2))])


def test_rows_pass_untouched():
    frame = pd.DataFrame({"a": [1], "b": [2]})
    assert as_rows(frame) == (frame, None)


@given(
    dtype=st.sampled_from(["int8", "int16", "<i4", ">i4", "int64", "uint16", ">u2", "uint64"]),
    levels=st.lists(st.integers(0, 127), min_size=4, max_size=4),
)
def test_integers_are_levels(dtype, levels):
    images = as_images(np.array([levels], dtype=dtype), (2, 2))
    assert images.dtype == np.uint8
    assert images.ravel().tolist() == levels


@given(
    bad=st.one_of(st.integers(-(2**31), -1), st.integers(256, 2**31 - 1)),
    sample=st.integers(0, 2),
    pixel=st.integers(0, 11),
)
def test_levels_out_of_range_are_found(bad, sample, pixel):
    rows = np.zeros((3, 12), np.int64)
    rows[sample, pixel] = bad
    message = (
        rf"got level {bad} in sample {sample} \(image position \({pixel // 4}, {pixel % 4}\)\)"
    )
    with pytest.raises(ValueError, match=message):
        as_images(rows, (3, 4))


@pytest.mark.parametrize("dtype", ["float16", "float64", ">f4", ">f8", "bool"])
def test_floats_become_float32(dtype):
    rows = np.array([[0, 1, 0, 1]], dtype=dtype)
    images = as_images(rows, (2, 2))
    assert images.dtype == np.dtype("=f4")
    np.testing.assert_array_equal(images.ravel(), rows.ravel().astype(float))


def test_floats_that_look_like_levels_warn():
    with pytest.warns(UserWarning, match=r"got floats up to 200, expected floats in \[0, 1\]"):
        as_images(np.array([[0.0, 200.0]]), (1, 2))
    as_images(np.array([[-3.0, 200.0]]), (1, 2))  # standardised features do not


def test_floats_beyond_float32():
    with pytest.raises(ValueError, match="beyond the range of float32"):
        as_images(np.array([[0.0, 1e300]]), (1, 2))
