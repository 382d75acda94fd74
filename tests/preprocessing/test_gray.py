import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ferkit.preprocessing import ToGray, _base


def test_levels_are_pillows_for_every_colour_of_a_grid():
    axis = np.r_[0:256:3, 254]
    colours = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).astype(np.uint8)
    gray = ToGray().transform(colours)
    np.testing.assert_array_equal(gray, [Image.fromarray(image).convert("L") for image in colours])


@given(seed=st.integers(0, 99), n=st.integers(1, 7), h=st.integers(1, 30), w=st.integers(1, 30))
def test_levels_are_pillows(seed, n, h, w):
    images = np.random.default_rng(seed).integers(0, 256, (n, h, w, 3), dtype=np.uint8)
    gray = ToGray(image_shape=(h, w, 3)).transform(images)
    assert gray.dtype == np.uint8
    np.testing.assert_array_equal(gray, [Image.fromarray(image).convert("L") for image in images])


def test_chunks_do_not_show(monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (10, 4, 5, 3), dtype=np.uint8)
    expected = ToGray().transform(images)
    monkeypatch.setattr(_base, "_CHUNK_VALUES", 3 * 4 * 5 * 3)
    np.testing.assert_array_equal(ToGray().transform(images), expected)


def test_floats_are_luma():
    images = np.random.default_rng(0).random((4, 5, 6, 3))
    gray = ToGray().transform(images)
    assert gray.dtype == np.float32
    expected = 0.299 * images[..., 0] + 0.587 * images[..., 1] + 0.114 * images[..., 2]
    np.testing.assert_allclose(gray, expected, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_gray_passes_through(dtype):
    images = np.arange(60).reshape(3, 4, 5).astype(dtype) / dtype(1 if dtype == np.uint8 else 60)
    images = images.astype(dtype)
    for X in (images, images[..., np.newaxis]):
        gray = ToGray().transform(X)
        np.testing.assert_array_equal(gray, images)
        assert np.shares_memory(gray, images)


def test_colour_rows_become_gray_rows():
    images = np.random.default_rng(0).integers(0, 256, (4, 5, 6, 3), dtype=np.uint8)
    rows = ToGray(image_shape=(5, 6, 3)).fit_transform(images.reshape(4, -1))
    np.testing.assert_array_equal(rows, ToGray().transform(images).reshape(4, -1))
