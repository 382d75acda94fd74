import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import make_pipeline

from ferkit import ResNetFER
from ferkit.datasets import make_faces
from ferkit.preprocessing import PixelRows
from tests.helpers import LinearFER

# small images are enough here, and no classifier reads their rows
pytestmark = pytest.mark.filterwarnings("ignore:got images of shape .*, expected square gray ones")


def draw(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@given(h=st.integers(1, 20), w=st.integers(1, 20), channels=st.sampled_from([(), (3,)]))
def test_there_and_back(h, w, channels):
    images = draw(15, h, w, *channels)
    pixels = PixelRows(image_shape=images.shape[1:]).fit(images)
    rows = pixels.transform(images)
    assert rows.dtype == np.float32
    assert rows.shape == (15, h * w * (3 if channels else 1))
    assert rows.min() >= 0
    assert rows.max() <= 1
    assert pixels.image_shape_ == images.shape[1:]
    back = pixels.inverse_transform(rows)
    assert back.dtype == np.uint8
    np.testing.assert_array_equal(back, images)


@pytest.mark.parametrize(
    ("shape", "guess"), [((36, 64), (48, 48)), ((24, 32, 3), (48, 48)), ((35, 64), (1, 2240))]
)
def test_rows_that_a_classifier_misreads_warn(shape, guess):
    images = draw(7, *shape)
    with pytest.warns(UserWarning, match="expected square gray ones, for classifiers take"):
        rows = PixelRows().fit_transform(images)
    assert LinearFER(max_epochs=1).fit(rows, range(7)).image_shape_ == guess
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        PixelRows(image_shape=shape).fit(images)
        PixelRows().fit(draw(7, 20, 20, 3))  # a classifier refuses these itself
        PixelRows().fit(draw(7, 20, 20))


def test_every_level_comes_back():
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    pixels = PixelRows().fit(levels)
    np.testing.assert_array_equal(pixels.inverse_transform(pixels.transform(levels)), levels)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_stay_as_they_are(dtype):
    images = (draw(3, 4, 5) / 255).astype(dtype)
    pixels = PixelRows().fit(images)
    rows = pixels.transform(images)
    np.testing.assert_array_equal(rows, images.reshape(3, -1).astype(np.float32))
    rows[0, 0] = 1.25  # not clipped
    back = pixels.inverse_transform(rows)
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back, rows.reshape(3, 4, 5))


def test_levels_are_rounded_and_clipped():
    pixels = PixelRows().fit(draw(3, 1, 5))
    rows = np.float64([[-0.1, 0.4 / 255, 0.6 / 255, 254.6 / 255, 1.1]])
    assert pixels.inverse_transform(rows).ravel().tolist() == [0, 0, 1, 255, 255]


def test_rows_come_back_as_images():
    images = draw(3, 4, 5)
    pixels = PixelRows(image_shape=(4, 5)).fit(images.reshape(3, -1))
    np.testing.assert_array_equal(pixels.inverse_transform(pixels.transform(images)), images)


def test_a_table_comes_back():
    images = draw(3, 4, 4)
    pixels = PixelRows().set_output(transform="pandas")
    table = pixels.fit_transform(images)
    assert isinstance(table, pd.DataFrame)
    np.testing.assert_array_equal(pixels.inverse_transform(table), images)


def test_the_number_of_rows_may_change():
    pixels = PixelRows().fit(draw(3, 4, 4))
    assert pixels.inverse_transform(np.zeros((7, 16))).shape == (7, 4, 4)


@pytest.fixture(scope="module")
def faces():
    X, y = make_faces(300, random_state=0, return_X_y=True)
    is_kept = (y != 1) | (np.cumsum(y == 1) <= 12)  # 12 of disgust
    return X[is_kept], y[is_kept]


