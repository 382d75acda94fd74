import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import StratifiedGroupKFold

from ferkit import ResNetFER
from ferkit.datasets import _duplicates, find_duplicates, load_fer2013, make_faces


def smooth(n, rng, shape=(12, 12)):
    """Images whose correlations are all over the place, as faces' are."""
    y, x = np.indices(shape[:2]) / shape[0]
    waves = [np.cos(3 * (a * x + b * y)) for a in range(3) for b in range(3)]
    images = np.tensordot(rng.normal(size=(n, *shape[2:], 9)), waves, axes=1)
    images = np.moveaxis(images, 1, -1) if len(shape) == 3 else images
    return np.uint8(np.clip(128 + 25 * images, 0, 255))


def plant(X, rng, n_copies, noise):
    """Append copies of other brightness and contrast, with some noise, and shuffle."""
    copies = X[rng.integers(len(X), size=n_copies)].astype(float)
    copies = rng.uniform(0.4, 0.9) * copies + rng.uniform(0, 20)
    copies += rng.normal(scale=noise, size=copies.shape)
    together = np.concatenate([X, np.uint8(np.clip(copies, 0, 255))])
    return together[rng.permutation(len(together))]


def brute_force(X, threshold):
    """Compare all pairs as a user of numpy would."""
    correlation = np.atleast_2d(np.corrcoef(X.reshape(len(X), -1).astype(np.float64)))
    return connected_components(correlation >= threshold, directed=False)[1]


def same_partition(a, b):
    return np.array_equal(a[:, None] == a, b[:, None] == b)


@pytest.fixture
def _many_blocks(monkeypatch):
    monkeypatch.setattr(_duplicates, "_BLOCK_VALUES", 144 * 7)
    monkeypatch.setattr(_duplicates, "_N_COMPONENTS", 4)
    monkeypatch.setattr(_duplicates, "_N_SAMPLED", 10)


