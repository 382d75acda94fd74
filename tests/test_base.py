"""The contract beyond scikit-learn's checks: images, labels, bits, errors."""

import pickle
import threading
from math import prod

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from joblib import Parallel, delayed
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, f1_score, log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from torch import nn

import ferkit
from ferkit import BaseFER, MobileNetFER, ResNetFER
from ferkit.datasets import make_faces

ESTIMATORS = [MobileNetFER, ResNetFER]
# shuffling, augmentation and dropout all draw
LIVELY = {"augment": "reference", "dropout": 0.2, "random_state": 0}


class LinearFER(BaseFER):
    def _make_module(self, in_channels, n_classes):
        n_pixels = prod(self.image_shape_[:2])
        return nn.Sequential(nn.Flatten(), nn.Linear(in_channels * n_pixels, n_classes))


@pytest.fixture(scope="module")
def faces():
    return make_faces(140, image_size=24, random_state=0, return_X_y=True)


def fit(estimator, faces, **kwargs):
    return estimator(**{"max_epochs": 2, **LIVELY, **kwargs}).fit(*faces)


def assert_same_bits(a, b, X):
    np.testing.assert_array_equal(a.decision_function(X), b.decision_function(X))


# -- bits --------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_repeats_are_bit_equal(estimator, faces):
    a = fit(estimator, faces)
    assert_same_bits(a, fit(estimator, faces), faces[0])
    b = fit(estimator, faces, random_state=1)
    assert not np.array_equal(a.decision_function(faces[0]), b.decision_function(faces[0]))
    c = fit(estimator, faces, random_state=np.random.RandomState(0))
    assert_same_bits(c, fit(estimator, faces, random_state=np.random.RandomState(0)), faces[0])


def test_no_random_state_gives_another_fit(faces):
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    a, b = (fit(ResNetFER, faces, random_state=None) for _ in range(2))
    assert not np.array_equal(a.decision_function(faces[0]), b.decision_function(faces[0]))
    np.testing.assert_array_equal(state, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_partial_fits_equal_a_fit(estimator, precision, faces):
    X, y = faces
    params = {**LIVELY, "precision": precision}
    a = estimator(max_epochs=3, **params).fit(X, y)
    b = estimator(max_epochs=99, **params)
    for _ in range(3):
        b.partial_fit(X, y, classes=np.unique(y))
        torch.rand(5)  # the caller's own draws do not matter
    assert_same_bits(a, b, X)
    assert b.n_iter_ == 3
    columns = ["epoch", "train_loss", "lr"]
    pd.testing.assert_frame_equal(a.history_[columns], b.history_[columns])


def test_partial_fit_goes_on_after_fit_and_after_pickling(faces):
    X, y = faces
    a = ResNetFER(max_epochs=3, **LIVELY).fit(X, y)
    b = ResNetFER(max_epochs=2, **LIVELY).fit(X, y)
    assert_same_bits(a, pickle.loads(pickle.dumps(b)).partial_fit(X, y), X)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("kind", ["levels", "floats"])
def test_images_and_rows_are_interchangeable(estimator, kind, faces):
    X, y = faces
    X = X if kind == "levels" else X / 255
    rows = X.reshape(len(X), -1)
    a = fit(estimator, (X, y))
    for other in (rows, X[..., None], list(X), torch.from_numpy(X), np.asfortranarray(X)):
        b = fit(estimator, (other, y))
        assert_same_bits(a, b, X)
        assert b.n_features_in_ == 24 * 24
        assert b.image_shape_ == (24, 24)
    np.testing.assert_array_equal(a.decision_function(X), a.decision_function(rows))


def test_data_frames(faces):
    X, y = faces
    frame = pd.DataFrame(X.reshape(len(X), -1)).astype("int64").add_prefix("pixel")
    clf = fit(ResNetFER, (frame, pd.Series(y)))
    assert clf.feature_names_in_[0] == "pixel0"
    np.testing.assert_array_equal(
        clf.decision_function(frame), fit(ResNetFER, faces).decision_function(X)
    )


def test_the_callers_generators_are_untouched(faces):
    import random

    torch.manual_seed(7)
    random.seed(7)
    np.random.seed(7)  # noqa: NPY002
    expected = torch.rand(3), random.random(), np.random.random()  # noqa: NPY002
    torch.manual_seed(7)
    random.seed(7)
    np.random.seed(7)  # noqa: NPY002
    clf = fit(MobileNetFER, faces)
    clf.partial_fit(*faces).predict(faces[0])
    with pytest.raises(ValueError, match="diverged"):
        fit(LinearFER, faces, lr=1e38, optimizer="sgd")
    assert torch.equal(torch.rand(3), expected[0])
    assert random.random() == expected[1]
    assert np.random.random() == expected[2]  # noqa: NPY002


def test_fits_from_threads(faces):
    fitted = {}

    def run(seed):
        torch.set_num_threads(1)
        fitted[seed] = fit(ResNetFER, faces, random_state=seed)

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in range(4):
        assert_same_bits(fitted[seed], fit(ResNetFER, faces, random_state=seed), faces[0])


def test_fits_from_processes(faces):
    with joblib.parallel_config("loky", inner_max_num_threads=torch.get_num_threads()):
        fitted = Parallel(n_jobs=2)(
            delayed(clone(ResNetFER(max_epochs=2, **LIVELY)).fit)(*faces) for _ in range(2)
        )
    for clf in fitted:
        assert_same_bits(clf, fit(ResNetFER, faces), faces[0])


def test_read_only_memory_maps(faces, tmp_path):
    X, y = faces
    np.save(tmp_path / "X.npy", X)
    memmap = np.load(tmp_path / "X.npy", mmap_mode="r")
    clf = fit(ResNetFER, (memmap, y), max_epochs=1)
    assert_same_bits(clf, fit(ResNetFER, faces, max_epochs=1), memmap)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_X_is_never_written_to(dtype, faces):
    X, y = faces[0].astype(dtype) / (1 if dtype == "uint8" else 255), faces[1]
    X = X.astype(dtype)
    before = X.copy()
    clf = fit(MobileNetFER, (X, y), max_epochs=1)
    clf.predict(X)
    clf.transform(X)
    np.testing.assert_array_equal(X, before)


# -- images ------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_colour_images(estimator):
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (20, 16, 16, 3), np.uint8), np.arange(20) % 2
    clf = fit(estimator, (X, y), max_epochs=1)
    assert clf.image_shape_ == (16, 16, 3)
    assert clf.n_features_in_ == 768
    rows = X.reshape(20, -1)
    assert_same_bits(clf, fit(estimator, (rows, y), max_epochs=1, image_shape=(16, 16, 3)), rows)
    with pytest.raises(ValueError, match=r"image_shape=\(16, 16, 3\)"):
        fit(estimator, (rows, y))
    with pytest.raises(ValueError, match=r"got colour images.*expected gray ones for channels=1"):
        fit(estimator, (X, y), channels=1)


