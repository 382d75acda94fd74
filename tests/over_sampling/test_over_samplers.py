import pickle

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import make_pipeline
from sklearn.base import clone

from ferkit.augment import Policy
from ferkit.datasets import make_faces
from ferkit.over_sampling import AugmentedOverSampler, ImagePool, PoolOverSampler, at_least

COUNTS = [12, 2, 9, 20, 10, 8, 9]


@pytest.fixture(scope="module")
def faces():
    return make_faces(70, class_weights=COUNTS, image_size=24, random_state=0, return_X_y=True)


@pytest.fixture(scope="module")
def pool():
    return ImagePool(*make_faces(140, image_size=24, random_state=1, return_X_y=True))


@pytest.fixture(params=["augmented", "pool"])
def sampler(request, pool):
    if request.param == "pool":
        return PoolOverSampler(pool, random_state=0)
    return AugmentedOverSampler(random_state=0)


def test_images_and_their_rows_are_interchangeable(sampler, faces):
    X, y = faces
    images, y_images = sampler.fit_resample(X, y)
    rows, y_rows = clone(sampler).fit_resample(X.reshape(len(X), -1), y)
    np.testing.assert_array_equal(rows, images.reshape(len(images), -1))
    np.testing.assert_array_equal(y_rows, y_images)
    assert images.dtype == rows.dtype == np.uint8
    assert images[..., None].shape == sampler.fit_resample(X[..., None], y)[0].shape


def test_labels_and_images_as_objects(sampler, faces):
    X, y = faces
    expected, y_expected = clone(sampler).fit_resample(X, y)
    images = np.empty(len(X), dtype=object)
    images[:] = list(X)
    series = pd.Series(list(X))
    for X_in, y_in in ((X, y.astype(object)), (images, y), (list(X), y.tolist()), (series, y)):
        X_new, y_new = clone(sampler).fit_resample(X_in, y_in)
        np.testing.assert_array_equal(X_new, expected)
        np.testing.assert_array_equal(y_new, y_expected)


def test_originals_come_first_and_stay(sampler, faces):
    X, y = faces
    before = X.copy()
    X_new, y_new = sampler.fit_resample(X, y)
    np.testing.assert_array_equal(X_new[: len(X)], before)
    np.testing.assert_array_equal(y_new[: len(y)], y)
    assert np.bincount(y_new).tolist() == [20] * 7


