"""scikit-learn's own checks, and what holds for every transformer."""

import pickle
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from ferkit import ResNetFER
from ferkit.datasets import make_faces
from ferkit.preprocessing import EqualizeHistogram, PixelRows, Resize, ToGray

needs_skimage = pytest.mark.skipif(find_spec("skimage") is None, reason="needs ferkit[image]")
ignore_floats = pytest.mark.filterwarnings("ignore:got floats up to")  # the checks feed such
# of PixelRows, whose rows no classifier reads here
pytestmark = pytest.mark.filterwarnings("ignore:got images of shape .*, expected square gray ones")

CORE = [ToGray(), Resize(), Resize((3, 5)), PixelRows()]
EQUALIZERS = [EqualizeHistogram(), EqualizeHistogram("clahe")]

each_transformer = pytest.mark.parametrize(
    "transformer",
    [*CORE, *(pytest.param(equalizer, marks=needs_skimage) for equalizer in EQUALIZERS)],
    ids=str,
)
each_stateless = pytest.mark.parametrize(
    "transformer",
    [ToGray(), Resize(20), *(pytest.param(each, marks=needs_skimage) for each in EQUALIZERS)],
    ids=str,
)


@ignore_floats
@parametrize_with_checks(CORE)
def test_check(estimator, check):
    check(estimator)


@ignore_floats
@parametrize_with_checks(CORE)
def test_check_with_metadata_routing(estimator, check):
    with config_context(enable_metadata_routing=True):
        check(estimator)


@needs_skimage
@ignore_floats
@parametrize_with_checks(EQUALIZERS)
def test_check_of_equalizers(estimator, check):
    check(estimator)


@needs_skimage
@ignore_floats
@parametrize_with_checks(EQUALIZERS)
def test_check_of_equalizers_with_metadata_routing(estimator, check):
    with config_context(enable_metadata_routing=True):
        check(estimator)


def draw(*shape, dtype=np.uint8):
    levels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    return levels if dtype == np.uint8 else (levels / 255).astype(dtype)