def test_three_channels_from_gray(faces):
    clf = fit(MobileNetFER, faces, channels=3, max_epochs=1)
    assert clf.n_parameters_ == 132_935
    assert fit(MobileNetFER, faces, channels="auto", max_epochs=1).n_parameters_ == 132_359


def test_predicting_other_images_than_fitted(faces):
    X, _ = faces
    clf = fit(ResNetFER, faces, max_epochs=1)
    with pytest.raises(ValueError, match=r"got images of shape \(20, 20\), expected \(24, 24\)"):
        clf.predict(X[:, :20, :20])
    with pytest.raises(ValueError, match=r"got a single image of shape \(24, 24\).*X\[None\]"):
        clf.predict(X[0])
    with pytest.warns(UserWarning, match="got float32 images, expected uint8 as in the fit"):
        clf.predict(X / 255)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, y: (X.transpose(0, 2, 1)[:, None], y), "channels first"),
        (lambda X, y: (X.astype(int) - 1, y), r"got level -1 in sample \d+"),
        (lambda X, y: (np.where(X > 9, np.nan, X), y), "NaN"),
        (lambda X, y: (X, y[1:]), "inconsistent numbers of samples"),
        (lambda X, y: (X, np.zeros(len(y), int)), "got 1 class in y, 0, expected at least two"),
        (lambda X, y: (X, y + 0.5), "Unknown label type: continuous"),
        (lambda X, y: (X, None), "requires y to be passed"),
        (lambda X, y: (X[:0], y[:0]), "minimum of 1 is required"),
    ],
)
@pytest.mark.filterwarnings("ignore:got floats up to")
def test_fit_refuses(change, message, faces):
    clf = ResNetFER(max_epochs=1).fit(*faces)
    with pytest.raises(ValueError, match=message):
        clf.fit(*change(*faces))
    with pytest.raises(NotFittedError):  # no old network behind new labels
        clf.predict(faces[0])


