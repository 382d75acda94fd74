"""Sequences of steps on one estimator: a step leaves what it is to leave, and nothing else."""

import pickle
from math import prod

import numpy as np
import torch
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from skorch.callbacks import Callback
from torch import nn

from ferkit import EMOTIONS, BaseFER
from ferkit.datasets import make_faces

X, Y = make_faces(42, image_size=16, random_state=0, return_X_y=True)
BAD = [(X[:, None], Y), (X, Y[1:]), (X, Y * 0), (np.full(X.shape, np.nan), Y), (X, None)]
PARAMS = {
    "batch_size": [7, 64],
    "dropout": [0.0, 0.5],
    "early_stopping": [False, True],
    "ema_decay": [None, 0.9],
    "lr": [0.01, 0.001],
    "lr_schedule": [None, "cosine"],
    "max_epochs": [1, 2],
    "optimizer": ["adam", "sgd"],
    "random_state": [0, 1],
    "warm_start": [False, True],
}
MOMENTS = ["on_train_begin", "on_epoch_begin", "on_grad_computed", "on_epoch_end", "on_train_end"]

some_params = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(values) for name, values in PARAMS.items()}
)
labels = st.sampled_from([Y, np.array(EMOTIONS)[Y], np.minimum(Y, 2), Y < 3])
moments = st.sampled_from([None, None, *MOMENTS])


class Net(nn.Sequential):
    """A network that does something else in training."""

    def __init__(self, n_values, n_classes, dropout):
        super().__init__(nn.Flatten(), nn.Linear(n_values, 8), nn.BatchNorm1d(8))
        self.dropout, self.classifier = nn.Dropout(dropout), nn.Linear(8, n_classes)


class NetFER(BaseFER):
    def _make_module(self, in_channels, n_classes):
        return Net(in_channels * prod(self.image_shape_[:2]), n_classes, self.dropout)


class Interrupt(Callback):
    """Interrupt a fit, once."""

    moment = None

    def _at(self, moment):
        if moment == self.moment:
            self.moment = None
            raise KeyboardInterrupt


for name in MOMENTS:
    setattr(Interrupt, name, lambda self, *args, name=name, **kwargs: self._at(name))


def look_at(clf):
    """List all that a fit has left, to the bit."""
    if not hasattr(clf, "net_"):
        return None
    tensors = {**clf.net_.module_.state_dict(prefix="own."), **clf.module_.state_dict()}
    for i, state in clf.net_.optimizer_.state_dict()["state"].items():
        tensors |= {f"{i}.{name}": value for name, value in state.items() if value is not None}
    weights = {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}
    history = clf.history_.drop(columns=["seconds", "images_per_second"]).to_json()
    fit = clf.classes_.tolist(), clf.class_count_.tolist(), clf.n_features_in_, clf.best_epoch_
    return weights, history, fit, clf.decision_function(X).tobytes()


class Steps(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.clf = NetFER(max_epochs=1, random_state=0, validation_fraction=0.34)
        self.clf.callbacks = [Interrupt()]
        self.generators = self.global_generators()

    @staticmethod
    def global_generators():
        return torch.get_rng_state().tolist(), pickle.dumps(np.random.get_state())  # noqa: NPY002

    def take(self, step, moment=None):
        """Take a step, or see it fail; a copy takes it the same way, and apart."""
        before, other = look_at(self.clf), pickle.loads(pickle.dumps(self.clf))
        if not self.succeeds(step, self.clf, moment):
            assert look_at(self.clf) == before
        assert look_at(other) == before
        self.succeeds(step, other, moment)
        assert look_at(other) == look_at(self.clf)

    def succeeds(self, step, clf, moment):
        clf.callbacks[0].moment = moment
        if hasattr(clf, "net_"):  # partial_fit goes on with those of the first
            clf.net_.callbacks[0].moment = moment
        try:
            step(clf)
        except (KeyboardInterrupt, ValueError):
            return False
        finally:
            clf.callbacks[0].moment = None
        assert not any(module.training for module in clf.module_.modules())
        return True

    @rule(values=some_params)
    def set_params(self, values):
        before = look_at(self.clf)
        self.clf.set_params(**values)
        assert look_at(self.clf) == before

    @rule(y=labels, moment=moments)
    def fit(self, y, moment):
        self.take(lambda clf: clf.fit(X, y), moment)

    @rule(bad=st.sampled_from(BAD))
    def fit_what_is_none(self, bad):
        self.take(lambda clf: clf.fit(*bad))

    @rule(y=labels)
    def fit_as_if_new(self, y):
        self.clf.set_params(warm_start=False).fit(X, y)
        assert look_at(NetFER(**self.clf.get_params(deep=False)).fit(X, y)) == look_at(self.clf)

    @rule(y=labels, moment=moments, n=st.sampled_from([5, 42]))
    def partial_fit(self, y, moment, n):
        self.take(lambda clf: clf.partial_fit(X[:n], y[:n], np.unique(y)), moment)

    @invariant()
    def all_is_well(self):
        assert self.global_generators() == self.generators
        if hasattr(self.clf, "net_"):
            assert 1 <= self.clf.best_epoch_ <= self.clf.n_iter_ == len(self.clf.history_)
            best = self.clf.classes_[self.clf.predict_proba(X).argmax(axis=1)]
            np.testing.assert_array_equal(self.clf.predict(X), best)


TestSteps = Steps.TestCase
TestSteps.settings = settings(
    max_examples=12, stateful_step_count=12, suppress_health_check=list(HealthCheck)
)
