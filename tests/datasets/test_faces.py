# ruff: noqa: NPY002 (the legacy global generator is one of the things tested)
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from torch import nn

from ferkit._labels import EMOTIONS
from ferkit.datasets import _faces, make_faces


@pytest.fixture(scope="module")
def faces():
    return make_faces(n_samples=350, random_state=0)


def test_bunch(faces):
    assert sorted(faces) == ["DESCR", "data", "images", "target", "target_names"]
    assert faces.images.shape == (350, 48, 48)
    assert faces.images.dtype == np.uint8
    assert faces.data.shape == (350, 48 * 48)
    assert np.shares_memory(faces.data, faces.images)
    assert faces.target.shape == (350,)
    assert faces.target.dtype == np.int64
    assert faces.target_names == list(EMOTIONS)
    assert "action units" in faces.DESCR


def test_return_X_y_is_the_bunch_in_short(faces):
    images, target = make_faces(n_samples=350, random_state=0, return_X_y=True)
    np.testing.assert_array_equal(images, faces.images)
    np.testing.assert_array_equal(target, faces.target)


def test_images_use_the_grey_scale_and_none_is_empty_or_repeated(faces):
    assert faces.images.min() < 20
    assert faces.images.max() > 235
    assert (faces.data.std(axis=1) > 8).all()
    assert len(np.unique(faces.data, axis=0)) == len(faces.data)


def test_samples_are_shuffled(faces):
    # Sorted labels change 6 times, labels in a random order about 300 times.
    assert np.count_nonzero(np.diff(faces.target)) > 250


@pytest.mark.parametrize("n_samples", [1, 6, 7, 20, 700])
def test_classes_are_balanced(n_samples):
    counts = _faces._class_counts(n_samples, None)
    assert counts.sum() == n_samples
    assert counts.max() - counts.min() <= 1
    assert (np.diff(counts) <= 0).all()  # ties go to the smaller label


@pytest.mark.parametrize(
    ("n_samples", "class_weights", "expected"),
    [
        (10, [1, 0, 0, 1, 0, 0, 0], [5, 0, 0, 5, 0, 0, 0]),
        (10, (0.1, 0.1, 0.1, 0.4, 0.1, 0.1, 0.1), [1, 1, 1, 4, 1, 1, 1]),
        (10, [0.19, 0.16, 0.15, 0.35, 0.05, 0.05, 0.05], [2, 2, 2, 4, 0, 0, 0]),
        (3, np.array([0, 0, 0, 0, 0, 0, 2]), [0, 0, 0, 0, 0, 0, 3]),
        (7, [1e308] * 7, [1] * 7),
    ],
)
def test_class_weights(n_samples, class_weights, expected):
    _, target = make_faces(
        n_samples, image_size=16, class_weights=class_weights, random_state=0, return_X_y=True
    )
    assert np.bincount(target, minlength=7).tolist() == expected


@settings(deadline=None)
@given(
    st.integers(1, 10**6),
    st.lists(st.floats(0, 1e6, allow_subnormal=False), min_size=7, max_size=7).filter(any),
)
def test_each_count_is_its_share_rounded_up_or_down(n_samples, class_weights):
    counts = _faces._class_counts(n_samples, class_weights)
    shares = n_samples * np.array(class_weights) / max(class_weights)
    shares /= np.sum(class_weights) / max(class_weights)
    assert counts.sum() == n_samples
    assert (np.abs(counts - shares) < 1 + 1e-6).all()
    assert (counts[np.array(class_weights) == 0] == 0).all()


def test_same_seed_same_bits(faces):
    np.testing.assert_array_equal(make_faces(350, random_state=0).images, faces.images)
    assert (make_faces(350, random_state=1).images != faces.images).any(axis=(1, 2)).all()


def test_random_state_instance_moves_on():
    rng = np.random.RandomState(0)
    first, second = (make_faces(7, random_state=rng).images for _ in range(2))
    np.testing.assert_array_equal(first, make_faces(7, random_state=0).images)
    assert (first != second).any()


def test_random_state_none_uses_numpys_generator():
    state = np.random.get_state()
    try:
        np.random.seed(0)
        images = make_faces(7).images
    finally:
        np.random.set_state(state)
    np.testing.assert_array_equal(images, make_faces(7, random_state=0).images)