# -- labels ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "labels",
    [
        np.array([-3, 5, 100]),
        np.array(["happy", "angry", "sad"]),
        np.array(["happy", "angry", "sad"], dtype=object),
        np.array([False, True]),
        np.array([1.0, 2.0]),
    ],
    ids=lambda labels: labels.dtype.name,
)
def test_labels(labels, faces, tmp_path):
    X = faces[0]
    y = labels[np.arange(len(X)) % len(labels)]
    clf = fit(ResNetFER, (X, y), max_epochs=1)
    np.testing.assert_array_equal(clf.classes_, np.unique(labels))
    assert set(clf.predict(X)) <= set(labels.tolist())
    proba = clf.predict_proba(X)
    assert proba.shape == (len(X), len(labels))
    np.testing.assert_array_equal(clf.predict(X), clf.classes_[proba.argmax(axis=1)])
    np.testing.assert_allclose(np.exp(clf.predict_log_proba(X)), proba)
    clf.save(tmp_path / "m.safetensors")
    loaded = ferkit.load(tmp_path / "m.safetensors")
    assert loaded.classes_.dtype == clf.classes_.dtype
    np.testing.assert_array_equal(loaded.predict(X), clf.predict(X))


def test_partial_fit_refuses(faces):
    X, y = faces
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        ResNetFER().partial_fit(X, y)
    with pytest.raises(ValueError, match="got 1 class"):
        ResNetFER().partial_fit(X, y, classes=[0])
    with pytest.raises(ValueError, match=r"got labels \[6\], expected labels among"):
        ResNetFER().partial_fit(X, y, classes=range(6))
    with pytest.raises(ValueError, match="got class_weight='balanced'"):
        ResNetFER(class_weight="balanced").partial_fit(X, y, classes=range(7))
    clf = ResNetFER().partial_fit(X, y, classes=range(7))
    with pytest.raises(ValueError, match="is not the same as on last call to partial_fit"):
        clf.partial_fit(X, y, classes=range(8))
    with pytest.raises(ValueError, match=r"got labels \[9\], expected labels among"):
        clf.partial_fit(X, np.where(y == 0, 9, y))


def test_classes_absent_from_the_first_batch(faces):
    X, y = faces
    clf = ResNetFER(random_state=0).partial_fit(X[y < 3], y[y < 3], classes=range(7))
    assert clf.predict_proba(X).shape == (len(X), 7)


# -- training ----------------------------------------------------------------------------------


def test_history(faces):
    X, y = faces
    clf = ResNetFER(max_epochs=3, lr=0.002, random_state=0)
    clf.fit(X[:100], y[:100], X_val=X[100:], y_val=y[100:])
    history = clf.history_
    assert list(history) == [
        *("epoch", "train_loss", "lr", "seconds", "images_per_second"),
        *("valid_loss", "valid_accuracy", "valid_f1_macro"),
    ]
    assert history["epoch"].tolist() == [1, 2, 3]
    assert (history["lr"] == 0.002).all()
    last, predicted = history.iloc[-1], clf.predict(X[100:])
    assert last["valid_accuracy"] == accuracy_score(y[100:], predicted)
    assert last["valid_f1_macro"] == f1_score(y[100:], predicted, average="macro")
    assert last["valid_loss"] == pytest.approx(log_loss(y[100:], clf.predict_proba(X[100:])))
    # validation data is looked at, and changes nothing
    other = ResNetFER(max_epochs=3, lr=0.002, random_state=0).fit(X[:100], y[:100])
    assert_same_bits(clf, other, X)
    assert "valid_loss" not in other.history_


@pytest.mark.parametrize("missing", ["X_val", "y_val"])
def test_validation_data_comes_in_pairs(missing, faces):
    given = {"X_val": faces[0], "y_val": faces[1]}
    given.pop(missing)
    with pytest.raises(ValueError, match=f"without {missing}, expected both or neither"):
        ResNetFER().fit(*faces, **given)


def test_validation_data_is_validated(faces):
    X, y = faces
    with pytest.raises(ValueError, match=r"got labels \[77\]"):
        ResNetFER().fit(X, y, X_val=X, y_val=np.full(len(y), 77))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        ResNetFER().fit(X, y, X_val=X, y_val=y[1:])
    with pytest.raises(ValueError, match=r"got images of shape \(9, 24\)"):
        ResNetFER().fit(X, y, X_val=X[:, :9], y_val=y)


