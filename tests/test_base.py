"""The contract beyond scikit-learn's checks: bits, labels, training, files."""

import pickle
import re
import sys
import threading

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
from sklearn.utils._param_validation import InvalidParameterError
from skorch.callbacks import Callback
from torch import nn

import ferkit
from ferkit import BaseFER, MobileNetFER, ResNetFER
from ferkit.datasets import make_faces
from ferkit.nn import ResNetLite
from tests.helpers import LinearFER

ESTIMATORS = [MobileNetFER, ResNetFER]
# shuffling, augmentation and dropout all draw
LIVELY = {"augment": "reference", "dropout": 0.2, "random_state": 0}


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
    X, y = faces[0][:35], faces[1][:35]  # CPUs without bfloat16 take long for it
    params = {**LIVELY, "precision": precision, "batch_size": 20}
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


def test_data_frames(faces):
    X, y = faces
    frame = pd.DataFrame(X.reshape(len(X), -1)).astype("int64").add_prefix("pixel")
    clf = fit(ResNetFER, (frame, pd.Series(y)))
    assert clf.feature_names_in_[0] == "pixel0"
    np.testing.assert_array_equal(
        clf.decision_function(frame), fit(ResNetFER, faces).decision_function(X)
    )
    objects = pd.DataFrame(X.reshape(len(X), -1)).astype(object)
    assert_same_bits(fit(ResNetFER, (objects, y)), fit(ResNetFER, faces), X)


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


def test_estimators_that_are_mapped_go_on(faces, tmp_path):
    clf = fit(ResNetFER, faces, max_epochs=1)
    joblib.dump(clf, tmp_path / "clf")
    mapped = joblib.load(tmp_path / "clf", mmap_mode="r").partial_fit(*faces)
    assert_same_bits(mapped, clf.partial_fit(*faces), faces[0])
    np.testing.assert_array_equal(mapped.class_count_, clf.class_count_)


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


def test_three_channels_from_gray(faces):
    clf = fit(MobileNetFER, faces, channels=3, max_epochs=1)
    assert clf.n_parameters_ == 132_935
    assert fit(MobileNetFER, faces, channels="auto", max_epochs=1).n_parameters_ == 132_359


def test_a_fit_that_fails_leaves_the_one_before(faces):
    X, y = faces
    clf = fit(LinearFER, faces)
    before, expected = vars(clf).copy(), clf.decision_function(X)
    for refused in ((X, y[1:]), (X[:, 4:], y * 0), (X / 255, y + 0.5)):
        with pytest.raises(ValueError, match=r"got|inconsistent|Unknown"):
            clf.fit(*refused)
        assert vars(clf) == before
    np.testing.assert_array_equal(clf.decision_function(X), expected)


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
    clf = fit(ResNetFER, (X, labels[np.arange(len(X)) % len(labels)]), max_epochs=1)
    proba = clf.predict_proba(X)
    assert proba.shape == (len(X), len(labels))
    np.testing.assert_array_equal(clf.predict(X), clf.classes_[proba.argmax(axis=1)])
    np.testing.assert_allclose(np.exp(clf.predict_log_proba(X)), proba)
    clf.save(tmp_path / "m.safetensors")
    loaded = ferkit.load(tmp_path / "m.safetensors")
    assert loaded.classes_.dtype == clf.classes_.dtype
    np.testing.assert_array_equal(loaded.predict(X), clf.predict(X))


def test_score_refuses_strings_for_numbers_and_numbers_for_strings(faces):
    X, y = faces
    names = np.array(ferkit.EMOTIONS)[y]
    for taught, others in [(y, names), (names, y)]:
        clf = fit(ResNetFER, (X, taught), max_epochs=1)
        assert clf.score(X, taught) == accuracy_score(taught, clf.predict(X))
        with pytest.raises(ValueError, match="pass strings where classes_ has strings"):
            clf.score(X, others)


