"""skorch's own callbacks: those that work, and those that there are parameters for."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss
from skorch import callbacks
from skorch.callbacks import Callback
from torch.optim.lr_scheduler import StepLR

import ferkit
from ferkit import ResNetFER
from ferkit.datasets import make_faces


@pytest.fixture(scope="module")
def faces():
    return make_faces(140, image_size=16, random_state=0, return_X_y=True)


def fit(faces, *hear, **params):
    X, y = faces
    clf = ResNetFER(max_epochs=3, callbacks=list(hear) or None, random_state=0, **params)
    return clf.fit(X[:100], y[:100], X_val=X[100:], y_val=y[100:])


@pytest.mark.parametrize("ema_decay", [None, 0.9])
@pytest.mark.parametrize("use_caching", [True, False])
def test_epoch_scoring(use_caching, ema_decay, faces):
    scoring = callbacks.EpochScoring(
        "f1_macro", name="mine", lower_is_better=False, use_caching=use_caching
    )
    history = fit(faces, ("scoring", scoring), ema_decay=ema_decay).history_
    np.testing.assert_allclose(history["mine"], history["valid_f1_macro"])
    plain = fit(faces, ema_decay=ema_decay)
    np.testing.assert_array_equal(history["train_loss"], plain.history_["train_loss"])


def test_batch_scoring(faces):
    scoring = callbacks.BatchScoring("accuracy", name="mine", lower_is_better=False)
    history = fit(faces, scoring).history_
    np.testing.assert_allclose(history["mine"], history["valid_accuracy"])


@pytest.mark.parametrize("loss", ["cross_entropy", "focal"])
def test_probabilities_of_the_net_are_the_estimators(loss, faces):
    scoring = callbacks.EpochScoring("neg_log_loss", name="mine", lower_is_better=False)
    clf = fit(faces, scoring, loss=loss)
    expected = -log_loss(faces[1][100:], clf.predict_proba(faces[0][100:]))
    assert clf.history_["mine"].iloc[-1] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("has_folder", [False, True])
def test_what_callbacks_record_is_kept_or_refused_by_files(has_folder, faces, tmp_path):
    class Record(Callback):
        def __init__(self, value):
            self.value = value

        def on_epoch_end(self, net, **kwargs):
            net.history.record("mine", self.value if len(net.history) == 2 else 1.5)

    def record(value):
        # callbacks tell no fits apart
        folder = tmp_path / repr(value) if has_folder else None
        fit(faces, Record(value), checkpoint_dir=folder).save(tmp_path / "m")
        return ferkit.load(tmp_path / "m").history_["mine"].tolist()

    for value in (np.nan, -np.inf, np.float32(np.nan)):
        assert np.isnan(record(value)).tolist() == [False, True, False]
    assert record([np.float32(2)]) == [1.5, [2.0], 1.5]
    with pytest.raises(ValueError, match="got a ndarray as mine in history_, which no file can ho"):
        record(np.zeros(2))


def test_a_column_of_nan_stays_one(faces, tmp_path):
    class Record(Callback):
        def on_epoch_end(self, net, **kwargs):
            net.history.record("mine", np.nan)

    clf = fit(faces, Record())
    clf.save(tmp_path / "m")
    pd.testing.assert_frame_equal(ferkit.load(tmp_path / "m").history_, clf.history_)


def test_batches_are_told_of(faces):
    heard = []

    class Listener(Callback):
        def on_batch_begin(self, net, batch, training, **kwargs):
            heard.append(("begin", training, len(batch[1])))

        def on_batch_end(self, net, batch, training, **kwargs):
            heard.append(("end", training, len(batch[1])))

    fit(faces, Listener())
    n_images = sum(n for what, training, n in heard if training and what == "end")
    n_validated = sum(n for what, training, n in heard if not training and what == "end")
    assert (n_images, n_validated) == (3 * 100, 3 * 40)
    assert [what for what, *_ in heard] == ["begin", "end"] * (len(heard) // 2)


@pytest.mark.parametrize(
    "callback", [callbacks.GradientNormClipping(0.1), callbacks.Freezer("block1*")]
)
def test_callbacks_that_change_training(callback, faces):
    assert not np.array_equal(
        fit(faces, callback).history_["train_loss"], fit(faces).history_["train_loss"]
    )


@pytest.mark.parametrize(
    ("callback", "parameter"),
    [
        (callbacks.LRScheduler(StepLR, step_size=1), "lr_schedule"),
        (callbacks.EarlyStopping(), "early_stopping=True"),
        (callbacks.Checkpoint(), "checkpoint_dir"),
        (callbacks.TrainEndCheckpoint(), "checkpoint_dir"),
        (callbacks.PrintLog(), "verbose=2"),
    ],
)
def test_callbacks_that_there_are_parameters_for(callback, parameter, faces):
    name = type(callback).__name__
    with pytest.raises(ValueError, match=f"got {name} among the callbacks.*set {parameter} inste"):
        fit(faces, callback)


@pytest.mark.parametrize("callback", ["EpochScoring", callbacks.ProgressBar])
def test_what_is_no_callback(callback, faces):
    with pytest.raises(ValueError, match="among the callbacks, expected instances of skorch's Cal"):
        fit(faces, callback)


def test_the_historys_own_names_are_taken(faces):
    def valid_loss(net, X, y):
        return 0.5

    for name in {*fit(faces).history_.columns, "valid_f1"}:
        with pytest.raises(ValueError, match=rf"got EpochScoring with the name '{name}' among th"):
            fit(faces, callbacks.EpochScoring("accuracy", name=name))
    with pytest.raises(ValueError, match="got BatchScoring with the name 'valid_loss' among the c"):
        fit(faces, callbacks.BatchScoring(valid_loss))