def test_a_diverged_fit_raises(faces):
    message = r"training diverged: .* in epoch \d with lr=1e\+20.*try lr=1e\+19"
    with pytest.raises(ValueError, match=message):
        ResNetFER(lr=1e20, optimizer="sgd", random_state=0).fit(*faces)


def test_an_interrupt_propagates(faces):
    class Interrupted(LinearFER):
        def _make_module(self, in_channels, n_classes):
            module = super()._make_module(in_channels, n_classes)

            def interrupt(*_):
                raise KeyboardInterrupt

            module.register_forward_hook(interrupt)
            return module

    clf = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        clf.fit(*faces)
    with pytest.raises(NotFittedError):
        clf.predict(faces[0])


def test_class_weight(faces):
    X, y = faces
    few = np.r_[np.flatnonzero(y == 0)[:4], np.flatnonzero(y == 1)]
    plain = fit(ResNetFER, (X[few], y[few]), random_state=0)
    balanced = fit(ResNetFER, (X[few], y[few]), class_weight="balanced")
    counts = np.bincount(y[few])
    by_hand = {label: len(few) / (2 * count) for label, count in enumerate(counts)}
    assert_same_bits(balanced, fit(ResNetFER, (X[few], y[few]), class_weight=by_hand), X)
    assert (balanced.predict_proba(X)[:, 0] - plain.predict_proba(X)[:, 0]).mean() > 0


@pytest.mark.parametrize(
    "changed",
    [
        {"augment": None},
        {"dropout": 0.0},
        {"batch_size": 20},
        {"weight_decay": 0.1},
        {"label_smoothing": 0.5},
        {"precision": "bfloat16"},
    ],
    ids=lambda changed: next(iter(changed)),
)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_every_parameter_acts(estimator, changed, faces):
    a = fit(estimator, faces, precision="float32", weight_decay=0.0)
    b = fit(estimator, faces, **{"precision": "float32", "weight_decay": 0.0, **changed})
    assert not np.array_equal(a.decision_function(faces[0]), b.decision_function(faces[0]))


def test_class_weights_that_cannot_be(faces):
    for weights in ({0: -5.0}, {0: np.inf}, dict.fromkeys(range(7), 0.0)):
        with pytest.raises(ValueError, match=r"got class_weight=.*expected weights"):
            fit(ResNetFER, faces, class_weight=weights)


def test_a_failed_partial_fit_can_be_made_good(faces):
    X, y = faces
    clf = ResNetFER(lr=1e38, optimizer="sgd", random_state=0)
    with pytest.raises(ValueError, match="diverged"):
        clf.partial_fit(X, y, classes=range(7))
    with pytest.raises(NotFittedError):
        clf.predict(X)
    clf.set_params(lr=5e-4, optimizer="adam")
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        clf.partial_fit(X, y)
    assert clf.partial_fit(X, y, classes=range(7)).n_iter_ == 1