def test_string_labels_and_colour(faces):
    X, y = faces
    colour = np.stack([X, 255 - X, X // 2], axis=-1)
    names = np.array(list("abcdefg"))[y]
    X_new, y_new = AugmentedOverSampler(random_state=0).fit_resample(colour, names)
    assert X_new.shape == (140, 24, 24, 3)
    assert np.unique(y_new, return_counts=True)[1].tolist() == [20] * 7
    assert y_new.dtype == names.dtype


def test_copies_are_like_their_parents_and_unlike_each_other(faces):
    X, y = faces
    sampler = AugmentedOverSampler(policy=Policy(flip=1), random_state=0)
    X_new, y_new = sampler.fit_resample(X, y)
    parents = sampler.sample_indices_
    np.testing.assert_array_equal(parents[: len(X)], np.arange(len(X)))
    np.testing.assert_array_equal(y_new, y[parents])
    flipped = X[parents[len(X) :]][..., ::-1].astype(int)
    assert abs(X_new[len(X) :].astype(int) - flipped).max() <= 1
    X_new, _ = AugmentedOverSampler(random_state=0).fit_resample(X, y)
    assert len(np.unique(X_new[len(X) :].reshape(70, -1), axis=0)) == 70


def test_floats_stay_floats(faces):
    X, y = faces
    levels = AugmentedOverSampler(random_state=0).fit_resample(X, y)[0]
    floats = AugmentedOverSampler(random_state=0).fit_resample(X / 255, y)[0]
    assert floats.dtype == np.float64
    np.testing.assert_allclose(floats, levels / 255, atol=0.51 / 255)
    np.testing.assert_array_equal(floats[: len(X)], X / 255)  # to the last bit


def test_the_seed_decides(faces):
    X, y = faces
    a, b, c = (AugmentedOverSampler(random_state=s).fit_resample(X, y)[0] for s in (0, 0, 1))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


def test_a_pool_gives_each_image_once(faces, pool):
    X, y = faces
    sampler = PoolOverSampler(pool, sampling_strategy={1: 22}, random_state=0)
    X_new, y_new = sampler.fit_resample(X, y)
    drawn = {image.tobytes() for image in X_new[len(X) :]}
    assert drawn == {image.tobytes() for image in pool.images[pool.y == 1]}  # all 20 of them
    assert (y_new[len(X) :] == 1).all()
    assert sampler.n_missing_ == {}


def test_what_a_pool_lacks_is_reported(faces, pool):
    sampler = PoolOverSampler(pool, sampling_strategy=at_least(25), random_state=0)
    with pytest.warns(UserWarning, match=r"the pool lacks 3 of class 1; .*stay short") as caught:
        _, y_new = sampler.fit_resample(*faces)
    assert caught[0].filename == __file__
    assert sampler.n_missing_ == {1: 3}
    assert np.bincount(y_new).tolist() == [25, 22, 25, 25, 25, 25, 25]


def test_the_studys_recipe(faces, pool):
    recipe = make_pipeline(
        PoolOverSampler(pool, sampling_strategy={0: 20, 1: 15, 5: 20}),
        AugmentedOverSampler(sampling_strategy=at_least(18)),
    )
    X_new, y_new = recipe.fit_resample(*faces)
    assert np.bincount(y_new).tolist() == [20, 18, 18, 20, 18, 20, 18]
    assert len(X_new) == len(y_new)


def test_pools_are_not_copied_by_clone(pool):
    assert clone(PoolOverSampler(pool)).pool is pool
    assert repr(pool) == "ImagePool of 140 uint8 images of (24, 24), 7 classes"
    again = pickle.loads(pickle.dumps(pool))
    np.testing.assert_array_equal(again.images, pool.images)


def test_a_pool_may_be_a_pair(faces, pool):
    pair = pool.images[..., 0], pool.y
    a = PoolOverSampler(pair, random_state=0).fit_resample(*faces)[0]
    np.testing.assert_array_equal(a, PoolOverSampler(pool, random_state=0).fit_resample(*faces)[0])


def test_strategies_are_values():
    assert repr(at_least(3)) == "at_least(3)"
    assert at_least(3) == at_least(3) != at_least(4)
    assert at_least(3)(["a", "a", "b", "b", "b", "b"]) == {"a": 3, "b": 4}
    X, y = np.zeros((8, 4)), np.repeat([0, 1], [6, 2])
    assert len(SMOTE(k_neighbors=1, sampling_strategy=at_least(5)).fit_resample(X, y)[1]) == 11


@pytest.mark.parametrize("n", [0, -1, 2.5, True, "4000", None])
def test_bad_numbers(n):
    with pytest.raises(ValueError, match=r"got at_least\(.*\), expected a whole number from 1 on"):
        at_least(n)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda pool: AugmentedOverSampler(policy="ofline"), "got policy='ofline', expected a"),
        (lambda pool: AugmentedOverSampler(policy=Policy()), "for plain copies take"),
        (lambda pool: AugmentedOverSampler(sampling_strategy=at_least), "call it, as in at_least"),
        (lambda pool: AugmentedOverSampler(policy=None), "got policy=None, expected one that"),
        (
            lambda pool: AugmentedOverSampler(policy=Policy(mixup=0.2)),
            "expected one that changes images one by one",
        ),
        (lambda pool: PoolOverSampler((pool.images,)), "got a pool of type tuple, expected"),
        (
            lambda pool: PoolOverSampler((pool.images[:, ::2], pool.y)),
            r"got a pool of uint8 images of \(12, 24, 1\), expected uint8 ones of \(24, 24, 1\)",
        ),
        (
            lambda pool: PoolOverSampler(ImagePool(pool.images / 255, pool.y)),
            "got a pool of float32 images",
        ),
        (
            lambda pool: PoolOverSampler("faces.npz"),
            "got a pool of type str, expected an",
        ),
        (lambda pool: PoolOverSampler(pool.images), "got a pool of type ndarray, expected"),
        (
            lambda pool: PoolOverSampler(ImagePool(pool.images, pool.y.astype(str))),
            r"got a pool with the labels \['0', .* for the labels \[0, .* expected some in common",
        ),
    ],
)
def test_bad_parameters(make, message, faces, pool):
    with pytest.raises(ValueError, match=message):
        make(pool).fit_resample(*faces)


@pytest.mark.parametrize(
    ("given", "made"),
    [
        (bool, np.float32),
        (np.int8, np.int16),
        (np.int64, np.int64),
        (np.float16, np.float32),
        (np.float64, np.float64),
    ],
)
def test_new_images_of_other_dtypes(given, made, faces):
    X, y = faces
    X = (X > 100) if np.dtype(given).kind in "bf" else X // 2
    own = X.astype(given)
    same = own.astype(np.float32 if np.dtype(given).kind in "bf" else np.uint8)
    X_own, _ = AugmentedOverSampler(random_state=0).fit_resample(own, y)
    X_same, _ = AugmentedOverSampler(random_state=0).fit_resample(same, y)
    assert X_own.dtype == made
    np.testing.assert_array_equal(X_own, X_same)


def test_bad_pools():
    with pytest.raises(ValueError, match=r"Expected 2D array, got 1D array"):
        ImagePool(np.zeros(3), [0, 1, 2])
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        ImagePool(np.zeros((0, 8, 8), np.uint8), [])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        ImagePool(np.zeros((3, 8, 8), np.uint8), [0, 1])