@each_stateless
@pytest.mark.parametrize("shape", [(20, 24), (20, 24, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_rows_are_images(transformer, shape, dtype):
    images = draw(4, *shape, dtype=dtype)
    expected = transformer.transform(images)
    assert expected.dtype == dtype
    rows = clone(transformer).set_params(image_shape=shape).fit_transform(images.reshape(4, -1))
    np.testing.assert_array_equal(rows, expected.reshape(4, -1))
    # a fit on images says what rows are
    again = clone(transformer).fit(images).transform(images.reshape(4, -1))
    np.testing.assert_array_equal(again, rows)


@each_stateless
def test_no_fit_is_needed(transformer):
    images = draw(4, 20, 24, 3)
    assert not get_tags(transformer).requires_fit
    expected = clone(transformer).fit(images[:2]).transform(images)
    np.testing.assert_array_equal(transformer.transform(images), expected)


@each_transformer
def test_the_guises_of_gray_images(transformer):
    images = draw(4, 20, 24)
    expected = clone(transformer).fit_transform(images)
    guises = [
        images[..., np.newaxis],
        images.astype(np.int64),
        list(images),
        [Image.fromarray(image) for image in images],
        torch.from_numpy(images),
        np.asfortranarray(images),
        images[:, ::-1][:, ::-1],
    ]
    for guise in guises:
        np.testing.assert_array_equal(clone(transformer).fit_transform(guise), expected)


@each_transformer
def test_input_stays_and_may_be_read_only(transformer):
    images = draw(4, 20, 24)
    before = images.copy()
    images.flags.writeable = False
    clone(transformer).fit_transform(images)
    np.testing.assert_array_equal(images, before)


@each_transformer
def test_clone_and_pickle(transformer):
    images = draw(4, 20, 24)
    fitted = clone(transformer).fit(images)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.transform(images), fitted.transform(images))
    assert clone(fitted).get_params() == transformer.get_params()


@each_transformer
def test_tables(transformer):
    images = draw(4, 16)
    frame = pd.DataFrame(images, index=list("abcd")).rename(columns="pixel{}".format)
    table = clone(transformer).set_output(transform="pandas").fit_transform(frame)
    rows = clone(transformer).fit_transform(images)
    np.testing.assert_array_equal(table, rows)
    assert table.index.tolist() == list("abcd")


def test_names_of_columns():
    images = draw(4, 20, 24, 3)
    assert ToGray().fit(images).get_feature_names_out()[[0, -1]].tolist() == [
        "togray0",
        "togray479",
    ]
    names = Resize((3, 5)).fit(images).get_feature_names_out()
    assert names[[0, -1]].tolist() == ["resize0", "resize44"]
    for one_to_one in (PixelRows(), EqualizeHistogram()):
        names = one_to_one.fit(images).get_feature_names_out()
        assert names[[0, -1]].tolist() == ["x0", "x1439"]


@each_stateless
def test_a_table_holds_no_images(transformer):
    transformer = clone(transformer).set_output(transform="pandas")
    message = r"got images for an output of pandas, expected rows.*set_output\(transform='default'"
    with pytest.raises(ValueError, match=message):
        transformer.fit_transform(draw(4, 20, 24))


def test_pipeline_takes_photos_after_a_fit_on_small_gray_faces():
    X, y = make_faces(42, random_state=0, return_X_y=True)
    pipeline = make_pipeline(ToGray(), Resize(24), ResNetFER(max_epochs=1, random_state=0))
    pipeline.fit(X, y)
    assert pipeline.predict(draw(5, 100, 90, 3)).shape == (5,)
    np.testing.assert_array_equal(
        clone(pipeline).fit(X.reshape(42, -1), y).predict_proba(X), pipeline.predict_proba(X)
    )


# -- what goes wrong ---------------------------------------------------------------------------


@each_transformer
def test_floats_that_look_like_levels_warn(transformer):
    with pytest.warns(
        UserWarning, match=r"got floats up to 255.*X\.astype\(np\.uint8\), or X / 255"
    ):
        clone(transformer).fit(draw(4, 20, 24).astype(np.float64))


@each_transformer
@pytest.mark.parametrize("shape", [(48, 48), (48, 48, 3), (60, 48, 3)])
def test_a_single_image(transformer, shape):
    image = draw(*shape)
    message = r"got X of shape .*, which could be a single image, expected several; use X\[None\]"
    with pytest.raises(ValueError, match=message):
        clone(transformer).fit(image)
    if not get_tags(transformer).requires_fit:
        with pytest.raises(ValueError, match=message):
            transformer.transform(image)
    fitted = clone(transformer).fit(image[np.newaxis])
    with pytest.raises(ValueError, match=r"single image.*expected several; use X\[None\]"):
        fitted.transform(image)


@each_transformer
def test_what_only_looks_like_a_single_image(transformer):
    rows = draw(64, 64)
    images = clone(transformer).set_params(image_shape=(8, 8)).fit_transform(rows)
    assert len(images) == 64
    narrow = draw(64, 48, 3)
    assert len(clone(transformer).set_params(image_shape=(48, 3)).fit_transform(narrow)) == 64
    assert len(clone(transformer).fit(draw(4, 64)).transform(rows)) == 64  # it is known by then


@each_transformer
@pytest.mark.parametrize(
    ("X", "message"),
    [
        (draw(4, 3, 20, 24), r"channels first.*use X\.transpose"),
        (draw(4, 20, 24, 4), r"4 channels.*drop the alpha channel"),
        (
            draw(4, 20, 24).astype(np.int64) * 2,
            r"got level \d+ in sample 0.*expected integers in 0",
        ),
        (np.full((4, 20, 24), np.nan), r"got NaN in sample 0 \(image position \(0, 0\)\)"),
        ([draw(20, 24), draw(24, 20)], r"got images of different shapes, \(20, 24\) in sample 0"),
        (draw(4, 3 * 16 * 16), r"could be 16 x 16 colour images.*image_shape=\(16, 16, 3\)"),
        (["a.png", "b.png"], "got X of dtype"),
        (draw(20), "Expected 2D array, got 1D array"),
    ],
)
def test_what_is_no_image(transformer, X, message):
    with pytest.raises(ValueError, match=message):
        clone(transformer).fit(X)
    if not get_tags(transformer).requires_fit:
        with pytest.raises(ValueError, match=message):
            transformer.transform(X)


@each_transformer
def test_image_shape_that_does_not_fit(transformer):
    transformer = clone(transformer).set_params(image_shape=(5, 5))
    with pytest.raises(
        ValueError, match=r"rows of 24 values, expected 25 for image_shape=\(5, 5\)"
    ):
        transformer.fit(draw(4, 24))
    with pytest.raises(
        ValueError, match=r"images of shape \(4, 6\), expected image_shape=\(5, 5\)"
    ):
        transformer.fit(draw(4, 4, 6))


@each_transformer
def test_rows_of_another_length_than_the_fits(transformer):
    with pytest.raises(ValueError, match=r"X has 9 features, but .* is expecting 16 features"):
        clone(transformer).fit(draw(4, 16)).transform(draw(4, 9))


@pytest.mark.parametrize(
    ("transformer", "message"),
    [
        (Resize(0), "'size' parameter of Resize must be"),
        (Resize(48.0), "'size' parameter of Resize must be"),
        (Resize(True), "got size=True, expected a number of pixels"),
        (Resize((48, 0)), r"got size=\(48, 0\), expected a number of pixels or \(height, width\)"),
        (Resize((48, 48, 3)), r"got size=\(48, 48, 3\), expected a number of pixels"),
        (ToGray(image_shape=48), "'image_shape' parameter of ToGray must be"),
        (EqualizeHistogram("local"), "'method' parameter of EqualizeHistogram must be"),
        (EqualizeHistogram(clip_limit=2), "'clip_limit' parameter of EqualizeHistogram must be"),
    ],
)
def test_parameters(transformer, message):
    X = draw(4, 20, 24)
    with pytest.raises(ValueError, match=message):
        transformer.fit(X)
    with pytest.raises(ValueError, match=message):
        transformer.transform(X)


def test_rows_need_a_fit():
    with pytest.raises(NotFittedError):
        PixelRows().transform(draw(4, 20, 24))


@each_transformer
def test_a_fit_that_fails_leaves_the_one_before(transformer):
    X, _ = make_faces(7, image_size=20, random_state=0, return_X_y=True)
    bad = np.full((7, 400), np.nan, np.float32)
    with pytest.raises(ValueError, match="NaN"):
        transformer.fit(bad)
    assert not vars(transformer).keys() - transformer.get_params().keys()
    transformer = clone(transformer).fit(X)
    before = dict(vars(transformer))
    with pytest.raises(ValueError, match=r"got images of shape|image_shape"):
        transformer.set_params(image_shape=(5, 5)).fit(X[:, :16, :16])
    assert vars(transformer) == before | {"image_shape": (5, 5)}