def test_global_generator_is_untouched():
    before = np.random.get_state()
    make_faces(7, random_state=0)
    after = np.random.get_state()
    np.testing.assert_array_equal(before[1], after[1])
    assert before[2:] == after[2:]


@pytest.mark.parametrize("faces_per_chunk", [1, 7, 11, 1000])
def test_chunks_leave_no_trace(faces, faces_per_chunk, monkeypatch):
    monkeypatch.setattr(_faces, "CHUNK_PIXELS", faces_per_chunk * 48**2)
    np.testing.assert_array_equal(make_faces(350, random_state=0).images, faces.images)


@pytest.mark.parametrize("image_size", [16, 17, 32, 64, 96, 224])
def test_a_seed_draws_the_same_faces_at_every_size(image_size):
    images, target = make_faces(14, image_size=image_size, noise=0, random_state=0, return_X_y=True)
    reference = make_faces(14, image_size=192, noise=0, random_state=0)
    assert images.shape == (14, image_size, image_size)
    np.testing.assert_array_equal(target, reference.target)
    np.testing.assert_allclose(_thumbnails(images), _thumbnails(reference.images), atol=0.12)


def _thumbnails(images):
    """Mean grey levels, 0 to 1, of 2 x 2 tiles."""
    half = images.shape[1] // 2
    tiles = [images[:, rows, columns] for rows in _halves(half) for columns in _halves(half)]
    return np.stack([tile.mean(axis=(1, 2)) for tile in tiles]) / 255


def _halves(half):
    return slice(None, half), slice(-half, None)