# -- training ----------------------------------------------------------------------------------


def test_history(faces):
    X, y = faces
    clf = ResNetFER(max_epochs=3, lr=0.002, random_state=0)
    clf.fit(X[:100], y[:100], X_val=X[100:], y_val=y[100:])
    history = clf.history_
    assert list(history) == [
        *("epoch", "train_loss", "lr", "seconds", "images_per_second"),
        *("valid_loss", "valid_accuracy", "valid_f1_macro"),
        *(f"valid_f1_{label}" for label in range(7)),
    ]
    assert history["epoch"].tolist() == [1, 2, 3]
    assert (history["lr"] == 0.002).all()
    last, predicted = history.iloc[-1], clf.predict(X[100:])
    assert last["valid_accuracy"] == accuracy_score(y[100:], predicted)
    assert last["valid_f1_macro"] == f1_score(y[100:], predicted, average="macro")
    by_class = [last[f"valid_f1_{label}"] for label in range(7)]
    np.testing.assert_array_equal(by_class, f1_score(y[100:], predicted, average=None))
    assert last["valid_loss"] == pytest.approx(log_loss(y[100:], clf.predict_proba(X[100:])))
    # validation data is looked at, and changes nothing
    other = ResNetFER(max_epochs=3, lr=0.002, random_state=0).fit(X[:100], y[:100])
    assert_same_bits(clf, other, X)
    assert "valid_loss" not in other.history_


def test_a_class_named_macro_leaves_macro_f1_its_column(faces):
    X, y = faces
    names = np.array(["a", "b", "c", "d", "e", "f", "macro"])[y]
    clf = LinearFER(max_epochs=1, random_state=0)
    last = clf.fit(X, names, X_val=X, y_val=names).history_.iloc[-1]
    predicted = clf.predict(X)
    assert last["valid_f1_macro"] == f1_score(names, predicted, average="macro")
    assert last["valid_f1_class_macro"] == f1_score(names, predicted, average=None)[-1]


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


@pytest.fixture(scope="module")
def few(faces):
    return faces[0][:70], faces[1][:70]


PLAIN = {"precision": "float32", "weight_decay": 0.0}


@pytest.fixture(scope="module", params=ESTIMATORS)
def unchanged(request, few):
    return fit(request.param, few, **PLAIN)