def test_the_callers_autocast_stays_outside(faces):
    expected = fit(ResNetFER, faces, precision="float32", max_epochs=1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        clf = fit(ResNetFER, faces, precision="float32", max_epochs=1)
        inside = clf.decision_function(faces[0])
    np.testing.assert_array_equal(inside, expected.decision_function(faces[0]))


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_optimizers(optimizer, faces):
    params = {"optimizer": optimizer, "weight_decay": 0.1, "momentum": 0.5}
    clf = fit(ResNetFER, faces, **params)
    assert type(clf.net_.optimizer_).__name__.lower() == optimizer
    group = clf.net_.optimizer_.param_groups[0]
    assert group["weight_decay"] == 0.1
    assert group.get("momentum", 0.5) == 0.5


@pytest.mark.parametrize(
    ("verbose", "stdout", "stderr"), [(0, "", ""), (1, "", "images/s"), (2, "epoch 2/2", "")]
)
def test_verbose(verbose, stdout, stderr, faces, capsys):
    X, y = faces
    ResNetFER(max_epochs=2, verbose=verbose).fit(X, y, X_val=X, y_val=y)
    out, err = capsys.readouterr()
    assert stdout in out
    assert bool(out) == bool(stdout)
    assert stderr in err
    assert bool(err) == bool(stderr)


def test_device_that_is_not_there(faces):
    for device in ("cuda:99", "nonsense"):
        with pytest.raises(ValueError, match=f"got device='{device}', expected 'auto' or one"):
            ResNetFER(device=device).fit(*faces)


# -- a citizen of scikit-learn -----------------------------------------------------------------


@pytest.mark.parametrize(("estimator", "width"), [(MobileNetFER, 128), (ResNetFER, 64)])
def test_transform(estimator, width, faces):
    clf = fit(estimator, faces, max_epochs=1).set_output(transform="pandas")
    embedding = clf.transform(faces[0])
    assert embedding.shape == (len(faces[0]), width)
    assert embedding.columns[1] == f"{estimator.__name__.lower()}1"
    logits = embedding.to_numpy() @ clf.module_.classifier.weight.detach().numpy().T
    logits += clf.module_.classifier.bias.detach().numpy()
    np.testing.assert_allclose(logits, clf.decision_function(faces[0]), atol=1e-5)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("n", [1, 2, 7, 15, 16, 33])
def test_a_prediction_does_not_depend_on_its_batch(estimator, n, faces):
    clf, X = fit(estimator, faces, max_epochs=1), faces[0]
    for method in (clf.predict_proba, clf.transform):
        np.testing.assert_allclose(method(X[:n]), method(X)[:n], rtol=1e-7, atol=1e-7)


def test_binary_decision_function(faces):
    X, y = faces
    clf = fit(ResNetFER, (X, y > 3))
    decision = clf.decision_function(X)
    assert decision.shape == (len(X),)
    np.testing.assert_array_equal(clf.predict(X), decision > 0)


def test_grid_search_and_cross_validation(faces):
    X, y = faces
    scores = cross_val_score(
        ResNetFER(max_epochs=1, random_state=0), X, y, cv=2, scoring="f1_macro"
    )
    search = GridSearchCV(
        ResNetFER(max_epochs=1, random_state=0), {"lr": [1e-3, 1e-2]}, cv=2, scoring="f1_macro"
    ).fit(X, y)
    assert search.cv_results_["mean_test_score"][0] == scores.mean()


def test_pickle_and_joblib(faces, tmp_path):
    clf = fit(MobileNetFER, faces, max_epochs=1)
    assert_same_bits(clf, pickle.loads(pickle.dumps(clf)), faces[0])
    joblib.dump(clf, tmp_path / "m.joblib")
    assert_same_bits(clf, joblib.load(tmp_path / "m.joblib"), faces[0])
    # neither the data nor the validation data travels along
    big = fit(MobileNetFER, faces, max_epochs=1)
    X, y = (np.repeat(a, 20, axis=0) for a in faces)
    big.fit(X, y, X_val=X, y_val=y)
    assert len(pickle.dumps(big)) < len(pickle.dumps(clf)) + 1000


def test_validation_data_in_a_pipeline(faces):
    X, y = faces
    with config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(
            FunctionTransformer(lambda X: X[:, 4:20, 4:20]),
            ResNetFER(max_epochs=1, random_state=0),
            transform_input=["X_val"],
        )
        pipeline.fit(X[:100], y[:100], X_val=X[100:], y_val=y[100:])
        # searches and folds pass none, and need no request
        assert cross_val_score(pipeline, X, y, cv=2).shape == (2,)
    history = pipeline[-1].history_
    assert history["valid_accuracy"].iloc[-1] == pipeline.score(X[100:], y[100:])


def test_a_module_of_ones_own(faces):
    clf = fit(LinearFER, faces)
    assert clf.predict(faces[0]).shape == (len(faces[0]),)
    assert clf.n_parameters_ == 7 * (24 * 24 + 1)
    with pytest.raises(AttributeError, match="got a Sequential without embed"):
        clf.transform(faces[0])
    with pytest.raises(ValueError, match=r"LinearFER.*joblib\.dump"):
        clf.save("nowhere.safetensors")


def test_a_subclass_names_its_parameters():
    with pytest.raises(TypeError, match=r"got Lossy.*names every parameter"):

        class Lossy(LinearFER):
            def __init__(self, width=8, **kwargs):
                super().__init__(**kwargs)
                self.width = width

    class Named(LinearFER):
        def __init__(self, width=8, lr=1e-3):
            super().__init__(lr=lr)
            self.width = width

    assert clone(Named(width=9, lr=0.1)).get_params() == {"width": 9, "lr": 0.1}


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_learns_faces_by_heart(estimator):
    X, y = make_faces(70, image_size=24, random_state=0, return_X_y=True)
    clf = estimator(max_epochs=40, batch_size=16, lr=1e-3, random_state=0).fit(X, y)
    assert clf.score(X, y) > 0.9