def roughness(images):
    """Mean absolute difference of neighbours, down and across."""
    images = images.astype(np.float64)
    down, across = np.abs(np.diff(images, axis=1)), np.abs(np.diff(images, axis=2))
    return down.mean(axis=(1, 2)) + across.mean(axis=(1, 2))


def oversample(rows, y):
    """Rows of disgust, and those that SMOTE makes of them."""
    resampled, labels = SMOTE(random_state=0).fit_resample(rows, y)
    is_new = np.arange(len(labels)) >= len(y)  # originals come first
    synthetic = resampled[is_new & (labels == 1)]
    assert len(synthetic) > 30
    return rows[y == 1], synthetic


def test_smote_makes_images_as_smooth_as_their_parents(faces):
    X, y = faces
    pixels = PixelRows().fit(X)
    parents, synthetic = oversample(pixels.transform(X), y)
    assert synthetic.dtype == np.float32
    assert (synthetic >= parents.min(axis=0)).all()
    assert (synthetic <= parents.max(axis=0)).all()
    largest = roughness(parents.reshape(-1, 48, 48)).max()
    assert roughness(synthetic.reshape(-1, 48, 48)).max() <= largest + 1e-6
    images = pixels.inverse_transform(synthetic)
    assert images.dtype == np.uint8
    assert np.abs(images - synthetic.reshape(-1, 48, 48) * 255).max() <= 0.501


def test_smote_on_levels_wraps_around(faces):
    # why the rows are floats; should this fail one day, SMOTE has learnt about levels
    X, y = faces
    parents, synthetic = oversample(X.reshape(len(X), -1), y)
    is_beyond = (synthetic < parents.min(axis=0)) | (synthetic > parents.max(axis=0))
    assert is_beyond.mean() > 0.05
    largest = roughness(parents.reshape(-1, 48, 48)).max()
    assert (roughness(synthetic.reshape(-1, 48, 48)) > largest).mean() > 0.5


def test_pipeline_with_smote(faces):
    X, y = faces
    pipeline = make_pipeline(
        PixelRows(), SMOTE(random_state=0), ResNetFER(max_epochs=1, random_state=0)
    )
    pipeline.fit(X, y)
    assert pipeline[-1].image_shape_ == (48, 48)
    assert pipeline.predict(X).shape == y.shape


def test_rows_train_as_images_do(faces):
    X, y = faces[0][:70], faces[1][:70]
    classifier = ResNetFER(max_epochs=1, random_state=0)
    expected = classifier.fit(X, y).predict_proba(X)
    pipeline = make_pipeline(PixelRows(), classifier).fit(X, y)
    np.testing.assert_array_equal(pipeline.predict_proba(X), expected)


# -- what goes wrong ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((4, 5, 4), r"got images of shape \(5, 4\), expected \(4, 5\) as in the fit; resize them"),
        ((4, 4, 5, 3), r"got images of shape \(4, 5, 3\), expected \(4, 5\) as in the fit"),
        ((4, 5), r"got a single image of shape \(4, 5\), expected several; use X\[None\]"),
    ],
)
def test_another_shape_than_the_fits(shape, message):
    with pytest.raises(ValueError, match=message):
        PixelRows().fit(draw(3, 4, 5)).transform(draw(*shape))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (draw(3, 20), r"got rows of dtype uint8, expected floats in \[0, 1\]"),
        (np.zeros((3, 16)), r"got rows of 16 values, expected 20 for images of shape \(4, 5\)"),
        (np.zeros((3, 4, 5)), "Found array with dim 3"),
        (np.full((3, 20), np.inf), "got inf in sample 0"),
    ],
)
def test_what_are_no_rows(rows, message):
    with pytest.raises(ValueError, match=message):
        PixelRows().fit(draw(3, 4, 5)).inverse_transform(rows)


def test_rows_that_look_like_levels_warn():
    pixels = PixelRows().fit(draw(3, 4, 5))
    with pytest.warns(UserWarning, match="got floats up to"):
        pixels.inverse_transform(draw(3, 20).astype(np.float64))
