"""When a fit stops, what it keeps, and what it may not look at."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.metrics import f1_score, log_loss
from sklearn.model_selection import GroupKFold, cross_validate
from skorch.callbacks import Callback
from torch import nn

from ferkit import ResNetFER
from ferkit._split import split_off
from ferkit.datasets import make_faces
from tests.helpers import LinearFER


@pytest.fixture(scope="module")
def faces():
    return make_faces(210, image_size=24, random_state=0, return_X_y=True)


def fit(faces, X_val=None, y_val=None, groups=None, estimator=ResNetFER, **params):
    params = {"max_epochs": 12, "early_stopping": True, "lr": 2e-3, "random_state": 0, **params}
    return estimator(**params).fit(*faces, X_val=X_val, y_val=y_val, groups=groups)


@pytest.fixture(scope="module")
def others():
    return make_faces(70, image_size=24, random_state=1, return_X_y=True)


class Watch(Callback):
    """Note what is trained on and validated."""

    def __init__(self, seen):
        self.seen = seen

    def on_epoch_begin(self, net, dataset_train, dataset_valid, **kwargs):
        self.seen.append((dataset_train.X, dataset_train.y, dataset_valid.X, dataset_valid.y))


MONITORED = {
    "valid_loss": lambda clf, X, y: log_loss(y, clf.predict_proba(X)),
    "valid_f1_macro": lambda clf, X, y: f1_score(y, clf.predict(X), average="macro"),
}


@pytest.mark.parametrize("monitor", MONITORED)
@pytest.mark.parametrize("ema_decay", [None, 0.9])
def test_the_best_epoch_is_kept(monitor, ema_decay, faces, others):
    X_val, y_val = others
    clf = fit(faces, *others, monitor=monitor, n_iter_no_change=3, ema_decay=ema_decay)
    values = clf.history_[monitor]
    best = values.idxmin() if monitor == "valid_loss" else values.idxmax()
    assert clf.best_epoch_ == best + 1
    assert clf.n_iter_ == min(clf.best_epoch_ + 3, 12) == len(values)
    assert clf.best_epoch_ < clf.n_iter_  # else this test shows nothing
    # the history's figure is that of the weights that predict
    kept = MONITORED[monitor](clf, X_val, y_val)
    assert kept == pytest.approx(values[best], rel=1e-6)


def test_restore_best_is_a_choice(faces, others):
    X_val, y_val = others
    clf = fit(faces, *others, n_iter_no_change=3, restore_best=False)
    assert clf.best_epoch_ == clf.n_iter_ < 12
    last = clf.history_["valid_loss"].iloc[-1]
    assert log_loss(y_val, clf.predict_proba(X_val)) == pytest.approx(last, rel=1e-6)


def test_stopping_only_cuts_off(faces, others):
    stopped = fit(faces, *others, n_iter_no_change=3, lr_schedule="cosine", restore_best=False)
    full = fit(faces, *others, early_stopping=False, lr_schedule="cosine")
    columns = ["epoch", "train_loss", "lr", "valid_loss"]
    # the horizon is `max_epochs`, whenever training stops
    np.testing.assert_array_equal(
        stopped.history_[columns], full.history_[columns][: stopped.n_iter_]
    )


def test_tol(faces, others):
    assert fit(faces, *others, tol=100.0, n_iter_no_change=2).n_iter_ == 3


def test_the_internal_split_is_held_out(faces):
    X, y = faces
    seen = []
    params = {"validation_fraction": 0.2, "max_epochs": 1, "callbacks": [Watch(seen)]}
    fit(faces, estimator=LinearFER, **params)
    images, targets, val_images, val_targets = seen[0]
    assert len(images) == 168
    assert np.bincount(val_targets).tolist() == [6] * 7  # stratified
    rows = np.concatenate([images, val_images]).reshape(210, -1)
    np.testing.assert_array_equal(np.unique(rows, axis=0), np.unique(X.reshape(210, -1), axis=0))
    y_of = {image.tobytes(): label for image, label in zip(X, y, strict=True)}
    for image, target in zip([*images, *val_images], [*targets, *val_targets], strict=True):
        assert y_of[image.tobytes()] == target

    fit(faces, estimator=LinearFER, **params)
    np.testing.assert_array_equal(seen[1][2], val_images)  # the seed's
    fit(faces, estimator=LinearFER, **params, random_state=1)
    assert not np.array_equal(seen[2][2], val_images)


def test_groups_stay_together(faces):
    X, y = faces
    X, y, groups = np.repeat(X, 3, axis=0), np.repeat(y, 3), np.repeat(np.arange(210), 3)
    seen = []

    def n_shared(groups):
        fit((X, y), groups=groups, estimator=LinearFER, max_epochs=1, callbacks=[Watch(seen)])
        train, _, valid, _ = seen.pop()
        return len({image.tobytes() for image in train} & {image.tobytes() for image in valid})

    assert n_shared(groups) == 0
    with pytest.warns(UserWarning, match="got 63 of 63 validation images that are exact copies"):
        assert n_shared(None) > 0  # without groups, twins are on both sides


def test_groups_reach_fit_in_cross_validation(faces):
    groups = np.repeat(np.arange(70), 3)
    with config_context(enable_metadata_routing=True):
        fitted = cross_validate(
            ResNetFER(max_epochs=1, early_stopping=True, random_state=0),
            *faces,
            params={"groups": groups},
            cv=GroupKFold(2),
            return_estimator=True,
        )["estimator"]
    train, _ = next(GroupKFold(2).split(*faces, groups))
    expected = fit([a[train] for a in faces], groups=groups[train], max_epochs=1, lr=5e-4)
    without = fit([a[train] for a in faces], max_epochs=1, lr=5e-4)
    assert fitted[0].history_["valid_loss"][0] == expected.history_["valid_loss"][0]
    assert without.history_["valid_loss"][0] != expected.history_["valid_loss"][0]


def test_refusals(faces):
    X, y = faces
    with pytest.raises(ValueError, match="got 209 groups for 210 images, expected one each; if a"):
        fit(faces, groups=np.arange(209))
    names = np.array([f"person {i // 2}" for i in range(210)], dtype=object)
    fit(faces, groups=names, max_epochs=1)
    names[7] = None
    with pytest.raises(ValueError, match="got a missing group, None, in sample 7, expected one"):
        fit(faces, groups=names)
    with pytest.raises(ValueError, match="got 1 masked values in groups, expected none"):
        fit(faces, groups=np.ma.masked_equal(np.arange(210), 3))
    with pytest.raises(ValueError, match="got 3 groups for 210 images"):  # used or not
        fit(faces, groups=[1, 2, 3], early_stopping=False)
    with pytest.raises(ValueError, match="got early_stopping=True, expected False in partial_fit"):
        ResNetFER(early_stopping=True).partial_fit(X, y, classes=range(7))
    with pytest.raises(ValueError, match="got warmup_epochs=12 for max_epochs=12, expected fewer"):
        fit(faces, warmup_epochs=12)


def test_a_class_that_would_be_missing_on_one_side(faces):
    X, y = faces
    expected = "expected enough to have every class in both parts with validation_fraction=0.1"
    with pytest.raises(ValueError, match="got a class whose images are all of one group, expected"):
        fit(faces, groups=np.where(y == 0, 0, np.arange(210)))  # one group has all of class 0
    few = np.r_[np.flatnonzero(y == 0)[:1], np.flatnonzero(y)]
    with pytest.raises(ValueError, match=f"got 181 images whose .* has 1, {expected}; change val"):
        fit((X[few], y[few]))


@pytest.mark.parametrize(("n_images", "n_groups"), [(10, 2), (30, 3), (30, 7)])
def test_a_class_of_few_large_groups_is_on_both_sides(n_images, n_groups):
    targets = np.r_[np.repeat(np.arange(7), 100), np.full(n_images, 7)]
    groups = np.r_[np.arange(700), 700 + np.arange(n_images) % n_groups]
    for seed in range(5):
        train, valid = split_off(targets, groups, 0.1, seed)
        assert not set(groups[train]) & set(groups[valid])
        assert len(np.unique(groups[valid][targets[valid] == 7])) == 1
        assert sorted([*train, *valid]) == list(range(len(targets)))


@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("groups", [None, np.arange(210)])
def test_the_fraction_is_honoured(fraction, groups, faces):
    seen = []
    params = {"validation_fraction": fraction, "max_epochs": 1, "callbacks": [Watch(seen)]}
    fit(faces, groups=groups, estimator=LinearFER, **params)
    assert len(seen[0][2]) == round(210 * fraction)


def test_a_validation_loss_that_is_no_number(faces, others):
    class Divide(nn.Module):
        def forward(self, logits):
            return logits if self.training else logits / 0

    class OddFER(LinearFER):
        def _make_module(self, in_channels, n_classes):
            return super()._make_module(in_channels, n_classes).append(Divide())

    with pytest.raises(ValueError, match="got a validation loss of nan in epoch 1, expected a fin"):
        fit(faces, *others, estimator=OddFER)


def test_plateau_halves_the_learning_rate(faces, others):
    clf = fit(faces, *others, early_stopping=False, lr_schedule="plateau", lr=1e-7, max_epochs=10)
    losses, lr = clf.history_["valid_loss"], clf.history_["lr"]
    assert set(lr / 1e-7) <= {1.0, 0.5, 0.25}
    # losses that hardly move: four epochs without improvement, then half
    improved = losses[1:].to_numpy() < losses.cummin()[:-1].to_numpy() * (1 - 1e-4)
    assert not improved[:4].any()
    assert lr[5] == 0.5e-7


def test_plateau_stays_where_validation_left_it(faces, others):
    # training goes well while validation, on the wrong labels, does not
    wrong = others[0], (others[1] + 1) % 7
    params = {"early_stopping": False, "lr_schedule": "plateau", "max_epochs": 16}
    clf = fit(faces, *wrong, **params)
    for _ in range(6):
        clf.partial_fit(*faces)
    lr = clf.history_["lr"].tolist()
    assert lr[15] < lr[0]
    assert lr[16] in (lr[15], lr[15] / 2)  # the last epoch with a validation may have been the drop
    assert lr[16:] == [lr[16]] * 6
