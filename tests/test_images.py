"""What images and labels are: `_images` and `_labels`. What they refuse is in `bad_inputs.py`."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from ferkit._images import as_images, as_rows, check_image_shape, resolve_image_shape
from ferkit._labels import encode
from ferkit.datasets import make_faces
from tests.helpers import LinearFER

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


def test_check_image_shape_gives_ints():
    assert check_image_shape((np.int64(3), np.int32(4))) == (3, 4)


def test_rows_pass_untouched():
    frame = pd.DataFrame({"a": [1], "b": [2]})
    assert as_rows(frame) == (frame, None)


def test_booleans_are_floats():
    images = as_images(np.array([[False, True]]), (1, 2))
    assert images.dtype == np.float32
    assert images.ravel().tolist() == [0, 1]


def test_standardised_floats_do_not_look_like_levels():
    # a warning would be an error here
    as_images(np.array([[-3.0, 200.0]]), (1, 2))
    as_images(np.array([[-2.1, 0.9]]), (1, 2))
    as_images(np.array([[-0.02, 1.0]]), (1, 2))  # resized by a kernel that overshoots


@given(
    classes=st.sets(st.integers(-99, 99), min_size=1).map(sorted).map(np.array),
    seed=st.integers(0, 99),
)
def test_encode_finds_each_label_in_the_classes(classes, seed):
    y = np.random.default_rng(seed).choice(classes, 5)
    np.testing.assert_array_equal(classes[encode(y, classes)], y)


def test_warnings_name_the_readers_line():
    X, y = make_faces(40, image_size=16, random_state=0, return_X_y=True)
    pipeline = make_pipeline(FunctionTransformer(), LinearFER(max_epochs=1))
    with pytest.warns(UserWarning, match="floats up to 25") as first:
        cross_val_predict(pipeline.fit(X.astype(np.float32), y), X.astype(np.float32), y, cv=2)
    with pytest.warns(UserWarning, match="got uint8 images, expected float32") as second:
        pipeline.predict(X)
    assert {w.filename for w in (*first, *second)} == {__file__}