@pytest.mark.usefixtures("_many_blocks")
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@settings(max_examples=50)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 40),
    noise=st.sampled_from([0, 1, 4, 8]),
    threshold=st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99, 0.999]),
)
def test_groups_are_those_of_brute_force(dtype, seed, n, noise, threshold):
    rng = np.random.default_rng(seed)
    X = plant(smooth(n, rng), rng, n_copies=n // 2, noise=noise)
    X = X if dtype == np.uint8 else (X / np.float32(255))
    groups = find_duplicates(X, threshold=threshold)
    assert groups.dtype == np.int64
    assert same_partition(groups, brute_force(X, threshold))


@pytest.mark.usefixtures("_many_blocks")
@pytest.mark.parametrize("noise", [20, 200])
def test_noise_which_components_cannot_hold(noise):
    # the bound is weak here, so that nearly every pair is multiplied in full
    rng = np.random.default_rng(0)
    X = np.uint8(rng.integers(100, 140, (12, 12)) + rng.integers(0, noise // 2, (60, 12, 12)))
    correlation = np.corrcoef(X.reshape(60, -1))
    threshold = np.sort(correlation, axis=None)[-150]  # 60 of the diagonal, 45 pairs
    groups = find_duplicates(X, threshold=threshold - 1e-9)
    assert 1 < groups.max() < 59
    assert same_partition(groups, brute_force(X, threshold - 1e-9))


def test_few_pairs_are_multiplied(monkeypatch):
    multiplied = []
    correlated = _duplicates._correlated

    def spy(rows, i, j, threshold):
        multiplied.append(len(i))
        return correlated(rows, i, j, threshold)

    monkeypatch.setattr(_duplicates, "_correlated", spy)
    X, _ = make_faces(1000, random_state=0, return_X_y=True)
    X = plant(X, np.random.default_rng(0), n_copies=50, noise=1)
    assert find_duplicates(X).max() == 999
    assert sum(multiplied) < 500  # of 551,775


def test_groups_are_numbered_as_they_occur():
    X = smooth(4, np.random.default_rng(0))
    assert find_duplicates(X[[2, 0, 2, 1, 0, 3]], threshold=0.999).tolist() == [0, 1, 0, 2, 1, 3]


def test_copies_of_copies_are_in_one_group():
    rng = np.random.default_rng(0)
    X = smooth(1, rng, (48, 48)) + np.zeros((3, 1, 1))
    X[1:] += rng.normal(scale=5, size=(48, 48))
    X[2] += rng.normal(scale=5, size=(48, 48))
    correlation = np.corrcoef(X.reshape(3, -1))
    threshold = (min(correlation[0, 1], correlation[1, 2]) + correlation[0, 2]) / 2
    assert correlation[0, 2] < threshold < correlation[0, 1]
    X = np.uint8(np.clip(X, 0, 255))
    assert find_duplicates(X, threshold=threshold).tolist() == [0, 0, 0]
    assert find_duplicates(X[[0, 2]], threshold=threshold).tolist() == [0, 1]


def test_at_one_only_equal_values_count():
    X = np.concatenate([smooth(3, np.random.default_rng(0)) // 2] * 3)
    X[3] += 1  # correlation 1
    X[7, 0, 0] ^= 1
    assert find_duplicates(X, threshold=1).tolist() == [0, 1, 2, 3, 1, 2, 0, 4, 2]
    assert find_duplicates(X, threshold=0.999).tolist() == [0, 1, 2] * 3


def test_zero_has_no_sign():
    X = np.float32([[0, 0.5, 1, 1], [-0.0, 0.5, 1, 1]])
    assert find_duplicates(X, threshold=1).tolist() == [0, 0]


def test_blank_images_are_copies_of_each_other():
    X = smooth(7, np.random.default_rng(0))
    X[1], X[2], X[4], X[6] = 0, 0, 255, 7
    assert find_duplicates(X).tolist() == [0, 1, 1, 2, 1, 3, 1]
    assert find_duplicates(X, threshold=1).tolist() == [0, 1, 1, 2, 3, 4, 5]
    X = np.full((2, 48, 48), 0.1, np.float32)  # its mean is another float
    X[1] += 0.2
    assert find_duplicates(X).tolist() == [0, 0]


def test_negatives_and_mirrored_images_are_no_copies():
    X = smooth(1, np.random.default_rng(0))
    X = np.concatenate([X, 255 - X, X[:, :, ::-1]])
    assert find_duplicates(X).tolist() == [0, 1, 2]


def test_every_form_of_images():
    rng = np.random.default_rng(0)
    X = plant(smooth(20, rng), rng, n_copies=10, noise=1)
    expected = find_duplicates(X)
    assert expected.max() < 29
    for form in (X[..., None], X.reshape(30, -1), X.astype(int), X / 255, X.tolist()):
        np.testing.assert_array_equal(find_duplicates(form), expected)
    np.testing.assert_array_equal(find_duplicates(np.stack([X] * 3, axis=-1)), expected)
    X = plant(smooth(20, rng, (12, 12, 3)), rng, n_copies=10, noise=1)
    groups = find_duplicates(X)
    assert same_partition(groups, brute_force(X, 0.95))
    np.testing.assert_array_equal(find_duplicates(X.reshape(30, -1)), groups)


def test_input_is_left_alone(tmp_path):
    X = smooth(10, np.random.default_rng(0))
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    np.testing.assert_array_equal(find_duplicates(mapped), find_duplicates(X))
    np.testing.assert_array_equal(mapped, X)


@pytest.mark.parametrize("threshold", [0, -0.5, 1.01, np.nan, None, "0.9"])
def test_bad_threshold(threshold):
    with pytest.raises(ValueError, match=r"got threshold=.*expected a correlation above 0"):
        find_duplicates(np.eye(4), threshold=threshold)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((2, 3, 8, 8), np.uint8), "channels first"),
        (np.full((2, 8, 8), 300), "got level 300 in sample 0"),
        (np.full((2, 8, 8), np.nan), "got NaN in sample 0"),
        (np.zeros((0, 8, 8)), "0 sample"),
        (np.zeros(8), "1D array"),
    ],
)
def test_bad_images(X, message):
    with pytest.raises(ValueError, match=message):
        find_duplicates(X)


def test_groups_plug_into_splitters_and_fits():
    X, y = make_faces(70, random_state=0, return_X_y=True)
    X, y = np.concatenate([X, X // 2 + 50]), np.concatenate([y, y])
    groups = find_duplicates(X)
    assert groups.max() == 69
    for train, test in StratifiedGroupKFold(5, shuffle=True, random_state=0).split(X, y, groups):
        assert not set(train % 70) & set(test % 70)
    clf = ResNetFER(max_epochs=1, early_stopping=True, random_state=0)
    clf.fit(X, y, groups=groups)


@pytest.fixture(scope="module")
def real():
    if not os.environ.get("FERKIT_DATA"):
        pytest.skip("FERKIT_DATA does not name the folder that holds FER2013")
    return os.environ["FERKIT_DATA"]


def test_real_twins(real):
    X = load_fer2013(real).images
    X_test = load_fer2013(real, subset="public_test").images
    groups = find_duplicates(np.concatenate([X, X_test]), threshold=0.99)
    n_earlier_copies = len(X) - len(np.unique(groups[: len(X)]))
    assert 1200 <= n_earlier_copies <= 1400
    assert 0.075 < np.isin(groups[len(X) :], groups[: len(X)]).mean() < 0.09
    assert np.bincount(groups).max() < 20  # nothing but a dozen blank images