@pytest.mark.parametrize(
    "changed",
    [
        {"augment": None},
        {"dropout": 0.0},
        {"batch_size": 20},
        {"weight_decay": 0.1},
        {"label_smoothing": 0.5},
        {"precision": "bfloat16"},
        {"lr_schedule": "cosine"},
        {"lr_schedule": "onecycle"},
        {"warmup_epochs": 1},
        {"ema_decay": 0.5},
        {"clip_grad_norm": 0.1},
        {"early_stopping": True},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_every_parameter_acts(changed, unchanged, few):
    clf = fit(type(unchanged), few, **{**PLAIN, **changed})
    assert not np.array_equal(clf.decision_function(few[0]), unchanged.decision_function(few[0]))


def test_partial_fit_takes_a_changed_learning_rate(faces):
    clf = LinearFER(lr=1e-3, random_state=0).partial_fit(*faces, classes=range(7))
    clf.set_params(lr=1e-4).partial_fit(*faces)
    np.testing.assert_allclose(clf.history_["lr"], [1e-3, 1e-4])


def test_partial_fit_looks_at_what_was_set(faces):
    clf = ResNetFER(max_epochs=1, random_state=0).fit(*faces).set_params(lr=-1.0)
    with pytest.raises(InvalidParameterError, match="The 'lr' parameter of ResNetFER must be"):
        clf.partial_fit(*faces)
    with pytest.raises(ValueError, match="variant='strided', expected variant='reference', of the"):
        clf.set_params(lr=1e-3, variant="strided").partial_fit(*faces)
    assert clf.n_iter_ == 1
    assert clf.set_params(variant="reference").partial_fit(*faces).n_iter_ == 2


def test_torchs_default_dtype_does_not_matter(faces):
    X = faces[0]
    expected = MobileNetFER.from_pretrained("fer2013").predict(X.repeat(2, 1).repeat(2, 2))
    torch.set_default_dtype(torch.float64)
    try:
        for estimator in (MobileNetFER, ResNetFER):
            clf = estimator(variant="strided", max_epochs=1, random_state=0).fit(*faces)
            assert clf.predict_proba(X).shape == (len(X), len(clf.classes_))
        pretrained = MobileNetFER.from_pretrained("fer2013")
        assert (pretrained.predict(X.repeat(2, 1).repeat(2, 2)) == expected).all()
    finally:
        torch.set_default_dtype(torch.float32)


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


@pytest.mark.parametrize("params", [{"optimizer": "sgd", "ema_decay": 0.9}, {}])
def test_a_partial_fit_that_fails_leaves_the_network_as_it_was(params, faces):
    X, y = faces
    fits = [
        ResNetFER(lr=0.001, batch_size=16, random_state=0, **params).partial_fit(X, y, range(7))
        for _ in range(2)
    ]
    with pytest.raises(ValueError, match="diverged"):
        fits[0].set_params(lr=1e38).partial_fit(X, y)
    fits[0].set_params(lr=0.001)
    assert fits[0].n_iter_ == fits[0].best_epoch_ == 1
    assert_same_bits(*fits, X)
    assert_same_bits(*[clf.partial_fit(X, y) for clf in fits], X)


def test_partial_fit_with_a_callback_that_records_anything(faces):
    class Record(Callback):
        def on_epoch_end(self, net, **kwargs):
            net.history.record("mine", np.arange(3))

    clf = LinearFER(callbacks=[Record()], random_state=0)
    assert clf.partial_fit(*faces, classes=range(7)).partial_fit(*faces).n_iter_ == 2


def test_a_subclass_may_leave_parameters_of_the_network_out(faces):
    class Own(ResNetFER):
        def __init__(self, *, max_epochs=1, random_state=None):
            super().__init__(max_epochs=max_epochs, random_state=random_state)

        def _make_module(self, in_channels, n_classes):
            return ResNetLite(in_channels, n_classes)

    assert Own(random_state=0).fit(*faces).partial_fit(*faces).n_iter_ == 2


@pytest.mark.parametrize("schedule", ["cosine", "onecycle"])
def test_partial_fit_at_the_end_of_a_schedule(schedule, faces):
    clf = ResNetFER(max_epochs=2, lr_schedule=schedule, random_state=0)
    clf.partial_fit(*faces, classes=range(7)).partial_fit(*faces)
    with pytest.raises(ValueError, match="the end of its lr_schedule, after 2 epochs"):
        clf.partial_fit(*faces)
    assert clf.set_params(warm_start=True).fit(*faces).n_iter_ == 2


def test_nullable_labels_stay_what_they_are(faces):
    X, y = faces
    for labels, dtype in ((y, "Int64"), (y > 2, "boolean")):
        clf = LinearFER(max_epochs=1, random_state=0).fit(X, pd.Series(labels, dtype=dtype))
        assert clf.classes_.tolist() == sorted(set(labels.tolist()))
        assert clf.classes_.dtype.kind in "ib"


def test_images_for_validation_are_named_in_errors(faces):
    X, y = faces
    for X_val, y_val, message in (
        (X, y + 1, r"X_val and y_val: got labels \[7\], expected labels among"),
        (X.astype(int) * 2, y, "X_val and y_val: got level"),
    ):
        with pytest.raises(ValueError, match=message):
            LinearFER(max_epochs=1).fit(X, y, X_val=X_val, y_val=y_val)


def test_images_for_a_fit_on_columns_need_no_names(faces):
    X, y = faces
    columns = pd.DataFrame(X.reshape(len(X), -1)).rename(columns=str)
    clf = LinearFER(max_epochs=1, random_state=0).fit(columns, y)
    np.testing.assert_array_equal(clf.predict(X), clf.predict(columns))  # warnings are errors


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


def test_a_bar_in_a_terminal(faces, capsys, monkeypatch):
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda self: True)
    X, y = faces
    ResNetFER(max_epochs=2, verbose=1).fit(X, y, X_val=X, y_val=y)
    out, err = capsys.readouterr()
    assert not out
    last = err.split("\r")[-1]
    assert re.match(
        r"epoch 2/2 100%, loss \d.*val. loss \d.*macro-F1 \d.*images/s, 00:00 left", last
    )


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
    clf = fit(ResNetFER, faces, max_epochs=1)
    assert_same_bits(clf, pickle.loads(pickle.dumps(clf)), faces[0])
    joblib.dump(clf, tmp_path / "m.joblib")
    assert_same_bits(clf, joblib.load(tmp_path / "m.joblib"), faces[0])
    # neither the data nor the validation data travels along
    big = fit(ResNetFER, faces, max_epochs=1)
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
    assert "LinearFER" in clf._repr_html_()
    for name in ("embed", "embedding_size"):
        for ask in (lambda: clf.transform(faces[0]), clf.get_feature_names_out):
            with pytest.raises(ValueError, match="got a Sequential without embed or embedding_siz"):
                ask()
        setattr(clf.module_, name, lambda x: x.mean((2, 3)))
    with pytest.raises(ValueError, match=r"LinearFER.*joblib\.dump"):
        clf.save("nowhere.safetensors")


@pytest.mark.parametrize("n_outputs", [0, 1, 6, 8])
def test_a_module_with_another_number_of_logits(faces, n_outputs):
    class OffFER(BaseFER):
        def _make_module(self, in_channels, n_classes):
            linear = nn.Linear(in_channels * 24 * 24, n_outputs or 1)
            return nn.Sequential(nn.Flatten(), linear, *([] if n_outputs else [nn.Flatten(0)]))

    with pytest.raises(ValueError, match=r"got an output of shape \(.* expected logits of .*, 7\)"):
        OffFER(max_epochs=1, batch_size=32).fit(*faces)


def test_a_module_with_lazy_layers(faces):
    class LazyFER(BaseFER):
        def _make_module(self, in_channels, n_classes):
            return nn.Sequential(nn.Flatten(), nn.LazyLinear(n_classes))

    class LazyNormFER(BaseFER):
        def _make_module(self, in_channels, n_classes):
            norm = nn.LazyBatchNorm2d(affine=False)  # has nothing but buffers
            return nn.Sequential(norm, nn.Flatten(), nn.Linear(in_channels * 24 * 24, n_classes))

    for kind in (LazyFER, LazyNormFER):
        with pytest.raises(ValueError, match="got a Sequential with lazy layers, expected layers"):
            kind(max_epochs=1).fit(*faces)


def test_a_module_that_was_not_returned(faces):
    class NoneFER(BaseFER):
        def _make_module(self, in_channels, n_classes):
            nn.Linear(in_channels * 24 * 24, n_classes)

    with pytest.raises(
        TypeError, match=r"got None from _make_module, expected a torch\.nn\.Module"
    ):
        NoneFER(max_epochs=1).fit(*faces)


@pytest.mark.parametrize("size", [1, 3])
def test_an_embedding_of_another_size(faces, size):
    clf = fit(LinearFER, faces)
    clf.module_.embed, clf.module_.embedding_size = lambda x: x.mean((2, 3)), size
    if size == 1:
        assert clf.transform(faces[0]).shape == (len(faces[0]), 1)
    else:
        with pytest.raises(ValueError, match=r"got an embedding of .*, 1\).*expected \(n, 3\)"):
            clf.transform(faces[0])


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