def test_noise_is_a_standard_deviation():
    clean, slight, strong = (
        make_faces(70, noise=noise, random_state=0).images.astype(float) / 255
        for noise in (0, 0.02, 0.1)
    )
    inner = (clean > 0.4) & (clean < 0.6)  # far from where black and white cut the noise off
    assert np.std((slight - clean)[inner]) == pytest.approx(0.02, rel=0.05)
    assert np.std((strong - clean)[inner]) == pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_samples": 0}, r"'n_samples' .* an int in the range \[1, inf\)\. Got 0 instead"),
        ({"n_samples": 7.0}, r"'n_samples' .* must be an int .* Got 7\.0 instead"),
        ({"image_size": 15}, r"'image_size' .* an int in the range \[16, inf\)\. Got 15"),
        ({"image_size": (48, 48)}, r"'image_size' .* must be an int .* Got \(48, 48\)"),
        ({"noise": -0.1}, r"'noise' .* a float in the range \[0\.0, inf\)\. Got -0\.1"),
        ({"noise": np.nan}, "'noise' .* must be a float .* Got nan"),
        ({"noise": np.inf}, "'noise' .* must be a float .* Got inf"),
        ({"noise": "0.1"}, "'noise' .* must be a float .* Got '0.1'"),
        ({"class_weights": [1, 2]}, r"got shape \(2,\), expected 7"),
        ({"class_weights": 1.0}, r"got shape \(\), expected 7"),
        ({"class_weights": np.ones((7, 1))}, r"got shape \(7, 1\), expected 7"),
        ({"class_weights": [0] * 7}, "expected 7 finite .* positive sum"),
        ({"class_weights": [-1] + [1] * 6}, r"got \[-1, .*expected 7 finite"),
        ({"class_weights": [np.nan] + [1] * 6}, r"got \[nan, .*expected 7 finite"),
        ({"class_weights": [np.inf] + [1] * 6}, r"got \[inf, .*expected 7 finite"),
        ({"class_weights": "balanced"}, "got 'balanced', expected 7 finite"),
        ({"class_weights": {0: 1}}, r"got \{0: 1\}, expected 7 finite"),
        ({"random_state": "seed"}, "'random_state' .* Got 'seed' instead"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_faces(**arguments)


def test_numpy_numbers_are_numbers():
    images = make_faces(np.int32(7), image_size=np.int64(16), noise=np.float32(0)).images
    assert images.shape == (7, 16, 16)


def test_import_is_light():
    """Nothing heavy comes in beyond what scikit-learn itself imports."""
    code = (
        "import sys, sklearn.utils; before = set(sys.modules);"
        "import ferkit.datasets; print(*set(sys.modules) - before)"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    imported = set(run.stdout.split())
    assert "ferkit.datasets._faces" in imported
    assert imported.isdisjoint({"torch", "matplotlib", "scipy.ndimage"})


def _unposed(monkeypatch):
    """Freeze what has nothing to do with the expression, so that pixels can be compared."""
    middle = {name: (sum(limits) / 2,) * 2 for name, limits in _faces.TRAITS.items()}
    monkeypatch.setattr(_faces, "TRAITS", middle | {"strength": (1, 1)})
    monkeypatch.setattr(_faces, "EXTRAS", dict.fromkeys(_faces.EXTRAS, 0))


def test_the_mean_faces_of_any_two_expressions_differ(monkeypatch):
    _unposed(monkeypatch)
    images, target = make_faces(210, noise=0, random_state=0, return_X_y=True)
    levels = images / 255
    means = np.stack([levels[target == label].mean(axis=0) for label in range(7)])
    gaps = np.abs(means[:, None] - means[None, :]).max(axis=(2, 3))
    assert (gaps[~np.eye(7, dtype=bool)] > 0.15).all()


def test_action_units_move_what_they_should(monkeypatch):
    """Surprise raises the brows and opens the mouth, anger lowers the brows: see what is dark."""
    _unposed(monkeypatch)
    images, target = make_faces(210, image_size=96, noise=0, random_state=0, return_X_y=True)
    images = images.astype(float)
    mean = {name: images[target == label].mean(axis=0) for label, name in enumerate(EMOTIONS)}
    brow = np.s_[12:31, 28:34]  # below the hair, above the left eye
    rows = {name: image[brow].mean(axis=1).argmin() for name, image in mean.items()}
    assert rows["surprise"] < rows["neutral"] < rows["angry"]
    mouth = np.s_[66:90, 38:58]
    darkness = {name: (255 - image[mouth]).mean() for name, image in mean.items()}
    assert max(darkness, key=darkness.get) == "surprise"


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_prototypes_use_known_units_and_units_known_geometry(emotion):
    for unit in _faces.PROTOTYPES[emotion]:
        assert _faces.ACTION_UNITS[unit].keys() <= _faces.NEUTRAL.keys()


@pytest.fixture(scope="module")
def split():
    """2,000 faces to learn from and 1,000 others to be judged on."""
    train = make_faces(2000, random_state=0, return_X_y=True)
    test = make_faces(1000, random_state=1000, return_X_y=True)
    return *train, *test


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_linear_model_learns_little(split):
    X, y, X_test, y_test = split
    model = LogisticRegression(C=0.1, max_iter=200)
    model.fit(X.reshape(len(X), -1) / 255, y)
    score = f1_score(y_test, model.predict(X_test.reshape(len(X_test), -1) / 255), average="macro")
    assert 0.25 < score < 0.7


def test_a_small_network_learns_most(split):
    X, y, X_test, y_test = split
    score = f1_score(y_test, _fit_predict(X, y, X_test), average="macro")
    assert 0.85 < score < 0.98


def _fit_predict(X, y, X_test, max_epochs=8):
    """Train an ordinary small network (64,000 parameters), and leave torch's generator alone."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = nn.Sequential(
            *_block(1, 16), *_block(16, 32), *_block(32, 64), *_block(64, 64), nn.Flatten(),
            nn.Dropout(0.2), nn.Linear(64 * 9, 7),
        )  # fmt: skip
        X, X_test = (torch.from_numpy(Z).float()[:, None] / 127.5 - 1 for Z in (X, X_test))
        y = torch.from_numpy(y)
        optimizer = torch.optim.Adam(network.parameters())
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=3e-3, epochs=max_epochs, steps_per_epoch=-(-len(X) // 64)
        )
        for _ in range(max_epochs):
            for batch in torch.randperm(len(X)).split(64):
                optimizer.zero_grad()
                nn.functional.cross_entropy(network(X[batch]), y[batch]).backward()
                optimizer.step()
                schedule.step()
        network.eval()
        with torch.inference_mode():
            return network(X_test).argmax(dim=1).numpy()


def _block(n_in, n_out):
    conv = nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)
    return conv, nn.BatchNorm2d(n_out), nn.ReLU(), nn.MaxPool2d(2)
