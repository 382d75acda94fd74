"""What a search maximises."""

import copy
from collections.abc import Mapping

import numpy as np
from optuna.exceptions import TrialPruned, UpdateFinishedTrialError
from sklearn.base import clone
from sklearn.metrics import f1_score
from sklearn.utils import _safe_indexing
from skorch.callbacks import Callback

from .._random import seeded
from ._steps import first_steps, last_step

# a trial has this user attribute if its training failed
ERROR = "error"


class TrainingFailed(Exception):
    """A trial's parameters could not be trained with."""


class Objective:
    """The mean macro-F1 over folds, which reports each epoch.

    `space` takes a trial, and returns parameters. `folds` and `groups` are what `find_folds`
    returned. `seed` is for what in the estimator has no seed.
    """

    def __init__(self, estimator, space, X, y, folds, groups, seed):
        self.estimator, self.space, self.groups, self.seed = estimator, space, groups, seed
        self.X, self.y, self.folds = X, y, folds
        self.n_steps = last_step(estimator).max_epochs

    def __call__(self, trial):
        """Train and score a trial's parameters."""
        params = self.space(trial)
        if not isinstance(params, Mapping):
            raise TypeError(f"got {params!r:.80} from space, expected a dict of parameters")
        scores = []
        for train, valid in self.folds:
            estimator = self.make_estimator(params)
            try:
                scores.append(self._fit_and_score(estimator, train, valid, trial, scores))
            except UpdateFinishedTrialError:
                raise
            except (ValueError, RuntimeError) as error:
                trial.set_user_attr(ERROR, str(error))
                raise TrainingFailed from error
        trial.set_user_attr("scores", scores)
        return float(np.mean(scores))

    def make_estimator(self, params):
        """Make an unfitted estimator with a trial's parameters, all of it seeded."""
        estimator = seeded(self.estimator, self.seed)
        # a space may choose among estimators, too, which then need seeds of their own
        return seeded(estimator.set_params(**clone(params, safe=False)), self.seed)

    def fit_params(self, estimator, train):
        """Find what the last step's `fit` takes beside images and labels, of those at `train`.

        That is the `groups`, for an estimator's own `early_stopping`; nothing after a sampler,
        whose images belong to no group.
        """
        is_resampled = any(hasattr(step, "fit_resample") for step in first_steps(estimator))
        return {} if is_resampled or self.groups is None else {"groups": self.groups[train]}

    def _fit_and_score(self, estimator, train, valid, trial, scores):
        X_train, X_valid = _safe_indexing(self.X, train), _safe_indexing(self.X, valid)
        y_train, y_valid = self.y[train], self.y[valid]
        for step in first_steps(estimator):
            if hasattr(step, "fit_resample"):
                X_train, y_train = step.fit_resample(X_train, y_train)
            else:
                fitted = step.fit(X_train, y_train)
                X_train, X_valid = fitted.transform(X_train), fitted.transform(X_valid)
        clf = last_step(estimator)
        report = _ReportEpochs(trial, clf, X_valid, y_valid, scores, self.n_steps)
        # no checkpoints: each trial and fold would leave a file behind
        clf.set_params(callbacks=[*(clf.callbacks or []), report], checkpoint_dir=None, verbose=0)
        clf.fit(X_train, y_train, **self.fit_params(estimator, train))
        return _macro_f1(clf, X_valid, y_valid)


class _ReportEpochs(Callback):
    """Report a fold's score after each epoch, and end the trial if it is to be pruned.

    The fold is not the fit's validation data: these decide on the schedule and on when to stop.
    """

    def __init__(self, trial, clf, X, y, scores, n_steps):
        self.trial, self.clf, self.X, self.y = trial, clf, X, y
        self.scores, self.n_steps, self.step = scores, n_steps, 0

    def on_epoch_end(self, net, **kwargs):
        # max_epochs may differ between trials: compare them at the same share of training
        step = self.n_steps * len(net.history) // self.clf.max_epochs
        if step == self.step:
            return
        self.step = step
        fitted = copy.copy(self.clf)
        fitted.net_ = net
        score = np.mean([*self.scores, _macro_f1(fitted, self.X, self.y)])
        self.trial.report(score, len(self.scores) * self.n_steps + step)
        if self.trial.should_prune():
            raise TrialPruned


def _macro_f1(clf, X, y):
    return f1_score(y, clf.predict(X), average="macro", zero_division=0)
