import hashlib
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ferkit.datasets import find_duplicates, load_fer2013, make_faces, validation_split

# sha256 of the training images that published results used, and of the chosen positions
EDITION = "7dc92e270c58d228b3eabc52e3bb97ccafff4a2c0acb9b9717ee25b250232f8b"
SPLIT = "a46f453d43b8023ff43207cb4ce09c81d7b4290c6ac2806293e05313de4d6b89"


@pytest.fixture(scope="module")
def twins():
    """Faces of which every third has a darker copy, some under another label."""
    X, y = make_faces(900, random_state=0, return_X_y=True)
    X = np.concatenate([X, X[::3] // 2 + 20])
    y = np.concatenate([y, y[::3]])
    y[900::5] = (y[900::5] + 1) % 7
    order = np.random.default_rng(0).permutation(len(X))
    return X[order], y[order]


@settings(max_examples=30)
@given(fraction=st.floats(0.02, 0.9), seed=st.integers(0, 1000))
def test_every_class_has_its_share(twins, fraction, seed):
    X, y = twins
    groups = np.arange(len(X))
    split = validation_split(X, y, validation_fraction=fraction, groups=groups, random_state=seed)
    train, valid = split
    assert train.dtype == valid.dtype == np.int64
    np.testing.assert_array_equal(np.sort(np.concatenate(split)), groups)
    assert all((np.diff(side) > 0).all() for side in split)
    assert abs(np.bincount(y[valid]) - fraction * np.bincount(y)).max() <= 0.5


def test_all_copies_of_an_image_are_on_one_side(twins):
    X, y = twins
    train, valid = validation_split(X, y)
    groups = find_duplicates(X)
    assert groups.max() == 899
    assert not set(groups[train]) & set(groups[valid])
    assert abs(np.bincount(y[valid]) - 0.1 * np.bincount(y)).max() <= 1


def test_copies_straddle_a_split_that_does_not_know_them(twins):
    X, y = twins
    train, valid = validation_split(X, y, groups=np.arange(len(X)))
    groups = find_duplicates(X)
    assert len(set(groups[train]) & set(groups[valid])) > 30


def test_images_with_copies_are_neither_sought_nor_shunned(twins):
    X, y = twins
    groups = find_duplicates(X)
    has_copy = np.bincount(groups)[groups] > 1
    shares = [
        has_copy[validation_split(X, y, groups=groups, random_state=seed)[1]].mean()
        for seed in range(20)
    ]
    assert abs(np.mean(shares) - has_copy.mean()) < 0.06  # the last of a class are single


def test_same_images_in_any_order_and_form(twins):
    X, y = twins
    _, valid = validation_split(X, y)
    order = np.random.default_rng(1).permutation(len(X))
    _, again = validation_split(X[order].reshape(len(X), -1), np.array(list("abcdefg"))[y][order])
    np.testing.assert_array_equal(np.sort(order[again]), valid)


def test_same_images_on_every_machine():
    X = np.arange(40 * 9).reshape(40, 9) ** 2 % 251
    _, valid = validation_split(X, np.arange(40) % 2, groups=np.arange(40))
    assert valid.tolist() == [3, 6, 28, 39]


def test_random_state(twins):
    X, y = twins
    groups = np.arange(len(X))

    def valid(random_state):
        return validation_split(X, y, groups=groups, random_state=random_state)[1].tolist()

    assert valid(0) == valid(0)
    assert valid(np.random.RandomState(3)) == valid(np.random.RandomState(3))
    different = [valid(0), valid(1), valid(2), valid(None), valid(None)]
    assert len({tuple(positions) for positions in different}) == 5
    for bad in (-1, 1.7, "a", np.random.default_rng(0)):
        with pytest.raises(ValueError, match="The 'random_state' parameter of validation_split"):
            valid(bad)


def test_whole_groups(twins):
    X, y = twins
    groups = np.array([f"person {i}" for i in range(100)])[np.arange(len(X)) % 100]
    train, valid = validation_split(X, y, groups=groups)
    assert not set(groups[train]) & set(groups[valid])
    assert abs(np.bincount(y[valid]) - 0.1 * np.bincount(y)).max() <= 6  # a person has 12 images


@pytest.mark.parametrize("seed", range(5))
def test_groups_of_several_classes(seed):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 256, (300, 4, 4), dtype=np.uint8)
    y, groups = rng.integers(0, 2, 300), rng.integers(0, 150, 300)
    _, valid = validation_split(X, y, groups=groups, validation_fraction=0.2, random_state=seed)
    assert abs(np.bincount(y[valid]) - 0.2 * np.bincount(y)).max() <= 1


def test_threshold(twins):
    X, y = twins
    X = np.where(np.arange(len(X))[:, None, None] == 5, X[4], X)
    split = validation_split(X, y, threshold=1)
    groups = find_duplicates(X, threshold=1)
    expected = validation_split(X, y, groups=groups)
    for side, expected_side in zip(split, expected, strict=True):
        np.testing.assert_array_equal(side, expected_side)


def test_rare_classes_are_on_both_sides():
    X, _ = make_faces(44, random_state=0, return_X_y=True)
    y = np.repeat([0, 1, 2], [40, 2, 2])
    for fraction in (0.01, 0.1, 0.9, 0.99):
        train, valid = validation_split(X, y, validation_fraction=fraction)
        assert set(y[train]) == set(y[valid]) == {0, 1, 2}


@pytest.mark.parametrize(
    ("copies", "message"),
    [
        ([40], "got class sad with 1 image, so the validation set gets none, expected some"),
        (
            [40, 40],
            "got class sad with 2 images, but copies and groups stay together, so the training "
            "set gets none, expected some",
        ),
    ],
)
def test_a_class_that_cannot_be_on_both_sides(copies, message):
    X, _ = make_faces(41, random_state=0, return_X_y=True)
    X = np.concatenate([X[:40], X[copies]])
    y = np.repeat(["happy", "sad"], [40, len(copies)])
    with pytest.raises(ValueError, match=message):
        validation_split(X, y)


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, np.nan, None, "0.1"])
def test_bad_fraction(fraction):
    with pytest.raises(ValueError, match=r"got validation_fraction=.*expected a share between"):
        validation_split(np.eye(4), [0, 0, 1, 1], validation_fraction=fraction)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"y": [0, 1]}, "inconsistent numbers"),
        ({"y": [0.5, 1, 0.5, 1]}, "continuous"),
        ({"groups": [0, 1]}, "got 2 groups for 4 images"),
        ({"groups": [0, 1, None, 2]}, "got a missing group"),
        ({"threshold": 2}, "got threshold=2"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        validation_split(**{"X": np.eye(4), "y": [0, 0, 1, 1], **arguments})


@pytest.fixture(scope="module")
def real():
    if not os.environ.get("FERKIT_DATA"):
        pytest.skip("FERKIT_DATA does not name the folder that holds FER2013")
    X, y = load_fer2013(os.environ["FERKIT_DATA"], return_X_y=True)
    return X, y, validation_split(X, y)


def test_real_shares(real):
    X, y, (train, valid) = real
    assert abs(np.bincount(y[valid]) - 0.1 * np.bincount(y)).max() <= 0.5
    groups = find_duplicates(X)
    assert not set(groups[train]) & set(groups[valid])


def test_real_split_is_the_one_that_results_are_compared_on(real):
    X, _, (_, valid) = real
    if hashlib.sha256(X.tobytes()).hexdigest() != EDITION:
        pytest.skip("FERKIT_DATA holds an edition with other pixels")
    assert hashlib.sha256(valid.astype("<i8").tobytes()).hexdigest() == SPLIT
